import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import type { HashName } from '../../src/crypto/backend.ts';
import { nobleCrypto } from '../../src/crypto/default-crypto.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import { nobleBackend } from '../../src/crypto/noble/backend.ts';
import { nodeBackend, nodeCrypto } from '../../src/node/crypto.ts';
import { seededRandom } from '../support/vectors.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
// Both sides of every threshold.
const length = fc.oneof(fc.integer({ min: 0, max: 700 }), fc.integer({ min: 0, max: 20_000 }));
const hashes = fc.constantFrom<HashName>('sha1', 'sha256', 'sha384');

describe('the primitives of node:crypto', () => {
  it('encrypt and decrypt as noble does', () => {
    const key = fc.constantFrom(16, 32).chain(bytes);
    const iv = bytes(16);
    fc.assert(
      fc.property(key, iv, length, fc.nat({ max: 7 }), (key, iv, length, at) => {
        const text = filled(at + (length & ~15) + 5);
        const end = text.length - 5;
        const [ours, theirs] = [text.slice(), text.slice()];
        nodeBackend.aes(key).cbcEncrypt(ours, at, end, iv);
        nobleBackend.aes(key).cbcEncrypt(theirs, at, end, iv);
        expect(toHex(ours)).toBe(toHex(theirs));
        nodeBackend.aes(key).cbcDecrypt(ours, at, end, iv);
        expect(toHex(ours)).toBe(toHex(text));
      }),
    );
  });

  it('compute the MACs of noble, of parts as of the whole', () => {
    const key = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(hashes, key, length, fc.nat(), (hash, key, length, cut) => {
        const text = filled(length);
        const at = cut % (length + 1);
        const parts = [text.subarray(0, at), text.subarray(at)];
        const code = nodeBackend.hmac(hash, key).digest(parts);
        expect(toHex(code)).toBe(toHex(nobleBackend.hmac(hash, key).digest([text])));
        expect(Object.getPrototypeOf(code)).toBe(Uint8Array.prototype);
      }),
    );
  });

  it('hash, and derive from passwords, as noble does', () => {
    const text = fc.uint8Array({ maxLength: 300 });
    const count = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(hashes, text, text, count, (hash, one, two, count) => {
        expect(toHex(nodeBackend.hash(hash, one))).toBe(toHex(nobleBackend.hash(hash, one)));
        const [ours, theirs] = [nodeBackend, nobleBackend].map((backend) =>
          toHex(backend.pbkdf2(hash, one, two, count, 32)),
        );
        expect(ours).toBe(theirs);
      }),
    );
  });

  it('open messages that noble sealed, and noble opens theirs', () => {
    for (const enctype of nodeCrypto.profiles.keys()) {
      const node = EncryptionKey.generate(enctype, seededRandom(1), nodeCrypto);
      const noble = node.withCrypto(nobleCrypto);
      for (const length of [0, 1, 300, 383, 384, 400, 5000, 70_000]) {
        const text = filled(length);
        const sealed = node.encrypt(22, text, seededRandom(2));
        expect(toHex(noble.encrypt(22, text, seededRandom(2)))).toBe(toHex(sealed));
        expect(toHex(noble.decrypt(22, sealed))).toBe(toHex(text));
        expect(toHex(node.decrypt(22, sealed))).toBe(toHex(text));
      }
    }
  });
});

function filled(length: number): Uint8Array {
  const target = new Uint8Array(length);
  seededRandom(length)(target);
  return target;
}
