/** A socket's address as Kerberos writes it (RFC 4120 §7.5.3). */
import { isIPv4, isIPv6 } from 'node:net';

import { toHex } from '../bytes.ts';
import type { HostAddress } from '../messages/primitives.ts';
import { AddressType } from '../messages/primitives.ts';

/** The address without the `::ffff:` prefix of an IPv4 client on a dual-stack socket. */
export function plainAddress(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** @returns 4 or 16 bytes in network order; undefined if the text is no IP address (a Unix socket). */
export function parseHostAddress(address: string | undefined): HostAddress | undefined {
  const plain = plainAddress(address)?.replace(/%.*$/, '');
  if (plain === undefined) return undefined;
  if (isIPv4(plain)) return { type: AddressType.ipv4, address: parseIpv4(plain) };
  return isIPv6(plain) ? { type: AddressType.ipv6, address: parseIpv6(plain) } : undefined;
}

/**
 * The source that an address is counted with: an IPv4 address, or a /64 of IPv6, which one host has
 * to itself. All clients without an IP address (Unix sockets) are one source.
 */
export function sourceOf(address: HostAddress | undefined): string {
  if (address === undefined) return '';
  const { type, address: bytes } = address;
  return type === AddressType.ipv6 ? `${toHex(bytes.subarray(0, 8))}/64` : bytes.join('.');
}

function parseIpv4(text: string): Uint8Array {
  return Uint8Array.from(text.split('.'), Number);
}

function parseIpv6(text: string): Uint8Array {
  const [left, right] = text.split('::').map(parseGroups) as [number[], number[] | undefined];
  const gap = new Array<number>(16 - left.length - (right?.length ?? 0)).fill(0);
  return Uint8Array.of(...left, ...gap, ...(right ?? []));
}

/** The bytes of `1:2:3` or, at the end of an address, of `1:2:192.0.2.1`. */
function parseGroups(text: string): number[] {
  return text.split(':').flatMap((group) => {
    if (group === '') return [];
    if (group.includes('.')) return [...parseIpv4(group)];
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
