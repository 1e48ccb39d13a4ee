/** Compares the names of a service with the machine's, and with DNS as clients ask it. */
import { isIP } from 'node:net';
import type { KerberosConfig } from '../../config/settings.ts';
import { realmOfHost } from '../../config/settings.ts';
import type { Principal } from '../../messages/principal.ts';
import { canonicalHost } from '../../messages/principal.ts';
import { printableName } from '../../text.ts';
import type { Finding } from './finding.ts';
import { ok, warning } from './finding.ts';
import type { CheckSystem } from './system.ts';

/** A service on a host, for which clients ask. */
export interface ServiceHost {
  readonly service: string;
  /** Lower case. */
  readonly host: string;
  /** The realms of its keys. */
  readonly realms: readonly string[];
}

/** What {@link judgeNames} compares the names with. */
export interface NameRules {
  readonly config: KerberosConfig;
  readonly system: CheckSystem;
  /** Whether clients replace a name by that of its address: `rdns` of krb5.conf. */
  readonly rdns: boolean;
}

/** The services on hosts among some principals, each once. */
export function serviceHosts(principals: Iterable<Principal>): ServiceHost[] {
  const found = new Map<string, { service: string; host: string; realms: string[] }>();
  for (const { components, realm } of principals) {
    const [service, name] = components;
    if (components.length !== 2 || service === undefined || name === undefined || name === '')
      continue;
    const host = canonicalHost(name);
    const known = found.get(`${service}/${host}`);
    if (known === undefined) found.set(`${service}/${host}`, { service, host, realms: [realm] });
    else if (!known.realms.includes(realm)) known.realms.push(realm);
  }
  return [...found.values()];
}

/**
 * The findings about the names of a service.
 *
 * @param accepted - All services that the acceptor has keys for.
 */
export async function judgeNames(
  accepted: readonly ServiceHost[],
  rules: NameRules,
): Promise<Finding[]> {
  const examined = accepted.slice(0, MAX_HOSTS);
  const findings = await Promise.all(
    examined.map((service) => judgeHost(service, accepted, rules)),
  );
  return findings.flat();
}

async function judgeHost(
  subject: ServiceHost,
  accepted: readonly ServiceHost[],
  rules: NameRules,
): Promise<Finding[]> {
  const { service, host } = subject;
  const name = printableName(`${service}/${host}`);
  if (isIP(host) !== 0) {
    return [
      warning(
        'service',
        'dns.address-as-name',
        `${name} has an address as its host: clients ask for tickets to names, hardly ever to addresses`,
        'give the machine a name in DNS, and export the keys of that name',
      ),
    ];
  }
  const findings = [shortName(subject), otherRealm(subject, rules.config)];
  const inDns = await judgeDns(subject, accepted, rules);
  return [...findings.filter((finding) => finding !== undefined), ...inDns];
}

function shortName({ service, host }: ServiceHost): Finding | undefined {
  if (host.includes('.') || host === 'localhost') return undefined;
  return warning(
    'service',
    'spn.short-name',
    `${printableName(`${service}/${host}`)} has a short host name: most clients ask for the full one`,
    `add the full name to the account and to the keytab: ${service}/${printableName(host)}.example.com`,
  );
}

function otherRealm(
  { service, host, realms }: ServiceHost,
  config: KerberosConfig,
): Finding | undefined {
  const realm = realmOfHost(host, config);
  if (realm === undefined || realms.includes(realm)) return undefined;
  const has = realms.map(printableName).join(', ');
  return warning(
    'service',
    realms.some((known) => known.toLowerCase() === realm.toLowerCase())
      ? 'spn.realm-case'
      : 'spn.other-realm',
    `[domain_realm] of krb5.conf maps ${printableName(host)} to ${printableName(realm)}, but the keys of ` +
      `${service} are of ${has}`,
    `correct [domain_realm]: ${printableName(host)} = ${has}`,
    `export the keys of ${service}/${printableName(host)}@${printableName(realm)}`,
  );
}

async function judgeDns(
  subject: ServiceHost,
  accepted: readonly ServiceHost[],
  { system, rdns }: NameRules,
): Promise<Finding[]> {
  const { host } = subject;
  let addresses: readonly string[];
  try {
    addresses = await system.addressesOf(host);
  } catch (error) {
    return [
      warning(
        'dns',
        'dns.no-address',
        `${printableName(host)} has no address (${codeOf(error)}): clients that use this name cannot connect`,
        `add ${printableName(host)} to DNS`,
        'check the spelling of the host, and the name servers of this machine',
      ),
    ];
  }
  const [alias, reverse] = await Promise.all([
    judgeAlias(subject, accepted, system),
    rdns ? judgeReverse(subject, addresses, accepted, system) : undefined,
  ]);
  const findings = [alias, reverse].filter((finding) => finding !== undefined);
  return [ok('dns', whose(subject, addresses, system)), ...findings];
}

function whose(
  { host }: ServiceHost,
  addresses: readonly string[],
  { ownAddresses, hostName }: CheckSystem,
): string {
  const text = `${printableName(host)} is ${addresses.slice(0, MAX_ADDRESSES).join(', ')}`;
  if (addresses.some((address) => ownAddresses.includes(address))) return `${text}, this machine`;
  return (
    `${text}, which is not an address of this machine (${printableName(hostName)}): that is right ` +
    'behind a load balancer or NAT, and in a container'
  );
}

/** MIT krb5, dns_canonicalize_hostname, and browsers: an alias is replaced by the name behind it. */
async function judgeAlias(
  { service, host }: ServiceHost,
  accepted: readonly ServiceHost[],
  system: CheckSystem,
): Promise<Finding | undefined> {
  const [target] = await system.aliasedBy(host).catch(() => []);
  if (target === undefined) return undefined;
  const canonical = canonicalHost(target);
  if (canonical === host || accepts(accepted, service, canonical)) return undefined;
  const other = printableName(`${service}/${canonical}`);
  return warning(
    'dns',
    'dns.alias',
    `${printableName(host)} is an alias (CNAME) of ${printableName(canonical)}: many clients ask for ` +
      `${other}, for which there is no key`,
    `add the name to the account (setspn -S ${other} account; kadmin addprinc) and its key to the keytab`,
    `make ${printableName(host)} an A or AAAA record`,
  );
}

/** MIT krb5, rdns: the name is replaced by that of its address, if there is one. */
async function judgeReverse(
  { service, host }: ServiceHost,
  addresses: readonly string[],
  accepted: readonly ServiceHost[],
  system: CheckSystem,
): Promise<Finding | undefined> {
  for (const address of addresses.filter((one) => !isLoopback(one)).slice(0, MAX_ADDRESSES)) {
    const names = (await system.namesOf(address).catch(() => [])).map(canonicalHost);
    if (names.length === 0 || names.includes(host)) continue;
    if (names.some((name) => accepts(accepted, service, name))) continue;
    const other = printableName(names[0]!);
    return warning(
      'dns',
      'dns.reverse',
      `the reverse name of ${printableName(host)} (${address}) is ${other}: clients of MIT krb5 ask for ` +
        `${service}/${other}, for which there is no key`,
      "set rdns = false in [libdefaults] of the clients' krb5.conf",
      `correct the PTR record of ${address}, or export the keys of ${service}/${other} too`,
    );
  }
  return undefined;
}

function accepts(accepted: readonly ServiceHost[], service: string, host: string): boolean {
  return accepted.some((other) => other.service === service && other.host === host);
}

function isLoopback(address: string): boolean {
  return /^127\.|^::1$/.test(address);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

const MAX_HOSTS = 4;
const MAX_ADDRESSES = 4;
