/**
 * What a source of cryptographic primitives offers: narrow and synchronous, so that one can take
 * the place of another. Modes, derivation and formats are ours, above it.
 */

/** A block cipher under one key: CBC without padding, in place. */
export interface BlockCipher {
  /** Bytes in a block: 16 for AES and Camellia, 8 for DES. */
  readonly blockSize: number;
  /**
   * Encrypts `bytes[start, end)` in place.
   *
   * @param end - `end - start` is a multiple of the block size.
   * @param iv - One block; only read.
   */
  cbcEncrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void;
  /** The inverse of {@link cbcEncrypt}. */
  cbcDecrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void;
  /** Wipes the key and its schedules; the cipher is not used afterwards. */
  wipe(): void;
}

/** A message authentication code under one key. */
export interface Mac {
  /** The whole code of the parts one after the other, in an array of its own. */
  digest(parts: readonly Uint8Array[]): Uint8Array;
  /** Wipes the key and its states; the code is not used afterwards. */
  wipe(): void;
}

export type HashName = 'sha1' | 'sha256' | 'sha384';

export interface CryptoBackend {
  /** For diagnostics: `'noble'`. */
  readonly name: string;
  /** @param key - 16 or 32 bytes; copied if kept. */
  aes(key: Uint8Array): BlockCipher;
  /** @returns The digest in an array of its own. */
  hash(hash: HashName, data: Uint8Array): Uint8Array;
  /** HMAC (RFC 2104). @param key - Of any length; copied if kept. */
  hmac(hash: HashName, key: Uint8Array): Mac;
  /** PBKDF2 (RFC 8018 §5.2) with HMAC. */
  pbkdf2(
    hash: HashName,
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
    length: number,
  ): Uint8Array;
}

/** Zeros for a block of any cipher: the initial cipher state of RFC 3961 §5.3 and RFC 8009 §5. Only read it. */
export const ZERO_BLOCK: Uint8Array = new Uint8Array(16);
