/**
 * The primitives of noble-ciphers and noble-hashes: pure JavaScript, in any runtime.
 *
 * What is slow in their one-shot functions is done once for each key here: the schedule of a
 * cipher and the first block of an HMAC.
 */
import { unsafe } from '@noble/ciphers/aes.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { pbkdf2 } from '@noble/hashes/pbkdf2.js';
import { sha256, sha384 } from '@noble/hashes/sha2.js';
import type { BlockCipher, CryptoBackend } from './backend.ts';
import { NobleHmac } from './noble-hmac.ts';

export const nobleBackend: CryptoBackend = {
  name: 'noble',
  aes: (key) => new NobleAes(key),
  hash: (hash, data) => HASHES[hash](data),
  hmac: (hash, key) => new NobleHmac(hash, key),
  pbkdf2: (hash, password, salt, iterations, length) =>
    pbkdf2(HASHES[hash], password, salt, { c: iterations, dkLen: length }),
};

class NobleAes implements BlockCipher {
  readonly blockSize: number = 16;
  readonly #key: Uint8Array;
  // A key nearly always works in one direction only.
  #encryptSchedule: Uint32Array | undefined;
  #decryptSchedule: Uint32Array | undefined;

  constructor(key: Uint8Array) {
    this.#key = new Uint8Array(key);
  }

  cbcEncrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    this.#encryptSchedule ??= unsafe.expandKeyLE(this.#key);
    const schedule = this.#encryptSchedule;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let c0 = load(iv, 0);
    let c1 = load(iv, 4);
    let c2 = load(iv, 8);
    let c3 = load(iv, 12);
    for (let at = start; at < end; at += 16) {
      const { s0, s1, s2, s3 } = unsafe.encrypt(
        schedule,
        c0 ^ view.getInt32(at, true),
        c1 ^ view.getInt32(at + 4, true),
        c2 ^ view.getInt32(at + 8, true),
        c3 ^ view.getInt32(at + 12, true),
      );
      view.setInt32(at, s0, true);
      view.setInt32(at + 4, s1, true);
      view.setInt32(at + 8, s2, true);
      view.setInt32(at + 12, s3, true);
      c0 = s0;
      c1 = s1;
      c2 = s2;
      c3 = s3;
    }
  }

  cbcDecrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    this.#decryptSchedule ??= unsafe.expandKeyDecLE(this.#key);
    const schedule = this.#decryptSchedule;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let p0 = load(iv, 0);
    let p1 = load(iv, 4);
    let p2 = load(iv, 8);
    let p3 = load(iv, 12);
    for (let at = start; at < end; at += 16) {
      const c0 = view.getInt32(at, true);
      const c1 = view.getInt32(at + 4, true);
      const c2 = view.getInt32(at + 8, true);
      const c3 = view.getInt32(at + 12, true);
      const { s0, s1, s2, s3 } = unsafe.decrypt(schedule, c0, c1, c2, c3);
      view.setInt32(at, p0 ^ s0, true);
      view.setInt32(at + 4, p1 ^ s1, true);
      view.setInt32(at + 8, p2 ^ s2, true);
      view.setInt32(at + 12, p3 ^ s3, true);
      p0 = c0;
      p1 = c1;
      p2 = c2;
      p3 = c3;
    }
  }

  wipe(): void {
    this.#key.fill(0);
    this.#encryptSchedule?.fill(0);
    this.#decryptSchedule?.fill(0);
  }
}

function load(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

const HASHES = { sha1, sha256, sha384 } as const;
