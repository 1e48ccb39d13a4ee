/** What the e-data of a KRB-ERROR holds: METHOD-DATA, TYPED-DATA, or Windows' KERB-ERROR-DATA. */
import type { Asn1Node } from './asn1.ts';
import { Asn1Fields, decodeTree, listOf } from './asn1.ts';
import { Tag } from './der/reader.ts';
import type { DerWriter } from './der/writer.ts';
import { encodeDer } from './der/writer.ts';
import { Limit } from './limits.ts';
import { readInt32, readOctets, writeInt32, writeOctets } from './primitives.ts';

/** PA-DATA (RFC 4120 §5.2.7). */
export interface PaData {
  readonly type: number;
  readonly value: Uint8Array;
}

/** An element of TYPED-DATA (RFC 4120 §5.9.1), or KERB-ERROR-DATA (MS-KILE §2.2.1). */
export interface TypedData {
  readonly type: number;
  readonly value?: Uint8Array;
}

/** MS-KILE §2.2.1. */
export const KerbErrorDataType = {
  /** KERB_AP_ERR_TYPE_SKEW_RECOVERY: the client may correct its clock by `stime` and try again. */
  skewRecovery: 2,
  /** KERB_ERR_TYPE_EXTENDED: the value holds an NTSTATUS. */
  extended: 3,
} as const;

/** METHOD-DATA, a list of PA-DATA (RFC 4120 §5.9.1). @throws {@link DecodeError}. */
export function decodeMethodData(bytes: Uint8Array): readonly PaData[] {
  const label = 'METHOD-DATA';
  return listOf(decodeTree(bytes, label), label, Limit.listElements).map((item) => {
    const fields = Asn1Fields.of(item, label, 2);
    return { type: fields.required(1, readInt32), value: fields.required(2, readOctets) };
  });
}

export function encodeMethodData(list: readonly PaData[]): Uint8Array {
  return encodeDer(writeMethodData, list);
}

/** TYPED-DATA (RFC 4120 §5.9.1). @throws {@link DecodeError}. */
export function decodeTypedData(bytes: Uint8Array): readonly TypedData[] {
  const label = 'TYPED-DATA';
  const items = listOf(decodeTree(bytes, label), label, Limit.listElements);
  return items.map((item) => typedOf(item, label, 0));
}

export function encodeTypedData(list: readonly TypedData[]): Uint8Array {
  return encodeDer(writeTypedDataList, list);
}

/** KERB-ERROR-DATA (MS-KILE §2.2.1). @throws {@link DecodeError}. */
export function decodeKerbErrorData(bytes: Uint8Array): TypedData {
  const label = 'KERB-ERROR-DATA';
  return typedOf(decodeTree(bytes, label), label, 1);
}

export function encodeKerbErrorData(data: TypedData): Uint8Array {
  return encodeDer(writeTypedFrom1, data);
}

/** @param first - The number of the type's field; the value's is the next. */
function typedOf(sequence: Asn1Node, label: string, first: number): TypedData {
  const fields = Asn1Fields.of(sequence, label, first + 1);
  const type = fields.required(first, readInt32);
  const value = fields.optional(first + 1, readOctets);
  return value === undefined ? { type } : { type, value };
}

function writeMethodData(writer: DerWriter, list: readonly PaData[]): void {
  writer.list(list, writeTypedFrom1);
}

function writeTypedDataList(writer: DerWriter, list: readonly TypedData[]): void {
  writer.list(list, writeTypedFrom0);
}

function writeTypedFrom0(writer: DerWriter, item: TypedData): void {
  writeTyped(writer, 0, item);
}

function writeTypedFrom1(writer: DerWriter, item: TypedData): void {
  writeTyped(writer, 1, item);
}

function writeTyped(writer: DerWriter, first: number, item: TypedData): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(first, writeInt32, item.type);
  writer.optional(first + 1, writeOctets, item.value);
  writer.end(begun);
}
