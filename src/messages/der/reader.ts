/**
 * A strict DER reader (X.690 §10, §11) that works on offsets. It builds no tree, copies nothing and
 * does not recurse, so the calling code bounds the depth. It accepts single-byte tags, definite
 * lengths (in their shortest form by default), and the primitive types of Kerberos and SPNEGO.
 */
import { decodeUtf8 } from '../../bytes.ts';
import { DecodeError } from '../../errors.ts';
import type { KerberosTime } from '../../time.ts';
import type { LengthForm } from './length.ts';
import { LengthFault, lengthOctets, readLength } from './length.ts';
import { keepText, recentText } from './recent-texts.ts';
import { parseGeneralizedTime, TIME_LENGTH } from './time.ts';

/** Identifier octets (X.690 §8.1.2) of the universal types in use. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  generalizedTime: 0x18,
  generalString: 0x1b,
  sequence: 0x30,
  /** Added to the number of a constructed [APPLICATION n], n up to 30. */
  application: 0x60,
  /** Added to the number of an explicit context tag [n], n up to 30. */
  context: 0xa0,
} as const;

/** Reads one value at the reader's position. */
export type Read<T> = (reader: DerReader) => T;

/**
 * A cursor over DER. It reads up to the end of the innermost element that was entered and not yet
 * left.
 *
 * @throws {@link DecodeError} from every method that meets unexpected bytes.
 */
export class DerReader {
  /** The name of the bytes in error messages: `'AP-REQ'`. */
  readonly label: string;
  readonly #bytes: Uint8Array;
  readonly #lengths: LengthForm;
  #at = 0;
  #end: number;

  /** @param bytes - Not copied; results are views of it. */
  constructor(bytes: Uint8Array, label: string, lengths: LengthForm = 'shortest') {
    this.#bytes = bytes;
    this.label = label;
    this.#lengths = lengths;
    this.#end = bytes.length;
  }

  /** Reads all of `bytes`; trailing bytes are an error. */
  static all<T>(bytes: Uint8Array, label: string, read: Read<T>, lengths?: LengthForm): T {
    const reader = new DerReader(bytes, label, lengths);
    const value = read(reader);
    reader.leave(reader.#end);
    return value;
  }

  get offset(): number {
    return this.#at;
  }

  /** Whether the innermost element has been read to its end. */
  get atEnd(): boolean {
    return this.#at === this.#end;
  }

  /** The next identifier octet; -1 at the end. */
  get nextTag(): number {
    return this.#at === this.#end ? -1 : this.#bytes[this.#at]!;
  }

  /** Enters a constructed element. @returns The argument for {@link leave}. */
  enter(tag: number): number {
    const outer = this.#end;
    this.#end = this.#open(tag);
    return outer;
  }

  /** Leaves the element that {@link enter} entered, which must have been read to its end. */
  leave(outer: number): void {
    if (this.#at !== this.#end) {
      throw this.error(`${this.#end - this.#at} unexpected bytes`);
    }
    this.#end = outer;
  }

  /** Reads the value of the explicitly tagged field [number]. */
  field<T>(number: number, read: Read<T>): T {
    const outer = this.#end;
    this.#end = this.#open(Tag.context | number);
    const value = read(this);
    this.leave(outer);
    return value;
  }

  /** As {@link field}; undefined if another tag is next. */
  optional<T>(number: number, read: Read<T>): T | undefined {
    return this.nextTag === (Tag.context | number) ? this.field(number, read) : undefined;
  }

  /** SEQUENCE OF with at most `limit` elements. */
  list<T>(limit: number, read: Read<T>): T[] {
    const outer = this.enter(Tag.sequence);
    const values: T[] = [];
    while (this.#at !== this.#end) {
      if (values.length === limit) throw this.error(`more than ${limit} elements in a list`);
      values.push(read(this));
    }
    this.#end = outer;
    return values;
  }

  /** INTEGER between `minimum` and `maximum`, both safe integers. */
  integer(minimum: number, maximum: number): number {
    return this.#number(Tag.integer, minimum, maximum);
  }

  /** As {@link integer}, but in up to eight bytes that need not be the fewest. */
  paddedInteger(minimum: number, maximum: number): number {
    const end = this.#open(Tag.integer);
    const length = end - this.#at;
    if (length === 0 || length > 8) throw this.error(`an INTEGER of ${length} bytes`);
    return this.#twosComplement(end, minimum, maximum);
  }

  /** ENUMERATED between 0 and `maximum`. */
  enumerated(maximum: number): number {
    return this.#number(Tag.enumerated, 0, maximum);
  }

  boolean(): boolean {
    const value = this.#take(Tag.boolean, 1);
    // X.690 §11.1: in DER, true is FF.
    if (value !== 0 && value !== 0xff) throw this.error('a BOOLEAN that is not 00 or FF');
    return value !== 0;
  }

  /** The contents of an OCTET STRING, as a view. */
  octetString(): Uint8Array {
    return this.primitive(Tag.octetString);
  }

  /** The contents of a well-formed OBJECT IDENTIFIER, as a view. */
  objectIdentifier(): Uint8Array {
    const contents = this.primitive(Tag.objectIdentifier);
    let start = true;
    for (const byte of contents) {
      // X.690 §8.19.2: no subidentifier starts with 80.
      if (start && byte === 0x80) throw this.error('an OBJECT IDENTIFIER with padding');
      start = byte < 0x80;
    }
    if (contents.length === 0 || !start) throw this.error('a truncated OBJECT IDENTIFIER');
    return contents;
  }

  /** GeneralString; its contents are checked as those of {@link utf8String}. */
  generalString(): string {
    return this.#text(Tag.generalString);
  }

  /**
   * UTF8String. Invalid UTF-8 is refused and not replaced, so that two byte strings never become
   * one name. (RFC 4120 §5.2.1 prescribes ASCII; other text in use is UTF-8.)
   */
  utf8String(): string {
    return this.#text(Tag.utf8String);
  }

  /** GeneralizedTime in the form of RFC 4120 §5.2.3: `YYYYMMDDHHMMSSZ`, an existing date. */
  generalizedTime(): KerberosTime {
    const end = this.#open(Tag.generalizedTime);
    const time =
      end - this.#at === TIME_LENGTH ? parseGeneralizedTime(this.#bytes, this.#at) : undefined;
    if (time === undefined) throw this.error('a GeneralizedTime that is not YYYYMMDDHHMMSSZ');
    this.#at = end;
    return time;
  }

  /**
   * The first 32 bits of a BIT STRING; bit 0 is the most significant. RFC 4120 §5.2.8: missing bits
   * are zero, and further bits have no meaning yet.
   */
  flags(): number {
    const end = this.#open(Tag.bitString);
    const bytes = this.#bytes;
    const start = this.#at;
    const unused = start === end ? 8 : bytes[start]!;
    // X.690 §8.6.2.2 and §11.2.1: up to seven unused bits in the last byte, all zero.
    const isEmpty = end - start <= 1;
    if (unused > 7 || (unused > 0 && (isEmpty || (bytes[end - 1]! & ((1 << unused) - 1)) !== 0))) {
      throw this.error('a malformed BIT STRING');
    }
    let flags = 0;
    for (let i = 1; i <= 4; i++) {
      flags = (flags << 8) | (start + i < end ? bytes[start + i]! : 0);
    }
    this.#at = end;
    return flags >>> 0;
  }

  /** The unchecked contents of any primitive element, as a view. */
  primitive(tag: number): Uint8Array {
    const end = this.#open(tag);
    const contents = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return contents;
  }

  /**
   * The next element, identifier and length included, as a view; its contents are not looked at.
   */
  element(tag: number): Uint8Array {
    const start = this.#at;
    this.#at = this.#open(tag);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Makes the error `AP-REQ: <problem> at byte 17`, for the caller to throw. */
  error(problem: string): DecodeError {
    return new DecodeError(`${this.label}: ${problem} at byte ${this.#at}`);
  }

  /** Reads identifier and length, up to the contents. @returns The end of the contents. */
  #open(tag: number): number {
    const bytes = this.#bytes;
    const at = this.#at;
    if (this.#end - at < 2) throw this.error(`truncated: ${tagName(tag)} expected`);
    if (bytes[at] !== tag) {
      throw this.error(`${tagName(tag)} expected, got ${tagName(bytes[at]!)}`);
    }
    this.#at = at + 2;
    const length = bytes[at + 1]!;
    const end = this.#at + length;
    if (length >= 0x80) return this.#openLong(length);
    if (end > this.#end) throw this.error(`truncated: ${length} bytes announced`);
    return end;
  }

  #openLong(first: number): number {
    const length = readLength(this.#bytes, this.#at - 1, this.#end, this.#lengths);
    if (length < 0) throw this.error(describeFault(length, first));
    this.#at += lengthOctets(first) - 1;
    if (length > this.#end - this.#at) throw this.error(`truncated: ${length} bytes announced`);
    return this.#at + length;
  }

  #number(tag: number, minimum: number, maximum: number): number {
    const end = this.#open(tag);
    const bytes = this.#bytes;
    const start = this.#at;
    const first = bytes[start]!;
    const length = end - start;
    if (length === 0 || length > 6) throw this.error(`an INTEGER of ${length} bytes`);
    // X.690 §8.3.2: the first nine bits are not all equal.
    if (length > 1 && (first === 0 || first === 0xff)) {
      if ((first & 0x80) === (bytes[start + 1]! & 0x80))
        throw this.error('an INTEGER with padding');
    }
    return this.#twosComplement(end, minimum, maximum);
  }

  #twosComplement(end: number, minimum: number, maximum: number): number {
    const bytes = this.#bytes;
    const first = bytes[this.#at]!;
    let value = first < 0x80 ? first : first - 256;
    for (let at = this.#at + 1; at < end; at++) value = value * 256 + bytes[at]!;
    if (value < minimum || value > maximum) throw this.error(`INTEGER ${value} out of range`);
    this.#at = end;
    return value;
  }

  #take(tag: number, length: number): number {
    const end = this.#open(tag);
    if (end - this.#at !== length) throw this.error(`${tagName(tag)} of ${end - this.#at} bytes`);
    return this.#bytes[this.#at++]!;
  }

  #text(tag: number): string {
    const end = this.#open(tag);
    const bytes = this.#bytes;
    const start = this.#at;
    const recent = recentText(bytes, start, end);
    if (recent !== undefined) {
      this.#at = end;
      return recent;
    }
    let text = '';
    let at = start;
    // Four at a time costs half as much as one at a time.
    for (; at + 4 <= end; at += 4) {
      const a = bytes[at]!;
      const b = bytes[at + 1]!;
      const c = bytes[at + 2]!;
      const d = bytes[at + 3]!;
      if ((a | b | c | d) >= 0x80) break;
      text += String.fromCharCode(a, b, c, d);
    }
    for (; at < end && bytes[at]! < 0x80; at++) text += String.fromCharCode(bytes[at]!);
    if (at < end) text = decodeUtf8(bytes.subarray(start, end), this.label);
    else keepText(text, bytes, start, end);
    this.#at = end;
    return text;
  }
}

/** `SEQUENCE`, `[3]`, `[APPLICATION 14]`, or the identifier octet in hex. */
export function tagName(tag: number): string {
  const number = tag & 0x1f;
  if (number !== 0x1f) {
    if ((tag & 0xe0) === Tag.context) return `[${number}]`;
    if ((tag & 0xe0) === Tag.application) return `[APPLICATION ${number}]`;
  }
  return TAG_NAMES.get(tag) ?? `0x${tag.toString(16).padStart(2, '0')}`;
}

function describeFault(fault: number, first: number): string {
  if (fault === LengthFault.truncated) return 'truncated length';
  if (fault === LengthFault.notShortest) return 'length not in its shortest form';
  return first === 0x80 ? 'indefinite length' : `length of ${first & 0x7f} bytes`;
}

const TAG_NAMES: ReadonlyMap<number, string> = new Map([
  [Tag.boolean, 'BOOLEAN'],
  [Tag.integer, 'INTEGER'],
  [Tag.bitString, 'BIT STRING'],
  [Tag.octetString, 'OCTET STRING'],
  [Tag.null, 'NULL'],
  [Tag.objectIdentifier, 'OBJECT IDENTIFIER'],
  [Tag.enumerated, 'ENUMERATED'],
  [Tag.utf8String, 'UTF8String'],
  [Tag.generalizedTime, 'GeneralizedTime'],
  [Tag.generalString, 'GeneralString'],
  [Tag.sequence, 'SEQUENCE'],
] as [number, string][]);
