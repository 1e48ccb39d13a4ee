/**
 * AES's block function (FIPS 197 §5.1 and §5.3.5) on words, under schedules that noble expands.
 *
 * noble's own looks up two bytes at once, in tables of a megabyte together. That is more than most
 * processors have of second-level cache: it is fast when nothing else runs, and several times
 * slower in between of other work, which is where a server's blocks are. The tables here have 10 kB
 * and stay in the first level. Which entries are looked up depends on key and data all the same.
 */

/** Four words: what {@link encryptBlock} and {@link decryptBlock} give back. */
export type BlockWords = Int32Array;

/**
 * @param schedule - Of noble's `expandKeyLE`: words in little-endian order, like the block's.
 * @param output - Where the ciphertext goes.
 */
export function encryptBlock(
  schedule: Uint32Array,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  output: BlockWords,
): void {
  const last = schedule.length - 4;
  let s0 = w0 ^ schedule[0]!;
  let s1 = w1 ^ schedule[1]!;
  let s2 = w2 ^ schedule[2]!;
  let s3 = w3 ^ schedule[3]!;
  let k = 4;
  // FIPS 197 §5.1: SUBBYTES, SHIFTROWS and MIXCOLUMNS are one look-up for each byte.
  for (; k < last; k += 4) {
    const t0 = mix(ENCRYPT, s0, s1, s2, s3) ^ schedule[k]!;
    const t1 = mix(ENCRYPT, s1, s2, s3, s0) ^ schedule[k + 1]!;
    const t2 = mix(ENCRYPT, s2, s3, s0, s1) ^ schedule[k + 2]!;
    s3 = mix(ENCRYPT, s3, s0, s1, s2) ^ schedule[k + 3]!;
    s0 = t0;
    s1 = t1;
    s2 = t2;
  }
  output[0] = substitute(SBOX, s0, s1, s2, s3) ^ schedule[k]!;
  output[1] = substitute(SBOX, s1, s2, s3, s0) ^ schedule[k + 1]!;
  output[2] = substitute(SBOX, s2, s3, s0, s1) ^ schedule[k + 2]!;
  output[3] = substitute(SBOX, s3, s0, s1, s2) ^ schedule[k + 3]!;
}

/**
 * The inverse of {@link encryptBlock}.
 *
 * @param schedule - Of noble's `expandKeyDecLE`: that of the equivalent inverse cipher.
 */
export function decryptBlock(
  schedule: Uint32Array,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  output: BlockWords,
): void {
  const last = schedule.length - 4;
  let s0 = w0 ^ schedule[0]!;
  let s1 = w1 ^ schedule[1]!;
  let s2 = w2 ^ schedule[2]!;
  let s3 = w3 ^ schedule[3]!;
  let k = 4;
  // FIPS 197 §5.3.5: the same with the inverse transformations; rows shift the other way.
  for (; k < last; k += 4) {
    const t0 = mix(DECRYPT, s0, s3, s2, s1) ^ schedule[k]!;
    const t1 = mix(DECRYPT, s1, s0, s3, s2) ^ schedule[k + 1]!;
    const t2 = mix(DECRYPT, s2, s1, s0, s3) ^ schedule[k + 2]!;
    s3 = mix(DECRYPT, s3, s2, s1, s0) ^ schedule[k + 3]!;
    s0 = t0;
    s1 = t1;
    s2 = t2;
  }
  output[0] = substitute(INVERSE_SBOX, s0, s3, s2, s1) ^ schedule[k]!;
  output[1] = substitute(INVERSE_SBOX, s1, s0, s3, s2) ^ schedule[k + 1]!;
  output[2] = substitute(INVERSE_SBOX, s2, s1, s0, s3) ^ schedule[k + 2]!;
  output[3] = substitute(INVERSE_SBOX, s3, s2, s1, s0) ^ schedule[k + 3]!;
}

/** A column of the next state: byte 0 of `a`, 1 of `b`, 2 of `c`, 3 of `d`, each through a table. */
function mix(tables: Int32Array, a: number, b: number, c: number, d: number): number {
  return (
    tables[a & 0xff]! ^
    tables[0x100 | ((b >>> 8) & 0xff)]! ^
    tables[0x200 | ((c >>> 16) & 0xff)]! ^
    tables[0x300 | (d >>> 24)]!
  );
}

/** As {@link mix}, with the S-box alone, as the last round has it. */
function substitute(box: Uint8Array, a: number, b: number, c: number, d: number): number {
  return (
    box[a & 0xff]! |
    (box[(b >>> 8) & 0xff]! << 8) |
    (box[(c >>> 16) & 0xff]! << 16) |
    (box[d >>> 24]! << 24)
  );
}

// FIPS 197 §4.2: the field GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
function double(a: number): number {
  return ((a << 1) ^ (a < 0x80 ? 0 : 0x11b)) & 0xff;
}

function multiply(a: number, b: number): number {
  let product = 0;
  for (let power = a, rest = b; rest !== 0; power = double(power), rest >>= 1) {
    if ((rest & 1) !== 0) product ^= power;
  }
  return product;
}

/** FIPS 197 §5.1.1: the multiplicative inverse, then an affine transformation. */
function makeSbox(): Uint8Array {
  const box = new Uint8Array(256);
  // 3 generates the field: while p runs through its powers, q runs through their inverses (3 times
  // 0xf6 is 1).
  for (let i = 0, p = 1, q = 1; i < 255; i++, p = multiply(p, 3), q = multiply(q, 0xf6)) {
    let transformed = 0x63;
    for (let shift = 0; shift < 5; shift++) transformed ^= (q << shift) | (q >> (8 - shift));
    box[p] = transformed;
  }
  box[0] = 0x63;
  return box;
}

/** Four tables of 256 words, each a byte's rotation of the one before. */
function makeTables(box: Uint8Array, column: readonly number[]): Int32Array {
  const tables = new Int32Array(0x400);
  for (let i = 0; i < 256; i++) {
    let word = 0;
    for (let row = 0; row < 4; row++) word |= multiply(box[i]!, column[row]!) << (8 * row);
    for (let table = 0; table < 4; table++) {
      tables[(table << 8) | i] = word;
      word = (word << 8) | (word >>> 24);
    }
  }
  return tables;
}

const SBOX = makeSbox();
const INVERSE_SBOX = new Uint8Array(256);
for (let i = 0; i < 256; i++) INVERSE_SBOX[SBOX[i]!] = i;
// FIPS 197 §5.1.3 and §5.3.3: the first columns of the matrices.
const ENCRYPT = makeTables(SBOX, [0x02, 0x01, 0x01, 0x03]);
const DECRYPT = makeTables(INVERSE_SBOX, [0x0e, 0x09, 0x0d, 0x0b]);
