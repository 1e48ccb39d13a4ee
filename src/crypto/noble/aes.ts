/** AES in CBC mode over noble's block function; each key schedule is expanded once. */
import { unsafe } from '@noble/ciphers/aes.js';
import type { BlockCipher } from '../backend.ts';

export class NobleAes implements BlockCipher {
  readonly blockSize: number = 16;
  // Most keys work in one direction only, so each schedule is expanded at its first use.
  #encryptSchedule: Uint32Array | undefined;
  #decryptSchedule: Uint32Array | undefined;
  /**
   * Dropped when the encryption schedule exists, whose first words it is: a context holds many
   * keys.
   */
  #key: Uint8Array | undefined;
  readonly #keyLength: number;

  constructor(key: Uint8Array) {
    this.#key = new Uint8Array(key);
    this.#keyLength = key.length;
  }

  cbcEncrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    const schedule = this.#encryptSchedule ?? this.#expandToEncrypt();
    if (end - start < LONG) encryptShort(schedule, bytes, start, end, iv);
    else encryptLong(schedule, bytes, start, end, iv);
  }

  cbcDecrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    const schedule = this.#decryptSchedule ?? this.#expandToDecrypt();
    if (end - start < LONG) decryptShort(schedule, bytes, start, end, iv);
    else decryptLong(schedule, bytes, start, end, iv);
  }

  wipe(): void {
    this.#key?.fill(0);
    this.#encryptSchedule?.fill(0);
    this.#decryptSchedule?.fill(0);
  }

  #expandToEncrypt(): Uint32Array {
    const key = this.#key!;
    this.#encryptSchedule = expand(unsafe.expandKeyLE, key);
    key.fill(0);
    this.#key = undefined;
    return this.#encryptSchedule;
  }

  #expandToDecrypt(): Uint32Array {
    const key = this.#key ?? this.#readKey(this.#encryptSchedule!);
    this.#decryptSchedule = expand(unsafe.expandKeyDecLE, key);
    if (key !== this.#key) key.fill(0);
    return this.#decryptSchedule;
  }

  /** FIPS 197 §5.2: the first words of the schedule are the key. */
  #readKey(schedule: Uint32Array): Uint8Array {
    const key = new Uint8Array(this.#keyLength);
    for (let at = 0; at < key.length; at += 4) store(key, at, schedule[at >> 2]!);
    return key;
  }
}

/**
 * Accessing the buffer of a small array, as noble does with the key, moves it out of V8's heap. One
 * array for all keys is moved only once.
 */
function expand(expandKey: (key: Uint8Array) => Uint32Array, key: Uint8Array): Uint32Array {
  const room = key.length === 16 ? ROOM_128 : ROOM_256;
  room.set(key);
  const schedule = expandKey(room);
  room.fill(0);
  return schedule;
}

const ROOM_128 = new Uint8Array(16);
const ROOM_256 = new Uint8Array(32);

// A DataView is 4 % faster per byte, but creating it moves the buffer of a small array out of V8's
// heap, which costs as much as three blocks.
const LONG = 256;

function encryptShort(
  schedule: Uint32Array,
  bytes: Uint8Array,
  start: number,
  end: number,
  iv: Uint8Array,
): void {
  let c0 = load(iv, 0);
  let c1 = load(iv, 4);
  let c2 = load(iv, 8);
  let c3 = load(iv, 12);
  for (let at = start; at < end; at += 16) {
    const { s0, s1, s2, s3 } = unsafe.encrypt(
      schedule,
      c0 ^ load(bytes, at),
      c1 ^ load(bytes, at + 4),
      c2 ^ load(bytes, at + 8),
      c3 ^ load(bytes, at + 12),
    );
    store(bytes, at, s0);
    store(bytes, at + 4, s1);
    store(bytes, at + 8, s2);
    store(bytes, at + 12, s3);
    c0 = s0;
    c1 = s1;
    c2 = s2;
    c3 = s3;
  }
}

function encryptLong(
  schedule: Uint32Array,
  bytes: Uint8Array,
  start: number,
  end: number,
  iv: Uint8Array,
): void {
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

function decryptShort(
  schedule: Uint32Array,
  bytes: Uint8Array,
  start: number,
  end: number,
  iv: Uint8Array,
): void {
  let p0 = load(iv, 0);
  let p1 = load(iv, 4);
  let p2 = load(iv, 8);
  let p3 = load(iv, 12);
  for (let at = start; at < end; at += 16) {
    const c0 = load(bytes, at);
    const c1 = load(bytes, at + 4);
    const c2 = load(bytes, at + 8);
    const c3 = load(bytes, at + 12);
    const { s0, s1, s2, s3 } = unsafe.decrypt(schedule, c0, c1, c2, c3);
    store(bytes, at, p0 ^ s0);
    store(bytes, at + 4, p1 ^ s1);
    store(bytes, at + 8, p2 ^ s2);
    store(bytes, at + 12, p3 ^ s3);
    p0 = c0;
    p1 = c1;
    p2 = c2;
    p3 = c3;
  }
}

function decryptLong(
  schedule: Uint32Array,
  bytes: Uint8Array,
  start: number,
  end: number,
  iv: Uint8Array,
): void {
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

// noble's block function expects little-endian words on every machine.
function load(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function store(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}
