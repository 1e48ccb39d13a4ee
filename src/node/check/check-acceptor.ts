/** Checks what an acceptor needs of its machine and network, before it starts. */
import { Profile } from '../../config/profile.ts';
import type { KerberosConfig } from '../../config/settings.ts';
import { isFalse, parseKerberosConfig } from '../../config/settings.ts';
import { Enctype } from '../../crypto/numbers.ts';
import { explain } from '../../errors.ts';
import type { Keytab } from '../../keytab/keytab.ts';
import type { PrincipalKeys } from '../../keytab/keytab-index.ts';
import { acceptedKeys } from '../../keytab/keytab-index.ts';
import type { ServiceMatcher } from '../../keytab/service-name.ts';
import { formatServiceName, parseServiceName } from '../../keytab/service-name.ts';
import type { Principal } from '../../messages/principal.ts';
import type { OptionRules } from '../../options.ts';
import { checkOptions, definite, flag, kind, seconds, text, wholeNumber } from '../../options.ts';
import { printable, printableName } from '../../text.ts';
import { cryptoFor } from '../crypto.ts';
import { resolveKeytabName } from '../files/keytab-name.ts';
import { readKeytabFile, stampKeytabFile } from '../files/keytab-reader.ts';
import { judgeKeytabFile } from '../files/keytab-warning.ts';
import { loadNamedProfile } from '../files/krb5-conf-file.ts';
import { kdcAsker } from '../kdc/ask-kdc.ts';
import { findKdcs } from '../kdc/find-kdcs.ts';
import { judgeByKdc } from './clock.ts';
import type { Finding, FindingSubject } from './finding.ts';
import { findingOf, ok, warning } from './finding.ts';
import { judgeKeys } from './keys.ts';
import { judgeNames, serviceHosts } from './names.ts';
import { checkPort } from './port.ts';
import { checkReplayCacheName } from './replay.ts';
import type { CheckSystem } from './system.ts';
import { thisSystem } from './system.ts';

/** Options of {@link checkAcceptor}. Each has the meaning that it has for the acceptor itself. */
export interface CheckAcceptorOptions {
  /** As for `acquireCredential`: `HTTP@www.example.com`; absent or `*` for any key of the keytab. */
  readonly service?: string | readonly string[];
  /** As for `keytabFile`: `FILE:path` or a path; the default keytab if absent. */
  readonly keytab?: string;
  /** As for `loadKerberosConfig`: the files of krb5.conf; `KRB5_CONFIG` or the default if absent. */
  readonly config?: string;
  /** As for `openReplayCache`: `dfl:`, `dir:/path`; the default if absent. False: not examined. */
  readonly replayCache?: string | false;
  /** The TCP port on which the server will listen; no port is examined if absent. */
  readonly port?: number;
  /** The address on which the server will listen; all addresses if absent. */
  readonly host?: string;
  /** False: do not compare host names with DNS. */
  readonly dns?: boolean;
  /** False: do not ask the KDC for its time. */
  readonly kdc?: boolean;
  /** Seconds for the questions to KDCs, default 10. A question to DNS takes 4 seconds at most. */
  readonly timeout?: number;
}

/**
 * Checks whether an acceptor with these options can start, and what will trouble its clients: the files
 * of krb5.conf, the service's name against the keytab, the host and DNS, the keytab's permissions and
 * keys, the clock against the realm's KDC, the replay cache and the port.
 *
 * It makes no acceptor and no context, and leaves nothing behind: a directory or file that it makes to
 * try the replay cache is removed, and the port is free again. The KDC receives one request for each
 * realm, and one or two for each service, as from a client that has not yet proved its identity; their
 * answers are not authenticated.
 *
 * @returns What was found, at least one finding for each part that was examined. A fault is a finding,
 *   not an exception.
 * @throws TypeError, RangeError for unknown or invalid options.
 *
 * @example
 * ```ts
 * import { checkAcceptor } from 'krb5-acceptor/node';
 *
 * for (const { check, status, text, remedies } of await checkAcceptor({ service: 'HTTP@www.example.com' })) {
 *   if (status !== 'ok') console.log(status, check, text, ...remedies);
 * }
 * ```
 */
export async function checkAcceptor(options: CheckAcceptorOptions = {}): Promise<Finding[]> {
  checkOptions('checkAcceptor', options, CHECK_ACCEPTOR_OPTIONS);
  return await examine(options, thisSystem());
}

/** {@link checkAcceptor} on a given machine and network. */
export async function examine(
  options: CheckAcceptorOptions,
  system: CheckSystem,
): Promise<Finding[]> {
  const findings = await findAll(options, system);
  return findings.map((finding) => ({ ...finding, text: printable(finding.text) }));
}

async function findAll(options: CheckAcceptorOptions, system: CheckSystem): Promise<Finding[]> {
  const findings: Finding[] = [];
  // Findings about errors have the remedies of the catalogue.
  await explain(undefined);
  const profile = attempt('config', findings, () => loadNamedProfile(options.config));
  const config =
    attempt('config', findings, () => parseKerberosConfig(profile ?? '')) ??
    parseKerberosConfig('');
  for (const { reason, text: problem, remedies } of config.problems) {
    findings.push(warning('config', reason, problem, ...remedies));
  }
  if (findings.length === 0) findings.push(ok('config', 'krb5.conf: nothing to complain about'));
  const matcher = attempt('service', findings, () => matcherOf(options, config));
  const keytab = await openKeytab(options, config, findings);
  if (keytab !== undefined && matcher !== undefined) {
    findings.push(...judgeKeytab(keytab, matcher, config, system));
    const principals = [...acceptedKeys(keytab, matcher).principals];
    const ofDomainMember = keytab.entries.some(({ principal }) => isMachineAccount(principal));
    const surroundings = { options, profile, config, system, ofDomainMember };
    findings.push(...(await askOthers(principals, surroundings)));
  }
  const { replayCache, port, host } = options;
  if (replayCache !== false) {
    const { defaultReplayCacheName: defaultName } = config;
    const named = defaultName === undefined ? {} : { defaultName };
    findings.push(...checkReplayCacheName(replayCache, named));
  }
  if (port !== undefined) findings.push(await checkPort(port, host));
  return findings;
}

function matcherOf(
  { service }: CheckAcceptorOptions,
  { ignoreAcceptorHostname }: KerberosConfig,
): ServiceMatcher {
  const matcher = parseServiceName(service);
  return ignoreAcceptorHostname && matcher.type === 'host'
    ? { type: 'service', service: matcher.service }
    : matcher;
}

async function openKeytab(
  { keytab: name }: CheckAcceptorOptions,
  config: KerberosConfig,
  findings: Finding[],
): Promise<Keytab | undefined> {
  try {
    const { defaultKeytabName: defaultName } = config;
    const path = resolveKeytabName(name, defaultName === undefined ? {} : { defaultName });
    const keytab = await readKeytabFile(path, await cryptoFor(config));
    const warnings = judgeKeytabFile(path, await stampKeytabFile(path), keytab);
    for (const { reason, text: problem, remedies } of warnings) {
      findings.push(warning('keytab', reason, problem, ...remedies));
    }
    const count = keytab.entries.length;
    findings.push(ok('keytab', `${path}: ${count} ${count === 1 ? 'key' : 'keys'}`));
    return keytab;
  } catch (error) {
    findings.push(findingOf('keytab', error));
    return undefined;
  }
}

function judgeKeytab(
  keytab: Keytab,
  matcher: ServiceMatcher,
  { permittedEnctypes, clockSkew, allowRc4, allowDes3, allowWeakCrypto }: KerberosConfig,
  { clock }: CheckSystem,
): Finding[] {
  const { principals } = acceptedKeys(keytab, matcher);
  const name = printableName(formatServiceName(matcher));
  return [
    ...(principals.size === 0
      ? []
      : [ok('service', `${name}: ${principals.size} of the keytab's principals`)]),
    ...judgeKeys(keytab, matcher, {
      permittedEnctypes,
      switchedOn: [
        ...(allowRc4 || allowWeakCrypto ? [Enctype.rc4Hmac] : []),
        ...(allowDes3 || allowWeakCrypto ? [Enctype.des3CbcSha1] : []),
      ],
      clockSkew,
      now: clock() / 1000,
    }),
  ];
}

interface Surroundings {
  readonly options: CheckAcceptorOptions;
  readonly profile: Profile | undefined;
  readonly config: KerberosConfig;
  readonly system: CheckSystem;
  readonly ofDomainMember: boolean;
}

/** What DNS and the KDCs have to say about the accepted principals. */
async function askOthers(
  principals: readonly PrincipalKeys[],
  { options, profile, config, system, ofDomainMember }: Surroundings,
): Promise<Finding[]> {
  const { dns = true, kdc = true, timeout = DEFAULT_TIMEOUT } = options;
  const findings: Promise<Finding[]>[] = [];
  if (dns) {
    const hosts = serviceHosts(principals.map(({ principal }) => principal));
    findings.push(
      judgeNames(hosts, { config, system, rdns: !isFalse(profile?.value('libdefaults', 'rdns')) }),
    );
  }
  if (kdc) {
    const signal = AbortSignal.timeout(timeout * 1000);
    const ask = kdcAsker((realm) =>
      findKdcs(realm, profile ?? new Profile([]), (name) => system.servicesOf(name)),
    );
    for (const held of byRealm(
      principals.filter(({ principal }) => !isTicketGranting(principal)),
    )) {
      findings.push(
        judgeByKdc(held, {
          ask,
          ofDomainMember,
          clock: system.clock,
          clockSkew: config.clockSkew,
          signal,
        }),
      );
    }
  }
  return (await Promise.all(findings)).flat();
}

function byRealm(principals: readonly PrincipalKeys[]): PrincipalKeys[][] {
  const realms = new Map<string, PrincipalKeys[]>();
  for (const keys of principals) {
    const { realm } = keys.principal;
    const known = realms.get(realm);
    if (known === undefined) realms.set(realm, [keys]);
    else if (known.length < MAX_PRINCIPALS) known.push(keys);
  }
  return [...realms.values()].slice(0, MAX_REALMS);
}

/** `WWW$`, which msktutil, Samba and realmd put beside the names of services. */
function isMachineAccount({ components: [name = ''], components }: Principal): boolean {
  return components.length === 1 && name.endsWith('$');
}

function isTicketGranting({ components }: Principal): boolean {
  return components[0] === 'krbtgt';
}

/** A fault becomes a finding, and the result is undefined. */
function attempt<T>(check: FindingSubject, findings: Finding[], run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    findings.push(findingOf(check, error));
    return undefined;
  }
}

const DEFAULT_TIMEOUT = 10;
const MAX_REALMS = 4;
const MAX_PRINCIPALS = 4;

export const CHECK_ACCEPTOR_OPTIONS: OptionRules<CheckAcceptorOptions> = {
  service: definite(kind('a name or a list of names', isNameOrList)),
  keytab: definite(text),
  config: definite(text),
  replayCache: definite(kind('a name or false', (value) => value === false || isName(value))),
  port: wholeNumber(0, 65_535),
  host: text,
  dns: flag,
  kdc: flag,
  timeout: seconds(),
};

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isNameOrList(value: unknown): boolean {
  return typeof value === 'string' || Array.isArray(value);
}
