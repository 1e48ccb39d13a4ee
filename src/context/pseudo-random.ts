/** The pseudo-random function of a context (RFC 4402, with the counter of RFC 7802). */
import { concatBytes } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';

/** @returns `length` bytes in a new buffer. */
export function pseudoRandom(key: EncryptionKey, input: Uint8Array, length: number): Uint8Array {
  const output = new Uint8Array(length);
  const counter = new Uint8Array(4);
  // RFC 7802 §2.1: the counter starts at zero.
  for (let at = 0, n = 0; at < length; n++) {
    new DataView(counter.buffer).setUint32(0, n);
    const block = key.prf(concatBytes(counter, input));
    output.set(block.subarray(0, length - at), at);
    at += block.length;
  }
  return output;
}
