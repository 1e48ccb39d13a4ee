/**
 * Requests that come through a proxy. Any client can write a proxy's headers, so they are trusted only if
 * the operator says so. Otherwise a request that has one counts as forwarded: neither the address nor the
 * TLS of its connection are attributed to the client.
 */
import { parseHostAddress } from '../messages/host-address.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { OptionRule } from '../options.ts';
import { flag, kind, listOf, nonEmpty } from '../options.ts';
import type { AuthenticationRequest } from './authentication.ts';

/**
 * Whether to believe what a proxy says about its client, in `X-Forwarded-Proto` and `X-Forwarded-For`:
 *
 * - `false`: nothing.
 * - a list of addresses (`127.0.0.1`) and networks (`10.0.0.0/8`): requests of these proxies.
 * - `true`: every request that has such a header. Only for servers that only the proxy can reach, as over a
 *   Unix socket.
 *
 * The proxy must set both headers itself, or append to what its client sent.
 */
export type TrustProxy = boolean | readonly string[];

/** What the server itself knows about the connection of a request, whose other end may be a proxy. */
export interface DirectFacts {
  /** Whether the connection uses TLS. */
  readonly secure?: boolean;
  /** The address of its other end, as text. */
  readonly peerAddress?: string | undefined;
}

/** What an {@link AuthenticationRequest} says about the client. */
export type ClientFacts = Pick<AuthenticationRequest, 'secure' | 'peerAddress' | 'proxyHeader'>;

/**
 * @param header - The value of a header by its name in lower case; several joined by commas.
 */
export type ClientReader = (
  direct: DirectFacts,
  header: (name: string) => string | null | undefined,
) => ClientFacts;

/** Makes a function that distinguishes a request's client from its proxy. @param trustProxy - Checked. */
export function clientReader(trustProxy: TrustProxy = false): ClientReader {
  const isTrusted = proxyMatcher(trustProxy);
  return ({ secure, peerAddress }, header) => {
    const proxyHeader = proxyHeaderOf(header);
    const peer = parseHostAddress(peerAddress);
    if (proxyHeader === undefined) {
      return { ...(secure !== undefined && { secure }), ...(peer && { peerAddress: peer }) };
    }
    if (!isTrusted(peer)) return { proxyHeader };
    const client = clientOf(header('x-forwarded-for'), trustProxy === true ? undefined : isTrusted);
    const proto = lastOf(header('x-forwarded-proto'));
    return {
      proxyHeader,
      ...(proto !== undefined && { secure: proto.toLowerCase() === 'https' }),
      ...(client && { peerAddress: client }),
    };
  };
}

function proxyHeaderOf(header: Parameters<ClientReader>[1]): ClientFacts['proxyHeader'] {
  for (const name of PROXY_HEADERS) {
    if (header(name) != null) return name;
  }
  return undefined;
}

/** Makes a function that says whether an address is that of a trusted proxy. @param trustProxy - Checked. */
export function proxyMatcher(
  trustProxy: TrustProxy,
): (address: HostAddress | undefined) => boolean {
  const networks =
    typeof trustProxy === 'boolean' ? [] : trustProxy.map((one) => parseNetwork(one)!);
  return (address) => trustProxy === true || networks.some((network) => contains(network, address));
}

/** The last address that is not a trusted proxy's; with one trusted proxy, the last of all. */
function clientOf(
  forwardedFor: string | null | undefined,
  isTrusted: ((address: HostAddress | undefined) => boolean) | undefined,
): HostAddress | undefined {
  const hops = (forwardedFor ?? '').slice(-MAX_HOPS_TEXT).split(',').reverse();
  for (const hop of hops) {
    const address = parseHop(hop.trim());
    if (address === undefined || isTrusted === undefined || !isTrusted(address)) return address;
  }
  return undefined;
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`. */
function parseHop(hop: string): HostAddress | undefined {
  const [, bracketed] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop) ?? [];
  return parseHostAddress(bracketed ?? hop.replace(/^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/, '$1'));
}

function lastOf(list: string | null | undefined): string | undefined {
  return list?.split(',').at(-1)?.trim();
}

interface Network {
  readonly base: HostAddress;
  /** Bits of the prefix. */
  readonly length: number;
}

function parseNetwork(text: string): Network | undefined {
  const [, address, bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const base = parseHostAddress(address);
  if (base === undefined) return undefined;
  const most = base.address.length * 8;
  const length = bits === undefined ? most : Number(bits);
  return length <= most ? { base, length } : undefined;
}

function contains({ base, length }: Network, address: HostAddress | undefined): boolean {
  if (address === undefined || address.type !== base.type) return false;
  for (let bit = 0; bit < length; bit += 8) {
    const mask = (0xff00 >> Math.min(8, length - bit)) & 0xff;
    if (((base.address[bit / 8]! ^ address.address[bit / 8]!) & mask) !== 0) return false;
  }
  return true;
}

/** Proxies set these headers, clients do not; a client that does is only trusted less. */
export const PROXY_HEADERS = [
  'via',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
] as const;
// The maximum number of addresses that are examined.
const MAX_HOPS_TEXT = 2048;

const NETWORKS = nonEmpty(
  listOf(
    kind(
      'an address or a network, such as 10.0.0.0/8',
      (value) => typeof value === 'string' && parseNetwork(value) !== undefined,
    ),
  ),
);

/** The rule of an option {@link TrustProxy}. */
export const TRUST_PROXY: OptionRule = {
  presence: 'optional',
  check: (value, name) => (Array.isArray(value) ? NETWORKS : flag).check(value, name),
};
