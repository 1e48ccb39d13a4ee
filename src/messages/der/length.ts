/**
 * The one reader and the one writer of DER lengths (X.690 §8.1.3), for every module that has any.
 */

/**
 * The lengths that a reader accepts.
 *
 * - `shortest`: the fewest octets (X.690 §10.1), for bytes that were encrypted or signed.
 * - `definite`: up to {@link MAX_OCTETS} octets, with or without leading zeros, as MIT krb5 accepts
 *   them (asn1_encode.c, k5-der.h), for bytes that nothing protects: some storage appliances send
 *   such lengths in SPNEGO.
 */
export type LengthForm = 'shortest' | 'definite';

/** The results of {@link readLength} for malformed lengths; all are negative. */
export const LengthFault = {
  /** The bytes end before the length does. */
  truncated: -1,
  /** The indefinite form, too many octets, or more than 2^32-1. */
  unknownForm: -2,
  notShortest: -3,
} as const;

/**
 * Reads the length octets at `at`.
 *
 * @param end - Offset after the last byte that may be read.
 * @returns The length, whether that many bytes follow or not; or a {@link LengthFault}.
 */
export function readLength(bytes: Uint8Array, at: number, end: number, form: LengthForm): number {
  if (at >= end) return LengthFault.truncated;
  const first = bytes[at]!;
  if (first < 0x80) return first;
  const count = first & 0x7f;
  const isStrict = form === 'shortest';
  if (count === 0 || count > (isStrict ? 4 : MAX_OCTETS)) return LengthFault.unknownForm;
  if (count >= end - at) return LengthFault.truncated;
  let length = 0;
  for (let i = 1; i <= count; i++) length = length * 256 + bytes[at + i]!;
  if (isStrict && length < (count === 1 ? 0x80 : 256 ** (count - 1))) {
    return LengthFault.notShortest;
  }
  return length > 0xffff_ffff ? LengthFault.unknownForm : length;
}

/** The number of octets that a length occupies, given the first of them. */
export function lengthOctets(first: number): number {
  return first < 0x80 ? 1 : 1 + (first & 0x7f);
}

/**
 * The number of octets of a length in its shortest form (X.690 §10.1).
 *
 * @param length - 0..2^32-1.
 */
export function shortestOctets(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x100) return 2;
  if (length < 0x1_0000) return 3;
  return length < 0x100_0000 ? 4 : 5;
}

/**
 * Writes a length in its shortest form (X.690 §10.1) at `at`.
 *
 * @param length - 0..2^32-1.
 * @returns The offset after it.
 */
export function writeLength(target: Uint8Array, at: number, length: number): number {
  if (length < 0x80) {
    target[at] = length;
    return at + 1;
  }
  const octets = shortestOctets(length);
  target[at] = 0x80 | (octets - 1);
  for (let i = 1; i < octets; i++) target[at + i] = length >>> (8 * (octets - 1 - i));
  return at + octets;
}

// MIT krb5 accepts as many as a size_t has bytes.
const MAX_OCTETS = 8;
