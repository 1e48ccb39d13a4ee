/** The name under which an engine keeps a request: a digest, which reveals nothing. */
import { encodeUtf8, toHex } from '../bytes.ts';
import { nobleBackend } from '../crypto/noble/backend.ts';
import { addSha2 } from '../crypto/noble/sha2.ts';
import type { RuntimeCrypto } from '../crypto/runtime/module.ts';
import { builtinCrypto } from '../crypto/runtime/module.ts';
import { encodeBase64 } from '../http/base64.ts';

/** Makes the key of a record from its ciphertext, as text. */
export type RecordKey = (ciphertext: Uint8Array) => string;

/**
 * @param encoding - Of the key's 18 bytes, the beginning of a SHA-256 or HMAC-SHA-256: two requests share
 *   them with a probability of 2^-144, and only their own client can try for more.
 * @param secret - Makes the digest a keyed one (HMAC), so that a reader of the engine cannot tell whether
 *   it holds a request that was seen on the network. All servers need the same secret.
 */
export function recordKey(encoding: 'base64' | 'hex', secret?: Uint8Array): RecordKey {
  const encode = encoding === 'hex' ? toHex : encodeBase64;
  if (secret === undefined) {
    const length = encode(new Uint8Array(KEY_BYTES)).length;
    const hash = textHash();
    // Text of so many bytes ends at a whole character in both encodings.
    if (hash !== undefined) return (data) => hash('sha256', data, encoding).slice(0, length);
  }
  addSha2();
  const mac = secret && nobleBackend.hmac('sha256', secret);
  return (data) => {
    const digest = mac === undefined ? nobleBackend.hash('sha256', data) : mac.digest([data]);
    return encode(digest.subarray(0, KEY_BYTES));
  };
}

/** @throws RangeError for a secret that could be guessed. */
export function checkedSecret(secret: Uint8Array | undefined): Uint8Array | undefined {
  if (secret === undefined || secret.length >= MIN_SECRET) return secret;
  throw new RangeError(`secret: expected at least ${MIN_SECRET} bytes, got ${secret.length}`);
}

/** The runtime's hash in one call, which takes a sixth of noble's time with the encoding; after a known answer. */
function textHash(): RuntimeCrypto['hash'] {
  const hash = builtinCrypto()?.hash;
  try {
    return hash?.('sha256', encodeUtf8('abc'), 'hex') === SHA256_OF_ABC ? hash : undefined;
  } catch {
    return undefined;
  }
}

const KEY_BYTES = 18;
const MIN_SECRET = 16;
// FIPS 180-4, example B.1 of FIPS 180-2.
const SHA256_OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
