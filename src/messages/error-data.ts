/** The decoder of the e-data of a KRB-ERROR of an acceptor: KERB-ERROR-DATA of Windows. */
import { Asn1Fields, decodeTree } from './asn1.ts';
import type { KerbErrorData } from './krb-error.ts';
import { readInt32, readOctets } from './primitives.ts';

/** KERB-ERROR-DATA (MS-KILE §2.2.1). @returns `value` is a view. @throws {@link DecodeError}. */
export function decodeKerbErrorData(bytes: Uint8Array): KerbErrorData {
  const label = 'KERB-ERROR-DATA';
  const fields = Asn1Fields.of(decodeTree(bytes, label), label, 2);
  const type = fields.required(1, readInt32);
  const value = fields.optional(2, readOctets);
  return { type, ...(value !== undefined && { value }) };
}
