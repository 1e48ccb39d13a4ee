/** The structures of cryptographic material in messages (RFC 4120 §5.2.9). */
import type { DerReader } from './der/reader.ts';
import { Tag } from './der/reader.ts';
import type { DerWriter, Room, Write } from './der/writer.ts';
import {
  readInt32,
  readOctets,
  readUint32,
  writeInt32,
  writeOctets,
  writeUint32,
} from './primitives.ts';

/** EncryptedData: a ciphertext, and the enctype and version of its key. */
export interface EncryptedData {
  /** The encryption type of the key. */
  readonly enctype: number;
  /** Key version, 0..2^32-1; absent for session keys. */
  readonly kvno?: number;
  /** The ciphertext with its checksum. */
  readonly cipher: Uint8Array;
}

/** EncryptionKey as encoded in messages: enctype and bytes. Secret. */
export interface KeyValue {
  /** The number of the encryption type. */
  readonly enctype: number;
  /** The bytes of the key. */
  readonly value: Uint8Array;
}

/** Checksum: checksum type and bytes. */
export interface Checksum {
  /** A checksum type of RFC 3961 §8. */
  readonly type: number;
  /** The checksum itself. */
  readonly checksum: Uint8Array;
}

export function readEncryptedData(reader: DerReader): EncryptedData {
  const outer = reader.enter(Tag.sequence);
  const enctype = reader.field(0, readInt32);
  const kvno = reader.optional(1, readUint32);
  const cipher = reader.field(2, readOctets);
  reader.leave(outer);
  return kvno === undefined ? { enctype, cipher } : { enctype, kvno, cipher };
}

export function writeEncryptedData(writer: DerWriter, data: EncryptedData): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeInt32, data.enctype);
  writer.optional(1, writeUint32, data.kvno);
  writer.field(2, writeOctets, data.cipher);
  writer.end(begun);
}

/** EncryptedData whose plaintext will be encrypted in place. */
export interface UnsealedData<T> {
  readonly enctype: number;
  readonly part: T;
  /** The bytes that the key needs around the plaintext. */
  readonly room: Room;
}

export function writeUnsealedData<T>(
  writer: DerWriter,
  { enctype, part, room }: UnsealedData<T>,
  writePart: Write<T>,
): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeInt32, enctype);
  const cipher = writer.begin(Tag.context | 2);
  writer.enclosed(writePart, part, room);
  writer.end(cipher);
  writer.end(begun);
}

export function readKeyValue(reader: DerReader): KeyValue {
  const outer = reader.enter(Tag.sequence);
  const enctype = reader.field(0, readInt32);
  const value = reader.field(1, readOctets);
  reader.leave(outer);
  return { enctype, value };
}

export function writeKeyValue(writer: DerWriter, key: KeyValue): void {
  writeTyped(writer, key.enctype, key.value);
}

export function readChecksum(reader: DerReader): Checksum {
  const outer = reader.enter(Tag.sequence);
  const type = reader.field(0, readInt32);
  const checksum = reader.field(1, readOctets);
  reader.leave(outer);
  return { type, checksum };
}

export function writeChecksum(writer: DerWriter, checksum: Checksum): void {
  writeTyped(writer, checksum.type, checksum.checksum);
}

function writeTyped(writer: DerWriter, type: number, bytes: Uint8Array): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeInt32, type);
  writer.field(1, writeOctets, bytes);
  writer.end(begun);
}
