/**
 * The primitives of noble-ciphers and noble-hashes: pure JavaScript, in any runtime.
 *
 * The slow parts of their one-shot functions run once for each key here: the schedules of a cipher
 * (`aes.ts`) and the first block of an HMAC (`hmac.ts`).
 */
import { sha1 } from '@noble/hashes/legacy.js';
import { pbkdf2 } from '@noble/hashes/pbkdf2.js';
import { sha256, sha384 } from '@noble/hashes/sha2.js';
import type { CryptoBackend } from '../backend.ts';
import { NobleAes } from './aes.ts';
import { NobleHmac } from './hmac.ts';

export const nobleBackend: CryptoBackend = {
  name: 'noble',
  aes: (key) => new NobleAes(key),
  hash: (hash, data) => HASHES[hash](data),
  hmac: (hash, key) => new NobleHmac(hash, key),
  pbkdf2: (hash, password, salt, iterations, length) =>
    pbkdf2(HASHES[hash], password, salt, { c: iterations, dkLen: length }),
};

const HASHES = { sha1, sha256, sha384 } as const;
