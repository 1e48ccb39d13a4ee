/** Randomness, injected wherever it is used. */

/** Fills all of `target` with random bytes of cryptographic quality. */
export type RandomSource = (target: Uint8Array) => void;

/**
 * The runtime's own generator, read in blocks: a call of it costs sixty times what a small copy
 * does. Bytes that were handed out are wiped from the pool.
 */
export const systemRandom: RandomSource = (target) => {
  const length = target.length;
  if (length > POOL_SIZE) {
    for (let at = 0; at < length; at += MAX_REQUEST) {
      fill(target.subarray(at, at + MAX_REQUEST));
    }
    return;
  }
  if (used + length > POOL_SIZE) {
    fill(pool);
    used = 0;
  }
  for (let i = 0; i < length; i++) {
    target[i] = pool[used]!;
    pool[used++] = 0;
  }
};

// Web Crypto: getRandomValues refuses more than 65536 bytes at once.
const MAX_REQUEST = 65_536;
const POOL_SIZE = 4096;
const pool = new Uint8Array(POOL_SIZE);
let used = POOL_SIZE;

function fill(target: Uint8Array): void {
  globalThis.crypto.getRandomValues(target as Uint8Array<ArrayBuffer>);
}
