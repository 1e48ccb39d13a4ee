/** Authenticated encryption under keys that rotate: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha). */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { concatBytes } from '../../bytes.ts';
import type { RandomSource } from '../../random.ts';

/** Seals bytes: only a holder of the keys can make or read sealed bytes. */
export class SealedBox {
  readonly #keys: readonly Uint8Array[];
  readonly #random: RandomSource;

  /**
   * @param keys - Of 32 bytes, at least one: the first seals, all open. Copied.
   * @param random - Asked for each nonce. 24 random bytes never repeat, over any number of processes
   *   that share a key; bytes fetched ahead could, in two clones of a frozen process.
   */
  constructor(keys: readonly Uint8Array[], random: RandomSource) {
    this.#keys = keys.map((key) => Uint8Array.from(key));
    this.#random = random;
  }

  /**
   * @param associated - Not contained in the result; must be the same at {@link open}.
   * @returns A nonce, the ciphertext and its tag: 40 bytes more than the plaintext.
   */
  seal(plaintext: Uint8Array, associated: Uint8Array): Uint8Array {
    const nonce = new Uint8Array(NONCE);
    this.#random(nonce);
    return concatBytes(
      nonce,
      xchacha20poly1305(this.#keys[0]!, nonce, associated).encrypt(plaintext),
    );
  }

  /** @returns The plaintext; undefined if the bytes were not sealed under one of the keys. */
  open(sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined {
    if (sealed.length < NONCE + TAG) return undefined;
    const nonce = sealed.subarray(0, NONCE);
    const ciphertext = sealed.subarray(NONCE);
    for (const key of this.#keys) {
      try {
        return xchacha20poly1305(key, nonce, associated).decrypt(ciphertext);
      } catch {
        // A wrong tag, the only exception at these lengths; noble compares it in constant time.
      }
    }
    return undefined;
  }
}

const NONCE = 24;
const TAG = 16;
