import { createCipheriv, createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.ts';
import type { BlockCipher } from '../../src/crypto/backend.ts';
import { Camellia } from '../../src/crypto/camellia.ts';
import { Cmac } from '../../src/crypto/cmac.ts';
import { defaultCrypto } from '../../src/crypto/default-crypto.ts';
import { TripleDes } from '../../src/crypto/legacy/des.ts';
import { md4 } from '../../src/crypto/legacy/md4.ts';
import { rc4 } from '../../src/crypto/legacy/rc4.ts';
import { loadVectors } from '../support/vectors.ts';

describe('Camellia', () => {
  const { source, vectors } = loadVectors<{ key: string; plaintext: string; ciphertext: string }>(
    'rfc3713/camellia.json',
  );
  it.each(vectors)(`${source}: $ciphertext`, ({ key, plaintext, ciphertext }) => {
    const block = fromHex(plaintext);
    const cipher = new Camellia(fromHex(key));
    cipher.cbcEncrypt(block, 0, 16, new Uint8Array(16));
    expect(toHex(block)).toBe(ciphertext);
    cipher.cbcDecrypt(block, 0, 16, new Uint8Array(16));
    expect(toHex(block)).toBe(plaintext);
  });

  it.each([16, 32])('with %i bytes of key is that of node:crypto', (keyLength) => {
    equalsNode((key) => new Camellia(key), `camellia-${keyLength * 8}-cbc`, keyLength, 16);
  });
});

describe('triple DES', () => {
  it('is that of node:crypto', () => {
    equalsNode((key) => new TripleDes(key), 'des-ede3-cbc', 24, 8);
  });

  it('does not look at parity bits', () => {
    const block = new Uint8Array(8);
    const other = new Uint8Array(8);
    const key = new Uint8Array(24).map((_, i) => i * 10);
    new TripleDes(key).cbcEncrypt(block, 0, 8, new Uint8Array(8));
    new TripleDes(key.map((byte) => byte ^ 1)).cbcEncrypt(other, 0, 8, new Uint8Array(8));
    expect(toHex(other)).toBe(toHex(block));
  });
});

describe('CMAC', () => {
  type Vector = { key: string; data: string; mac: string };
  const aes = loadVectors<Vector>('rfc4493/cmac.json');
  it.each(aes.vectors)(`${aes.source}: $mac`, ({ key, data, mac }) => {
    const cmac = new Cmac(defaultCrypto.backend.aes(fromHex(key)));
    expect(toHex(cmac.digest([fromHex(data)]))).toBe(mac);
  });

  const camellia = loadVectors<Vector>('rfc6803/cmac.json');
  it.each(camellia.vectors)(`${camellia.source}: $mac`, ({ key, data, mac }) => {
    const cmac = new Cmac(new Camellia(fromHex(key)));
    const bytes = fromHex(data);
    expect(toHex(cmac.digest([bytes]))).toBe(mac);
    expect(toHex(cmac.digest([bytes.subarray(0, 5), bytes.subarray(5)]))).toBe(mac);
    expect(toHex(bytes)).toBe(data);
  });
});

describe('RC4', () => {
  const { source, vectors } = loadVectors<{ key: string; offset: number; stream: string }>(
    'rfc6229/rc4.json',
  );
  it.each(vectors)(`${source}: $stream at $offset`, ({ key, offset, stream }) => {
    const bytes = new Uint8Array(offset + stream.length / 2);
    rc4(fromHex(key), bytes);
    expect(toHex(bytes.subarray(offset))).toBe(stream);
  });

  it('goes on from one part to the next, and undoes itself', () => {
    const key = fc.uint8Array({ minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(key, fc.uint8Array(), fc.nat(), (key, text, cut) => {
        const whole = text.slice();
        rc4(key, whole);
        const parts = text.slice();
        const at = cut % (text.length + 1);
        rc4(key, parts.subarray(0, at), parts.subarray(at));
        expect(toHex(parts)).toBe(toHex(whole));
        rc4(key, whole);
        expect(toHex(whole)).toBe(toHex(text));
      }),
    );
  });
});

describe('MD4', () => {
  const { source, vectors } = loadVectors<{ data: string; digest: string }>('rfc1320/md4.json');
  it.each(vectors)(`${source}: $digest`, ({ data, digest }) => {
    expect(toHex(md4(fromHex(data)))).toBe(digest);
  });

  // `openssl dgst -md4` of 0, 1, 2, …: the length needs eight bytes more in the last block.
  it.each([
    [54, 'b72685d042162d5f30472281278c42f7'],
    [55, 'cc8a7f2bd608e3eeecb7f121d13bea55'],
    [56, 'b8e94b6408bbfa6ec9805bf21bc05cbd'],
    [57, '6aec85410412ff54078a9fc72a55ace5'],
    [63, '54ba4472fcd03e99cf28f90eed9f2ae0'],
    [64, '2de6578f0e7898fa17acd84b79685d3a'],
    [65, '3a4f2ca37eebdf6dc99a6155517b74fc'],
    [119, '9c1067170940ce8f8e4745d362675fab'],
    [120, 'c5bb35660e3d0a286a96ea3aa4922b3c'],
    [128, 'e1275970eb67d2d996e6e658270aa149'],
  ])('of %i bytes is that of OpenSSL', (length, digest) => {
    expect(toHex(md4(Uint8Array.from({ length }, (_, i) => i)))).toBe(digest);
  });
});

function equalsNode(
  make: (key: Uint8Array) => BlockCipher,
  name: string,
  keyLength: number,
  blockSize: number,
): void {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const blocks = fc.integer({ min: 1, max: 20 });
  fc.assert(
    fc.property(
      bytes(keyLength),
      bytes(blockSize),
      blocks,
      fc.nat({ max: 5 }),
      (key, iv, count, at) => {
        const text = new Uint8Array(count * blockSize).map((_, i) => (i * 37 + key[0]!) & 0xff);
        const buffer = new Uint8Array(at + text.length + 3);
        buffer.set(text, at);
        const end = at + text.length;
        const cipher = make(key);
        const encrypt = createCipheriv(name, key, iv).setAutoPadding(false);
        cipher.cbcEncrypt(buffer, at, end, iv);
        const expected = Buffer.concat([encrypt.update(text), encrypt.final()]).toString('hex');
        expect(toHex(buffer.subarray(at, end))).toBe(expected);
        cipher.cbcDecrypt(buffer, at, end, iv);
        expect(toHex(buffer.subarray(at, end))).toBe(toHex(text));
        const decrypt = createDecipheriv(name, key, iv).setAutoPadding(false);
        cipher.cbcDecrypt(buffer, at, end, iv);
        const opened = Buffer.concat([decrypt.update(text), decrypt.final()]).toString('hex');
        expect(toHex(buffer.subarray(at, end))).toBe(opened);
        expect(toHex(buffer.subarray(end))).toBe('000000');
      },
    ),
  );
}
