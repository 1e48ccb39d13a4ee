/** UPN_DNS_INFO (MS-PAC §2.10): the names of the user in the directory. */
import { Reader } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import { readSid } from './sid.ts';
import { readUtf16 } from './utf16.ts';

export interface UpnDnsInfo {
  readonly upn: string;
  /** The domain's name in the DNS, in the case that the KDC sends. */
  readonly dnsDomainName: string;
  /** The account has no userPrincipalName of its own: the KDC made `upn` up (U flag). */
  readonly constructed: boolean;
  /** sAMAccountName: of the extended form alone (S flag). */
  readonly samName?: string;
  /** SID of the user: of the extended form alone (S flag). */
  readonly sid?: string;
}

/**
 * Reads an UPN_DNS_INFO buffer.
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

// MS-PAC §2.10, Flags: U and S.
const CONSTRUCTED = 0x1;
const EXTENDED = 0x2;
