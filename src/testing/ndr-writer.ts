/** Writes NDR (C706 chapter 14, MS-RPCE §2.2.6) for minted PACs: the inverse of `pac/ndr.ts`. */
import { Writer } from '../bytes.ts';
import { parseSid } from '../pac/data-types.ts';

/** A writer that aligns each value. Callers write a structure first, then the targets of its pointers. */
export class NdrWriter {
  readonly #writer = new Writer();
  #referent = FIRST_REFERENT;

  /** A top-level pointer and its target, with the headers of MS-RPCE §2.2.6. */
  static object(write: (ndr: NdrWriter) => void): Uint8Array {
    const ndr = new NdrWriter();
    ndr.pointer(true);
    write(ndr);
    ndr.#align(8);
    const body = ndr.#writer.finish();
    return new Writer(body.length + 16)
      .raw(Uint8Array.of(1, 0x10, 8, 0, 0xcc, 0xcc, 0xcc, 0xcc))
      .u32(body.length, true)
      .u32(0, true)
      .raw(body)
      .finish();
  }

  /** 2 bytes, aligned to 2. */
  u16(value: number): this {
    this.#align(2);
    this.#writer.u16(value, true);
    return this;
  }

  /** 4 bytes, aligned to 4. */
  u32(value: number): this {
    this.#align(4);
    this.#writer.u32(value, true);
    return this;
  }

  /** 8 bytes, aligned to 8; a negative value in two's complement. */
  u64(value: bigint): this {
    this.#align(8);
    this.#writer.u64(BigInt.asUintN(64, value), true);
    return this;
  }

  /** Bytes as they are, not aligned. */
  raw(bytes: Uint8Array): this {
    this.#writer.raw(bytes);
    return this;
  }

  /** A unique pointer; false writes the null pointer. */
  pointer(present: boolean): this {
    this.u32(present ? this.#referent : 0);
    if (present) this.#referent += 4;
    return this;
  }

  /** FILETIME; undefined means "never". */
  fileTime(time: Date | undefined): this {
    const ticks = time === undefined ? NEVER : (BigInt(time.getTime()) + EPOCH_DIFFERENCE) * 10000n;
    return this.u32(Number(ticks & 0xffffffffn)).u32(Number(ticks >> 32n));
  }

  /** The fixed part of an RPC_UNICODE_STRING, a pointer included. */
  unicodeString(text: string): this {
    return this.u32((text.length * 2) | (text.length << 17)).pointer(true);
  }

  /** The pointer's target in an RPC_UNICODE_STRING: the text. */
  unicodeText(text: string): this {
    this.u32(text.length).u32(0).u32(text.length);
    for (let i = 0; i < text.length; i++) this.u16(text.charCodeAt(i));
    return this;
  }

  /** RPC_SID. */
  sid(text: string): this {
    this.u32(parseSid(text).subAuthorities.length);
    return this.raw(encodeSid(text));
  }

  #align(size: number): void {
    while (this.#writer.length % size !== 0) this.#writer.u8(0);
  }
}

/** The packet form of a SID (MS-DTYP §2.4.2.2). */
export function encodeSid(text: string): Uint8Array {
  const { authority, subAuthorities } = parseSid(text);
  const writer = new Writer(8 + 4 * subAuthorities.length);
  writer.u8(1).u8(subAuthorities.length);
  writer.u16(Math.floor(authority / 0x100000000)).u32(authority % 0x100000000);
  for (const value of subAuthorities) writer.u32(value, true);
  return writer.finish();
}

/** UTF-16LE. */
export function encodeUtf16(text: string): Uint8Array {
  const writer = new Writer(text.length * 2);
  for (let i = 0; i < text.length; i++) writer.u16(text.charCodeAt(i), true);
  return writer.finish();
}

const FIRST_REFERENT = 0x00020000;
const NEVER = 0x7fffffffffffffffn;
// Milliseconds from 1601 to 1970.
const EPOCH_DIFFERENCE = 11644473600000n;
