/**
 * The interface of a source of cryptographic primitives. It is narrow and synchronous, so that
 * sources are interchangeable; modes, key derivation and formats are implemented above it.
 */

/** A block cipher under one key: CBC without padding, in place. */
export interface BlockCipher {
  /** Bytes of a block: 16 for AES and Camellia, 8 for DES. */
  readonly blockSize: number;
  /**
   * Encrypts `bytes[start, end)` in place.
   *
   * @param end - Offset after the last byte; `end - start` is a multiple of the block size.
   * @param iv - At least one block; only read.
   */
  cbcEncrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void;
  /** The inverse of {@link cbcEncrypt}. */
  cbcDecrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void;
  /** Wipes the key and its schedules; the cipher is not used afterwards. */
  wipe(): void;
}

/** A message authentication code (MAC) under one key. */
export interface Mac {
  /** @returns The untruncated MAC of the concatenated parts, in a new array. */
  digest(parts: readonly Uint8Array[]): Uint8Array;
  /** Wipes the key and the states derived from it; the object is not used afterwards. */
  wipe(): void;
}

/** The hash functions of RFC 3961, RFC 3962 and RFC 8009 profiles. */
export type HashName = 'sha1' | 'sha256' | 'sha384';

/** A source of cryptographic primitives. */
export interface CryptoBackend {
  /** For diagnostics: `'noble'`, `'node'`, or `'node (noble: …)'` with the primitives that are noble's. */
  readonly name: string;
  /** AES (FIPS 197). @param key - 16 or 32 bytes; a backend that keeps it copies it. */
  aes(key: Uint8Array): BlockCipher;
  /** @returns The digest, in a new array. */
  hash(hash: HashName, data: Uint8Array): Uint8Array;
  /** HMAC (RFC 2104). @param key - Any length; a backend that keeps it copies it. */
  hmac(hash: HashName, key: Uint8Array): Mac;
  /** PBKDF2 (RFC 8018 §5.2) with HMAC. @returns `length` bytes, in a new array. */
  pbkdf2(
    hash: HashName,
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
    length: number,
  ): Uint8Array;
}

/**
 * The initial cipher state of RFC 3961 §5.3 and RFC 8009 §5, long enough for any cipher. Read-only.
 */
export const ZERO_BLOCK: Uint8Array = new Uint8Array(16);
