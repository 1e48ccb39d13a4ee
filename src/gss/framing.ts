/**
 * The header of a mechanism's first token: [APPLICATION 0] and the mechanism's OID (RFC 2743 §3.1). The
 * mechanism's own bytes follow; those of Kerberos begin with a two-byte TOK_ID (RFC 4121 §4.1).
 */
import { Reader } from '../bytes.ts';
import type { DecodeErrorOptions } from '../errors.ts';
import { asReason, DecodeError } from '../errors.ts';
import {
  LengthFault,
  lengthOctets,
  readLength,
  shortestOctets,
  writeLength,
} from '../messages/der/length.ts';
import type { Room } from '../messages/der/writer.ts';
import { describeKrbError } from '../messages/krb-error.ts';
import { decodeMechanism, encodeMechanism, Mechanism } from './mechanism.ts';
import type { Oid } from './oid.ts';

/** TOK_ID: the Kerberos message that follows the header (RFC 4121 §4.1). */
export const TokenId = {
  apReq: 0x0100,
  apRep: 0x0200,
  krbError: 0x0300,
  /** draft-ietf-kitten-iakerb-03 §3. */
  iakerbProxy: 0x0501,
} as const;

/** The hint for a first token that is a later one of another exchange. */
export const BEGUN_ELSEWHERE: string =
  'the token belongs to an exchange that began on another connection or server: a proxy or load ' +
  'balancer in between must keep a client on one, or clients must prefer Kerberos, which needs one token';

/** The mechanism in a token's header, and the bytes after the header. */
export interface UnframedToken {
  /** The mechanism that the header names. */
  readonly mechanism: Oid;
  /** The bytes after the OID; a view. */
  readonly inner: Uint8Array;
}

/** The first token of an exchange, without its header if it has one. */
export type FirstToken =
  | ({
      readonly framed: true;
      /** The token itself, with its header. */
      readonly token: Uint8Array;
    } & UnframedToken)
  | {
      readonly framed: false;
      /** The token itself, which names no mechanism. */
      readonly inner: Uint8Array;
    };

/**
 * Removes the header of the first token of a context (RFC 2743 §3.1).
 *
 * @param token - The whole token as received.
 * @throws {@link DecodeError} if it has no such header, is truncated, or is followed by extra bytes.
 */
export function unframeToken(token: Uint8Array): UnframedToken {
  return Reader.all(token, 'token', (reader) => {
    if (reader.u8() !== APPLICATION_0) {
      throw new DecodeError(
        'token does not start with [APPLICATION 0] (0x60)',
        explainStart(token),
      );
    }
    const body = reader.sub(takeLength(reader));
    if (body.u8() !== TAG_OID) throw new DecodeError('token names no mechanism');
    const mechanism = decodeMechanism(body.take(takeLength(body)));
    return { mechanism, inner: body.rest() };
  });
}

/**
 * The header alone (RFC 2743 §3.1).
 *
 * @param innerLength - The number of bytes that follow the OID, in any buffer.
 */
export function mechanismHeader(mechanism: Oid, innerLength: number): Uint8Array {
  const oid = encodeMechanism(mechanism);
  const header = new Uint8Array(headerLength(oid, innerLength));
  writeHeader(header, oid, innerLength);
  return header;
}

/**
 * Removes the header of a per-message token. Tokens of RFC 1964 have one, those of RFC 4121 have none;
 * like MIT krb5 we accept both with and without it.
 *
 * @param mechanism - The context's; a header of `Mechanism.krb5` is accepted too.
 * @returns A view; the token itself if it has no such header.
 */
export function unframeMessageToken(token: Uint8Array, mechanism: Oid): Uint8Array {
  if (!isFramedToken(token)) return token;
  try {
    const framed = unframeToken(token);
    // Heimdal writes the OID of Kerberos into messages, whichever OID the AP-REQ had.
    const expected = [mechanism, Mechanism.krb5 as Oid].includes(framed.mechanism);
    return expected ? framed.inner : token;
  } catch (error) {
    if (error instanceof DecodeError) return token;
    throw error;
  }
}

/**
 * Reads the first token of an exchange, which some mechanisms send without a header.
 *
 * @returns A view of the bytes after the header; the token itself if it does not begin with one.
 * @throws {@link DecodeError} as {@link unframeToken} if the header is malformed.
 */
export function readFirstToken(token: Uint8Array): FirstToken {
  if (!isFramedToken(token)) return { framed: false, inner: token };
  try {
    const { mechanism, inner } = unframeToken(token);
    return { framed: true, token, mechanism, inner };
  } catch (error) {
    if (lookOf(token) !== 'mangled text') throw error;
    throw asReason(error, { reason: 'token.no-gss-header', detail: { looksLike: 'mangled text' } });
  }
}

/** Whether the token begins with [APPLICATION 0]. */
export function isFramedToken(token: Uint8Array): boolean {
  return token[0] === APPLICATION_0;
}

/** Prepends the header and TOK_ID to a Kerberos message. @returns A new buffer. */
export function frameToken(mechanism: Oid, tokenId: number, message: Uint8Array): Uint8Array {
  return encodeFramed(mechanism, tokenId, (room) =>
    withSpaceBefore(message, room(message.length).before),
  );
}

/**
 * {@link frameToken} without a copy: `encode` encodes the message and leaves the header's bytes free,
 * whose number it asks for.
 */
export function encodeFramed(
  mechanism: Oid,
  tokenId: number,
  encode: (room: Room) => Uint8Array,
): Uint8Array {
  const oid = encodeMechanism(mechanism);
  let innerLength = 0;
  const token = encode((length) => {
    innerLength = ID_LENGTH + length;
    return { before: headerLength(oid, innerLength) + ID_LENGTH, after: 0 };
  });
  const at = writeHeader(token, oid, innerLength);
  token[at] = tokenId >>> 8;
  token[at + 1] = tokenId;
  return token;
}

/** Prepends the header to the token of a mechanism without TOK_ID, such as SPNEGO. @returns A new buffer. */
export function frameMechanismToken(mechanism: Oid, inner: Uint8Array): Uint8Array {
  const oid = encodeMechanism(mechanism);
  const token = withSpaceBefore(inner, headerLength(oid, inner.length));
  writeHeader(token, oid, inner.length);
  return token;
}

function withSpaceBefore(message: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(length + message.length);
  bytes.set(message, length);
  return bytes;
}

function headerLength(oid: Uint8Array, innerLength: number): number {
  return 3 + shortestOctets(2 + oid.length + innerLength) + oid.length;
}

/** @returns The offset after the header. */
function writeHeader(target: Uint8Array, oid: Uint8Array, innerLength: number): number {
  const bodyLength = 2 + oid.length + innerLength;
  target[0] = APPLICATION_0;
  let at = writeLength(target, 1, bodyLength);
  target[at++] = TAG_OID;
  target[at++] = oid.length;
  target.set(oid, at);
  return at + oid.length;
}

/** The reason why bytes are not the first token of a context, derived from their beginning. */
function explainStart(token: Uint8Array): DecodeErrorOptions {
  const [first = 0, second = 0] = token;
  if (first === AP_REP) return { reason: 'token.ap-rep' };
  if (first === KRB_ERROR) return { reason: 'token.krb-error', detail: describeKrbError(token) };
  if (LATER_STARTS.includes(first) || LATER_STARTS.includes((first << 8) | second)) {
    return { reason: 'token.out-of-order', hint: BEGUN_ELSEWHERE };
  }
  const looksLike = lookOf(token);
  return { reason: 'token.no-gss-header', detail: looksLike === undefined ? {} : { looksLike } };
}

/** What the bytes of a token look like instead; undefined if like nothing known. */
function lookOf(token: Uint8Array): string | undefined {
  if (token[0] === TLS_HANDSHAKE && token[1] === 3) return 'TLS';
  const text = String.fromCharCode(...token.subarray(0, 16));
  if (text.includes(REPLACEMENT)) return 'mangled text';
  if (/^(?:YI|oYI|oII|TlRM)[A-Za-z0-9+/=]*$/.test(text)) return 'base64';
  if (/^(?:60|a1|6e|4e544c4d)[0-9a-f]+$/i.test(text)) return 'hexadecimal';
  if (/^Negotiate /i.test(text)) return 'header';
  return undefined;
}

/** A definite length, in any number of octets: like MIT krb5 we do not require the shortest form. */
function takeLength(reader: Reader): number {
  const { bytes, offset, remaining } = reader;
  const length = readLength(bytes, offset, offset + remaining, 'definite');
  if (length === LengthFault.unknownForm) {
    throw new DecodeError('token has a length of an unknown form');
  }
  // Throws if the octets are truncated.
  reader.skip(remaining === 0 ? 1 : lengthOctets(bytes[offset]!));
  return length;
}

// RFC 2743 §3.1: constructed [APPLICATION 0], then an OBJECT IDENTIFIER.
const APPLICATION_0 = 0x60;
const TAG_OID = 0x06;
// RFC 4121 §4.1: TOK_ID.
const ID_LENGTH = 2;
// RFC 4120 §5.10: AP-REP and KRB-ERROR without a header.
const AP_REP = 0x6f;
const KRB_ERROR = 0x7e;
// NegTokenResp; MIC and Wrap (RFC 4121 §4.2.6).
const LATER_STARTS: readonly number[] = [0xa1, 0x0404, 0x0504];
// U+FFFD in UTF-8: bytes that were taken for text and are lost.
const REPLACEMENT = '\u00ef\u00bf\u00bd';
// RFC 8446 §5.1: ContentType handshake.
const TLS_HANDSHAKE = 0x16;
