/** Finds out by their first bytes what some bytes are, and lays them out. */
import { readElement } from './asn1/element.ts';
import { authenticator, encApRepPart, encCredPart, krbCred } from './asn1/messages.ts';
import { authorizationDataAlone, encTicketPart, ticketAlone } from './asn1/ticket.ts';
import type { Contents } from './asn1/types.ts';
import { asn1, isOctets } from './asn1/types.ts';
import { structure } from './cursor.ts';
import type { Place } from './formats/carriers.ts';
import {
  bytesWithToken,
  elementWithToken,
  findToken,
  kdcProxyMessage,
} from './formats/carriers.ts';
import { credentialCache, exportedName, keytab } from './formats/files.ts';
import { framedToken, kerberosMessage, readIakerb, TOKEN_IDS } from './formats/gss.ts';
import { negoEx, ntlm } from './formats/ntlm.ts';
import { layOutPac } from './formats/pac.ts';
import { gs2HeaderLength, gs2Response, gs2Token } from './formats/sasl.ts';
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
  /** The token that an acceptor takes from its clients; absent if there is none in such bytes. */
  readonly tokenOf?: (bytes: Uint8Array) => Uint8Array;
}

/** Lays out bytes of any known format. */
export const layOutBytes: Contents = (scope, start, end, label, seen) => {
  const format = identify(scope.bytes, start, end);
  if (format === undefined) return unknown(scope, start, end);
  return format.contents(scope, start, end, format.name || label, seen);
};

/** The format of some bytes; undefined if it is none that is known here. */
export function identify(
  bytes: Uint8Array,
  start: number,
  end: number,
  depth = 0,
): Format | undefined {
  const [a = -1, b = -1, c = -1, d = -1] = bytes.subarray(start, Math.min(end, start + 4));
  const id = (a << 8) | b;
  if (startsWith(bytes, start, end, 'NTLMSSP\0')) return token('NTLM message', ntlm);
  if (startsWith(bytes, start, end, 'NEGOEXTS')) return token('NegoEx messages', negoEx);
  if (a === 0x60) return token('GSS-API token', framedToken(layOutBytes));
  if (a === 0xa0 || a === 0xa1) return token('SPNEGO token', negToken(layOutBytes));
  // RFC 4121 §4.2.6: a filler where a credential cache has a length.
  if (id === 0x0504 && d === 0xff) return { name: 'Wrap token', contents: cfxWrap };
  if (id === 0x0404 && d === 0xff) return { name: 'MIC token', contents: cfxMic };
  if (gs2HeaderLength(bytes, start, end) > 0) {
    return { name: 'first response of GS2', contents: gs2Response(layOutBytes), tokenOf: gs2Token };
  }
  // Only the first token of an exchange has a header (MIT krb5 before 1.22); in a keytab, 0 is there.
  if (id === 0x0501 && c === 0x30 && bytes[start + 4] === 0xa1) {
    return { name: 'IAKERB token without its header', contents: bareIakerb };
  }
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
  if (message !== undefined) {
    const [name, contents] = message;
    return isAnswered(a) ? token(name, contents) : { name, contents };
  }
  if (isPac(bytes, start, end)) return { name: 'PAC', contents: layOutPac };
  const framed = depth < MAX_FRAMES ? framedFormat(bytes, start, end, depth) : undefined;
  if (framed !== undefined) return framed;
  if (EXPORTS.some((magic) => startsWith(bytes, start, end, magic))) {
    return { name: 'exported context of this package', contents: exportedContext };
  }
  const found = findToken(bytes, start, end);
  if (a === 0x30) return { name: 'ASN.1', contents: sequenceAlone, ...foundIn(found) };
  if (found === undefined) return undefined;
  const name = 'bytes with a token in them';
  return { name, contents: bytesWithToken(layOutBytes), ...foundIn(found) };
}

function token(name: string, contents: Contents): Format {
  return { name, contents, tokenOf: (bytes) => bytes };
}

function foundIn(found: Place | undefined): Pick<Format, 'tokenOf'> {
  if (found === undefined) return {};
  return { tokenOf: (bytes) => bytes.subarray(found.start, found.end) };
}

/** Whether an acceptor is asked about a message alone: it answers those of a client, and refuses those of a peer. */
function isAnswered(tag: number): boolean {
  return tag === 0x6e || tag === 0x6f || tag === 0x7e;
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

/** A token of IAKERB after the first one. */
const bareIakerb: Contents = (scope, start, end, label) =>
  structure(scope, { label, start, end, clause: 'draft-ietf-kitten-iakerb-03 §3' }, readIakerb);

/** Keys are in it, and nothing that a reader would want. */
const exportedContext: Contents = (scope, start, end, label) => scope.secretData(label, start, end);

/** Four bytes of length: a connection to a KDC, frames of SASL, programs of GSS-API. */
const lengthFirst: Contents = (scope, start, end, label) =>
  structure(scope, { label, start, end }, (cursor) => {
    while (cursor.left >= 4 && !scope.report.full) {
      const isMessage = (cursor.peek(2, cursor.at + 4) & 0xfeff) === 0x0404;
      const length = cursor.u32(
        'length',
        undefined,
        isMessage ? 'RFC 4422 §3.7' : 'RFC 4120 §7.2.2',
      );
      cursor.take('message', length, (inner, from, to, name) =>
        inner.tooDeep
          ? inner.data(name, from, to)
          : layOutBytes(inner.deeper(), from, to, name, new Map()),
      );
    }
  });

/** A SEQUENCE without a tag of its own: AuthorizationData if its elements are. */
const sequenceAlone: Contents = (scope, start, end, label, seen) => {
  const { children } = readElement(scope.report, scope.bytes, start, end);
  const fields = children[0]?.children.map(({ tagClass, tagNumber }) => `${tagClass}${tagNumber}`);
  if (fields?.join() === 'context0,context1' && children[0]?.tagNumber === 16) {
    return authorizationDataAlone(scope, start, end, 'AuthorizationData', seen);
  }
  const [first] = children;
  if (first?.tagClass === 'context' && first.tagNumber === 0 && isOctets(first.children[0])) {
    return asn1(scope, start, end, 'KDC-PROXY-MESSAGE', kdcProxyMessage(layOutBytes));
  }
  return elementWithToken(layOutBytes)(scope, start, end, label, seen);
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

/** One message behind its length, or several frames of SASL. */
function framedFormat(
  bytes: Uint8Array,
  start: number,
  end: number,
  depth: number,
): Format | undefined {
  if (end - start < 8) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset + start, 4).getUint32(0);
  const messageEnd = start + 4 + length;
  if (messageEnd > end) return undefined;
  const inner = identify(bytes, start + 4, messageEnd, depth + 1);
  const isMessage = inner?.name === 'Wrap token';
  if (inner === undefined || (messageEnd < end && !isMessage)) return undefined;
  const { tokenOf } = inner;
  return {
    name: isMessage ? 'frames of a security layer' : 'message with its length before it',
    contents: lengthFirst,
    ...(tokenOf !== undefined && { tokenOf: (all: Uint8Array) => tokenOf(all.subarray(4)) }),
  };
}

function startsWith(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start < text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

// A frame in a frame is the most that protocols have.
const MAX_FRAMES = 2;
// The beginnings of what a context or a handshake exports.
const EXPORTS: readonly string[] = ['K5SC', 'K5HS'];

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
