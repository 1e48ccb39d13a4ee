import { unsafe } from '@noble/ciphers/aes.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.ts';
import { decryptBlock, encryptBlock } from '../../src/crypto/aes-block.ts';
import { NobleAes } from '../../src/crypto/noble-aes.ts';
import { loadVectors } from '../support/vectors.ts';

const key = fc
  .constantFrom(16, 32)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
const word = fc.integer();
const words = fc.tuple(word, word, word, word);

describe('the block function of AES', () => {
  const { source, vectors } = loadVectors<{ key: string; plaintext: string; ciphertext: string }>(
    'fips197/aes.json',
  );
  it.each(vectors)(`${source}: $ciphertext`, (vector) => {
    const cipher = new NobleAes(fromHex(vector.key));
    const block = fromHex(vector.plaintext);
    cipher.cbcEncrypt(block, 0, 16, new Uint8Array(16));
    expect(toHex(block)).toBe(vector.ciphertext);
    cipher.cbcDecrypt(block, 0, 16, new Uint8Array(16));
    expect(toHex(block)).toBe(vector.plaintext);
  });

  it("is noble's, in both directions", () => {
    fc.assert(
      fc.property(key, words, (bytes, [a, b, c, d]) => {
        const output = new Int32Array(4);
        const encrypted = unsafe.encrypt(unsafe.expandKeyLE(bytes), a, b, c, d);
        encryptBlock(unsafe.expandKeyLE(bytes), a, b, c, d, output);
        expect(output).toEqual(inOrder(encrypted));
        const decrypted = unsafe.decrypt(unsafe.expandKeyDecLE(bytes), a, b, c, d);
        decryptBlock(unsafe.expandKeyDecLE(bytes), a, b, c, d, output);
        expect(output).toEqual(inOrder(decrypted));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([16, 32])('looks up every entry of its tables rightly, %i bytes of key', (length) => {
    // Each byte of the block takes each value in the first and, by decryption, in the last round.
    const bytes = new Uint8Array(length).fill(0x5a);
    const output = new Int32Array(4);
    for (let value = 0; value < 256; value++) {
      const w = value * 0x01010101;
      encryptBlock(unsafe.expandKeyLE(bytes), w, w, w, w, output);
      expect(output).toEqual(inOrder(unsafe.encrypt(unsafe.expandKeyLE(bytes), w, w, w, w)));
      const [a, b, c, d] = output as unknown as [number, number, number, number];
      decryptBlock(unsafe.expandKeyDecLE(bytes), a, b, c, d, output);
      expect(output).toEqual(Int32Array.of(w, w, w, w));
    }
  });
});

function inOrder(block: { s0: number; s1: number; s2: number; s3: number }): Int32Array {
  return Int32Array.of(block.s0, block.s1, block.s2, block.s3);
}
