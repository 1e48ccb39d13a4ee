/** What a krb5.conf says to an acceptor: the settings, typed. */
import { Enctype } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import { parseDuration } from './duration.ts';
import { defaultEnctypes, parseEnctypeList } from './enctype-list.ts';
import type { LocalNameConfig, LocalNameMappings } from './local-name.ts';
import { parseLocalNameRule, problemsOf } from './local-name-rule.ts';
import type { ProfileSource } from './profile.ts';
import { Profile, parseProfile } from './profile.ts';
import type { RealmPaths } from './realm-path.ts';

export interface KerberosConfig extends LocalNameConfig {
  /** `[libdefaults] default_realm`. */
  readonly defaultRealm?: string;
  /** `clockskew` in seconds; 300 if not set. */
  readonly clockSkew: number;
  /** `permitted_enctypes`, best first. */
  readonly permittedEnctypes: readonly number[];
  readonly allowWeakCrypto: boolean;
  readonly allowRc4: boolean;
  readonly allowDes3: boolean;
  /** `default_keytab_name` as written, `%{…}` not expanded. */
  readonly defaultKeytabName?: string;
  /** `default_rcache_name` as written. */
  readonly defaultReplayCacheName?: string;
  readonly ignoreAcceptorHostname: boolean;
  /** `[domain_realm]`: a host, or a domain with a leading dot → its realm. */
  readonly domainRealms: ReadonlyMap<string, string>;
  /** `[realms]`: what it says about local names. */
  readonly realms: ReadonlyMap<string, LocalNameMappings>;
  readonly capaths: RealmPaths;
  /** What was not understood and left out, for the operator. */
  readonly warnings: readonly string[];
}

/**
 * The settings of a configuration.
 *
 * @param config - The text of a krb5.conf; or a {@link Profile} of several files.
 * @throws {@link KerberosError} `KRB5_CONFIG_BADFORMAT`: malformed text, a boolean that is none, or
 *   no usable encryption type.
 */
export function parseKerberosConfig(config: string | ProfileSource | Profile): KerberosConfig {
  const profile = config instanceof Profile ? config : new Profile([parseProfile(config)]);
  const warnings: string[] = [];
  const defaultRealm = profile.value('libdefaults', 'default_realm');
  const defaultKeytabName = profile.value('libdefaults', 'default_keytab_name');
  const defaultReplayCacheName = profile.value('libdefaults', 'default_rcache_name');
  return {
    ...(defaultRealm === undefined ? {} : { defaultRealm }),
    clockSkew: readClockSkew(profile, warnings),
    ...readEnctypes(profile, warnings),
    ...(defaultKeytabName === undefined ? {} : { defaultKeytabName }),
    ...(defaultReplayCacheName === undefined ? {} : { defaultReplayCacheName }),
    ignoreAcceptorHostname: readBoolean(profile, 'ignore_acceptor_hostname'),
    domainRealms: readDomainRealms(profile),
    realms: readRealms(profile, warnings),
    capaths: readCapaths(profile),
    warnings,
  };
}

/**
 * The realm of a host by `[domain_realm]`: the host itself, then each domain that it is in, with
 * and without its leading dot. Addresses have none.
 */
export function realmOfHost(
  host: string,
  config: Pick<KerberosConfig, 'domainRealms'>,
): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, '');
  if (name.length > MAX_HOST || name.includes(':') || /^[\d.]+$/.test(name)) return undefined;
  for (let at = 0; at >= 0 && at < name.length; ) {
    const realm = config.domainRealms.get(name.slice(at));
    if (realm !== undefined) return realm;
    at = name[at] === '.' ? at + 1 : name.indexOf('.', at);
  }
  return undefined;
}

function readClockSkew(profile: Profile, warnings: string[]): number {
  const text = profile.value('libdefaults', 'clockskew');
  if (text === undefined) return DEFAULT_CLOCK_SKEW;
  const seconds = parseDuration(text);
  if (seconds !== undefined) {
    // MIT krb5 reads an integer there, and takes its default for all else.
    if (!/^\d+$/.test(text)) {
      warnings.push(`clockskew = ${text} is ${seconds} s here; MIT krb5 wants a number of seconds`);
    }
    return seconds;
  }
  warnings.push(`clockskew = ${text} is not a duration; ${DEFAULT_CLOCK_SKEW} s are used`);
  return DEFAULT_CLOCK_SKEW;
}

function readEnctypes(
  profile: Profile,
  warnings: string[],
): Pick<KerberosConfig, 'permittedEnctypes' | 'allowWeakCrypto' | 'allowRc4' | 'allowDes3'> {
  const allowWeakCrypto = readBoolean(profile, 'allow_weak_crypto');
  const allowRc4 = readBoolean(profile, 'allow_rc4');
  const allowDes3 = readBoolean(profile, 'allow_des3');
  const defaults = defaultEnctypes.filter((enctype) => {
    // Stricter than MIT krb5, where these two flags bind the KDC only: an acceptor's default
    // list has the two old types when they were asked for.
    if (enctype === Enctype.rc4Hmac) return allowRc4 || allowWeakCrypto;
    return enctype !== Enctype.des3CbcSha1 || allowDes3 || allowWeakCrypto;
  });
  const text = profile.value('libdefaults', 'permitted_enctypes') ?? 'DEFAULT';
  const permittedEnctypes = parseEnctypeList(text, {
    defaults,
    onUnknown: (word) => warnings.push(`permitted_enctypes: ${word} is not known`),
  }).filter((enctype) => allowWeakCrypto || !WEAK.includes(enctype));
  if (permittedEnctypes.length === 0) {
    throw badFormat(`permitted_enctypes = ${text} leaves no encryption type`);
  }
  return { permittedEnctypes, allowWeakCrypto, allowRc4, allowDes3 };
}

function readBoolean(profile: Profile, name: string): boolean {
  const text = profile.value('libdefaults', name);
  if (text === undefined) return false;
  const word = text.toLowerCase();
  if (YES.includes(word)) return true;
  if (NO.includes(word)) return false;
  throw badFormat(`${name} = ${text} is neither true nor false`);
}

function readDomainRealms(profile: Profile): Map<string, string> {
  const realms = new Map<string, string>();
  for (const domain of profile.relationNames('domain_realm')) {
    realms.set(domain, profile.value('domain_realm', domain)!);
  }
  return realms;
}

function readRealms(profile: Profile, warnings: string[]): Map<string, LocalNameMappings> {
  const realms = new Map<string, LocalNameMappings>();
  for (const realm of profile.sectionNames('realms')) {
    const authToLocal = profile.values('realms', realm, 'auth_to_local').map((text) => {
      const rule = parseLocalNameRule(text);
      for (const problem of problemsOf(rule)) warnings.push(`auth_to_local = ${text} ${problem}`);
      return rule;
    });
    const authToLocalNames = new Map<string, string>();
    for (const name of profile.relationNames('realms', realm, 'auth_to_local_names')) {
      // MIT krb5 takes the last of several.
      const accounts = profile.values('realms', realm, 'auth_to_local_names', name);
      authToLocalNames.set(name, accounts.at(-1)!);
    }
    realms.set(realm, { authToLocal, authToLocalNames });
  }
  return realms;
}

function readCapaths(profile: Profile): RealmPaths {
  const capaths = new Map<string, Map<string, readonly string[]>>();
  for (const client of profile.sectionNames('capaths')) {
    const paths = new Map<string, readonly string[]>();
    for (const server of profile.relationNames('capaths', client)) {
      const between = profile.values('capaths', client, server);
      // MIT krb5: a value is one realm and ends at the first blank.
      paths.set(
        server,
        between.map((value) => value.split(/[\t ]/, 1)[0]!),
      );
    }
    capaths.set(client, paths);
  }
  return capaths;
}

function badFormat(problem: string): KerberosError {
  return new KerberosError('KRB5_CONFIG_BADFORMAT', problem);
}

const DEFAULT_CLOCK_SKEW = 300;
const MAX_HOST = 255;
// What MIT krb5 calls weak: only with allow_weak_crypto, named or not. Single DES, exportable RC4.
const WEAK: readonly number[] = [1, 2, 3, 24];
// MIT krb5, prof_get.c.
const YES: readonly string[] = ['y', 'yes', 'true', 't', '1', 'on'];
const NO: readonly string[] = ['n', 'no', 'false', 'nil', '0', 'off'];
