/**
 * The primitives of Node's OpenSSL for long data. A call costs two microseconds before its first
 * byte, so short data is left to noble. The results are the same.
 *
 * Node copies keys for the duration of a call; these copies cannot be wiped here.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import type { BlockCipher, CryptoBackend, HashName, Mac } from '../crypto/backend.ts';
import { defaultCrypto } from '../crypto/default-crypto.ts';
import { nobleBackend } from '../crypto/noble/backend.ts';
import type { CryptoProvider } from '../crypto/provider.ts';

/** AES-CBC, HMAC, hashes and PBKDF2: OpenSSL for long data, noble for short data. */
export const nodeBackend: CryptoBackend = {
  name: 'node',
  aes: (key) => new SizedAes(key),
  hash: (hash, data) => new Uint8Array(createHash(hash).update(data).digest()),
  hmac: (hash, key) => new SizedHmac(hash, key),
  pbkdf2(hash, password, salt, iterations, length) {
    const derived = pbkdf2Sync(password, salt, iterations, length, hash);
    const copy = new Uint8Array(derived);
    derived.fill(0);
    return copy;
  },
};

/** The encryption types of the default provider, with Node's OpenSSL for long data. */
export const nodeCrypto: CryptoProvider = { ...defaultCrypto, backend: nodeBackend };

class SizedAes implements BlockCipher {
  readonly blockSize: number = 16;
  readonly #key: Uint8Array;
  #short: BlockCipher | undefined;

  constructor(key: Uint8Array) {
    this.#key = new Uint8Array(key);
  }

  cbcEncrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    if (end - start < AES_THRESHOLD) {
      this.#short ??= nobleBackend.aes(this.#key);
      this.#short.cbcEncrypt(bytes, start, end, iv);
      return;
    }
    const cipher = createCipheriv(aesName(this.#key), this.#key, iv).setAutoPadding(false);
    bytes.set(cipher.update(bytes.subarray(start, end)), start);
  }

  cbcDecrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    if (end - start < AES_THRESHOLD) {
      this.#short ??= nobleBackend.aes(this.#key);
      this.#short.cbcDecrypt(bytes, start, end, iv);
      return;
    }
    const cipher = createDecipheriv(aesName(this.#key), this.#key, iv).setAutoPadding(false);
    const plaintext = cipher.update(bytes.subarray(start, end));
    bytes.set(plaintext, start);
    plaintext.fill(0);
  }

  wipe(): void {
    this.#short?.wipe();
    this.#key.fill(0);
  }
}

function aesName(key: Uint8Array): string {
  return key.length === 16 ? 'aes-128-cbc' : 'aes-256-cbc';
}

class SizedHmac implements Mac {
  readonly #hash: HashName;
  readonly #key: Uint8Array;
  #short: Mac | undefined;

  constructor(hash: HashName, key: Uint8Array) {
    this.#hash = hash;
    this.#key = new Uint8Array(key);
  }

  digest(parts: readonly Uint8Array[]): Uint8Array {
    let length = 0;
    for (const part of parts) length += part.length;
    if (length < HMAC_THRESHOLDS[this.#hash]) {
      this.#short ??= nobleBackend.hmac(this.#hash, this.#key);
      return this.#short.digest(parts);
    }
    const hmac = createHmac(this.#hash, this.#key);
    for (const part of parts) hmac.update(part);
    // A copy: Node returns a Buffer, whose slice() is a view and not a copy.
    return new Uint8Array(hmac.digest());
  }

  wipe(): void {
    this.#short?.wipe();
    this.#key.fill(0);
  }
}

// Bytes from which Node is faster, measured with Node 20; `npm run bench` measures both.
const AES_THRESHOLD = 384;
const HMAC_THRESHOLDS: Readonly<Record<HashName, number>> = { sha1: 320, sha256: 192, sha384: 0 };
