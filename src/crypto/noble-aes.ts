/** AES in CBC mode, with schedules that noble expands, once for each key and direction. */
import { unsafe } from '@noble/ciphers/aes.js';
import { decryptBlock, encryptBlock } from './aes-block.ts';
import type { BlockCipher } from './backend.ts';

export class NobleAes implements BlockCipher {
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
    if (end - start < LONG) encryptShort(this.#encryptSchedule, bytes, start, end, iv);
    else encryptLong(this.#encryptSchedule, bytes, start, end, iv);
    OUTPUT.fill(0);
  }

  cbcDecrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    this.#decryptSchedule ??= unsafe.expandKeyDecLE(this.#key);
    if (end - start < LONG) decryptShort(this.#decryptSchedule, bytes, start, end, iv);
    else decryptLong(this.#decryptSchedule, bytes, start, end, iv);
    OUTPUT.fill(0);
  }

  wipe(): void {
    this.#key.fill(0);
    this.#encryptSchedule?.fill(0);
    this.#decryptSchedule?.fill(0);
  }
}

// What the block function gives back; a new object for each block would cost as much as a round.
const OUTPUT = new Int32Array(4);

// A DataView is 8 % faster for each byte, but moves the buffer of a small array out of V8's heap:
// as long as three blocks take.
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
    encryptBlock(
      schedule,
      c0 ^ load(bytes, at),
      c1 ^ load(bytes, at + 4),
      c2 ^ load(bytes, at + 8),
      c3 ^ load(bytes, at + 12),
      OUTPUT,
    );
    c0 = OUTPUT[0]!;
    c1 = OUTPUT[1]!;
    c2 = OUTPUT[2]!;
    c3 = OUTPUT[3]!;
    store(bytes, at, c0);
    store(bytes, at + 4, c1);
    store(bytes, at + 8, c2);
    store(bytes, at + 12, c3);
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
    encryptBlock(
      schedule,
      c0 ^ view.getInt32(at, true),
      c1 ^ view.getInt32(at + 4, true),
      c2 ^ view.getInt32(at + 8, true),
      c3 ^ view.getInt32(at + 12, true),
      OUTPUT,
    );
    c0 = OUTPUT[0]!;
    c1 = OUTPUT[1]!;
    c2 = OUTPUT[2]!;
    c3 = OUTPUT[3]!;
    view.setInt32(at, c0, true);
    view.setInt32(at + 4, c1, true);
    view.setInt32(at + 8, c2, true);
    view.setInt32(at + 12, c3, true);
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
    decryptBlock(schedule, c0, c1, c2, c3, OUTPUT);
    store(bytes, at, p0 ^ OUTPUT[0]!);
    store(bytes, at + 4, p1 ^ OUTPUT[1]!);
    store(bytes, at + 8, p2 ^ OUTPUT[2]!);
    store(bytes, at + 12, p3 ^ OUTPUT[3]!);
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
    decryptBlock(schedule, c0, c1, c2, c3, OUTPUT);
    view.setInt32(at, p0 ^ OUTPUT[0]!, true);
    view.setInt32(at + 4, p1 ^ OUTPUT[1]!, true);
    view.setInt32(at + 8, p2 ^ OUTPUT[2]!, true);
    view.setInt32(at + 12, p3 ^ OUTPUT[3]!, true);
    p0 = c0;
    p1 = c1;
    p2 = c2;
    p3 = c3;
  }
}

// Words are in little-endian order, on any machine.
function load(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function store(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}
