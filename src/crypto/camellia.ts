/**
 * The block cipher Camellia (RFC 3713), in CBC mode.
 *
 * Table-driven, like the AES of noble: its timing depends on the cache and so, slightly, on key and
 * data.
 */
import { fromHex } from '../bytes.ts';
import type { BlockCipher } from './backend.ts';

export class Camellia implements BlockCipher {
  readonly blockSize: number = 16;
  readonly #encryptSchedule: Int32Array;
  #decryptSchedule: Int32Array | undefined;

  /** @param key - 16 or 32 bytes; neither kept nor changed. */
  constructor(key: Uint8Array) {
    this.#encryptSchedule = expandKey(key);
  }

  cbcEncrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    const schedule = this.#encryptSchedule;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const block = words(iv);
    for (let at = start; at < end; at += 16) {
      for (let i = 0; i < 4; i++) block[i]! ^= view.getInt32(at + 4 * i);
      cryptBlock(schedule, block);
      for (let i = 0; i < 4; i++) view.setInt32(at + 4 * i, block[i]!);
    }
    // The plaintext may be key material.
    block.fill(0);
  }

  cbcDecrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    this.#decryptSchedule ??= reverse(this.#encryptSchedule);
    const schedule = this.#decryptSchedule;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const block = new Int32Array(4);
    const previous = words(iv);
    const next = new Int32Array(4);
    for (let at = start; at < end; at += 16) {
      for (let i = 0; i < 4; i++) block[i] = next[i] = view.getInt32(at + 4 * i);
      cryptBlock(schedule, block);
      for (let i = 0; i < 4; i++) view.setInt32(at + 4 * i, block[i]! ^ previous[i]!);
      previous.set(next);
    }
    block.fill(0);
  }

  wipe(): void {
    this.#encryptSchedule.fill(0);
    this.#decryptSchedule?.fill(0);
  }
}

/** RFC 3713 §2.3: rounds in sixes, FL and FLINV between them, whitening at both ends. */
function cryptBlock(schedule: Int32Array, block: Int32Array): void {
  const last = schedule.length - 4;
  for (let i = 0; i < 4; i++) block[i]! ^= schedule[i]!;
  for (let at = 4; ; at += 16) {
    twoRounds(schedule, at, block);
    twoRounds(schedule, at + 4, block);
    twoRounds(schedule, at + 8, block);
    if (at + 12 === last) break;
    layer(schedule, at + 12, block);
  }
  // RFC 3713 §2.3: the halves are swapped once more.
  const [a, b, c, d] = block as unknown as [number, number, number, number];
  block[0] = c ^ schedule[last]!;
  block[1] = d ^ schedule[last + 1]!;
  block[2] = a ^ schedule[last + 2]!;
  block[3] = b ^ schedule[last + 3]!;
}

/** RFC 3713 §2.4.1: F of the left half into the right one, then the other way. */
function twoRounds(keys: Int32Array, at: number, block: Int32Array): void {
  for (let from = 0; from < 4; from += 2) {
    const x = block[from]! ^ keys[at + from]!;
    const y = block[from + 1]! ^ keys[at + from + 1]!;
    const t =
      S1110[x >>> 24]! ^ S0222[(x >>> 16) & 255]! ^ S3033[(x >>> 8) & 255]! ^ S4404[x & 255]!;
    const u =
      S0222[y >>> 24]! ^ S3033[(y >>> 16) & 255]! ^ S4404[(y >>> 8) & 255]! ^ S1110[y & 255]!;
    const into = from ^ 2;
    block[into]! ^= t ^ u;
    block[into + 1]! ^= t ^ u ^ ((t >>> 8) | (t << 24));
  }
}

/** RFC 3713 §2.4.2, §2.4.3: FL on the left half, FLINV on the right one. */
function layer(keys: Int32Array, at: number, block: Int32Array): void {
  block[1]! ^= rotateLeft(block[0]! & keys[at]!, 1);
  block[0]! ^= block[1]! | keys[at + 1]!;
  block[2]! ^= block[3]! | keys[at + 3]!;
  block[3]! ^= rotateLeft(block[2]! & keys[at + 2]!, 1);
}

/** RFC 3713 §2.2: the subkeys in pairs, in the order in which encryption uses them. */
function expandKey(key: Uint8Array): Int32Array {
  const zeros = new Int32Array(4);
  const l = words(key);
  const r = key.length === 32 ? words(key.subarray(16)) : zeros;
  const a = xor(l, r);
  twoRounds(SIGMA, 0, a);
  for (let i = 0; i < 4; i++) a[i]! ^= l[i]!;
  twoRounds(SIGMA, 4, a);
  const b = xor(a, r);
  twoRounds(SIGMA, 8, b);
  const parts: Readonly<Record<string, Int32Array>> = { L: l, R: r, A: a, B: b };
  const order = (key.length === 32 ? ORDER_256 : ORDER_128).split(' ');
  const schedule = new Int32Array(4 * order.length);
  order.forEach((pair, i) => {
    const [left, right = left] = pair.split('/') as [string, string?];
    const leftPart = rotate(parts[left[0]!]!, Number(left.slice(1)));
    const rightPart = rotate(parts[right[0]!]!, Number(right.slice(1)));
    schedule.set(leftPart.subarray(0, 2), 4 * i);
    schedule.set(rightPart.subarray(2), 4 * i + 2);
    leftPart.fill(0);
    rightPart.fill(0);
  });
  for (const part of [l, r, a, b]) part.fill(0);
  return schedule;
}

/** RFC 3713 §2.3.3: the same subkeys from the last to the first, whitening keys in their order. */
function reverse(schedule: Int32Array): Int32Array {
  const reversed = new Int32Array(schedule.length);
  const last = schedule.length - 4;
  for (let at = 0; at <= last; at += 4) {
    const pair = schedule.subarray(last - at, last - at + 4);
    reversed.set(pair, at);
    if (at === 0 || at === last) continue;
    reversed.set(pair.subarray(2), at);
    reversed.set(pair.subarray(0, 2), at + 2);
  }
  return reversed;
}

/** Rotates 128 bits to the left. */
function rotate(part: Int32Array, bits: number): Int32Array {
  const shift = bits & 31;
  return part.map((_, i) => {
    const word = part[(i + (bits >> 5)) & 3]!;
    const next = part[(i + (bits >> 5) + 1) & 3]!;
    return shift === 0 ? word : (word << shift) | (next >>> (32 - shift));
  });
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function xor(a: Int32Array, b: Int32Array): Int32Array {
  return a.map((word, i) => word ^ b[i]!);
}

/** The first 16 bytes as big-endian words. */
function words(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return Int32Array.from({ length: 4 }, (_, i) => view.getInt32(4 * i));
}

// RFC 3713 §2.2: subkeys as parts of KL, KR, KA and KB rotated left: kw, six k, ke, six k, … kw.
// A pair whose halves come from different parts names both.
const ORDER_128 = 'L0 A0 L15 A15 A30 L45 A45/L60 A60 L77 L94 A94 L111 A111';
const ORDER_256 = 'L0 B0 R15 A15 R30 B30 L45 A45 L60 R60 B60 L77 A77 R94 A94 L111 B111';

// RFC 3713 §2.2: Sigma1 to Sigma6.
const SIGMA = Int32Array.of(
  0xa09e667f,
  0x3bcc908b,
  0xb67ae858,
  0x4caa73b2,
  0xc6ef372f,
  0xe94f82be,
  0x54ff53a5,
  0xf1d36f1c,
  0x10e527fa,
  0xde682d1d,
  0xb05688c2,
  0xb3e6c1fd,
);

// RFC 3713 §2.4.1: SBOX1, row by row.
const SBOX1 = fromHex(
  `70822cecb327c0e5e4855735ea0cae41 23ef6b934519a521ed0e4f4e1d6592bd
   86b8af8f7ceb1fce3e30dc5f5ec50b1a a6e139cad5475d3dd9015ad651566c4d
   8b0d9a66fbccb02d74122b20f0b18499 df4ccbc2347e76056db7a931d11704d7
   14583a61de1b111c320f9c165318f222 fe44cfb2c3b57a912408e8a860fc6950
   aad0a07da1896297545b1e95e0ff64d2 10c40048a3f775db8a03e6da093fdd94
   875c8302cd4a90337367f6f39d7fbfe2 529bd826c837c63b81966f4b13be632e
   e979a78c9f6ebc8e29f5f9b62ffdb459 7898066ae74671bad425ab4288a28dfa
   7207b955f8eeac0a36492a683c38f1a4 4028d37bbbc943c115e3adf477c7809e`,
);

// RFC 3713 §2.4.1: the S-boxes with the permutation after them. The digits of a name mark the bytes
// of the word that hold the box's output. The other half of a round differs by a rotation by one
// byte.
const S1110 = table((x) => SBOX1[x]! * 0x01010100);
const S0222 = table((x) => rotateByte(SBOX1[x]!, 1) * 0x00010101);
const S3033 = table((x) => rotateByte(SBOX1[x]!, 7) * 0x01000101);
const S4404 = table((x) => SBOX1[rotateByte(x, 1)]! * 0x01010001);

function table(entry: (x: number) => number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, x) => entry(x));
}

function rotateByte(byte: number, bits: number): number {
  return ((byte << bits) | (byte >>> (8 - bits))) & 0xff;
}
