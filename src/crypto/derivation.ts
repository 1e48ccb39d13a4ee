/** Key derivation of the simplified profile (RFC 3961 §5.1, §5.3), and iteration counts. */
import type { BlockCipher } from './backend.ts';
import { ZERO_BLOCK } from './backend.ts';
import { nfold } from './nfold.ts';

/**
 * DR(Key, Constant) of RFC 3961 §5.1: pseudo-random bytes for a key.
 *
 * @param cipher - The cipher under the base key.
 * @param constant - Any length; folded unless it is one block long.
 * @param length - Bytes to return.
 * @returns A new array.
 */
export function deriveRandom(
  cipher: BlockCipher,
  constant: Uint8Array,
  length: number,
): Uint8Array {
  const size = cipher.blockSize;
  // RFC 3961 §5.1: K1 = E(Key, n-fold(Constant)), K2 = E(Key, K1), … That is CBC over the
  // folded constant followed by zeros.
  const bytes = new Uint8Array(Math.ceil(length / size) * size);
  bytes.set(constant.length === size ? constant : nfold(constant, size));
  cipher.cbcEncrypt(bytes, 0, bytes.length, ZERO_BLOCK);
  if (bytes.length === length) return bytes;
  const derived = bytes.slice(0, length);
  bytes.fill(0);
  return derived;
}

/**
 * {@link usageConstant}, folded to one block. It does not depend on a key, so the results are
 * cached.
 *
 * @returns A shared array; read-only.
 */
export function foldedUsageConstant(
  usage: number,
  kind: 0x99 | 0xaa | 0x55,
  blockSize: number,
): Uint8Array {
  const index = (usage * 0x100 + kind) * 0x20 + blockSize;
  let folded = FOLDED.get(index);
  if (folded === undefined) {
    folded = nfold(usageConstant(usage, kind), blockSize);
    if (FOLDED.size < MAX_FOLDED) FOLDED.set(index, folded);
  }
  return folded;
}

/** RFC 3961 §5.3: the usage number as four bytes, then 0x99 for Kc, 0xAA for Ke or 0x55 for Ki. */
export function usageConstant(usage: number, kind: 0x99 | 0xaa | 0x55): Uint8Array {
  const constant = new Uint8Array(5);
  constant[0] = usage >>> 24;
  constant[1] = usage >>> 16;
  constant[2] = usage >>> 8;
  constant[3] = usage;
  constant[4] = kind;
  return constant;
}

/**
 * The iteration count of a string-to-key function (RFC 3962 §4, RFC 6803 §4, RFC 8009 §4).
 *
 * @param iterations - The caller's choice; `standard` if undefined.
 * @throws RangeError if it is not between 1 and 16777216.
 */
export function iterationCount(iterations: number | undefined, standard: number): number {
  if (iterations === undefined) return standard;
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > MAX_ITERATIONS) {
    throw new RangeError(`iterations: expected 1 to ${MAX_ITERATIONS}, got ${iterations}`);
  }
  return iterations;
}

const FOLDED = new Map<number, Uint8Array>();
// RFC 4120 §7.5.1 and RFC 4121 §2 define a few dozen usages; callers may use others.
const MAX_FOLDED = 256;
// The bound of MIT krb5. RFC 3962 §4 allows 2^32, which would block a process for hours.
const MAX_ITERATIONS = 0x1000000;
