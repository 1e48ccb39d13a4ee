/**
 * Decoders of the e-data of a KRB-ERROR: METHOD-DATA, TYPED-DATA, or KERB-ERROR-DATA of Windows.
 */
import type { Asn1Node } from './asn1.ts';
import { Asn1Fields, decodeTree, listOf } from './asn1.ts';
import type { KerbErrorData } from './krb-error.ts';
import { Limit } from './limits.ts';
import { readInt32, readOctets } from './primitives.ts';

/** PA-DATA (RFC 4120 §5.2.7). */
export interface PaData {
  readonly type: number;
  readonly value: Uint8Array;
}

/** An element of TYPED-DATA (RFC 4120 §5.9.1). */
export interface TypedData {
  readonly type: number;
  readonly value?: Uint8Array;
}

/** METHOD-DATA, a list of PA-DATA (RFC 4120 §5.9.1). @throws {@link DecodeError}. */
export function decodeMethodData(bytes: Uint8Array): readonly PaData[] {
  const label = 'METHOD-DATA';
  return listOf(decodeTree(bytes, label), label, Limit.listElements).map((item) => {
    const fields = Asn1Fields.of(item, label, 2);
    return { type: fields.required(1, readInt32), value: fields.required(2, readOctets) };
  });
}

/** TYPED-DATA (RFC 4120 §5.9.1). @throws {@link DecodeError}. */
export function decodeTypedData(bytes: Uint8Array): readonly TypedData[] {
  const label = 'TYPED-DATA';
  const items = listOf(decodeTree(bytes, label), label, Limit.listElements);
  return items.map((item) => typedOf(item, label, 0));
}

/** KERB-ERROR-DATA (MS-KILE §2.2.1). @throws {@link DecodeError}. */
export function decodeKerbErrorData(bytes: Uint8Array): KerbErrorData {
  const label = 'KERB-ERROR-DATA';
  return typedOf(decodeTree(bytes, label), label, 1);
}

/** @param first - The field number of the type; that of the value is one higher. */
function typedOf(sequence: Asn1Node, label: string, first: number): TypedData {
  const fields = Asn1Fields.of(sequence, label, first + 1);
  const type = fields.required(first, readInt32);
  const value = fields.optional(first + 1, readOctets);
  return { type, ...(value !== undefined && { value }) };
}
