/** The small buffers of a PAC, one reader for each (MS-PAC §2.7 to §2.15). */
import { Reader } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import type { KerberosTime } from '../time.ts';
import { readFileTime, readSid, readUtf16 } from './data-types.ts';
import type { NdrReader } from './ndr.ts';
import { readNdr } from './ndr.ts';

/** PAC_CLIENT_INFO (MS-PAC §2.7), which ties the PAC to the client and the time of its ticket. */
export interface ClientInfo {
  /** When the client got its first ticket; absent if the buffer holds 0. */
  readonly authTime?: KerberosTime;
  /** The client's name without its realm, unescaped. */
  readonly name: string;
}

/**
 * Reads a PAC_CLIENT_INFO buffer. Padding may follow.
 *
 * @throws {@link DecodeError}
 */
export function parseClientInfo(bytes: Uint8Array): ClientInfo {
  const reader = new Reader(bytes, 'PAC client info');
  const time = readFileTime(reader);
  const name = readUtf16(reader.take(reader.u16(true)), 'PAC client info');
  return { ...(time !== undefined && { authTime: Math.floor(time / 1000) }), name };
}

/** UPN_DNS_INFO (MS-PAC §2.10): the names of the user in the directory. */
export interface UpnDnsInfo {
  /** The user principal name, `user@domain`. */
  readonly upn: string;
  /** The DNS name of the domain, in the letter case that the KDC sends. */
  readonly dnsDomainName: string;
  /** Whether the KDC constructed `upn` because the account has no userPrincipalName (U flag). */
  readonly constructed: boolean;
  /** The sAMAccountName; only in the extended form (S flag). */
  readonly samName?: string;
  /** The SID of the user; only in the extended form (S flag). */
  readonly sid?: string;
}

/**
 * Reads a UPN_DNS_INFO buffer.
 *
 * @throws {@link DecodeError}
 */
export function parseUpnDnsInfo(bytes: Uint8Array): UpnDnsInfo {
  const reader = new Reader(bytes, 'PAC UPN and DNS info');
  const upn = text(reader, field(reader));
  const dnsDomainName = text(reader, field(reader));
  const flags = reader.u32(true);
  const info = { upn, dnsDomainName, constructed: (flags & CONSTRUCTED) !== 0 };
  if ((flags & EXTENDED) === 0) return info;
  const samName = text(reader, field(reader));
  const sid = Reader.all(field(reader), reader.label, readSid);
  return { ...info, samName, sid };
}

// A length, then an offset from the start of the buffer.
function field(reader: Reader): Uint8Array {
  const length = reader.u16(true);
  const offset = reader.u16(true);
  if (length > 0 && offset + length > reader.bytes.length) {
    throw new DecodeError(`${reader.label} points outside of itself`);
  }
  return reader.bytes.subarray(offset, offset + length);
}

function text(reader: Reader, bytes: Uint8Array): string {
  return readUtf16(bytes, reader.label);
}

/** S4U_DELEGATION_INFO (MS-PAC §2.9): the services through which a delegated ticket came. */
export interface DelegationInfo {
  /** The service that the ticket was requested for by constrained delegation (S4U2proxy). */
  readonly proxyTarget: string;
  /** The services that acted for the user, in that order. */
  readonly transitedServices: readonly string[];
}

/**
 * Reads an S4U_DELEGATION_INFO buffer.
 *
 * @throws {@link DecodeError}
 */
export function parseDelegationInfo(bytes: Uint8Array): DelegationInfo {
  return readNdr(bytes, 'PAC delegation info', readDelegationInfo);
}

function readDelegationInfo(ndr: NdrReader): DelegationInfo {
  const target = ndr.unicodeString();
  const listSize = ndr.u32();
  const hasList = ndr.pointer();
  if (!hasList && listSize !== 0) throw new DecodeError('PAC delegation info lacks its services');
  const proxyTarget = ndr.unicodeText(target);
  const count = hasList ? ndr.countOf(listSize, 8) : 0;
  const headers = Array.from({ length: count }, () => ndr.unicodeString());
  return { proxyTarget, transitedServices: headers.map((header) => ndr.unicodeText(header)) };
}

/** PAC_ATTRIBUTES_INFO (MS-PAC §2.14); only ticket-granting tickets have it. */
export interface PacAttributes {
  /** Whether the client asked for a PAC. */
  readonly requested: boolean;
  /** Whether the client did not say, so that the KDC added a PAC by default. */
  readonly givenImplicitly: boolean;
}

/**
 * Reads a PAC_ATTRIBUTES_INFO buffer.
 *
 * @throws {@link DecodeError}
 */
export function parsePacAttributes(bytes: Uint8Array): PacAttributes {
  const reader = new Reader(bytes, 'PAC attributes');
  const bits = reader.u32(true);
  if (bits < 2) throw new DecodeError('PAC attributes are shorter than two bits');
  // MS-PAC §2.14: unknown bits are ignored.
  const flags = reader.u32(true);
  return { requested: (flags & 0x1) !== 0, givenImplicitly: (flags & 0x2) !== 0 };
}

/**
 * Reads a PAC_REQUESTOR buffer (MS-PAC §2.15).
 *
 * @returns The SID of the account that asked for the ticket.
 * @throws {@link DecodeError}
 */
export function parseRequestorSid(bytes: Uint8Array): string {
  return readSid(new Reader(bytes, 'PAC requestor'));
}

/** PAC_SIGNATURE_DATA (MS-PAC §2.8). */
export interface PacSignature {
  /** Checksum type: 16 is HMAC-SHA1-96-AES256, -138 HMAC-MD5. */
  readonly type: number;
  /** A view of the checksum and the bytes after it; the type determines the checksum's length. */
  readonly data: Uint8Array;
}

/**
 * Reads a PAC_SIGNATURE_DATA buffer.
 *
 * @throws {@link DecodeError}
 */
export function parsePacSignature(bytes: Uint8Array): PacSignature {
  const reader = new Reader(bytes, 'PAC signature');
  return { type: reader.i32(true), data: reader.rest() };
}

/**
 * The read-only domain controller that signed (MS-PAC §2.8, RODCIdentifier): the number of its
 * krbtgt account, as in the upper half of a kvno.
 *
 * @param checksumLength - Bytes of a checksum of the signature's type.
 * @returns The number; undefined if the field is absent or 0, which means a writable domain
 *   controller.
 */
export function rodcIdentifier(
  signature: PacSignature,
  checksumLength: number,
): number | undefined {
  if (signature.data.length !== checksumLength + 2) return undefined;
  return new Reader(signature.data, 'PAC signature', checksumLength).u16(true) || undefined;
}

// MS-PAC §2.10, Flags: U and S.
const CONSTRUCTED = 0x1;
const EXTENDED = 0x2;
