/** LZ77+Huffman (MS-XCA §2.2), decompression only. */
import { Reader } from '../../bytes.ts';
import { DecodeError } from '../../errors.ts';
import type { Output } from './output.ts';

/**
 * Expands until `output` is full: only the announced length defines the end of the data.
 *
 * @throws {@link DecodeError} if malformed, or longer than `output`.
 */
export function expandXpressHuffman(input: Uint8Array, output: Output): void {
  const reader = new Reader(input, LABEL);
  while (!output.full) expandBlock(reader, output);
}

// MS-XCA §2.2.4: a block has its own table and expands to 64 KiB.
function expandBlock(reader: Reader, output: Output): void {
  const code = readCode(reader.take(TABLE_LENGTH));
  const bits = new BitReader(reader);
  const end = Math.min(output.bytes.length, output.length + BLOCK_LENGTH);
  while (output.length < end) {
    const symbol = readSymbol(bits, code);
    if (symbol < 256) {
      output.push(symbol);
      continue;
    }
    const length = symbol & 15;
    const distanceBits = (symbol - 256) >>> 4;
    // The bytes of the length precede the bits of the distance.
    const matchLength = (length === 15 ? longLength(reader) : length) + 3;
    output.copy((1 << distanceBits) + bits.take(distanceBits), matchLength);
  }
}

function longLength(reader: Reader): number {
  const byte = reader.u8();
  if (byte !== 255) return byte + 15;
  const length = reader.u16(true) || reader.u32(true);
  if (length < 15) throw new DecodeError(`${LABEL} holds a malformed length`);
  return length;
}

/** A canonical code: the number of symbols of each length, and the symbols by length and value. */
interface HuffmanCode {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

function readCode(table: Uint8Array): HuffmanCode {
  const counts = new Uint16Array(MAX_BITS + 1);
  for (const byte of table) {
    counts[byte & 15]!++;
    counts[byte >>> 4]!++;
  }
  const next = new Uint16Array(MAX_BITS + 1);
  let room = 1;
  for (let length = 1; length <= MAX_BITS; length++) {
    room = room * 2 - counts[length]!;
    if (room < 0) throw new DecodeError(`${LABEL} has an impossible code`);
    if (length < MAX_BITS) next[length + 1] = next[length]! + counts[length]!;
  }
  const symbols = new Uint16Array(SYMBOLS);
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const byte = table[symbol >>> 1]!;
    const length = symbol % 2 === 0 ? byte & 15 : byte >>> 4;
    if (length > 0) symbols[next[length]!++] = symbol;
  }
  return { counts, symbols };
}

function readSymbol(bits: BitReader, code: HuffmanCode): number {
  const window = bits.peek();
  let first = 0;
  let index = 0;
  for (let length = 1; length <= MAX_BITS; length++) {
    const value = window >>> (MAX_BITS - length);
    const count = code.counts[length]!;
    if (value - first < count) {
      bits.take(length);
      return code.symbols[index + value - first]!;
    }
    index += count;
    first = (first + count) * 2;
  }
  throw new DecodeError(`${LABEL} holds a code that its table lacks`);
}

/** Reads bits of little-endian 16-bit words, highest first; it reads two words ahead. */
class BitReader {
  readonly #reader: Reader;
  #bits: number;
  #extra = 16;

  constructor(reader: Reader) {
    this.#reader = reader;
    this.#bits = (reader.u16(true) << 16) | reader.u16(true);
  }

  /** Returns the next 15 bits without consuming them. */
  peek(): number {
    return this.#bits >>> 17;
  }

  /** Consumes and returns the next `count` bits, 0 to 15. */
  take(count: number): number {
    // In JavaScript a shift by 32 is a shift by 0.
    const value = count === 0 ? 0 : this.#bits >>> (32 - count);
    this.#bits <<= count;
    this.#extra -= count;
    if (this.#extra < 0) {
      this.#bits |= this.#reader.u16(true) << -this.#extra;
      this.#extra += 16;
    }
    return value;
  }
}

const LABEL = 'LZ77+Huffman data';
const SYMBOLS = 512;
const TABLE_LENGTH = 256;
const MAX_BITS = 15;
const BLOCK_LENGTH = 65536;
