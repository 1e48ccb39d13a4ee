/** The name under which an engine keeps a request: a digest, which reveals nothing. */
import { nobleBackend } from '../crypto/noble/backend.ts';
import { addSha2 } from '../crypto/noble/sha2.ts';

/** Makes the key of a record from its ciphertext. */
export type RecordKey = (ciphertext: Uint8Array) => Uint8Array;

/**
 * @param secret - Makes the digest a keyed one (HMAC), so that a reader of the engine cannot tell whether
 *   it holds a request that was seen on the network. All servers need the same secret.
 * @returns A function to 18 bytes, the beginning of a SHA-256 or HMAC-SHA-256: two requests share
 *   them with a probability of 2^-144, and only their own client can try for more.
 */
export function recordKey(secret?: Uint8Array): RecordKey {
  addSha2();
  if (secret === undefined) {
    return (ciphertext) => nobleBackend.hash('sha256', ciphertext).subarray(0, KEY_BYTES);
  }
  const mac = nobleBackend.hmac('sha256', secret);
  return (ciphertext) => mac.digest([ciphertext]).subarray(0, KEY_BYTES);
}

/** @throws RangeError for a secret that could be guessed. */
export function checkedSecret(secret: Uint8Array | undefined): Uint8Array | undefined {
  if (secret === undefined || secret.length >= MIN_SECRET) return secret;
  throw new RangeError(`secret: expected at least ${MIN_SECRET} bytes, got ${secret.length}`);
}

const KEY_BYTES = 18;
const MIN_SECRET = 16;
