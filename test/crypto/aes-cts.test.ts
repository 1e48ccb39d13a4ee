import { createCipheriv, createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.ts';
import { ctsDecrypt, ctsEncrypt } from '../../src/crypto/aes-cts.ts';
import { loadVectors } from '../support/vectors.ts';
import { providers } from './providers.ts';

const key = fc
  .constantFrom(16, 32)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
const block = fc.uint8Array({ minLength: 16, maxLength: 16 });
// Lengths around block borders matter most; offsets make the buffer unaligned.
const text = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 49 }),
  fc.uint8Array({ minLength: 16, maxLength: 3000 }),
);
const offset = fc.nat({ max: 9 });

describe.each(providers)('CBC-CS3 with $name', ({ crypto }) => {
  const { source, vectors } = loadVectors<{
    key: string;
    iv: string;
    input: string;
    output: string;
  }>('rfc3962/cts.json');

  it.each(vectors)(`${source}: $output`, (vector) => {
    const cipher = crypto.backend.aes(fromHex(vector.key));
    const bytes = fromHex(vector.input);
    ctsEncrypt(cipher, bytes, 0, bytes.length, fromHex(vector.iv));
    expect(toHex(bytes)).toBe(vector.output);
    ctsDecrypt(cipher, bytes, 0, bytes.length, fromHex(vector.iv));
    expect(toHex(bytes)).toBe(vector.input);
  });

  it('equals a slow implementation over single blocks, in place, anywhere in a buffer', () => {
    fc.assert(
      fc.property(key, block, text, offset, offset, (key, iv, plaintext, before, after) => {
        const cipher = crypto.backend.aes(key);
        const buffer = new Uint8Array(before + plaintext.length + after).fill(0xa5);
        buffer.set(plaintext, before);
        const end = before + plaintext.length;
        const ivBefore = toHex(iv);
        ctsEncrypt(cipher, buffer, before, end, iv);
        expect(toHex(buffer.subarray(before, end))).toBe(toHex(slowCts(key, iv, plaintext)));
        ctsDecrypt(cipher, buffer, before, end, iv);
        expect(toHex(buffer.subarray(before, end))).toBe(toHex(plaintext));
        expect(buffer.subarray(0, before).every((byte) => byte === 0xa5)).toBe(true);
        expect(buffer.subarray(end).every((byte) => byte === 0xa5)).toBe(true);
        expect(toHex(iv)).toBe(ivBefore);
      }),
    );
  });

  it('is the CBC of node:crypto with its last two blocks swapped', () => {
    fc.assert(
      fc.property(key, block, fc.integer({ min: 2, max: 70 }), (key, iv, blocks) => {
        const plaintext = new Uint8Array(16 * blocks).map((_, i) => (i * 7) & 0xff);
        const expected = nodeCbc(key, iv, plaintext);
        const at = expected.length - 32;
        const swapped = Buffer.concat([
          expected.subarray(0, at),
          expected.subarray(at + 16),
          expected.subarray(at, at + 16),
        ]);
        const bytes = plaintext.slice();
        ctsEncrypt(crypto.backend.aes(key), bytes, 0, bytes.length, iv);
        expect(toHex(bytes)).toBe(swapped.toString('hex'));
      }),
    );
  });

  it('decrypts as node:crypto does', () => {
    fc.assert(
      fc.property(key, block, fc.integer({ min: 1, max: 70 }), offset, (key, iv, blocks, at) => {
        const ciphertext = new Uint8Array(16 * blocks).map((_, i) => (i * 11) & 0xff);
        const decipher = createDecipheriv(`aes-${key.length * 8}-cbc`, key, iv);
        decipher.setAutoPadding(false);
        const expected = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
        const buffer = new Uint8Array(at + ciphertext.length);
        buffer.set(ciphertext, at);
        crypto.backend.aes(key).cbcDecrypt(buffer, at, buffer.length, iv);
        expect(toHex(buffer.subarray(at))).toBe(expected.toString('hex'));
      }),
    );
  });

  it('works on a Buffer, whose slice() is no copy', () => {
    const cipher = crypto.backend.aes(new Uint8Array(16));
    const iv = new Uint8Array(16);
    const plain = new Uint8Array(45).map((_, i) => i);
    const buffer = Buffer.from(plain);
    ctsEncrypt(cipher, buffer, 0, 45, iv);
    expect(buffer.toString('hex')).toBe(toHex(slowCts(new Uint8Array(16), iv, plain)));
    ctsDecrypt(cipher, buffer, 0, 45, iv);
    expect(buffer.toString('hex')).toBe(toHex(plain));
  });
});

/** RFC 3962 §5 word by word, on one block at a time, with another library's AES. */
function slowCts(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < plaintext.length; at += 16) blocks.push(plaintext.slice(at, at + 16));
  let previous: Uint8Array = iv;
  const encrypted = blocks.map((block) => {
    const input = new Uint8Array(16);
    input.set(block);
    for (let i = 0; i < 16; i++) input[i]! ^= previous[i]!;
    previous = nodeCbc(key, new Uint8Array(16), input);
    return previous;
  });
  if (encrypted.length > 1) {
    const last = encrypted.pop()!;
    const beforeLast = encrypted.pop()!;
    encrypted.push(last, beforeLast.slice(0, blocks.at(-1)!.length));
  }
  return Uint8Array.from(encrypted.flatMap((block) => [...block]));
}

function nodeCbc(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv(`aes-${key.length * 8}-cbc`, key, iv);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}
