/** Finds the KDCs of a realm: in krb5.conf, else in DNS (RFC 4120 §7.2.3.2). */
import type { Profile } from '../../config/profile.ts';
import { isFalse } from '../../config/settings.ts';

/** Where a KDC listens. */
export interface KdcServer {
  /** A host name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** The only transport to use; undefined: UDP first, then TCP. */
  readonly transport?: 'udp' | 'tcp';
}

/** A record of DNS (RFC 2782), as `node:dns` gives it. */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/**
 * The KDCs of a realm, in the order in which to ask them: the values of `kdc` in krb5.conf, or else the
 * SRV records of the realm, unless `dns_lookup_kdc` is off.
 *
 * @param resolveSrv - Looks up SRV records; a rejection means that there are none.
 * @returns At most 8; none if the realm's KDCs are not known.
 */
export async function findKdcs(
  realm: string,
  profile: Profile,
  resolveSrv: (name: string) => Promise<readonly SrvRecord[]>,
): Promise<readonly KdcServer[]> {
  // MIT krb5 asks primary_kdc (master_kdc before 1.19) again for what a replica may not know yet.
  const named = ['kdc', 'primary_kdc', 'master_kdc']
    .flatMap((name) => profile.values('realms', realm, name))
    .flatMap((value) => parseKdc(value) ?? []);
  if (named.length > 0) return firstOf(named);
  const lookup = profile.value('libdefaults', 'dns_lookup_kdc');
  // A realm is a DNS name only if its letters are those of one.
  if (isFalse(lookup) || !DNS_NAME.test(realm)) return [];
  const [udp, tcp] = await Promise.all(
    (['udp', 'tcp'] as const).map((transport) =>
      resolveSrv(`_kerberos._${transport}.${realm}.`).then(
        (records) => serversOf(records, transport),
        () => [],
      ),
    ),
  );
  // Each KDC answers over TCP too (RFC 4120 §7.2.2), whether DNS has a record for that or not.
  const both = udp!.map(({ host, port }): KdcServer => ({ host, port }));
  const known = new Set(both.map(addressOf));
  const rest = tcp!.filter((server) => !known.has(addressOf(server)));
  return firstOf([...both, ...rest]);
}

/**
 * A value of `kdc` (MIT krb5, krb5_conf.rst; Heimdal): `host`, `host:port`, `[address]:port`,
 * `tcp/host`.
 *
 * @returns Undefined for a proxy (`https://...`) and a Unix socket, which only clients use.
 */
export function parseKdc(value: string): KdcServer | undefined {
  const [, prefix, text] = /^(?:(udp|tcp)[/:])?(.*)$/s.exec(value.split(/\s/, 1)[0]!)!;
  if (/^[a-z]+:\/|^\//i.test(text!)) return undefined;
  const parts = /^(?:\[([^\]]+)\]|([^:]+)|([^:]*:.*:.*?))(?::(\d{1,5}))?$/.exec(text!);
  if (parts === null) return undefined;
  const port = Number(parts[4] ?? KERBEROS_PORT);
  if (port < 1 || port > 65_535) return undefined;
  const transport = prefix as 'udp' | 'tcp' | undefined;
  return { host: parts[1] ?? parts[2] ?? parts[3]!, port, ...(transport && { transport }) };
}

/** RFC 2782: the lowest priority first; within one, the highest weight. */
function serversOf(records: readonly SrvRecord[], transport: 'udp' | 'tcp'): KdcServer[] {
  return [...records]
    .filter(({ name, port }) => !/^\.*$/.test(name) && port > 0)
    .sort((a, b) => a.priority - b.priority || b.weight - a.weight)
    .map(({ name, port }) => ({ host: name.replace(/\.$/, ''), port, transport }));
}

/** The first servers, each once: two records of DNS, or two values, may name the same one. */
function firstOf(servers: readonly KdcServer[]): KdcServer[] {
  const found = new Map<string, KdcServer>();
  for (const server of servers) {
    const name = `${addressOf(server)} ${server.transport}`;
    if (!found.has(name)) found.set(name, server);
    if (found.size === MAX_SERVERS) break;
  }
  return [...found.values()];
}

function addressOf({ host, port }: KdcServer): string {
  return `${host.toLowerCase()} ${port}`;
}

const KERBEROS_PORT = 88;
const MAX_SERVERS = 8;
const DNS_NAME = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
