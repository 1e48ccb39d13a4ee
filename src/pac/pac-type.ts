/**
 * PACTYPE (MS-PAC §2.3): the frame that holds the buffers of a PAC.
 *
 * Tolerant about what is inside: every buffer is optional, unknown ones are kept, alignment is not
 * demanded. Strict about the frame: what lies outside of the bytes, overlaps, or stands twice where
 * two readers could pick different ones is refused. Nothing that comes out of here is verified.
 */
import { Reader } from '../bytes.ts';
import { DecodeError } from '../errors.ts';

/** MS-PAC §2.4. */
export const PacBufferType = {
  logonInfo: 1,
  credentials: 2,
  serverSignature: 6,
  kdcSignature: 7,
  clientInfo: 10,
  delegationInfo: 11,
  upnDnsInfo: 12,
  clientClaims: 13,
  deviceInfo: 14,
  deviceClaims: 15,
  ticketSignature: 16,
  attributes: 17,
  requestorSid: 18,
  fullSignature: 19,
} as const;

/** One buffer as it stands in the PAC. */
export interface PacBuffer {
  /** {@link PacBufferType}, or a type that is not known here. */
  readonly type: number;
  /** Where `data` starts in the PAC. */
  readonly offset: number;
  /** A view, not a copy. */
  readonly data: Uint8Array;
}

/** A PAC that was taken apart and nothing more: no byte of it is verified. */
export interface UnverifiedPac {
  /** The whole PAC, as given. */
  readonly bytes: Uint8Array;
  /** In the order of the PAC. Of a known type there is at most one. */
  readonly buffers: readonly PacBuffer[];
}

/**
 * Takes a PAC apart (MS-PAC §2.3).
 *
 * @param bytes - The contents of an AD-WIN2K-PAC element; the result holds views of it.
 * @throws {@link DecodeError} if truncated, if a buffer lies outside of the PAC or on top of
 *   another one, or if a known type stands twice.
 */
export function parsePacType(bytes: Uint8Array): UnverifiedPac {
  const reader = new Reader(bytes, 'PAC');
  const count = reader.u32(true);
  const version = reader.u32(true);
  // MS-PAC §2.3: Version MUST be 0.
  if (version !== 0) throw new DecodeError(`PAC has version ${version}, expected 0`);
  if (count > MAX_BUFFERS || count * INFO_LENGTH > reader.remaining) {
    throw new DecodeError(`PAC announces ${count} buffers, more than it can hold`);
  }
  const headerLength = HEADER_LENGTH + count * INFO_LENGTH;
  const buffers: PacBuffer[] = [];
  let seen = 0;
  for (let i = 0; i < count; i++) {
    const buffer = readInfo(reader, headerLength);
    if (isKnown(buffer.type)) {
      if ((seen & (1 << buffer.type)) !== 0) {
        throw new DecodeError(`PAC holds more than one buffer of type ${buffer.type}`);
      }
      seen |= 1 << buffer.type;
    }
    buffers.push(buffer);
  }
  refuseOverlap(buffers);
  return { bytes, buffers };
}

/** The buffer of a known type, if there is one. */
export function findPacBuffer(pac: UnverifiedPac, type: number): PacBuffer | undefined {
  for (const buffer of pac.buffers) {
    if (buffer.type === type) return buffer;
  }
  return undefined;
}

// MS-PAC §2.4: PAC_INFO_BUFFER.
function readInfo(reader: Reader, headerLength: number): PacBuffer {
  const type = reader.u32(true);
  const size = reader.u32(true);
  const low = reader.u32(true);
  const high = reader.u32(true);
  const length = reader.bytes.length;
  if (high !== 0 || low < headerLength || low > length || size > length - low) {
    throw new DecodeError(`PAC buffer of type ${type} lies outside of the PAC`);
  }
  return { type, offset: low, data: reader.bytes.subarray(low, low + size) };
}

// A signature is zeroed before the PAC is checked (MS-PAC §2.8), so what lies on top of one would
// not be covered by it. No KDC shares bytes between buffers: none may.
function refuseOverlap(buffers: readonly PacBuffer[]): void {
  for (const a of buffers) {
    for (const b of buffers) {
      if (a === b || a.offset > b.offset || b.data.length === 0) continue;
      if (b.offset < a.offset + a.data.length) {
        throw new DecodeError(`PAC buffers of types ${a.type} and ${b.type} share bytes`);
      }
    }
  }
}

function isKnown(type: number): boolean {
  return type < 32 && ((KNOWN >>> type) & 1) === 1;
}

// Real PACs hold about a dozen; 14 types are defined.
const MAX_BUFFERS = 256;
const HEADER_LENGTH = 8;
const INFO_LENGTH = 16;
const KNOWN = Object.values(PacBufferType).reduce((mask, type) => mask | (1 << type), 0);
