/** A DER writer (X.690 §10, §11), the counterpart of the reader in `der.ts`. */
import { encodeUtf8 } from '../bytes.ts';
import type { KerberosTime } from '../time.ts';
import { Tag } from './der.ts';
import { formatGeneralizedTime, TIME_LENGTH } from './der-time.ts';

/** Writes one value. */
export type Write<T> = (writer: DerWriter, value: T) => void;

/**
 * A growing buffer. An element is begun with a length of one byte; ending it moves its contents
 * if the length needs more, so a byte moves at most once for each level above it.
 */
export class DerWriter {
  #bytes: Uint8Array;
  #length = 0;

  /** @param capacity - Bytes to start with; a good guess saves a copy. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** What `write` writes. */
  static all<T>(write: Write<T>, value: T, capacity?: number): Uint8Array {
    const writer = new DerWriter(capacity);
    write(writer, value);
    return writer.finish();
  }

  /** Begins an element. @returns What {@link end} wants back. */
  begin(tag: number): number {
    const at = this.#grow(2);
    this.#bytes[at] = tag;
    return at + 2;
  }

  /** Ends what {@link begin} began. */
  end(start: number): void {
    const length = this.#length - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const count = length < 0x100 ? 1 : length < 0x1_0000 ? 2 : length < 0x100_0000 ? 3 : 4;
    this.#grow(count);
    this.#bytes.copyWithin(start + count, start, start + length);
    this.#bytes[start - 1] = 0x80 | count;
    for (let i = 0; i < count; i++) this.#bytes[start + i] = length >>> (8 * (count - 1 - i));
  }

  /** The explicitly tagged field [number]. */
  field<T>(number: number, write: Write<T>, value: T): void {
    const start = this.begin(Tag.context | number);
    write(this, value);
    this.end(start);
  }

  /** As {@link field}; nothing if the value is undefined. */
  optional<T>(number: number, write: Write<T>, value: T | undefined): void {
    if (value !== undefined) this.field(number, write, value);
  }

  /** SEQUENCE OF. */
  list<T>(values: readonly T[], write: Write<T>): void {
    const start = this.begin(Tag.sequence);
    for (const value of values) write(this, value);
    this.end(start);
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
    const start = this.begin(Tag.boolean);
    this.#bytes[this.#grow(1)] = value ? 0xff : 0;
    this.end(start);
  }

  octetString(bytes: Uint8Array): void {
    this.primitive(Tag.octetString, bytes);
  }

  /** @param contents - The encoded subidentifiers. */
  objectIdentifier(contents: Uint8Array): void {
    this.primitive(Tag.objectIdentifier, contents);
  }

  /** GeneralString; what is not ASCII goes as UTF-8. */
  generalString(text: string): void {
    this.#text(Tag.generalString, text);
  }

  utf8String(text: string): void {
    this.#text(Tag.utf8String, text);
  }

  /** @throws RangeError if the time is not a whole second of the years 0000 to 9999. */
  generalizedTime(time: KerberosTime): void {
    const start = this.begin(Tag.generalizedTime);
    this.#grow(TIME_LENGTH);
    formatGeneralizedTime(time, this.#bytes, start);
    this.end(start);
  }

  /** BIT STRING of the 32 bits of `flags`: RFC 4120 §5.2.8 wants no fewer. */
  flags(flags: number): void {
    const start = this.begin(Tag.bitString);
    this.#grow(5);
    this.#bytes[start] = 0;
    for (let i = 0; i < 4; i++) this.#bytes[start + 1 + i] = flags >>> (24 - 8 * i);
    this.end(start);
  }

  /** A primitive element with the contents given. */
  primitive(tag: number, contents: Uint8Array): void {
    const start = this.begin(tag);
    this.raw(contents);
    this.end(start);
  }

  /** Elements that are encoded already. */
  raw(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** What was written, in a buffer of its own; the writer's own buffer is wiped. */
  finish(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#bytes.fill(0);
    this.#length = 0;
    return bytes;
  }

  // X.690 §8.3.2: two's complement in the fewest bytes.
  #number(tag: number, value: number): void {
    let count = 1;
    for (let limit = 0x80; value >= limit || value < -limit; limit *= 256) count++;
    const start = this.begin(tag);
    this.#grow(count);
    let rest = value;
    for (let at = start + count - 1; at >= start; at--) {
      this.#bytes[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.end(start);
  }

  #text(tag: number, text: string): void {
    const start = this.begin(tag);
    const at = this.#grow(text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        this.#length = at;
        this.raw(encodeUtf8(text));
        break;
      }
      this.#bytes[at + i] = code;
    }
    this.end(start);
  }

  /** @returns Where the `by` new bytes begin. */
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
