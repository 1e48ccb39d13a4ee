/**
 * Triple DES (FIPS 46-3) in CBC mode, for des3-cbc-sha1 alone.
 *
 * No maintained library for it runs in every runtime.
 */
import { concatBytes } from '../../bytes.ts';
import type { BlockCipher } from '../backend.ts';

export class TripleDes implements BlockCipher {
  readonly blockSize: number = 8;
  readonly #encryptSchedule: Uint8Array;
  readonly #decryptSchedule: Uint8Array;

  /** @param key - 24 bytes, whose parity bits are ignored; neither kept nor changed. */
  constructor(key: Uint8Array) {
    const [one, two, three] = [0, 8, 16].map((at) => expandKey(key.subarray(at)));
    // FIPS 46-3 §2: encrypt with the first key, decrypt with the second, encrypt with the third.
    const middle = reversed(two!);
    this.#encryptSchedule = concatBytes(one!, middle, three!);
    this.#decryptSchedule = reversed(this.#encryptSchedule);
    for (const part of [one!, two!, middle, three!]) part.fill(0);
  }

  cbcEncrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const block = words(iv);
    for (let at = start; at < end; at += 8) {
      block[0]! ^= view.getInt32(at);
      block[1]! ^= view.getInt32(at + 4);
      cryptBlock(this.#encryptSchedule, block);
      view.setInt32(at, block[0]!);
      view.setInt32(at + 4, block[1]!);
    }
    // The plaintext may be key material.
    block.fill(0);
  }

  cbcDecrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const block = new Int32Array(2);
    const previous = words(iv);
    const next = new Int32Array(2);
    for (let at = start; at < end; at += 8) {
      block[0] = next[0] = view.getInt32(at);
      block[1] = next[1] = view.getInt32(at + 4);
      cryptBlock(this.#decryptSchedule, block);
      view.setInt32(at, block[0]! ^ previous[0]!);
      view.setInt32(at + 4, block[1]! ^ previous[1]!);
      previous.set(next);
    }
    block.fill(0);
  }

  wipe(): void {
    this.#encryptSchedule.fill(0);
    this.#decryptSchedule.fill(0);
  }
}

/** Three times sixteen rounds; the permutations between them cancel out. */
function cryptBlock(schedule: Uint8Array, block: Int32Array): void {
  let left = block[0]!;
  let right = block[1]!;
  // FIPS 46-3, permutation IP, as swaps of bit groups of decreasing size.
  let t = ((left >>> 4) ^ right) & 0x0f0f0f0f;
  right ^= t;
  left ^= t << 4;
  t = ((left >>> 16) ^ right) & 0x0000ffff;
  right ^= t;
  left ^= t << 16;
  t = ((right >>> 2) ^ left) & 0x33333333;
  left ^= t;
  right ^= t << 2;
  t = ((right >>> 8) ^ left) & 0x00ff00ff;
  left ^= t;
  right ^= t << 8;
  t = ((left >>> 1) ^ right) & 0x55555555;
  right ^= t;
  left ^= t << 1;
  for (let at = 0; at < 3 * ROUNDS * 8; at += 8) {
    // The expansion E: the input of each box is four bits and one neighbour on both sides.
    const around = (right >>> 1) | (right << 31);
    let f = 0;
    for (let box = 0; box < 8; box++) {
      const shift = 4 * box;
      const six = ((around << shift) | (around >>> (32 - shift))) >>> 26;
      f ^= SP[(box << 6) | (six ^ schedule[at + box]!)]!;
    }
    const next = left ^ f;
    left = right;
    right = next;
    // After sixteen rounds the halves are swapped, before the first round of the next cipher.
    if ((at & (ROUNDS * 8 - 1)) === (ROUNDS - 1) * 8) [left, right] = [right, left];
  }
  // The inverse of IP.
  t = ((left >>> 1) ^ right) & 0x55555555;
  right ^= t;
  left ^= t << 1;
  t = ((right >>> 8) ^ left) & 0x00ff00ff;
  left ^= t;
  right ^= t << 8;
  t = ((right >>> 2) ^ left) & 0x33333333;
  left ^= t;
  right ^= t << 2;
  t = ((left >>> 16) ^ right) & 0x0000ffff;
  right ^= t;
  left ^= t << 16;
  t = ((left >>> 4) ^ right) & 0x0f0f0f0f;
  right ^= t;
  left ^= t << 4;
  block[0] = left;
  block[1] = right;
}

/** FIPS 46-3, function KS, of the first eight bytes: for each round eight times six bits. */
function expandKey(key: Uint8Array): Uint8Array {
  const bits = PC1.map((n) => (key[(n - 1) >> 3]! >> (7 - ((n - 1) & 7))) & 1);
  const schedule = new Uint8Array(ROUNDS * 8);
  let turned = 0;
  for (let round = 0; round < ROUNDS; round++) {
    turned += SHIFTS[round]!;
    for (let i = 0; i < 48; i++) {
      const n = PC2[i]! - 1;
      // C and D are rotated left, each within its 28 bits.
      const from = n < 28 ? (n + turned) % 28 : 28 + ((n + turned) % 28);
      schedule[round * 8 + Math.floor(i / 6)]! |= bits[from]! << (5 - (i % 6));
    }
  }
  bits.fill(0);
  return schedule;
}

/** The same rounds in reverse order. */
function reversed(schedule: Uint8Array): Uint8Array {
  const last = schedule.length - 8;
  return schedule.map((_, i) => schedule[last - (i & ~7) + (i & 7)]!);
}

function words(iv: Uint8Array): Int32Array {
  const view = new DataView(iv.buffer, iv.byteOffset, 8);
  return Int32Array.of(view.getInt32(0), view.getInt32(4));
}

const ROUNDS = 16;

// FIPS 46-3, appendix 1: bits are numbered from 1, starting at the most significant.
const SHIFTS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
// biome-ignore format: as the standard prints them
const PC1 = Uint8Array.from([
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18,
  10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
  63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22,
  14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
]);
// biome-ignore format: as the standard prints them
const PC2 = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10,
  23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
  41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48,
  44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
// biome-ignore format: as the standard prints them
const P = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
  2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
];
// The selection functions S1 to S8, row by row, a hexadecimal digit each.
const S = [
  'e4d12fb83a6c5907 0f74e2d1a6cb9538 41e8d62bfc973a50 fc8249175b3ea06d',
  'f18e6b34972dc05a 3d47f28ec01a69b5 0e7ba4d158c6932f d8a13f42b67c05e9',
  'a09e63f51dc7b428 d709346a285ecbf1 d6498f30b12c5ae7 1ad069874fe3b52c',
  '7de3069a1285bc4f d8b56f03472c1ae9 a690cb7df13e5284 3f06a1d8945bc72e',
  '2c417ab6853fd0e9 eb2c47d150fa3986 421bad78f9c5630e b8c71e2d6f09a453',
  'c1af92680d34e75b af427c9561de0b38 9ef528c3704a1db6 432c95fabe17608d',
  '4b2ef08d3c975a61 d0b7491ae35c2f86 14bdc37eaf680592 6bd814a7950fe23c',
  'd2846fb1a93e50c7 1fd8a374c56b0e92 7b419ce206adf358 21e74a8dfc90356b',
];
const SP = selectAndPermute();

/** The outputs of each box for six bits, already permuted by P. */
function selectAndPermute(): Int32Array {
  const table = new Int32Array(8 * 64);
  S.forEach((digits, box) => {
    const rows = digits.split(' ');
    for (let six = 0; six < 64; six++) {
      const row = rows[((six >> 4) & 2) | (six & 1)]!;
      const four = Number.parseInt(row[(six >> 1) & 15]!, 16);
      const selected = four << (28 - 4 * box);
      P.forEach((from, to) => {
        table[(box << 6) | six]! |= ((selected >>> (32 - from)) & 1) << (31 - to);
      });
    }
  });
  return table;
}
