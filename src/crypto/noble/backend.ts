/**
 * The primitives of noble-ciphers and noble-hashes: pure JavaScript, in any runtime.
 *
 * The slow parts of their one-shot functions run once for each key here: the schedules of a cipher
 * (`aes.ts`) and the first block of an HMAC (`hmac.ts`).
 */
import type { CryptoBackend } from '../backend.ts';
import { NobleAes } from './aes.ts';
import { digestOf, NobleHmac } from './hmac.ts';
import { pbkdf2 } from './pbkdf2.ts';

/** SHA-384 is added with the enctype that needs it: see `more-enctypes.ts`. */
export const nobleBackend: CryptoBackend = {
  name: 'noble',
  aes: (key) => new NobleAes(key),
  hash: digestOf,
  hmac: (hash, key) => new NobleHmac(hash, key),
  pbkdf2(hash, password, salt, iterations, length) {
    const prf = new NobleHmac(hash, password);
    const derived = pbkdf2(prf, salt, iterations, length);
    prf.wipe();
    return derived;
  },
};
