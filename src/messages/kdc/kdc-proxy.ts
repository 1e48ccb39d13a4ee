/** KDC-PROXY-MESSAGE (MS-KKDCP §2.2.2). */
import { DerReader, Tag } from '../der/reader.ts';
import type { DerWriter } from '../der/writer.ts';
import { encodeDer } from '../der/writer.ts';
import { readKerberosString, readOctets, writeKerberosString, writeOctets } from '../primitives.ts';

/** A message for a KDC, or its answer, as a proxy carries it. */
export interface KdcProxyMessage {
  /** A Kerberos message after its length in four bytes (RFC 4120 §7.2.2). */
  readonly message: Uint8Array;
  /** The realm of the KDC; absent in an answer. */
  readonly targetDomain?: string;
}

/** Puts the length of a message before it, in four bytes (RFC 4120 §7.2.2). @returns A new buffer. */
export function withLength(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + message.length);
  new DataView(bytes.buffer).setUint32(0, message.length);
  bytes.set(message, 4);
  return bytes;
}

/** @returns A new buffer. */
export function encodeKdcProxyMessage(message: KdcProxyMessage): Uint8Array {
  return encodeDer(writeKdcProxyMessage, message);
}

/** @returns `message` is a view of `bytes`. @throws {@link DecodeError} */
export function decodeKdcProxyMessage(bytes: Uint8Array): KdcProxyMessage {
  return DerReader.all(bytes, 'KDC-PROXY-MESSAGE', (reader) => {
    const outer = reader.enter(Tag.sequence);
    const message = reader.field(0, readOctets);
    const targetDomain = reader.optional(1, readKerberosString);
    // dclocator-hint, for proxies only.
    reader.optional(2, (hint) => hint.integer(-0x8000_0000, 0xffff_ffff));
    reader.leave(outer);
    return targetDomain === undefined ? { message } : { message, targetDomain };
  });
}

function writeKdcProxyMessage(writer: DerWriter, value: KdcProxyMessage): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeOctets, value.message);
  writer.optional(1, writeKerberosString, value.targetDomain);
  writer.end(begun);
}
