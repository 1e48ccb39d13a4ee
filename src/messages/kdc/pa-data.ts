/** Pre-authentication data of requests to a KDC and of its answers (RFC 4120 §5.2.7). */
import type { KerberosTime } from '../../time.ts';
import { DerReader, Tag } from '../der/reader.ts';
import type { DerWriter } from '../der/writer.ts';
import { encodeDer } from '../der/writer.ts';
import type { EncryptedData } from '../encrypted-data.ts';
import { readEncryptedData, writeEncryptedData } from '../encrypted-data.ts';
import { Limit } from '../limits.ts';
import {
  readInt32,
  readKerberosString,
  readKerberosTime,
  readMicroseconds,
  readOctets,
  writeInt32,
  writeKerberosString,
  writeKerberosTime,
  writeMicroseconds,
  writeOctets,
} from '../primitives.ts';

/** PA-DATA (RFC 4120 §5.2.7). */
export interface PaData {
  /** A {@link PaDataType}; may be any number. */
  readonly type: number;
  /** Contents, whose format depends on the type. */
  readonly value: Uint8Array;
}

/** RFC 4120 §7.5.2, MS-KILE §2.2.3 (128), MS-SFU §2.2.1 (129, 130). */
export const PaDataType = {
  tgsReq: 1,
  encTimestamp: 2,
  etypeInfo2: 19,
  pacRequest: 128,
  forUser: 129,
  forX509User: 130,
} as const;

/** ETYPE-INFO2-ENTRY (RFC 4120 §5.2.7.5): how a client derives its key of an enctype. */
export interface EtypeInfo2Entry {
  readonly enctype: number;
  /** The default salt if absent. */
  readonly salt?: string;
  /** Parameters of string-to-key, such as an iteration count; the enctype's defaults if absent. */
  readonly parameters?: Uint8Array;
}

/** PA-ENC-TS-ENC (RFC 4120 §5.2.7.2): the client's time. */
export interface PaTimestamp {
  readonly time: KerberosTime;
  /** 0..999999. */
  readonly microseconds?: number;
}

/** METHOD-DATA (RFC 4120 §5.2.7): the `eData` of KDC_ERR_PREAUTH_REQUIRED. */
export function encodeMethodData(methods: readonly PaData[]): Uint8Array {
  return encodeDer(writePaDataList, methods);
}

/** @returns Its byte fields are views into `bytes`. @throws {@link DecodeError}. */
export function decodeMethodData(bytes: Uint8Array): readonly PaData[] {
  return DerReader.all(bytes, 'METHOD-DATA', readPaDataList);
}

/** ETYPE-INFO2 (RFC 4120 §5.2.7.5). */
export function encodeEtypeInfo2(entries: readonly EtypeInfo2Entry[]): Uint8Array {
  return encodeDer(writeEtypeInfo2, entries);
}

/** @returns Its byte fields are views into `bytes`. @throws {@link DecodeError}. */
export function decodeEtypeInfo2(bytes: Uint8Array): readonly EtypeInfo2Entry[] {
  return DerReader.all(bytes, 'ETYPE-INFO2', readEtypeInfo2);
}

/** The value of PA-ENC-TIMESTAMP (RFC 4120 §5.2.7.2), whose plaintext is PA-ENC-TS-ENC. */
export function encodeEncryptedTimestamp(data: EncryptedData): Uint8Array {
  return encodeDer(writeEncryptedData, data);
}

/** @returns Its byte fields are views into `bytes`. @throws {@link DecodeError}. */
export function decodeEncryptedTimestamp(bytes: Uint8Array): EncryptedData {
  return DerReader.all(bytes, 'PA-ENC-TIMESTAMP', readEncryptedData);
}

export function encodePaTimestamp(timestamp: PaTimestamp): Uint8Array {
  return encodeDer(writePaTimestamp, timestamp);
}

/** @throws {@link DecodeError}. */
export function decodePaTimestamp(bytes: Uint8Array): PaTimestamp {
  return DerReader.all(bytes, 'PA-ENC-TS-ENC', readPaTimestamp);
}

/** KERB-PA-PAC-REQUEST (MS-KILE §2.2.3). @param include - Whether the ticket shall have a PAC. */
export function encodePacRequest(include: boolean): Uint8Array {
  return encodeDer(writePacRequest, include);
}

/** @returns Whether the ticket shall have a PAC. @throws {@link DecodeError}. */
export function decodePacRequest(bytes: Uint8Array): boolean {
  return DerReader.all(bytes, 'KERB-PA-PAC-REQUEST', readPacRequest);
}

export function readPaDataList(reader: DerReader): readonly PaData[] {
  return reader.list(Limit.listElements, readPaData);
}

export function writePaDataList(writer: DerWriter, list: readonly PaData[]): void {
  writer.list(list, writePaData);
}

function readPaData(reader: DerReader): PaData {
  const outer = reader.enter(Tag.sequence);
  const type = reader.field(1, readInt32);
  const value = reader.field(2, readOctets);
  reader.leave(outer);
  return { type, value };
}

function writePaData(writer: DerWriter, { type, value }: PaData): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(1, writeInt32, type);
  writer.field(2, writeOctets, value);
  writer.end(begun);
}

function readEtypeInfo2(reader: DerReader): readonly EtypeInfo2Entry[] {
  return reader.list(Limit.enctypes, readEtypeInfo2Entry);
}

function writeEtypeInfo2(writer: DerWriter, entries: readonly EtypeInfo2Entry[]): void {
  writer.list(entries, writeEtypeInfo2Entry);
}

function readEtypeInfo2Entry(reader: DerReader): EtypeInfo2Entry {
  const outer = reader.enter(Tag.sequence);
  const enctype = reader.field(0, readInt32);
  const salt = reader.optional(1, readKerberosString);
  const parameters = reader.optional(2, readOctets);
  reader.leave(outer);
  return {
    enctype,
    ...(salt !== undefined && { salt }),
    ...(parameters !== undefined && { parameters }),
  };
}

function writeEtypeInfo2Entry(writer: DerWriter, entry: EtypeInfo2Entry): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeInt32, entry.enctype);
  writer.optional(1, writeKerberosString, entry.salt);
  writer.optional(2, writeOctets, entry.parameters);
  writer.end(begun);
}

function readPaTimestamp(reader: DerReader): PaTimestamp {
  const outer = reader.enter(Tag.sequence);
  const time = reader.field(0, readKerberosTime);
  const microseconds = reader.optional(1, readMicroseconds);
  reader.leave(outer);
  return { time, ...(microseconds !== undefined && { microseconds }) };
}

function writePaTimestamp(writer: DerWriter, { time, microseconds }: PaTimestamp): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeKerberosTime, time);
  writer.optional(1, writeMicroseconds, microseconds);
  writer.end(begun);
}

function readPacRequest(reader: DerReader): boolean {
  const outer = reader.enter(Tag.sequence);
  const include = reader.field(0, readBoolean);
  reader.leave(outer);
  return include;
}

function writePacRequest(writer: DerWriter, include: boolean): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeBoolean, include);
  writer.end(begun);
}

function readBoolean(reader: DerReader): boolean {
  return reader.boolean();
}

function writeBoolean(writer: DerWriter, value: boolean): void {
  writer.boolean(value);
}
