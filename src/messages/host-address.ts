/** Network addresses as text (RFC 4291 §2.2), as Kerberos writes them (RFC 4120 §7.5.3). */
import type { HostAddress } from './primitives.ts';
import { AddressType } from './primitives.ts';

/** The address without the `::ffff:` prefix of an IPv4 client on a dual-stack socket. */
export function plainAddress(address: string | undefined): string | undefined {
  if (address?.startsWith('::') !== true) return address;
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/**
 * Reads an IP address. A zone (`%eth0`) is ignored.
 *
 * @returns 4 or 16 bytes in network order; undefined if the text is no IP address (a Unix socket).
 */
export function parseHostAddress(address: string | undefined): HostAddress | undefined {
  if (address === undefined || address.length > MAX_TEXT) return undefined;
  const plain = plainAddress(address)!;
  const ipv4 = parseIpv4(plain);
  if (ipv4 !== undefined) return { type: AddressType.ipv4, address: Uint8Array.from(ipv4) };
  const ipv6 = parseIpv6(plain.replace(/%.+$/, ''));
  return ipv6 && { type: AddressType.ipv6, address: Uint8Array.from(ipv6) };
}

/** An IP address as text (RFC 5952); `type 20` for an address of another type. */
export function formatHostAddress({ type, address }: HostAddress): string {
  if (type === AddressType.ipv4 && address.length === 4) return address.join('.');
  if (type !== AddressType.ipv6 || address.length !== 16) return `type ${type}`;
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16),
  );
  // RFC 5952 §4.2: `::` replaces the first of the longest runs of at least two zeros.
  const text = groups.join(':');
  const [longest] = [...text.matchAll(ZEROS)]
    .filter(([run]) => run.length > 1)
    .sort(([a], [b]) => b.length - a.length);
  if (longest === undefined) return text;
  const before = text.slice(0, longest.index).replace(/:$/, '');
  const after = text.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${before}::${after}`;
}

/** Written out: every request over HTTP has the address of its client parsed. */
function parseIpv4(text: string): number[] | undefined {
  const bytes: number[] = [];
  let value = 0;
  let digits = 0;
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : DOT;
    if (code === DOT) {
      if (digits === 0 || bytes.push(value) > 4) return undefined;
      value = digits = 0;
      continue;
    }
    const digit = code - DIGIT_ZERO;
    // Some readers take 010 for 8.
    if (digit < 0 || digit > 9 || (digits > 0 && value === 0)) return undefined;
    value = value * 10 + digit;
    if (value > 255) return undefined;
    digits++;
  }
  return bytes.length === 4 ? bytes : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map(parseGroups) as [number[] | undefined, number[] | undefined];
  if (left === undefined || (halves.length === 2 && right === undefined)) return undefined;
  const tail = right ?? [];
  // Only the last group may be an IPv4 address.
  if (halves.length === 2 && halves[0]!.includes('.')) return undefined;
  const gap = 16 - left.length - tail.length;
  // `::` replaces one group or more.
  if (halves.length === 1 ? gap !== 0 : gap < 2) return undefined;
  return [...left, ...new Array<number>(gap).fill(0), ...tail];
}

/** The bytes of `1:2:3` or, at the end of an address, of `1:2:192.0.2.1`. */
function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    const ipv4 = index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4 !== undefined) bytes.push(...ipv4);
    else if (GROUP.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else return undefined;
  }
  return bytes;
}

const DOT = 0x2e;
const DIGIT_ZERO = 0x30;
const ZEROS = /(?<![0-9a-f])0(?::0)*(?![0-9a-f])/g;
const GROUP = /^[0-9a-f]{1,4}$/i;
// An IPv6 address of 45 characters, and a zone.
const MAX_TEXT = 128;
