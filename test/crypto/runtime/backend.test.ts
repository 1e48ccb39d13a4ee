import * as nodeModule from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { toHex } from '../../../src/bytes.ts';
import { nobleCrypto } from '../../../src/crypto/default-crypto.ts';
import { EncryptionKey } from '../../../src/crypto/key.ts';
import { nobleBackend } from '../../../src/crypto/noble/backend.ts';
import { runtimeBackend } from '../../../src/crypto/runtime/backend.ts';
import type { RuntimeCipher, RuntimeCrypto } from '../../../src/crypto/runtime/module.ts';
import { seededRandom } from '../../support/vectors.ts';

/** Node's module, with a count of the calls of each function. */
function counted(): { module: RuntimeCrypto; calls: Record<string, number> } {
  const calls: Record<string, number> = {};
  const module = new Proxy(nodeModule as RuntimeCrypto, {
    get: (target, name: keyof RuntimeCrypto) => {
      const real = target[name] as (...inputs: unknown[]) => unknown;
      return (...inputs: unknown[]) => {
        calls[name] = (calls[name] ?? 0) + 1;
        return real(...inputs);
      };
    },
  });
  return { module, calls };
}

/** The results of all enctypes with a backend, of short and of long data. */
function results(backend = nobleBackend): string[] {
  const crypto = { ...nobleCrypto, backend };
  return [...crypto.profiles.keys()].flatMap((enctype) => {
    const key = EncryptionKey.fromPassword(enctype, 'password', 'salt', { iterations: 3, crypto });
    return [10, 2000].map((length) => {
      const message = new Uint8Array(length).fill(7);
      const sealed = key.encrypt(2, message, seededRandom(1));
      expect(key.decrypt(2, sealed)).toEqual(message);
      return toHex(sealed) + toHex(key.prf(message));
    });
  });
}

const NOTHING = {};
const THROWING = Object.fromEntries(
  Object.keys(nodeModule).map((name) => [
    name,
    () => {
      throw new Error('unsupported');
    },
  ]),
);

describe('the backend of a runtime', () => {
  it.each([
    ['all of node:crypto', nodeModule, 'node'],
    ['nothing', NOTHING, 'noble'],
    ['stubs that throw', THROWING, 'noble'],
    [
      'no PBKDF2, and an AES that is none',
      { ...nodeModule, pbkdf2Sync: undefined, createCipheriv: nodeModule.createDecipheriv },
      'node (noble: aes-128-cbc, aes-256-cbc, pbkdf2 sha1, pbkdf2 sha256, pbkdf2 sha384)',
    ],
    [
      'an HMAC that lies',
      { ...nodeModule, createHmac: (hash: string) => nodeModule.createHmac(hash, 'another key') },
      'node (noble: hmac sha1, hmac sha256, hmac sha384)',
    ],
  ])('has the results of noble with %s', (_, module, name) => {
    const backend = runtimeBackend(module as unknown as Partial<RuntimeCrypto>);
    expect(results(backend)).toEqual(results());
    expect(backend.name).toBe(name);
  });

  it('tests a primitive at its first use, once, and no other', () => {
    const { module, calls } = counted();
    const backend = runtimeBackend(module);
    expect(calls).toEqual({});
    const mac = backend.hmac('sha1', new Uint8Array(20));
    expect(calls).toEqual({});
    mac.digest([new Uint8Array(1000)]);
    mac.digest([new Uint8Array(1000)]);
    expect(calls).toEqual({ createHmac: 3 });
    backend.hash('sha256', new Uint8Array(1));
    expect(calls).toEqual({ createHmac: 3, createHash: 2 });
  });

  it('wipes what the runtime has returned: it may be a key, or a plaintext', () => {
    const returned: Uint8Array[] = [];
    const kept = <T extends Uint8Array>(bytes: T): T => {
      returned.push(bytes);
      return bytes;
    };
    const module: RuntimeCrypto = {
      createCipheriv: (...inputs) => cipherOf(nodeModule.createCipheriv(...inputs)),
      createDecipheriv: (...inputs) => cipherOf(nodeModule.createDecipheriv(...inputs)),
      createHash: nodeModule.createHash,
      createHmac: (hash, key) => {
        const hmac = nodeModule.createHmac(hash, key);
        return {
          update(data) {
            hmac.update(data);
            return this;
          },
          digest: () => kept(hmac.digest()),
        };
      },
      pbkdf2Sync: (...inputs) => kept(nodeModule.pbkdf2Sync(...inputs)),
    };
    function cipherOf(cipher: nodeModule.Cipher): RuntimeCipher {
      return {
        setAutoPadding(padding) {
          cipher.setAutoPadding(padding);
          return this;
        },
        update: (data) => kept(cipher.update(data)),
      };
    }
    const backend = runtimeBackend(module);
    expect(backend.name).toBe('node');
    returned.length = 0;
    expect(results(backend)).toEqual(results());
    expect(returned.length).toBeGreaterThan(20);
    for (const bytes of returned) expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it('leaves short data to noble once the process has done some', () => {
    const { module, calls } = counted();
    const backend = runtimeBackend(module);
    const block = new Uint8Array(16);
    const encrypt = (length: number) =>
      backend.aes(new Uint8Array(16)).cbcEncrypt(new Uint8Array(length), 0, length, block);
    encrypt(16);
    const { createCipheriv: first } = calls;
    expect(first).toBe(2);
    for (let i = 0; i < 1000; i++) encrypt(16);
    const { createCipheriv: settled } = calls;
    expect(settled).toBeLessThan(500);
    for (let i = 0; i < 1000; i++) encrypt(16);
    expect(calls.createCipheriv).toBe(settled);
    encrypt(1600);
    expect(calls.createCipheriv).toBe(settled! + 1);
  });
});

describe('before noble is loaded', () => {
  const zeros = new Uint8Array(16);

  /** Modules of their own, in which nothing has loaded noble. */
  async function fresh() {
    vi.resetModules();
    const { runtimeBackend: make } = await import('../../../src/crypto/runtime/backend.ts');
    return make;
  }

  it('short data is left to the runtime, and noble is asked for once', async () => {
    const make = await fresh();
    const { module, calls } = counted();
    const backend = make(module);
    const cipher = backend.aes(zeros);
    const encrypt = () => cipher.cbcEncrypt(new Uint8Array(16), 0, 16, zeros);
    encrypt();
    expect(backend.asksForNoble()).toBe(false);
    for (let i = 0; i < 500; i++) encrypt();
    expect(backend.asksForNoble()).toBe(true);
    expect(backend.asksForNoble()).toBe(false);
    expect(calls.createCipheriv).toBe(502);
    (await import('../../../src/crypto/noble/backend.ts')).addNoble();
    encrypt();
    expect(calls.createCipheriv).toBe(502);
  });

  it('a primitive that the runtime lacks is an error which names the module to import', async () => {
    const backend = (await fresh())({});
    expect(backend.isComplete).toBe(false);
    expect(backend.name).toBe('noble');
    expect(() => backend.hash('sha1', zeros)).toThrow(/import defaultCrypto/);
    expect(() => backend.hmac('sha1', zeros).digest([])).toThrow(TypeError);
    expect(() => backend.aes(zeros).cbcDecrypt(zeros.slice(), 0, 16, zeros)).toThrow(TypeError);
    expect(() => backend.pbkdf2('sha1', zeros, zeros, 1, 20)).toThrow(TypeError);
  });

  it('a sign-on goes on without noble if its file cannot be loaded', async () => {
    vi.resetModules();
    vi.doMock('../../../src/crypto/noble/backend.ts', () => {
      throw new Error('no such file');
    });
    try {
      const { baseCrypto } = await import('../../../src/crypto/base-crypto.ts');
      const { loadEnctype } = await import('../../../src/crypto/provider.ts');
      const cipher = baseCrypto.backend.aes(zeros);
      for (let i = 0; i < 500; i++) cipher.cbcEncrypt(new Uint8Array(16), 0, 16, zeros);
      await expect(loadEnctype(18, baseCrypto)).resolves.toBeUndefined();
      expect(loadEnctype(18, baseCrypto)).toBeUndefined();
      cipher.cbcEncrypt(new Uint8Array(16), 0, 16, zeros);
    } finally {
      vi.doUnmock('../../../src/crypto/noble/backend.ts');
      vi.resetModules();
    }
  });
});
