/**
 * Bytes: a bounds-checked cursor, a growing writer, and conversions that every layer uses.
 */
import { DecodeError } from './errors.ts';

/**
 * A cursor over bytes. Every read is bounds-checked and returns a view, never a copy.
 *
 * @throws {@link DecodeError} from every read that would pass the end.
 */
export class Reader {
  readonly bytes: Uint8Array;
  readonly label: string;
  #at: number;
  readonly #end: number;

  /**
   * @param bytes - Not copied.
   * @param label - The name of the bytes in error messages: `'keytab'`, `'wrap token'`.
   */
  constructor(bytes: Uint8Array, label: string, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.label = label;
    this.#at = start;
    this.#end = end;
  }

  /** Reads all of `bytes` with `read`; trailing bytes are an error. */
  static all<T>(bytes: Uint8Array, label: string, read: (reader: Reader) => T): T {
    const reader = new Reader(bytes, label);
    const value = read(reader);
    reader.end();
    return value;
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  /** @throws {@link DecodeError} if bytes are left. */
  end(): void {
    if (this.#at !== this.#end) {
      throw new DecodeError(`${this.label} is followed by ${this.remaining} unexpected bytes`);
    }
  }

  /** The next `length` bytes as a view. */
  take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A reader of the next `length` bytes. */
  sub(length: number, label: string = this.label): Reader {
    const at = this.#advance(length);
    return new Reader(this.bytes, label, at, at + length);
  }

  /** All that is left, as a view. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  skip(length: number): void {
    this.#advance(length);
  }

  u8(): number {
    return this.bytes[this.#advance(1)]!;
  }

  u16(littleEndian = false): number {
    const at = this.#advance(2);
    const a = this.bytes[at]!;
    const b = this.bytes[at + 1]!;
    return littleEndian ? a | (b << 8) : (a << 8) | b;
  }

  u32(littleEndian = false): number {
    return this.i32(littleEndian) >>> 0;
  }

  i32(littleEndian = false): number {
    const at = this.#advance(4);
    const b = this.bytes;
    return littleEndian
      ? b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)
      : (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
  }

  u64(littleEndian = false): bigint {
    const first = BigInt(this.u32(littleEndian));
    const second = BigInt(this.u32(littleEndian));
    return littleEndian ? (second << 32n) | first : (first << 32n) | second;
  }

  #advance(length: number): number {
    const at = this.#at;
    if (!(length >= 0 && length <= this.#end - at)) {
      throw new DecodeError(
        `${this.label} is truncated: ${length} bytes wanted, ${this.#end - at} left`,
        { reason: 'token.truncated', detail: { wanted: length, left: this.#end - at } },
      );
    }
    this.#at = at + length;
    return at;
  }
}

/** Writes bytes into a buffer that grows; outgrown buffers are wiped. */
export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number, littleEndian = false): this {
    const at = this.#grow(2);
    this.#bytes[at] = littleEndian ? value : value >>> 8;
    this.#bytes[at + 1] = littleEndian ? value >>> 8 : value;
    return this;
  }

  u32(value: number, littleEndian = false): this {
    const at = this.#grow(4);
    for (let i = 0; i < 4; i++) {
      this.#bytes[at + i] = value >>> (8 * (littleEndian ? i : 3 - i));
    }
    return this;
  }

  u64(value: bigint, littleEndian = false): this {
    const high = Number((value >> 32n) & 0xffffffffn);
    const low = Number(value & 0xffffffffn);
    return littleEndian ? this.u32(low, true).u32(high, true) : this.u32(high).u32(low);
  }

  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** @returns A copy of the bytes written; the writer's buffer is wiped. */
  finish(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#bytes.fill(0);
    this.#length = 0;
    return bytes;
  }

  #grow(by: number): number {
    const at = this.#length;
    const need = at + by;
    if (need > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(need, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes.fill(0);
      this.#bytes = larger;
    }
    this.#length = need;
    return at;
  }
}

/** The concatenated parts, in a new buffer. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * Whether the bytes are the same; leaks the place of a difference through time: not for secrets.
 */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

/** Whether the bytes are equal, in a time that depends only on the lengths. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  // Not by joining strings: each step would be an object, and a PAC has a thousand of them.
  const digits = new Uint8Array(2 * bytes.length);
  let at = 0;
  for (const byte of bytes) {
    digits[at++] = DIGITS[byte >> 4]!;
    digits[at++] = DIGITS[byte & 15]!;
  }
  return decoder.decode(digits);
}

/**
 * The bytes of a hexadecimal text; white space is skipped.
 *
 * @throws TypeError if the text is not hexadecimal.
 */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) {
    throw new TypeError('hex: expected an even number of hexadecimal digits');
  }
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}

/**
 * A caller's bytes as a plain Uint8Array over the same memory. A Node.js Buffer is a Uint8Array
 * whose `slice` returns a view, and V8 runs code that meets both classes more slowly.
 *
 * @throws TypeError if `bytes` are not a Uint8Array.
 */
export function plainBytes(bytes: Uint8Array, label: string): Uint8Array {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`${label}: expected a Uint8Array, got ${typeof bytes}`);
  }
  return bytes.constructor === Uint8Array
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** UTF-8 bytes of a text. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * Decodes UTF-8 strictly; a byte order mark is kept as a character.
 *
 * @throws {@link DecodeError} if the bytes are not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array, label: string): string {
  // Names are short and usually ASCII, for which this loop is faster than calling the decoder.
  if (bytes.length <= 64) {
    let text = '';
    let i = 0;
    for (; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (byte >= 0x80) break;
      text += String.fromCharCode(byte);
    }
    if (i === bytes.length) return text;
  }
  try {
    return decoder.decode(bytes);
  } catch {
    throw new DecodeError(`${label} is not valid UTF-8`);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const DIGITS = encoder.encode('0123456789abcdef');
