/** PAC_ATTRIBUTES_INFO (MS-PAC §2.14) and PAC_REQUESTOR (MS-PAC §2.15): small, and of tickets. */
import { Reader } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import { readSid } from './sid.ts';

export interface PacAttributes {
  /** The client asked for a PAC. */
  readonly requested: boolean;
  /** The client did not say; it was given one. */
  readonly givenImplicitly: boolean;
}

/**
 * Reads a PAC_ATTRIBUTES_INFO buffer.
 *
 * @throws {@link DecodeError}
 */
export function parsePacAttributes(bytes: Uint8Array): PacAttributes {
  const reader = new Reader(bytes, 'PAC attributes');
  const bits = reader.u32(true);
  if (bits < 2) throw new DecodeError('PAC attributes are shorter than two bits');
  // MS-PAC §2.14: bits beyond those that are known are ignored.
  const flags = reader.u32(true);
  return { requested: (flags & 0x1) !== 0, givenImplicitly: (flags & 0x2) !== 0 };
}

/**
 * Reads a PAC_REQUESTOR buffer.
 *
 * @returns SID of the account that asked for the ticket.
 * @throws {@link DecodeError}
 */
export function parseRequestorSid(bytes: Uint8Array): string {
  return readSid(new Reader(bytes, 'PAC requestor'));
}
