/** Network addresses in tickets (RFC 4120 §5.2.5, §7.5.3). */

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
