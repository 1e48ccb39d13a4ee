/**
 * PACTYPE (MS-PAC §2.3): the container of the buffers of a PAC.
 *
 * The parser is tolerant about the buffers: all are optional, unknown ones are kept, and alignment
 * is not required. It is strict about the container: buffers outside of the PAC, overlapping
 * buffers, and duplicates, of which two readers could choose different ones, are refused. The
 * results are unverified.
 */
import { Reader } from '../bytes.ts';
import { DecodeError } from '../errors.ts';

/** The types of buffers (MS-PAC §2.4). */
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

/** One buffer of a PAC. */
export interface PacBuffer {
  /** A {@link PacBufferType} or an unknown number. */
  readonly type: number;
  /** The offset of `data` in the PAC. */
  readonly offset: number;
  /** A view, not a copy. */
  readonly data: Uint8Array;
}

/** A PAC that was parsed but not verified. */
export interface UnverifiedPac {
  /** The whole PAC, not copied. */
  readonly bytes: Uint8Array;
  /** The buffers in the order of the PAC, at most one of each known type. */
  readonly buffers: readonly PacBuffer[];
}

/**
 * Parses a PAC (MS-PAC §2.3).
 *
 * @param bytes - The contents of an AD-WIN2K-PAC element; the result contains views of it.
 * @throws {@link DecodeError} if truncated, if a buffer is outside of the PAC or overlaps another
 *   one, or if there are two buffers of a known type.
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

/** The buffer of a known type; undefined if there is none. */
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

// MS-PAC §2.8: signatures are zeroed before the PAC is verified, so a buffer that overlaps one
// would not be covered. No KDC creates overlapping buffers, so all are refused.
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

// Real PACs have about a dozen buffers; 14 types are defined.
const MAX_BUFFERS = 256;
const HEADER_LENGTH = 8;
const INFO_LENGTH = 16;
const KNOWN = Object.values(PacBufferType).reduce((mask, type) => mask | (1 << type), 0);
