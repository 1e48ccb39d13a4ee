/** The basic types of RFC 4120 §5.2: a reader and a writer of one value for each. */
import type { KerberosTime } from '../time.ts';
import type { DerReader } from './der/reader.ts';
import { Tag } from './der/reader.ts';
import type { DerWriter } from './der/writer.ts';
import { Limit } from './limits.ts';

/** A network address (RFC 4120 §5.2.5). */
export interface HostAddress {
  /** 2 for IPv4, 24 for IPv6: see {@link AddressType}. */
  readonly type: number;
  /** In network byte order: 4 bytes for IPv4, 16 for IPv6. */
  readonly address: Uint8Array;
}

/** The types of {@link HostAddress} (RFC 4120 §7.5.3). */
export const AddressType = {
  ipv4: 2,
  directional: 3,
  netBios: 20,
  ipv6: 24,
} as const;

/** Int32 (RFC 4120 §5.2.4). */
export function readInt32(reader: DerReader): number {
  return reader.integer(MIN_INT32, MAX_INT32);
}

export function writeInt32(writer: DerWriter, value: number): void {
  writer.integer(value, MIN_INT32, MAX_INT32);
}

/**
 * UInt32 (RFC 4120 §5.2.4): kvno, sequence numbers, nonces. A negative 32-bit number denotes the
 * same 32 bits: MIT krb5 up to 1.6, Heimdal and Windows encode kvno as Int32 (it is above 2^31 for
 * read-only domain controllers; MIT krb5 asn1_k_encode.c, `kvno`). The regular form of such numbers
 * is five bytes with a leading zero.
 */
export function readUint32(reader: DerReader): number {
  return reader.integer(MIN_INT32, MAX_UINT32) >>> 0;
}

/**
 * seq-number (RFC 4120 §5.5.1), decoded exactly as MIT krb5 does (asn1_k_encode.c `decode_seqno`):
 * old peers encode negative 32-bit numbers, and peers that copy four bytes encode -1 as `FF FF FF
 * FF` (likewise all values from 0xFF800000), which is not the shortest form. The number is
 * encrypted in the authenticator, so nobody can re-encode it.
 */
export function readSequenceNumber(reader: DerReader): number {
  return reader.paddedInteger(MIN_INT32, MAX_UINT32) >>> 0;
}

export function writeUint32(writer: DerWriter, value: number): void {
  writer.integer(value, 0, MAX_UINT32);
}

/** Microseconds (RFC 4120 §5.2.4): 0..999999. */
export function readMicroseconds(reader: DerReader): number {
  return reader.integer(0, 999_999);
}

export function writeMicroseconds(writer: DerWriter, value: number): void {
  writer.integer(value, 0, 999_999);
}

export function readKerberosTime(reader: DerReader): KerberosTime {
  return reader.generalizedTime();
}

export function writeKerberosTime(writer: DerWriter, value: KerberosTime): void {
  writer.generalizedTime(value);
}

export function readKerberosString(reader: DerReader): string {
  return reader.generalString();
}

export function writeKerberosString(writer: DerWriter, value: string): void {
  writer.generalString(value);
}

/** Realm (RFC 4120 §5.2.2); an empty one is refused. */
export function readRealm(reader: DerReader): string {
  const realm = reader.generalString();
  if (realm === '') throw reader.error('an empty realm');
  return realm;
}

export function readFlags(reader: DerReader): number {
  return reader.flags();
}

export function writeFlags(writer: DerWriter, value: number): void {
  writer.flags(value);
}

export function readOctets(reader: DerReader): Uint8Array {
  return reader.octetString();
}

export function writeOctets(writer: DerWriter, value: Uint8Array): void {
  writer.octetString(value);
}

export function readHostAddress(reader: DerReader): HostAddress {
  const outer = reader.enter(Tag.sequence);
  const type = reader.field(0, readInt32);
  const address = reader.field(1, readOctets);
  reader.leave(outer);
  return { type, address };
}

export function writeHostAddress(writer: DerWriter, host: HostAddress): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeInt32, host.type);
  writer.field(1, writeOctets, host.address);
  writer.end(begun);
}

export function readHostAddresses(reader: DerReader): readonly HostAddress[] {
  return reader.list(Limit.hostAddresses, readHostAddress);
}

export function writeHostAddresses(writer: DerWriter, hosts: readonly HostAddress[]): void {
  writer.list(hosts, writeHostAddress);
}

const MIN_INT32 = -0x8000_0000;
const MAX_INT32 = 0x7fff_ffff;
const MAX_UINT32 = 0xffff_ffff;
