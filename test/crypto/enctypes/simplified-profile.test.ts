import { describe, expect, it } from 'vitest';
import { defaultCrypto } from '../../../src/crypto/default-crypto.ts';
import { EncryptionKey } from '../../../src/crypto/key.ts';
import { seededRandom, utf8 } from '../../support/vectors.ts';

describe('a key of the simplified profile', () => {
  it.each([17, 18])('has one schedule of its own for two usages (enctype %i)', (enctype) => {
    let ciphers = 0;
    let alive = 0;
    const { backend } = defaultCrypto;
    const aes: typeof backend.aes = (bytes) => {
      const cipher = backend.aes(bytes);
      const wipe = cipher.wipe.bind(cipher);
      ciphers++;
      alive++;
      cipher.wipe = () => {
        alive--;
        wipe();
      };
      return cipher;
    };
    const crypto = { ...defaultCrypto, backend: { ...backend, aes } };
    const random = seededRandom(1);
    const key = EncryptionKey.generate(enctype, random, crypto);
    key.encrypt(2, utf8('one'), random);
    // Its own and that of the messages.
    expect([ciphers, alive]).toEqual([2, 2]);
    key.checksum(3, utf8('two'));
    expect([ciphers, alive]).toEqual([2, 1]);
    // From here on it is made again for each, and not kept.
    key.encrypt(4, utf8('three'), random);
    expect([ciphers, alive]).toEqual([4, 2]);
    key.checksum(5, utf8('four'));
    expect([ciphers, alive]).toEqual([5, 2]);
    key.dispose();
    expect(alive).toBe(0);
  });
});
