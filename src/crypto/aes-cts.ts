/**
 * CBC with ciphertext stealing, the variant that always swaps the last two blocks (RFC 3962 §5,
 * "CBC-CS3"), in place, over any block cipher.
 */
import type { BlockCipher } from './backend.ts';
import { ZERO_BLOCK } from './backend.ts';
import type { CipherMode } from './sealers.ts';

/** The mode as profiles use it: it accepts every length of at least one block. */
export const CTS: CipherMode = {
  encrypt: ctsEncrypt,
  decrypt: ctsDecrypt,
  accepts: () => true,
};

/**
 * Encrypts `bytes[start, end)` in place.
 *
 * @param end - At least one block after `start`.
 * @param iv - One block; only read.
 */
export function ctsEncrypt(
  cipher: BlockCipher,
  bytes: Uint8Array,
  start: number,
  end: number,
  iv: Uint8Array,
): void {
  const size = cipher.blockSize;
  const length = end - start;
  // RFC 3962 §5: a single block is encrypted as in plain CBC.
  if (length === size) {
    cipher.cbcEncrypt(bytes, start, end, iv);
    return;
  }
  const tailLength = length % size || size;
  const tail = end - tailLength;
  const previous = tail - size;
  if (tailLength === size) {
    cipher.cbcEncrypt(bytes, start, end, iv);
    swapBlocks(bytes, previous, tail, size);
    return;
  }
  cipher.cbcEncrypt(bytes, start, tail, iv);
  const stolen = copyBlock(bytes, previous, size);
  const last = new Uint8Array(size);
  for (let i = 0; i < tailLength; i++) last[i] = bytes[tail + i]!;
  cipher.cbcEncrypt(last, 0, size, stolen);
  for (let i = 0; i < size; i++) bytes[previous + i] = last[i]!;
  for (let i = 0; i < tailLength; i++) bytes[tail + i] = stolen[i]!;
}

/** The inverse of {@link ctsEncrypt}. */
export function ctsDecrypt(
  cipher: BlockCipher,
  bytes: Uint8Array,
  start: number,
  end: number,
  iv: Uint8Array,
): void {
  const size = cipher.blockSize;
  const length = end - start;
  if (length === size) {
    cipher.cbcDecrypt(bytes, start, end, iv);
    return;
  }
  const tailLength = length % size || size;
  const tail = end - tailLength;
  const previous = tail - size;
  if (tailLength === size) {
    swapBlocks(bytes, previous, tail, size);
    cipher.cbcDecrypt(bytes, start, end, iv);
    return;
  }
  const last = copyBlock(bytes, previous, size);
  cipher.cbcDecrypt(last, 0, size, ZERO_BLOCK);
  // `last` is the zero-padded end of the plaintext XOR the block that ciphertext was stolen from.
  // The first bytes of that block end the ciphertext; its other bytes were XORed with zeros.
  for (let i = 0; i < tailLength; i++) {
    const stolen = bytes[tail + i]!;
    bytes[tail + i] = last[i]! ^ stolen;
    last[i] = stolen;
  }
  for (let i = 0; i < size; i++) bytes[previous + i] = last[i]!;
  cipher.cbcDecrypt(bytes, start, tail, iv);
}

/** CBC-CS3 of whole blocks is CBC with the last two blocks swapped. */
function swapBlocks(bytes: Uint8Array, a: number, b: number, size: number): void {
  for (let i = 0; i < size; i++) {
    const byte = bytes[a + i]!;
    bytes[a + i] = bytes[b + i]!;
    bytes[b + i] = byte;
  }
}

// Not slice(): on a Node.js Buffer it returns a view.
function copyBlock(bytes: Uint8Array, at: number, size: number): Uint8Array {
  const block = new Uint8Array(size);
  for (let i = 0; i < size; i++) block[i] = bytes[at + i]!;
  return block;
}
