/**
 * The part of NDR that PAC buffers use (C706 chapter 14, MS-RPCE §2.2.6): type serialization
 * version 1, little-endian.
 *
 * Every count is compared with the remaining bytes before anything is allocated, and reading only
 * moves forward, so that the size of the buffer bounds the work.
 */
import { Reader } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import { MAX_SUB_AUTHORITIES, readSid, readUtf16 } from './data-types.ts';

/** Whether a unique pointer is not null; its referent then follows later. */
export type Referent = boolean;

/** The fixed part of an RPC_UNICODE_STRING (MS-DTYP §2.3.10). */
export interface UnicodeStringHeader {
  /** The length of the text in bytes. */
  readonly length: number;
  readonly present: Referent;
}

/**
 * Reads one top-level pointer and its referent.
 *
 * @param label - The name of `bytes` in error messages: `'PAC logon info'`.
 * @throws {@link DecodeError} if the headers are malformed or the pointer is null, and as `read`.
 */
export function readNdr<T>(bytes: Uint8Array, label: string, read: (ndr: NdrReader) => T): T {
  const reader = new Reader(bytes, label);
  // MS-RPCE §2.2.6.1: version, endianness (0x10 little), length of this header, filler.
  if (reader.u8() !== 1 || reader.u8() !== 0x10 || reader.u16(true) !== 8) {
    throw new DecodeError(`${label} has no type serialization header`);
  }
  reader.skip(4);
  // MS-RPCE §2.2.6.2: length of the object, filler. Padding may follow the object.
  const length = reader.u32(true);
  reader.skip(4);
  const ndr = new NdrReader(reader.take(length), label);
  if (!ndr.pointer()) throw new DecodeError(`${label} is a null pointer`);
  return read(ndr);
}

/** A cursor over NDR. It aligns reads relative to the start of the object (C706 §14.2.2). */
export class NdrReader {
  readonly #reader: Reader;

  constructor(bytes: Uint8Array, label: string) {
    this.#reader = new Reader(bytes, label);
  }

  get label(): string {
    return this.#reader.label;
  }

  u16(): number {
    this.#align(2);
    return this.#reader.u16(true);
  }

  u32(): number {
    this.#align(4);
    return this.#reader.u32(true);
  }

  u64(): bigint {
    this.#align(8);
    return this.#reader.u64(true);
  }

  /** Aligns to 4 and reads with the underlying reader. */
  plain<T>(read: (reader: Reader) => T): T {
    this.#align(4);
    return read(this.#reader);
  }

  skip(length: number): void {
    this.#reader.skip(length);
  }

  /** Reads a unique pointer (C706 §14.3.10). */
  pointer(): Referent {
    return this.u32() !== 0;
  }

  /**
   * Reads the maximum count of a conformant array.
   *
   * @param elementSize - The minimum number of bytes of an element.
   * @throws {@link DecodeError} if fewer elements can follow.
   */
  count(elementSize: number): number {
    const count = this.u32();
    if (count > Math.floor(this.#reader.remaining / elementSize)) {
      throw new DecodeError(`${this.label} announces ${count} elements, more than it can hold`);
    }
    return count;
  }

  /** {@link count} for an array whose length its structure contains as well; both must be equal. */
  countOf(announced: number, elementSize: number): number {
    const count = this.count(elementSize);
    if (count !== announced) {
      throw new DecodeError(`${this.label} announces ${announced} elements and holds ${count}`);
    }
    return count;
  }

  /** The bytes of a conformant array of bytes, as a view. */
  bytes(announced: number): Uint8Array {
    return this.#reader.take(this.countOf(announced, 1));
  }

  /** Reads the fixed part of an RPC_UNICODE_STRING. */
  unicodeString(): UnicodeStringHeader {
    this.#align(4);
    const length = this.u16();
    this.u16();
    return { length, present: this.pointer() };
  }

  /** Reads the text of an RPC_UNICODE_STRING; `''` if the pointer is null. */
  unicodeText(header: UnicodeStringHeader): string {
    if (!header.present) {
      if (header.length !== 0) throw new DecodeError(`${this.label} lacks a string's text`);
      return '';
    }
    const text = this.#varying();
    if (header.length > text.length || header.length % 2 !== 0) {
      throw new DecodeError(`${this.label} holds a string shorter than announced`);
    }
    // In S4U_DELEGATION_INFO the KDC of Windows includes a terminator in the length.
    const end = header.length;
    const terminated = end >= 2 && text[end - 2] === 0 && text[end - 1] === 0;
    return readUtf16(text.subarray(0, terminated ? end - 2 : end), this.label);
  }

  /** Reads a terminated string (C706 §14.3.4). @returns The text without its terminator. */
  wideString(): string {
    const text = this.#varying();
    const end = text.length - 2;
    if (end < 0 || text[end] !== 0 || text[end + 1] !== 0) {
      throw new DecodeError(`${this.label} holds a string without its end`);
    }
    return readUtf16(text.subarray(0, end), this.label);
  }

  /** Reads an RPC_SID (MS-DTYP §2.4.2.3): a conformant structure around the packet form. */
  sid(limit: number = MAX_SUB_AUTHORITIES): string {
    const count = this.count(4);
    if (count > limit) throw new DecodeError(`${this.label} holds a SID of too many parts`);
    return this.plain((reader) => {
      if (reader.remaining > 1 && reader.bytes[reader.offset + 1] !== count) {
        throw new DecodeError(`${this.label} holds a malformed SID`);
      }
      return readSid(reader);
    });
  }

  /** Reads the SID of a domain, whose users and groups have one sub-authority more. */
  domainSid(): string {
    return this.sid(MAX_SUB_AUTHORITIES - 1);
  }

  // C706 §14.3.3.4: maximum count, offset, actual count; then the 16-bit elements.
  #varying(): Uint8Array {
    const maximum = this.u32();
    const offset = this.u32();
    const actual = this.u32();
    if (offset !== 0 || actual > maximum) {
      throw new DecodeError(`${this.label} holds a malformed string`);
    }
    return this.#reader.take(actual * 2);
  }

  #align(size: number): void {
    const over = this.#reader.offset % size;
    if (over !== 0) this.#reader.skip(size - over);
  }
}
