import { describe, expect, it } from 'vitest';
import { defaultCrypto } from '../../../src/crypto/default-crypto.ts';
import { EncryptionKey } from '../../../src/crypto/key.ts';

describe('a password for Camellia', () => {
  it.each([25, 26])('is iterated 32768 times if nothing is said (enctype %i)', (enctype) => {
    const counts: number[] = [];
    const { backend } = defaultCrypto;
    const crypto = {
      ...defaultCrypto,
      backend: {
        ...backend,
        pbkdf2: (...[hash, password, salt, count, length]: Parameters<typeof backend.pbkdf2>) => {
          counts.push(count);
          return backend.pbkdf2(hash, password, salt, 1, length);
        },
      },
    };
    EncryptionKey.fromPassword(enctype, 'password', 'EXAMPLE.TESTalice', { crypto });
    EncryptionKey.fromPassword(enctype, 'password', 'EXAMPLE.TESTalice', { crypto, iterations: 7 });
    // RFC 6803 §4: without parameters, 00 00 80 00.
    expect(counts).toEqual([0x8000, 7]);
  });
});
