import * as nodeModule from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { HashName } from '../../../src/crypto/backend.ts';
import { nobleBackend } from '../../../src/crypto/noble/backend.ts';
import { givesKnownAnswer, PRIMITIVES } from '../../../src/crypto/runtime/known-answers.ts';
import type { RuntimeCrypto } from '../../../src/crypto/runtime/module.ts';

/** noble in the shape of node:crypto. */
const nobleModule: RuntimeCrypto = {
  createCipheriv: (_, key, iv) =>
    cipherOf((bytes) => cbc(key).cbcEncrypt(bytes, 0, bytes.length, iv)),
  createDecipheriv: (_, key, iv) =>
    cipherOf((bytes) => cbc(key).cbcDecrypt(bytes, 0, bytes.length, iv)),
  createHash: (hash) => digestOf((parts) => nobleBackend.hash(hash as HashName, concat(parts))),
  createHmac: (hash, key) =>
    digestOf((parts) => nobleBackend.hmac(hash as HashName, key).digest(parts)),
  pbkdf2Sync: (password, salt, iterations, length, hash) =>
    nobleBackend.pbkdf2(hash as HashName, password, salt, iterations, length),
};

const cbc = (key: Uint8Array) => nobleBackend.aes(key);

function cipherOf(work: (bytes: Uint8Array) => void) {
  const cipher = {
    setAutoPadding: () => cipher,
    update(data: Uint8Array) {
      const bytes = data.slice();
      work(bytes);
      return bytes;
    },
  };
  return cipher;
}

function digestOf(finish: (parts: Uint8Array[]) => Uint8Array) {
  const parts: Uint8Array[] = [];
  const digest = {
    update(data: Uint8Array) {
      parts.push(data.slice());
      return digest;
    },
    digest: () => finish(parts),
  };
  return digest;
}

const concat = (parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));

describe('the known answers', () => {
  it.each(PRIMITIVES)('are given by Node and by noble: %s', (primitive) => {
    expect(givesKnownAnswer(primitive, nodeModule)).toBe(true);
    expect(givesKnownAnswer(primitive, nobleModule)).toBe(true);
  });

  it.each(PRIMITIVES)('are not given where a function is missing or throws: %s', (primitive) => {
    expect(givesKnownAnswer(primitive, {})).toBe(false);
    const stub = new Proxy({} as Partial<RuntimeCrypto>, {
      get: () => () => {
        throw new Error('not implemented');
      },
    });
    expect(givesKnownAnswer(primitive, stub)).toBe(false);
  });

  it('are not given by a cipher that errs in one direction, ignores the IV, or keeps a block', () => {
    for (const primitive of ['aes-128-cbc', 'aes-256-cbc'] as const) {
      const oneWay = { ...nobleModule, createDecipheriv: nobleModule.createCipheriv };
      expect(givesKnownAnswer(primitive, oneWay)).toBe(false);
      const zero = new Uint8Array(16);
      const withoutIv: RuntimeCrypto = {
        ...nobleModule,
        createCipheriv: (name, key) => nobleModule.createCipheriv(name, key, zero),
      };
      expect(givesKnownAnswer(primitive, withoutIv)).toBe(false);
      const buffering: RuntimeCrypto = {
        ...nobleModule,
        createDecipheriv: (name, key, iv) => {
          const whole = nobleModule.createDecipheriv(name, key, iv);
          const cipher = {
            setAutoPadding: () => cipher,
            update: (data: Uint8Array) => whole.update(data).slice(0, -16),
          };
          return cipher;
        },
      };
      expect(givesKnownAnswer(primitive, buffering)).toBe(false);
    }
  });

  it('are not given by hashes that forget a part', () => {
    const forgetful: RuntimeCrypto = {
      ...nobleModule,
      createHmac: (hash, key) =>
        digestOf((parts) => nobleBackend.hmac(hash as HashName, key).digest(parts.slice(-1))),
    };
    expect(givesKnownAnswer('hmac sha1', forgetful)).toBe(false);
    const other: RuntimeCrypto = {
      ...nobleModule,
      createHash: () => nobleModule.createHash('sha256'),
    };
    expect(givesKnownAnswer('hash sha256', other)).toBe(true);
    expect(givesKnownAnswer('hash sha1', other)).toBe(false);
  });
});
