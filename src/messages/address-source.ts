/** Sources of clients, among which a server divides its capacity. */
import { toHex } from '../bytes.ts';
import type { HostAddress } from './primitives.ts';
import { AddressType } from './primitives.ts';

/**
 * The source that an address is counted with: an IPv4 address, or a /64 of IPv6, which one host has
 * to itself. All clients without an IP address (Unix sockets) are one source.
 */
export function sourceOf(address: HostAddress | undefined): string {
  if (address === undefined) return '';
  const { type, address: bytes } = address;
  return type === AddressType.ipv6 ? `${toHex(bytes.subarray(0, 8))}/64` : bytes.join('.');
}
