/** The one reader of lengths (X.690 §8.1.3), whatever the element and whoever reads it. */

/**
 * Which lengths a reader takes.
 *
 * - `shortest`: the fewest octets (X.690 §10.1). For what was encrypted or signed.
 * - `definite`: up to {@link MAX_OCTETS} octets, leading zeros among them, as MIT krb5 takes them
 *   (asn1_encode.c, k5-der.h). For what anyone on the way can rewrite anyway: some storage appliances
 *   write the lengths of SPNEGO so.
 */
export type LengthForm = 'shortest' | 'definite';

/** What {@link readLength} returns instead of a length; all are negative. */
export const LengthFault = {
  /** The octets are not all there. */
  truncated: -1,
  /** The indefinite form, too many octets, or more than 2^32-1. */
  unknownForm: -2,
  notShortest: -3,
} as const;

/**
 * Reads the length octets at `at`.
 *
 * @param end - Where the bytes end that may be looked at.
 * @returns Bytes of the contents, whether they are there or not; or a {@link LengthFault}.
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

/** How many octets a length takes, given the first of them. */
export function lengthOctets(first: number): number {
  return first < 0x80 ? 1 : 1 + (first & 0x7f);
}

// MIT krb5 takes as many as a size_t has bytes.
const MAX_OCTETS = 8;
