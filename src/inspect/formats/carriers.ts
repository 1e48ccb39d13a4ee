/** Bytes that have a token somewhere in them: packets of other protocols, and what a capture gives. */
import { readElement } from '../asn1/element.ts';
import type { Contents, Type } from '../asn1/types.ts';
import { anything, asn1, integer, octets, sequence, string } from '../asn1/types.ts';
import { data, structure } from '../cursor.ts';
import type { Draft } from '../item.ts';
import type { Scope } from '../scope.ts';
import { addPart } from '../scope.ts';

/** Where a token begins and ends. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/** The first token with a header (RFC 2743 §3.1) of Kerberos, SPNEGO or IAKERB in some bytes. */
export function findToken(bytes: Uint8Array, from: number, end: number): Place | undefined {
  for (let at = from; ; at++) {
    at = bytes.indexOf(APPLICATION_0, at);
    if (at < 0 || at + 10 > end) return undefined;
    const lead = bytes[at + 1]!;
    const octetsOfLength = lead > 0x80 && lead < 0x85 ? lead & 0x7f : 0;
    const first = at + 2 + octetsOfLength;
    let length = octetsOfLength === 0 ? lead : 0;
    for (let i = 0; i < octetsOfLength; i++) length = length * 256 + bytes[at + 2 + i]!;
    if (first + length > end || !OIDS.some((oid) => isAt(bytes, first, oid))) continue;
    return { start: at, end: first + length };
  }
}

function isAt(bytes: Uint8Array, at: number, wanted: readonly number[]): boolean {
  return wanted.every((byte, i) => bytes[at + i] === byte);
}

/** Bytes of any kind around tokens. @param inner - Lays out a token. */
export function bytesWithToken(inner: Contents): Contents {
  return (scope, start, end, label) =>
    structure(scope, { label, start, end }, (cursor) => {
      for (let count = 0; count < MAX_TOKENS && cursor.left > 0; count++) {
        const found = findToken(scope.bytes, cursor.at, end);
        if (found === undefined) break;
        if (found.start > cursor.at) cursor.take('other bytes', found.start - cursor.at, data);
        cursor.take('token', found.end - found.start, (s, from, to, name) =>
          inner(s.deeper(), from, to, name, new Map()),
        );
      }
      cursor.rest('other bytes');
    });
}

/** ASN.1 of another protocol, as a bind of LDAP, with the token in it behind. */
export function elementWithToken(inner: Contents): Contents {
  return (scope, start, end, label, seen) => {
    const item = asn1(scope, start, end, label, anything);
    const { children } = readElement(scope.report, scope.bytes, start, end);
    const operation = children[1]?.tagClass === 'application' ? children[1].tagNumber : undefined;
    if (operation === 0 || operation === 1) {
      item.value = operation === 0 ? 'LDAP, BindRequest' : 'LDAP, BindResponse';
      item.clause = 'RFC 4511 §4.2';
    }
    addToken(scope, item, start, end, inner, seen);
    return item;
  };
}

function addToken(
  scope: Scope,
  item: Draft,
  start: number,
  end: number,
  inner: Contents,
  seen: Parameters<Contents>[4],
): void {
  const found = findToken(scope.bytes, start, end);
  if (found === undefined) return;
  addPart(item, inner(scope.deeper(), found.start, found.end, 'the token in it', seen));
}

/** KDC-PROXY-MESSAGE. @param inner - Lays out the message with its length. */
export function kdcProxyMessage(inner: Contents): Type {
  return sequence(
    {
      0: ['kerb-message', octets(inner)],
      1: ['target-domain?', string],
      2: ['dclocator-hint?', integer()],
    },
    'MS-KKDCP §2.2.2',
  );
}

const APPLICATION_0 = 0x60;
const MAX_TOKENS = 64;
const OIDS: readonly (readonly number[])[] = [
  [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2],
  [0x06, 9, 0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2],
  [0x06, 6, 0x2b, 6, 1, 5, 5, 2],
  [0x06, 6, 0x2b, 6, 1, 5, 2, 5],
];
