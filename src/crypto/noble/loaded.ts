/**
 * noble's primitives, once they are loaded. A runtime with all of `node:crypto` can do without them, so
 * that a bundle need not have them at the start: `base-crypto.ts` loads them where they are needed.
 */
import type { CryptoBackend } from '../backend.ts';

/** Undefined if they are not loaded. */
export function loadedNoble(): CryptoBackend | undefined {
  return loaded;
}

/** @throws TypeError if they are not loaded. */
export function noble(): CryptoBackend {
  if (loaded !== undefined) return loaded;
  throw new TypeError(
    'crypto: expected primitives of the runtime or of noble, got neither; import defaultCrypto for all',
  );
}

/** `addNoble` of backend.ts calls it. */
export function setNoble(backend: CryptoBackend): void {
  loaded = backend;
}

let loaded: CryptoBackend | undefined;
