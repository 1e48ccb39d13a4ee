/** The header of the first token of a context (RFC 2743 §3.1), and what follows it. */

import { KerberosError } from '../../errors.ts';
import { isKrb5Mechanism, Mechanism, mechanismName } from '../../gss/mechanism.ts';
import type { Oid } from '../../gss/oid.ts';
import { decodeOid } from '../../gss/oid.ts';
import { messageType, principalName, pvno } from '../asn1/common.ts';
import { krbError } from '../asn1/errors.ts';
import { otherMessage } from '../asn1/kdc.ts';
import { apRep, apReq } from '../asn1/messages.ts';
import { carriedTicket } from '../asn1/ticket.ts';
import type { Contents, Type } from '../asn1/types.ts';
import { anything, asn1, isOctets, octets, sequence, string } from '../asn1/types.ts';
import type { Cursor, Make } from '../cursor.ts';
import { data, structure } from '../cursor.ts';
import type { Names } from '../names/numbers.ts';
import { namedBytes } from '../names/numbers.ts';
import { blame } from '../scope.ts';
import { mechanism as mechanismItem } from './files.ts';
import { rfc1964 } from './tokens.ts';

/** A token with the header. @param inner - Lays out the tokens of other mechanisms than Kerberos. */
export function framedToken(inner: Contents): Contents {
  return (scope, start, end) => {
    let mechanism: Oid | undefined;
    const place = { label: 'GSS-API token', start, end, clause: 'RFC 2743 §3.1' };
    const item = structure(scope, place, (cursor) => {
      readHeader(cursor);
      mechanism = readMechanism(cursor);
      const { left } = cursor;
      if (left === 0) return;
      const name = mechanism === undefined ? 'token' : mechanismName(mechanism);
      if (mechanism === Mechanism.userToUser) readUserToUser(cursor);
      else if (mechanism !== undefined && isKrb5Mechanism(mechanism)) readKerberos(cursor);
      else if (mechanism === Mechanism.iakerb) readIakerb(cursor);
      else {
        cursor.take(`token of ${name}`, left, (s, from, to, label) =>
          s.tooDeep ? data(s, from, to, label) : inner(s.deeper(), from, to, label, new Map()),
        );
      }
    });
    if (mechanism !== undefined) item.value = mechanismName(mechanism);
    return item;
  };
}

/** [APPLICATION 0] and its length, which should be that of the rest. */
function readHeader(cursor: Cursor): void {
  const lead = cursor.peek(1, cursor.at + 1);
  const octetsOfLength = lead > 0x80 && lead <= 0x88 ? 1 + (lead & 0x7f) : 1;
  const length = octetsOfLength === 1 ? lead : cursor.peek(octetsOfLength - 1, cursor.at + 2);
  cursor.take('[APPLICATION 0]', 1 + octetsOfLength, (scope, start, end, label) => {
    const left = cursor.end - end;
    const item = scope.item(label, start, end, { value: `${length} bytes` });
    if (length > left) blame(item, `truncated: ${length - left} bytes are missing at the end`);
    if (length < left) blame(item, `followed by ${left - length} unexpected bytes`);
    return item;
  });
}

function readMechanism(cursor: Cursor): Oid | undefined {
  const length = cursor.peek(1, cursor.at + 1);
  if (cursor.peek(1) !== 0x06 || length > MAX_OID) cursor.stop('the token names no mechanism');
  const start = cursor.at;
  cursor.take('mechanism', 2 + length, mechanismItem);
  try {
    return decodeOid(cursor.scope.bytes.subarray(start + 2, cursor.at));
  } catch (error) {
    if (error instanceof KerberosError) return undefined;
    throw error;
  }
}

function readKerberos(cursor: Cursor): void {
  const id = cursor.peek(2);
  if (id === 0x0101 || id === 0x0102 || id === 0x0201) {
    cursor.take('token', cursor.left, (scope, start, end, label) =>
      rfc1964(scope, start, end, label, new Map()),
    );
    return;
  }
  cursor.u16('TOK_ID', (value) => namedBytes(TOKEN_IDS, value), 'RFC 4121 §4.1');
  if (cursor.left === 0) return;
  cursor.take('message', cursor.left, message);
}

const message: Make = (scope, start, end, label) => {
  const known = kerberosMessage(scope.bytes[start]!);
  if (known === undefined) return data(scope, start, end, label);
  const [name, contents] = known;
  return contents(scope, start, end, name, new Map());
};

/** A message of Kerberos by its first octet, with which GSS-API frames it or sends it bare. */
export function kerberosMessage(
  tag: number,
): readonly [name: string, contents: Contents] | undefined {
  if (tag === 0x6e) return ['AP-REQ', apReq];
  if (tag === 0x6f) return ['AP-REP', apRep];
  if (tag === 0x7e) return ['KRB-ERROR', krbError];
  return (tag & 0xe0) === 0x60 ? otherMessage(tag & 0x1f) : undefined;
}

/** draft-swift-win2k-krb-user2user-03 §3: a ticket of the server's user is asked for first. */
function readUserToUser(cursor: Cursor): void {
  const id = cursor.u16('TOK_ID', (value) => namedBytes(TOKEN_IDS, value));
  if (id !== TGT_REQUEST_ID && id !== TGT_REPLY_ID) {
    cursor.rest('message', message);
    return;
  }
  const [name, type] = id === TGT_REQUEST_ID ? TGT_REQUEST : TGT_REPLY;
  cursor.rest(name, (scope, start, end, label) => asn1(scope, start, end, label, type));
}

const TGT_REQUEST: readonly [string, Type] = [
  'KERB-TGT-REQUEST',
  sequence({
    0: ['pvno', pvno],
    1: ['msg-type', messageType],
    2: ['server-name?', principalName],
    3: ['realm?', string],
  }),
];

const TGT_REPLY: readonly [string, Type] = [
  'KERB-TGT-REPLY',
  sequence({ 0: ['pvno', pvno], 1: ['msg-type', messageType], 2: ['ticket', carriedTicket] }),
];

/** IAKERB: a header and a message to or from a KDC (draft-ietf-kitten-iakerb §3). */
export function readIakerb(cursor: Cursor): void {
  const id = cursor.u16('TOK_ID', (value) => namedBytes(TOKEN_IDS, value), 'RFC 4121 §4.1');
  if (id !== IAKERB_PROXY || cursor.left === 0) {
    cursor.rest('message', message);
    return;
  }
  const { bytes } = cursor.scope;
  const lead = bytes[cursor.at + 1] ?? 0;
  const header =
    lead < 0x80 ? 2 + lead : 2 + (lead & 0x7f) + cursor.peek(lead & 0x7f, cursor.at + 2);
  cursor.take('IAKERB-HEADER', Math.min(header, cursor.left), (scope, start, end, label) =>
    asn1(scope, start, end, label, IAKERB_HEADER),
  );
  cursor.rest('message', message);
}

/** MIT krb5 before 1.22 writes an OCTET STRING. */
const targetRealm: Type = (scope, element, label, seen) =>
  (isOctets(element) ? octets(asText) : string)(scope, element, label, seen);

const asText: Contents = (scope, start, end, label) =>
  scope.item(label, start, end, scope.text(start, end));

const IAKERB_HEADER: Type = sequence(
  {
    1: ['target-realm', targetRealm],
    2: ['cookie?', octets()],
    3: ['extension?', anything],
  },
  'draft-ietf-kitten-iakerb-03 §3',
);

// RFC 4121 §4.1, RFC 1964 §1.2, draft-ietf-kitten-iakerb, draft-swift-win2k-krb-user2user-03.
export const TOKEN_IDS: Names = new Map([
  [0x0100, 'KRB_AP_REQ'],
  [0x0200, 'KRB_AP_REP'],
  [0x0300, 'KRB_ERROR'],
  [0x0400, 'KERB_TGT_REQUEST, user-to-user'],
  [0x0401, 'KERB_TGT_REPLY, user-to-user'],
  [0x0501, 'IAKERB_PROXY'],
]);
const IAKERB_PROXY = 0x0501;
const TGT_REQUEST_ID = 0x0400;
const TGT_REPLY_ID = 0x0401;
const MAX_OID = 127;
