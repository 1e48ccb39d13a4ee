/** The settings of a krb5.conf that matter to an acceptor, typed, and the options made from them. */

import { Enctype } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import { canonicalHost } from '../messages/principal.ts';
import { defaultEnctypes, nearestEnctype, parseEnctypeList } from './enctype-list.ts';
import { misspeltNames } from './known-settings.ts';
import type { LocalNameConfig, LocalNameMappings } from './local-name.ts';
import { parseLocalNameRule, problemsOf } from './local-name-rule.ts';
import type { ConfigProblem, ProfileSource } from './profile.ts';
import { Profile, parseProfile } from './profile.ts';
import type { RealmPaths } from './transited.ts';
import { checkTransited } from './transited.ts';

/** What {@link parseKerberosConfig} reads. Plain data, which nothing changes later. */
export interface KerberosConfig extends LocalNameConfig {
  /** `[libdefaults] default_realm`. */
  readonly defaultRealm?: string;
  /** `clockskew`, in seconds; 300 if not set. */
  readonly clockSkew: number;
  /** `permitted_enctypes`: enctype numbers, most preferred first; never empty. */
  readonly permittedEnctypes: readonly number[];
  /** `allow_weak_crypto`; false if not set. */
  readonly allowWeakCrypto: boolean;
  /** `allow_rc4`; false if not set. */
  readonly allowRc4: boolean;
  /** `allow_des3`; false if not set. */
  readonly allowDes3: boolean;
  /** `default_keytab_name` as written, `%{…}` not expanded. */
  readonly defaultKeytabName?: string;
  /** `default_rcache_name` as written. */
  readonly defaultReplayCacheName?: string;
  /** `ignore_acceptor_hostname`; false if not set. */
  readonly ignoreAcceptorHostname: boolean;
  /** `[domain_realm]`: a host, or a domain with a leading dot → its realm. */
  readonly domainRealms: ReadonlyMap<string, string>;
  /** `[realms]`: realm → its rules for local names. */
  readonly realms: ReadonlyMap<string, LocalNameMappings>;
  /** `[capaths]`: client realm → server realm → the intermediate realms; `.` for none. */
  readonly capaths: RealmPaths;
  /** For the operator: one sentence for each of {@link problems}, with its remedies. */
  readonly warnings: readonly string[];
  /** What is wrong with the files and values, though they are used as far as possible. */
  readonly problems: readonly ConfigProblem[];
}

/** The options of `createAcceptor` that a krb5.conf decides. */
export interface ConfiguredPolicy {
  /** Seconds. */
  readonly maxSkew: number;
  /** Enctype numbers, most preferred first. */
  readonly permittedEnctypes: readonly number[];
  /**
   * True if `[capaths]`, or else the hierarchy of realms, allows the path.
   *
   * @param contents - Of the ticket's transited field, DOMAIN-X500-COMPRESS (RFC 4120 §3.3.3.1).
   * @throws {@link KerberosError} `KRB_AP_ERR_ILL_CR_TKT` if it does not.
   */
  readonly checkTransited: (
    contents: Uint8Array,
    clientRealm: string,
    serverRealm: string,
  ) => boolean;
}

/**
 * Reads the settings of a configuration.
 *
 * @param config - The text of a krb5.conf, or a {@link Profile} of several files.
 * @throws {@link KerberosError} `KRB5_CONFIG_BADFORMAT` for malformed text, for a boolean that is
 *   neither true nor false, and if no encryption type is left.
 *
 * @example
 * ```ts
 * import { parseKerberosConfig } from 'krb5-acceptor';
 *
 * const config = parseKerberosConfig('[libdefaults]\n  clockskew = 60\n');
 * console.log(config.clockSkew, config.permittedEnctypes);
 * ```
 */
export function parseKerberosConfig(config: string | ProfileSource | Profile): KerberosConfig {
  const profile = config instanceof Profile ? config : new Profile([parseProfile(config)]);
  const problems: ConfigProblem[] = [...profile.problems, ...misspeltNames(profile)];
  const warn: Warn = (text, ...remedies) => {
    problems.push({ reason: 'config.bad-value', text, remedies });
  };
  const defaultRealm = profile.value('libdefaults', 'default_realm');
  const defaultKeytabName = profile.value('libdefaults', 'default_keytab_name');
  const defaultReplayCacheName = profile.value('libdefaults', 'default_rcache_name');
  return {
    ...(defaultRealm === undefined ? {} : { defaultRealm }),
    clockSkew: readClockSkew(profile, warn),
    ...readEnctypes(profile, warn),
    ...(defaultKeytabName === undefined ? {} : { defaultKeytabName }),
    ...(defaultReplayCacheName === undefined ? {} : { defaultReplayCacheName }),
    ignoreAcceptorHostname: readBoolean(profile, 'ignore_acceptor_hostname'),
    domainRealms: readDomainRealms(profile),
    realms: readRealms(profile, warn),
    capaths: readCapaths(profile),
    warnings: problems.map(({ text, remedies }) => [text, ...remedies].join('; ')),
    problems,
  };
}

/**
 * The options for an acceptor with this configuration:
 * `createAcceptor({ credential, ...acceptorPolicy(config) })`.
 */
export function acceptorPolicy(config: KerberosConfig): ConfiguredPolicy {
  return {
    maxSkew: config.clockSkew,
    permittedEnctypes: config.permittedEnctypes,
    checkTransited: (contents, clientRealm, serverRealm) => {
      checkTransited(contents, clientRealm, serverRealm, config);
      return true;
    },
  };
}

/**
 * The realm of a host by `[domain_realm]`: looks up the host itself, then each parent domain, with
 * its leading dot and without.
 *
 * @param host - A DNS name in any case, with a final dot or without.
 * @returns undefined if no entry matches, and for IP addresses.
 */
export function realmOfHost(
  host: string,
  config: Pick<KerberosConfig, 'domainRealms'>,
): string | undefined {
  const name = canonicalHost(host);
  if (name.length > MAX_HOST || name.includes(':') || /^[\d.]+$/.test(name)) return undefined;
  for (let at = 0; at >= 0 && at < name.length; ) {
    const realm = config.domainRealms.get(name.slice(at));
    if (realm !== undefined) return realm;
    at = name[at] === '.' ? at + 1 : name.indexOf('.', at);
  }
  return undefined;
}

type Warn = (text: string, ...remedies: readonly string[]) => void;

function readClockSkew(profile: Profile, warn: Warn): number {
  const value = profile.value('libdefaults', 'clockskew');
  if (value === undefined) return DEFAULT_CLOCK_SKEW;
  const seconds = parseDuration(value);
  if (seconds !== undefined) {
    // MIT krb5 reads an integer here, and uses its default for anything else.
    if (!/^\d+$/.test(value)) {
      const text = `clockskew = ${value} is ${seconds} s here; MIT krb5 wants a number of seconds`;
      warn(text, `write clockskew = ${seconds}`);
    }
    return seconds;
  }
  warn(
    `clockskew = ${value} is not a duration; ${DEFAULT_CLOCK_SKEW} s are used`,
    'write a number of seconds',
  );
  return DEFAULT_CLOCK_SKEW;
}

function readEnctypes(
  profile: Profile,
  warn: Warn,
): Pick<KerberosConfig, 'permittedEnctypes' | 'allowWeakCrypto' | 'allowRc4' | 'allowDes3'> {
  const allowWeakCrypto = readBoolean(profile, 'allow_weak_crypto');
  const allowRc4 = readBoolean(profile, 'allow_rc4');
  const allowDes3 = readBoolean(profile, 'allow_des3');
  const defaults = defaultEnctypes.filter((enctype) => {
    // Stricter than MIT krb5, where these two flags bind the KDC only: here an acceptor's default
    // list has RC4 and DES3 only when they were asked for.
    if (enctype === Enctype.rc4Hmac) return allowRc4 || allowWeakCrypto;
    return enctype !== Enctype.des3CbcSha1 || allowDes3 || allowWeakCrypto;
  });
  const text = profile.value('libdefaults', 'permitted_enctypes') ?? 'DEFAULT';
  const permittedEnctypes = parseEnctypeList(text, {
    defaults,
    onUnknown: (word) => {
      const meant = nearestEnctype(word);
      warn(
        `permitted_enctypes: ${word} is not known`,
        ...(meant === undefined ? [] : [`write ${meant}`]),
      );
    },
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
  if (isFalse(word)) return false;
  throw badFormat(`${name} = ${text} is neither true nor false`);
}

/** Whether a value says no, as MIT krb5 reads a boolean; an absent value does not. */
export function isFalse(text: string | undefined): boolean {
  return text !== undefined && NO.includes(text.toLowerCase());
}

function readDomainRealms(profile: Profile): Map<string, string> {
  const realms = new Map<string, string>();
  for (const domain of profile.relationNames('domain_realm')) {
    realms.set(domain, profile.value('domain_realm', domain)!);
  }
  return realms;
}

function readRealms(profile: Profile, warn: Warn): Map<string, LocalNameMappings> {
  const realms = new Map<string, LocalNameMappings>();
  for (const realm of profile.sectionNames('realms')) {
    const authToLocal = profile.values('realms', realm, 'auth_to_local').map((text) => {
      const rule = parseLocalNameRule(text);
      for (const problem of problemsOf(rule)) warn(`auth_to_local = ${text} ${problem}`);
      return rule;
    });
    const authToLocalNames = new Map<string, string>();
    for (const name of profile.relationNames('realms', realm, 'auth_to_local_names')) {
      // MIT krb5 uses the last of several values.
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

/**
 * Reads a duration in a form of MIT krb5's krb5_string_to_deltat: `300`, `5m`, `1d 2h 3m 4s`, `1:30`
 * (hours and minutes), `1:30:00`, `1-00:00:00` (days first). Negative ones are not read.
 *
 * @returns Seconds; undefined if the text has another form, is longer than 128 characters, or is more
 *   than 2³¹ - 1 seconds.
 */
export function parseDuration(text: string): number | undefined {
  // The expressions below take cubic time on a long run of blanks.
  const trimmed = text.length > MAX_DURATION ? '' : text.trim();
  const parts = DURATION_UNITS.exec(trimmed)?.slice(1) ?? clockParts(trimmed);
  if (parts === undefined || parts.every((part) => part === undefined)) return undefined;
  const [days, hours, minutes, seconds] = parts.map((part) => Number(part ?? 0));
  const total = ((days! * 24 + hours!) * 60 + minutes!) * 60 + seconds!;
  return total <= 0x7fffffff ? total : undefined;
}

function clockParts(text: string): (string | undefined)[] | undefined {
  const parts = DURATION_CLOCK.exec(text);
  if (parts !== null) return parts.slice(1);
  return /^\d{1,10}$/.test(text) ? [undefined, undefined, undefined, text] : undefined;
}

function badFormat(problem: string): KerberosError {
  return new KerberosError('KRB5_CONFIG_BADFORMAT', {
    reason: 'config.syntax',
    detail: { problem },
    message: problem,
  });
}

const DEFAULT_CLOCK_SKEW = 300;
const DURATION_UNITS =
  /^(?:(\d{1,10})d)?\s*(?:(\d{1,10})h)?\s*(?:(\d{1,10})m)?\s*(?:(\d{1,10})s)?$/;
const DURATION_CLOCK = /^(?:(\d{1,10})-(?=\d+:\d+:))?(\d{1,10}):(\d{1,2})(?::(\d{1,2}))?$/;
const MAX_DURATION = 128;
// RFC 1035 §2.3.4.
const MAX_HOST = 255;
// MIT krb5's weak enctypes (single DES, exportable RC4): permitted with allow_weak_crypto only, even
// if named.
const WEAK: readonly number[] = [1, 2, 3, 24];
// MIT krb5, prof_get.c.
const YES: readonly string[] = ['y', 'yes', 'true', 't', '1', 'on'];
const NO: readonly string[] = ['n', 'no', 'false', 'nil', '0', 'off'];
