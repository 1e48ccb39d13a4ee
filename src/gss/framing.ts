/**
 * The header of a mechanism's first token: [APPLICATION 0], the mechanism's OID, and what the
 * mechanism puts behind it (RFC 2743 §3.1); for Kerberos a two-byte TOK_ID (RFC 4121 §4.1).
 */
import { bytesEqual, Reader } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import { Mechanism } from './mechanism.ts';
import type { Oid } from './oid.ts';
import { decodeOid, encodeOid } from './oid.ts';

/** RFC 4121 §4.1: which Kerberos message follows the header. */
export const TokenId = {
  apReq: 0x0100,
  apRep: 0x0200,
  krbError: 0x0300,
} as const;

/**
 * Peels the header off the first token of a context (RFC 2743 §3.1).
 *
 * @param token - The whole token as received.
 * @returns The mechanism, and a view of what follows its OID; nothing is copied.
 * @throws {@link DecodeError} if it is not such a token, truncated, or followed by extra bytes.
 */
export function unframeToken(token: Uint8Array): {
  readonly mechanism: Oid;
  readonly inner: Uint8Array;
} {
  return Reader.all(token, 'token', (reader) => {
    if (reader.u8() !== APPLICATION_0) {
      throw new DecodeError('token does not start with [APPLICATION 0] (0x60)');
    }
    const body = reader.sub(readLength(reader));
    if (body.u8() !== TAG_OID) throw new DecodeError('token names no mechanism');
    const mechanism = readMechanism(body.take(readLength(body)));
    return { mechanism, inner: body.rest() };
  });
}

/**
 * The header alone, which goes before so many bytes (RFC 2743 §3.1).
 *
 * @param innerLength - Bytes that follow the OID, wherever they are.
 */
export function mechanismHeader(mechanism: Oid, innerLength: number): Uint8Array {
  const oid = encodeMechanism(mechanism);
  const bodyLength = 2 + oid.length + innerLength;
  const lengthBytes = bodyLength < 0x80 ? 0 : Math.ceil((32 - Math.clz32(bodyLength)) / 8);
  const header = new Uint8Array(4 + lengthBytes + oid.length);
  let at = 0;
  header[at++] = APPLICATION_0;
  header[at++] = lengthBytes === 0 ? bodyLength : 0x80 | lengthBytes;
  for (let i = lengthBytes - 1; i >= 0; i--) header[at++] = bodyLength >>> (8 * i);
  header[at++] = TAG_OID;
  header[at++] = oid.length;
  header.set(oid, at);
  return header;
}

/**
 * Peels the header off a per-message token. Those of RFC 1964 have one, those of RFC 4121 have none;
 * like MIT krb5 we take either with and without.
 *
 * @returns A view; the token itself if it has no such header.
 */
export function unframeMessageToken(token: Uint8Array, mechanism: Oid): Uint8Array {
  if (!isFramedToken(token)) return token;
  try {
    const framed = unframeToken(token);
    // Heimdal writes the right number into messages, whichever the AP-REQ came under.
    const expected = [mechanism, Mechanism.krb5 as Oid].includes(framed.mechanism);
    return expected ? framed.inner : token;
  } catch (error) {
    if (error instanceof DecodeError) return token;
    throw error;
  }
}

/** Whether the bytes begin as a framed token does. */
export function isFramedToken(token: Uint8Array): boolean {
  return token[0] === APPLICATION_0;
}

/** Puts the header before a Kerberos message. */
export function frameToken(mechanism: Oid, tokenId: number, message: Uint8Array): Uint8Array {
  return frame(mechanism, message, tokenId);
}

/** Puts the header before the token of a mechanism without TOK_ID, such as SPNEGO. */
export function frameMechanismToken(mechanism: Oid, inner: Uint8Array): Uint8Array {
  return frame(mechanism, inner);
}

function frame(mechanism: Oid, inner: Uint8Array, tokenId?: number): Uint8Array {
  const idLength = tokenId === undefined ? 0 : 2;
  const header = mechanismHeader(mechanism, idLength + inner.length);
  const token = new Uint8Array(header.length + idLength + inner.length);
  token.set(header);
  if (tokenId !== undefined) {
    token[header.length] = tokenId >>> 8;
    token[header.length + 1] = tokenId;
  }
  token.set(inner, header.length + idLength);
  return token;
}

function encodeMechanism(mechanism: Oid): Uint8Array {
  for (const known of KNOWN) {
    if (known.oid === mechanism) return known.contents;
  }
  return encodeOid(mechanism);
}

function readMechanism(contents: Uint8Array): Oid {
  for (const known of KNOWN) {
    if (bytesEqual(known.contents, contents)) return known.oid;
  }
  return decodeOid(contents);
}

/** A definite length in the fewest bytes (X.690 §10.1). */
function readLength(reader: Reader): number {
  const first = reader.u8();
  if (first < 0x80) return first;
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new DecodeError('token has a length of an unknown form');
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + reader.u8();
  if (length < 0x80 || length < 256 ** (count - 1)) {
    throw new DecodeError('token has a length that is not in the shortest form');
  }
  return length;
}

// RFC 2743 §3.1: constructed [APPLICATION 0], then an OBJECT IDENTIFIER.
const APPLICATION_0 = 0x60;
const TAG_OID = 0x06;

// The OIDs that nearly every token has: not decoded or encoded anew for each.
const KNOWN: readonly { readonly oid: Oid; readonly contents: Uint8Array }[] = [
  Mechanism.krb5,
  Mechanism.spnego,
  Mechanism.msKrb5,
].map((oid) => ({ oid, contents: encodeOid(oid) }));
