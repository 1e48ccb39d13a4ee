/** Network addresses in tickets (RFC 4120 §5.2.5, §7.5.3). */
import type { DerReader } from './der/reader.ts';
import { Tag } from './der/reader.ts';
import type { DerWriter } from './der/writer.ts';
import { Limit } from './limits.ts';
import { readInt32, readOctets, writeInt32, writeOctets } from './primitives.ts';

export interface HostAddress {
  /** 2 for IPv4, 24 for IPv6: see {@link AddressType}. */
  readonly type: number;
  readonly address: Uint8Array;
}

/** RFC 4120 §7.5.3. */
export const AddressType = {
  ipv4: 2,
  directional: 3,
  netBios: 20,
  ipv6: 24,
} as const;

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
