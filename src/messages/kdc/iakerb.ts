/** IAKERB-HEADER and IAKERB-FINISHED (draft-ietf-kitten-iakerb-03 §3 and §4). */
import { skipElement } from '../der/check.ts';
import { DerReader, Tag } from '../der/reader.ts';
import type { DerWriter } from '../der/writer.ts';
import { encodeDer } from '../der/writer.ts';
import type { Checksum } from '../encrypted-data.ts';
import { readChecksum, writeChecksum } from '../encrypted-data.ts';
import { Limit } from '../limits.ts';
import { readOctets, writeOctets } from '../primitives.ts';

/** The tag of a target realm: MIT krb5 before 1.22 writes an OCTET STRING (commit 04f9c19). */
export type RealmTag = typeof Tag.utf8String | typeof Tag.octetString;

/** IAKERB-HEADER, and the Kerberos message that follows it. */
export interface ProxiedMessage {
  /** The form of the realm. */
  readonly realmTag: RealmTag;
  /** The realm of the KDC; empty with an empty message, which asks for the acceptor's realm. */
  readonly targetRealm: string;
  /** What the acceptor wants repeated; ours never does. */
  readonly cookie?: Uint8Array;
  /** A KRB-KDC-REQ, KRB-KDC-REP or KRB-ERROR; empty in a question for the realm, and in its answer. */
  readonly message: Uint8Array;
}

/**
 * Reads the contents of an IAKERB_PROXY token.
 *
 * @param contents - Without the header of RFC 2743 §3.1 and without TOK_ID.
 * @returns Views of `contents`.
 * @throws {@link DecodeError}
 */
export function decodeProxiedMessage(contents: Uint8Array): ProxiedMessage {
  const reader = new DerReader(contents, 'IAKERB-HEADER');
  const outer = reader.enter(Tag.sequence);
  const { realm, realmTag } = reader.field(1, readTargetRealm);
  const cookie = reader.optional(2, readOctets);
  skipFields(reader);
  reader.leave(outer);
  const proxied = { targetRealm: realm, realmTag, message: contents.subarray(reader.offset) };
  return cookie === undefined ? proxied : { ...proxied, cookie };
}

/** Writes what {@link decodeProxiedMessage} reads. @returns A new buffer. */
export function encodeProxiedMessage(proxied: ProxiedMessage): Uint8Array {
  const header = encodeDer(writeHeader, proxied);
  const bytes = new Uint8Array(header.length + proxied.message.length);
  bytes.set(header);
  bytes.set(proxied.message, header.length);
  return bytes;
}

/** Writes IAKERB-FINISHED. */
export function encodeFinished(checksum: Checksum): Uint8Array {
  return encodeDer((writer) => {
    const begun = writer.begin(Tag.sequence);
    writer.field(1, writeChecksum, checksum);
    writer.end(begun);
  }, checksum);
}

/** Reads IAKERB-FINISHED: the checksum over all tokens before the AP-REQ. @throws {@link DecodeError} */
export function decodeFinished(bytes: Uint8Array): Checksum {
  return DerReader.all(bytes, 'IAKERB-FINISHED', (reader) => {
    const outer = reader.enter(Tag.sequence);
    const checksum = reader.field(1, readChecksum);
    skipFields(reader);
    reader.leave(outer);
    return checksum;
  });
}

function readTargetRealm(reader: DerReader) {
  if (reader.nextTag !== Tag.octetString) {
    return { realm: reader.utf8String(), realmTag: Tag.utf8String } as const;
  }
  const bytes = reader.octetString();
  // A realm that is not ASCII is in no list, whatever its encoding.
  return {
    realm: String.fromCharCode(...bytes.subarray(0, MAX_REALM)),
    realmTag: Tag.octetString,
  } as const;
}

function writeHeader(writer: DerWriter, proxied: ProxiedMessage): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(1, writeTargetRealm, proxied);
  writer.optional(2, writeOctets, proxied.cookie);
  writer.end(begun);
}

function writeTargetRealm(writer: DerWriter, { targetRealm, realmTag }: ProxiedMessage): void {
  if (realmTag === Tag.utf8String) writer.utf8String(targetRealm);
  else writer.octetString(Uint8Array.from(targetRealm, (char) => char.charCodeAt(0)));
}

/** Later fields, such as Microsoft's dclocatorHint, do not concern a relay. */
function skipFields(reader: DerReader): void {
  while (!reader.atEnd) skipElement(reader, Limit);
}

// Longer ones are no realm of ours.
const MAX_REALM = 1024;
