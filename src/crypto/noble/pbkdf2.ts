/** PBKDF2 (RFC 8018 §5.2). noble's own needs a second implementation of HMAC. */
import type { Mac } from '../backend.ts';

/**
 * @param prf - HMAC under the password.
 * @returns `length` bytes, in a new array.
 */
export function pbkdf2(prf: Mac, salt: Uint8Array, iterations: number, length: number): Uint8Array {
  const derived = new Uint8Array(length);
  const number = new Uint8Array(4);
  for (let at = 0, i = 1; at < length; i++) {
    new DataView(number.buffer).setUint32(0, i);
    // T_i = U_1 ^ U_2 ^ …, where U_1 = PRF(S | i) and U_c = PRF(U_(c-1)).
    let last = prf.digest([salt, number]);
    const block = last.slice();
    for (let c = 1; c < iterations; c++) {
      const next = prf.digest([last]);
      last.fill(0);
      last = next;
      for (let j = 0; j < block.length; j++) block[j]! ^= last[j]!;
    }
    derived.set(block.subarray(0, length - at), at);
    at += block.length;
    last.fill(0);
    block.fill(0);
  }
  return derived;
}
