/**
 * The primitives of noble-ciphers and noble-hashes: pure JavaScript, in any runtime.
 *
 * The slow parts of their one-shot functions run once for each key here: the schedules of a cipher
 * (`aes.ts`) and the first block of an HMAC (`hmac.ts`).
 */
import type { CryptoBackend } from '../backend.ts';
import { NobleAes } from './aes.ts';
import { digestOf, NobleHmac } from './hmac.ts';
import { setNoble } from './loaded.ts';
import { pbkdf2 } from './pbkdf2.ts';

/** SHA-256 and SHA-384 are added by `sha2.ts` where they are needed. */
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

/** Has all providers use these primitives where the runtime has none. May be called again. */
export function addNoble(): void {
  setNoble(nobleBackend);
}
