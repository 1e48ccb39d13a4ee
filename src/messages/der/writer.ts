/** A DER writer (X.690 §10, §11), the counterpart of the reader in `reader.ts`. */
import { encodeUtf8 } from '../../bytes.ts';
import type { KerberosTime } from '../../time.ts';
import { shortestOctets, writeLength } from './length.ts';
import { Tag } from './reader.ts';
import { formatGeneralizedTime, TIME_LENGTH } from './time.ts';

/** Writes one value. It is called twice and must write the same both times. */
export type Write<T> = (writer: DerWriter, value: T) => void;

/**
 * The number of bytes to leave free around an element, given its length, so that headers and
 * encryption need no copy of it.
 */
export type Room = (length: number) => { readonly before: number; readonly after: number };

/**
 * Encodes `value` with `write`: a first run measures, a second one writes into a buffer of the
 * right size. So nothing is copied twice, and no copy of a secret is left in memory.
 *
 * @returns The element, with zeros around it if `room` asks for free bytes.
 */
export function encodeDer<T>(write: Write<T>, value: T, room?: Room): Uint8Array {
  const writer = new DerWriter();
  write(writer, value);
  const bytes = writer.startWriting(room);
  write(writer, value);
  return bytes;
}

/** The writer that {@link encodeDer} passes to the functions that write. */
export class DerWriter {
  /**
   * The content lengths of all constructed elements in the order in which they begin, and the
   * numbers of bytes that {@link enclosed} leaves free.
   */
  readonly #lengths: number[] = [];
  #nextLength = 0;
  /** Absent while measuring. */
  #bytes: Uint8Array | undefined;
  #at = 0;

  /** Ends the measuring run. @returns The buffer that the second run fills. */
  startWriting(room?: Room): Uint8Array {
    const { before, after } = room === undefined ? NO_ROOM : room(this.#at);
    const bytes = new Uint8Array(before + this.#at + after);
    this.#bytes = bytes;
    this.#at = before;
    return bytes;
  }

  /** Begins a constructed element. @returns The argument for {@link end}. */
  begin(tag: number): number {
    if (this.#bytes === undefined) return this.#lengths.push(this.#at) - 1;
    this.#header(tag, this.#lengths[this.#nextLength++]!);
    return 0;
  }

  /** Ends the element that {@link begin} began. */
  end(begun: number): void {
    if (this.#bytes !== undefined) return;
    const length = this.#at - this.#lengths[begun]!;
    this.#lengths[begun] = length;
    this.#at += headerLength(length);
  }

  /** Writes the explicitly tagged field [number]. */
  field<T>(number: number, write: Write<T>, value: T): void {
    const begun = this.begin(Tag.context | number);
    write(this, value);
    this.end(begun);
  }

  /** As {@link field}; writes nothing if the value is undefined. */
  optional<T>(number: number, write: Write<T>, value: T | undefined): void {
    if (value !== undefined) this.field(number, write, value);
  }

  /**
   * Writes an OCTET STRING that contains an encoded value with zeros around it, so that the value
   * can be encrypted in place.
   */
  enclosed<T>(write: Write<T>, value: T, room: Room): void {
    const begun = this.begin(Tag.octetString);
    if (this.#bytes !== undefined) {
      const before = this.#lengths[this.#nextLength++]!;
      const after = this.#lengths[this.#nextLength++]!;
      this.#at += before;
      write(this, value);
      this.#at += after;
      return;
    }
    // The lengths of inner elements follow in the list, in the same order in both runs.
    const slot = this.#lengths.push(0, 0) - 2;
    const start = this.#at;
    write(this, value);
    const { before, after } = room(this.#at - start);
    this.#lengths[slot] = before;
    this.#lengths[slot + 1] = after;
    this.#at += before + after;
    this.end(begun);
  }

  /** SEQUENCE OF. */
  list<T>(values: readonly T[], write: Write<T>): void {
    const begun = this.begin(Tag.sequence);
    for (const value of values) write(this, value);
    this.end(begun);
  }

  /** INTEGER. @throws RangeError unless it is between `minimum` and `maximum`. */
  integer(value: number, minimum: number, maximum: number): void {
    if (!Number.isInteger(value) || value < minimum || value > maximum) {
      throw new RangeError(`integer: expected ${minimum} to ${maximum}, got ${value}`);
    }
    this.#number(Tag.integer, value);
  }

  enumerated(value: number): void {
    this.#number(Tag.enumerated, value);
  }

  boolean(value: boolean): void {
    const bytes = this.#primitive(Tag.boolean, 1);
    if (bytes !== undefined) bytes[this.#at - 1] = value ? 0xff : 0;
  }

  octetString(contents: Uint8Array): void {
    this.primitive(Tag.octetString, contents);
  }

  /** @param contents - The encoded subidentifiers. */
  objectIdentifier(contents: Uint8Array): void {
    this.primitive(Tag.objectIdentifier, contents);
  }

  /** GeneralString; text that is not ASCII is encoded as UTF-8. */
  generalString(text: string): void {
    this.#text(Tag.generalString, text);
  }

  utf8String(text: string): void {
    this.#text(Tag.utf8String, text);
  }

  /** @throws RangeError if the time is not a whole second of the years 0000 to 9999. */
  generalizedTime(time: KerberosTime): void {
    const bytes = this.#primitive(Tag.generalizedTime, TIME_LENGTH);
    if (bytes !== undefined) formatGeneralizedTime(time, bytes, this.#at - TIME_LENGTH);
  }

  /** BIT STRING of the 32 bits of `flags`; RFC 4120 §5.2.8 requires at least 32. */
  flags(flags: number): void {
    const bytes = this.#primitive(Tag.bitString, 5);
    if (bytes === undefined) return;
    const at = this.#at - 4;
    for (let i = 0; i < 4; i++) bytes[at + i] = flags >>> (24 - 8 * i);
  }

  /** Writes a primitive element with the given contents. */
  primitive(tag: number, contents: Uint8Array): void {
    const bytes = this.#primitive(tag, contents.length);
    if (bytes !== undefined) bytes.set(contents, this.#at - contents.length);
  }

  /** Writes elements that are already encoded. */
  raw(encoded: Uint8Array): void {
    if (this.#bytes !== undefined) this.#bytes.set(encoded, this.#at);
    this.#at += encoded.length;
  }

  // X.690 §8.3.2: two's complement in the fewest bytes.
  #number(tag: number, value: number): void {
    let count = 1;
    for (let limit = 0x80; value >= limit || value < -limit; limit *= 256) count++;
    const bytes = this.#primitive(tag, count);
    if (bytes === undefined) return;
    let rest = value;
    for (let i = 1; i <= count; i++) {
      bytes[this.#at - i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
  }

  #text(tag: number, text: string): void {
    if (!isAscii(text)) {
      this.primitive(tag, encodeUtf8(text));
      return;
    }
    const bytes = this.#primitive(tag, text.length);
    if (bytes === undefined) return;
    const at = this.#at - text.length;
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  }

  /**
   * Reserves space for a primitive element and writes its header.
   *
   * @returns The buffer whose `length` bytes before the new position are for the contents;
   *   undefined while measuring.
   */
  #primitive(tag: number, length: number): Uint8Array | undefined {
    if (this.#bytes === undefined) this.#at += headerLength(length);
    else this.#header(tag, length);
    this.#at += length;
    return this.#bytes;
  }

  #header(tag: number, length: number): void {
    const bytes = this.#bytes!;
    bytes[this.#at++] = tag;
    this.#at = writeLength(bytes, this.#at, length);
  }
}

/** Bytes of the identifier and length of an element with `length` bytes of contents. */
function headerLength(length: number): number {
  return 1 + shortestOctets(length);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= 0x80) return false;
  }
  return true;
}

const NO_ROOM = { before: 0, after: 0 } as const;
