/**
 * Data types of Windows (MS-DTYP): security identifiers as bytes and text, FILETIME, UTF-16 text.
 */
import type { Reader } from '../bytes.ts';
import { DecodeError } from '../errors.ts';

/** `S-1-5-21-…` in parts. */
export interface SidParts {
  /** 48 bits. */
  readonly authority: number;
  /** 0 to 15 numbers of 32 bits. */
  readonly subAuthorities: readonly number[];
}

/** MS-DTYP §2.4.2.2. */
export const MAX_SUB_AUTHORITIES = 15;

/**
 * Reads a SID in its packet form (MS-DTYP §2.4.2.2).
 *
 * @returns Its text, `S-1-5-21-…`.
 * @throws {@link DecodeError} if truncated, of another revision, or with more than 15
 *   sub-authorities.
 */
export function readSid(reader: Reader): string {
  const revision = reader.u8();
  const count = reader.u8();
  // MS-DTYP §2.4.2.2: Revision MUST be 1, SubAuthorityCount at most 15.
  if (revision !== 1 || count > MAX_SUB_AUTHORITIES) {
    throw new DecodeError(`${reader.label} holds a malformed SID`);
  }
  // The authority alone is big-endian.
  let text = `S-1-${formatAuthority(reader.u16() * 0x100000000 + reader.u32())}`;
  for (let i = 0; i < count; i++) text += `-${reader.u32(true)}`;
  return text;
}

/**
 * Reads the text form (MS-DTYP §2.4.2.1).
 *
 * @throws TypeError if `text` is not a SID.
 */
export function parseSid(text: string): SidParts {
  const match = SID_TEXT.exec(text);
  const authority = Number(match?.[1]);
  const subAuthorities = (match?.[2] ?? '').split('-').slice(1).map(Number);
  if (
    match === null ||
    authority > MAX_AUTHORITY ||
    subAuthorities.length > MAX_SUB_AUTHORITIES ||
    subAuthorities.some((value) => value > 0xffffffff)
  ) {
    throw new TypeError(`SID: expected S-1-…, got ${JSON.stringify(text)}`);
  }
  return { authority, subAuthorities };
}

// MS-DTYP §2.4.2.1: hexadecimal from 2^32 on.
function formatAuthority(authority: number): string {
  return authority < 0x100000000
    ? `${authority}`
    : `0x${authority.toString(16).toUpperCase().padStart(12, '0')}`;
}

/**
 * Reads a FILETIME (MS-DTYP §2.3.3): steps of 100 nanoseconds since 1601-01-01T00:00:00Z.
 *
 * @returns Milliseconds since 1970-01-01T00:00:00Z, rounded down;
 *   undefined for 0 (not set) and for 0x7FFFFFFFFFFFFFFF and above (never).
 */
export function readFileTime(reader: Reader): number | undefined {
  const low = reader.u32(true);
  const high = reader.u32(true);
  if ((low | high) === 0 || high >= 0x80000000) return undefined;
  if (high === 0x7fffffff && low === 0xffffffff) return undefined;
  // 2^32 = 429496 * 10000 + 7296: exact where a double does not hold all 63 bits.
  return high * 429496 + Math.floor((high * 7296 + low) / 10000) - EPOCH_DIFFERENCE;
}

/** {@link readFileTime} as a Date. */
export function readFileTimeDate(reader: Reader): Date | undefined {
  const time = readFileTime(reader);
  return time === undefined ? undefined : new Date(time);
}

/**
 * Reads UTF-16LE text.
 *
 * @throws {@link DecodeError} if the length is odd, a surrogate is unpaired, or a NUL is inside:
 *   no account has such a name, and readers would disagree about its meaning.
 */
export function readUtf16(bytes: Uint8Array, label: string): string {
  if (bytes.length % 2 !== 0) throw new DecodeError(`${label} holds half a character`);
  let text = '';
  for (let i = 0; i < bytes.length; i += 2) {
    const unit = bytes[i]! | (bytes[i + 1]! << 8);
    if (unit === 0) throw new DecodeError(`${label} holds a NUL inside a string`);
    if ((unit & 0xf800) === 0xd800) {
      const next = i + 3 < bytes.length ? bytes[i + 2]! | (bytes[i + 3]! << 8) : 0;
      if ((unit & 0xfc00) !== 0xd800 || (next & 0xfc00) !== 0xdc00) {
        throw new DecodeError(`${label} holds a lone surrogate`);
      }
      text += String.fromCharCode(unit, next);
      i += 2;
    } else {
      text += String.fromCharCode(unit);
    }
  }
  return text;
}

const MAX_AUTHORITY = 0xffffffffffff;
const SID_TEXT = /^S-1-(\d{1,10}|0x[0-9A-Fa-f]{1,12})((?:-\d{1,10})*)$/;
// Milliseconds from 1601 to 1970.
const EPOCH_DIFFERENCE = 11644473600000;
