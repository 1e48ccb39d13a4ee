/** Finds out by their first bytes what some bytes are, and lays them out. */
import { readElement } from './asn1/element.ts';
import { authenticator, encApRepPart, encCredPart, krbCred } from './asn1/messages.ts';
import { authorizationDataAlone, encTicketPart, ticketAlone } from './asn1/ticket.ts';
import type { Contents } from './asn1/types.ts';
import { anything, asn1 } from './asn1/types.ts';
import { structure } from './cursor.ts';
import { credentialCache, exportedName, keytab } from './formats/files.ts';
import { framedToken, kerberosMessage, TOKEN_IDS } from './formats/gss.ts';
import { negoEx, ntlm } from './formats/ntlm.ts';
import { layOutPac } from './formats/pac.ts';
import { negToken } from './formats/spnego.ts';
import { cfxMic, cfxWrap, rfc1964 } from './formats/tokens.ts';
import type { Draft } from './item.ts';
import { namedBytes } from './names/numbers.ts';
import type { Scope } from './scope.ts';
import { blame } from './scope.ts';

/** What some bytes are. */
export interface Format {
  /** In words that begin a sentence: `GSS-API token`. */
  readonly name: string;
  readonly contents: Contents;
  /** Whether an acceptor takes such bytes from its clients. */
  readonly isToken?: true;
}

/** Lays out bytes of any known format. */
export const layOutBytes: Contents = (scope, start, end, label, seen) => {
  const format = identify(scope.bytes, start, end);
  if (format === undefined) return unknown(scope, start, end);
  return format.contents(scope, start, end, format.name || label, seen);
};

/** The format of some bytes; undefined if it is none that is known here. */
export function identify(bytes: Uint8Array, start: number, end: number): Format | undefined {
  const [a = -1, b = -1, c = -1, d = -1] = bytes.subarray(start, Math.min(end, start + 4));
  const id = (a << 8) | b;
  if (startsWith(bytes, start, end, 'NTLMSSP\0')) return token('NTLM message', ntlm);
  if (startsWith(bytes, start, end, 'NEGOEXTS')) return token('NegoEx messages', negoEx);
  if (a === 0x60) return token('GSS-API token', framedToken(layOutBytes));
  if (a === 0xa0 || a === 0xa1) return token('SPNEGO token', negToken(layOutBytes));
  // RFC 4121 §4.2.6: a filler where a credential cache has a length.
  if (id === 0x0504 && d === 0xff) return { name: 'Wrap token', contents: cfxWrap };
  if (id === 0x0404 && d === 0xff) return { name: 'MIC token', contents: cfxMic };
  if (id === 0x0501 || id === 0x0502) return { name: 'keytab', contents: keytab };
  if (id === 0x0503 || id === 0x0504)
    return { name: 'credential cache', contents: credentialCache };
  if (id === 0x0401 || id === 0x0402) return { name: 'exported name', contents: exportedName };
  if (isRfc1964(bytes, start, end)) return { name: 'token', contents: rfc1964 };
  const isTokenId = id === 0x0100 || id === 0x0200 || id === 0x0300;
  if (isTokenId && kerberosMessage(c) !== undefined) {
    return token('Kerberos token without its header', bareToken);
  }
  const known = PARTS.get(a);
  if (known !== undefined) return { name: known[0], contents: known[1] };
  const message = kerberosMessage(a);
  if (message !== undefined) return token(message[0], message[1]);
  if (isPac(bytes, start, end)) return { name: 'PAC', contents: layOutPac };
  if (isFramed(bytes, start, end))
    return { name: 'message with its length before it', contents: lengthFirst };
  if (a === 0x30) return { name: 'ASN.1', contents: sequenceAlone };
  return undefined;
}

function token(name: string, contents: Contents): Format {
  return { name, contents, isToken: true };
}

function unknown(scope: Scope, start: number, end: number): Draft {
  const item = scope.data(start === end ? 'nothing' : 'unknown bytes', start, end);
  const first = scope.bytes[start];
  const tls = first === 0x16 && scope.bytes[start + 1] === 3;
  blame(
    item,
    start === end
      ? 'the input is empty'
      : tls
        ? 'the beginning of TLS, which is no token'
        : 'neither a token nor a message, ticket, PAC, keytab, credential cache or name',
  );
  return item;
}

/** TOK_ID and a message, as it follows the header of RFC 2743 §3.1. */
const bareToken: Contents = (scope, start, end, label) =>
  structure(scope, { label, start, end, clause: 'RFC 4121 §4.1' }, (cursor) => {
    cursor.u16('TOK_ID', (value) => namedBytes(TOKEN_IDS, value));
    const [name, contents] = kerberosMessage(scope.bytes[cursor.at]!)!;
    cursor.take(name, cursor.left, (inner, from, to) => contents(inner, from, to, name, new Map()));
  });

/** Four bytes of length, as on a connection to a KDC (RFC 4120 §7.2.2) and in other protocols. */
const lengthFirst: Contents = (scope, start, end, label) =>
  structure(scope, { label, start, end }, (cursor) => {
    cursor.u32('length', undefined, 'RFC 4120 §7.2.2');
    cursor.take('message', cursor.left, (inner, from, to, name) =>
      layOutBytes(inner.deeper(), from, to, name, new Map()),
    );
  });

/** A SEQUENCE without a tag of its own: AuthorizationData if its elements are. */
const sequenceAlone: Contents = (scope, start, end, label, seen) => {
  const { children } = readElement(scope.report, scope.bytes, start, end);
  const fields = children[0]?.children.map(({ tagClass, tagNumber }) => `${tagClass}${tagNumber}`);
  if (fields?.join() === 'context0,context1' && children[0]?.tagNumber === 16) {
    return authorizationDataAlone(scope, start, end, 'AuthorizationData', seen);
  }
  return asn1(scope, start, end, label, anything);
};

function isRfc1964(bytes: Uint8Array, start: number, end: number): boolean {
  const id = (bytes[start]! << 8) | (bytes[start + 1] ?? 0);
  const filled = bytes[start + 6] === 0xff && bytes[start + 7] === 0xff;
  return filled && end - start >= 24 && (id === 0x0101 || id === 0x0102 || id === 0x0201);
}

/** MS-PAC §2.3: a small number of buffers, version 0, and a first buffer behind the headers. */
function isPac(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 24) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, 24);
  const count = view.getUint32(0, true);
  const headers = 8 + 16 * count;
  return (
    count > 0 &&
    count <= 256 &&
    view.getUint32(4, true) === 0 &&
    view.getUint32(8, true) < 256 &&
    view.getUint32(16, true) >= headers &&
    view.getUint32(20, true) === 0
  );
}

function isFramed(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 8) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset + start, 4).getUint32(0);
  return length === end - start - 4 && identify(bytes, start + 4, end) !== undefined;
}

function startsWith(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start < text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

// RFC 4120 §5.10: what is encrypted in other messages, and what stands in others.
const PARTS: ReadonlyMap<number, readonly [name: string, contents: Contents]> = new Map([
  [0x61, ['Ticket', ticketAlone]],
  [0x62, ['Authenticator', privately(authenticator)]],
  [0x63, ['EncTicketPart', privately(encTicketPart)]],
  [0x76, ['KRB-CRED', krbCred]],
  [0x7b, ['EncAPRepPart', privately(encApRepPart)]],
  [0x7d, ['EncKrbCredPart', privately(encCredPart)]],
] as [number, [string, Contents]][]);

/** Of plaintext, in which keys are. */
function privately(contents: Contents): Contents {
  return (scope, start, end, label, seen) => contents(scope.deeper(true), start, end, label, seen);
}
