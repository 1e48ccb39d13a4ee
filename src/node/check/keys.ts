/** Judges the keys of a keytab for one acceptor. */
import { Enctype, enctypeName, isWeakEnctype } from '../../crypto/numbers.ts';
import { KEYTAB } from '../../explain/entries/keytab.ts';
import { newerThan, newestOf } from '../../keytab/age.ts';
import { explainNoService } from '../../keytab/explain.ts';
import type { Keytab, KeytabEntry } from '../../keytab/keytab.ts';
import type { PrincipalKeys } from '../../keytab/keytab-index.ts';
import { acceptedKeys, principalsOf } from '../../keytab/keytab-index.ts';
import type { ServiceMatcher } from '../../keytab/service-name.ts';
import { printablePrincipal } from '../../messages/principal.ts';
import { formatTime } from '../../time.ts';
import type { Finding } from './finding.ts';
import { failure, findingOf, ok, warning } from './finding.ts';

/** By what the keys are judged. */
export interface KeyRules {
  readonly permittedEnctypes: readonly number[];
  /** Weak enctypes that allow_rc4 or allow_des3 has switched on. */
  readonly switchedOn?: readonly number[];
  /** Seconds since 1970. */
  readonly now: number;
  /** Seconds. */
  readonly clockSkew: number;
}

/** The findings about the keys that the matcher accepts, and about those of no service. */
export function judgeKeys(keytab: Keytab, matcher: ServiceMatcher, rules: KeyRules): Finding[] {
  const accepted = [...acceptedKeys(keytab, matcher).principals];
  const judged = accepted.slice(0, MAX_PRINCIPALS);
  const more = accepted.length - judged.length;
  return [
    ...(keytab.skipped ?? [])
      .slice(0, MAX_PRINCIPALS)
      .map(({ message, hint }) =>
        warning('keytab', 'keytab.bad-entry', message, ...(hint === undefined ? [] : [hint])),
      ),
    ...principalsOf(keytab).filter(isRealmKey).slice(0, 1).map(realmKey),
    ...(accepted.length === 0 ? [findingOf('service', explainNoService(keytab, matcher))] : []),
    ...judged.flatMap((keys) => judgePrincipal(keys, rules)),
    ...(more > 0 ? [ok('keytab', `${more} more principals were not examined`)] : []),
  ];
}

function judgePrincipal({ principal, entries }: PrincipalKeys, rules: KeyRules): Finding[] {
  const name = printablePrincipal(principal);
  const usable = entries.filter((entry) => isUsable(entry, rules));
  if (usable.length === 0) return [noUsableKey(name, entries, rules)];
  const findings = [
    onlyWeak(name, usable),
    newestUnused(name, entries, usable),
    behind(name, usable),
    conflict(name, entries),
    datedAhead(name, entries, rules),
  ].filter((finding) => finding !== undefined);
  return [ok('keytab', summary(name, entries, usable)), ...findings];
}

function isUsable({ key }: KeytabEntry, { permittedEnctypes }: KeyRules): boolean {
  return key.supported && permittedEnctypes.includes(key.enctype);
}

/** `HTTP/www@R: kvno 5, aes256-cts-hmac-sha1-96, written 2026-11-01T10:00:00Z`. */
function summary(
  name: string,
  entries: readonly KeytabEntry[],
  usable: readonly KeytabEntry[],
): string {
  const newest = newestOf(usable).kvno;
  const current = usable.filter(({ kvno }) => kvno === newest);
  const written = Math.max(...current.map(({ timestamp }) => timestamp));
  const older = new Set(usable.map(({ kvno }) => kvno));
  older.delete(newest);
  const unused = namesOf(entries.filter((entry) => !usable.includes(entry)));
  return [
    `${name}: kvno ${newest}${newest === 0 ? ' (as ktpass writes it: it stands for any)' : ''}`,
    namesOf(current),
    ...(written > 0 ? [`written ${formatTime(written)}`] : []),
    ...(older.size > 0 ? [`older kvnos ${[...older].sort((a, b) => b - a).join(' ')}`] : []),
    ...(unused === '' ? [] : [`not used: ${unused}`]),
  ].join(', ');
}

function noUsableKey(
  name: string,
  entries: readonly KeytabEntry[],
  { permittedEnctypes, switchedOn = [] }: KeyRules,
): Finding {
  const has = namesOf(entries);
  const text = `no key of ${name} can be used here: ${has}`;
  const old = entries.filter(
    ({ key }) => isSwitchable(key.enctype) && !switchedOn.includes(key.enctype),
  );
  if (old.length > 0 && old.every(({ key }) => !permittedEnctypes.includes(key.enctype))) {
    return failure(
      'keytab',
      'enctype.weak-off',
      text,
      'have the KDC use AES (Active Directory: msDS-SupportedEncryptionTypes of the account), then ' +
        'export the keys again',
      `for the time being allow it: ${switchesOf(old)} in [libdefaults] of krb5.conf, or ` +
        'withLegacyEnctypes() in code',
    );
  }
  if (entries.some(({ key }) => key.supported || switchedOn.includes(key.enctype))) {
    return failure(
      'keytab',
      'enctype.not-permitted',
      text,
      `permitted_enctypes in krb5.conf allows ${permittedEnctypes.map(enctypeName).join(', ')}: add ` +
        "one of the keytab's, or remove the setting",
      'export a key of an enctype that it allows',
    );
  }
  return failure(
    'keytab',
    'keytab.unusable',
    text,
    'have the KDC use aes256-cts-hmac-sha1-96 (Active Directory: msDS-SupportedEncryptionTypes of the ' +
      'account), then export the keys again',
  );
}

function onlyWeak(name: string, usable: readonly KeytabEntry[]): Finding | undefined {
  if (!usable.every(({ key }) => isWeakEnctype(key.enctype))) return undefined;
  return warning(
    'keytab',
    'keytab.weak',
    `${name} has weak keys only: ${namesOf(usable)}; whoever records a ticket can guess its password`,
    'give the account AES keys (Active Directory: msDS-SupportedEncryptionTypes, then a new password), ' +
      'and export them',
  );
}

/** Keys that are newer than all that can be used, as an export with RC4 alone adds them. */
function newestUnused(
  name: string,
  entries: readonly KeytabEntry[],
  usable: readonly KeytabEntry[],
): Finding | undefined {
  const newer = newerThan(usable, entries);
  if (newer.length === 0) return undefined;
  const { text, remedies } = KEYTAB['keytab.newest-unusable'];
  const detail = {
    principals: [name],
    enctypes: [...new Set(newer.map(({ key }) => enctypeName(key.enctype)))],
  };
  return warning('keytab', 'keytab.newest-unusable', text(detail), ...remedies(detail));
}

/** An enctype whose newest key is older than the newest of the others. */
function behind(name: string, usable: readonly KeytabEntry[]): Finding | undefined {
  const late: string[] = [];
  for (const enctype of new Set(usable.map(({ key }) => key.enctype))) {
    // Old weak keys are kept for tickets that were issued before AES.
    if (isWeakEnctype(enctype)) continue;
    const own = usable.filter(({ key }) => key.enctype === enctype);
    if (newerThan(own, usable).length === 0) continue;
    late.push(`${enctypeName(enctype)} kvno ${newestOf(own).kvno}`);
  }
  if (late.length === 0) return undefined;
  return warning(
    'keytab',
    'keytab.kvno-behind',
    `${name} has keys of kvno ${newestOf(usable).kvno}, but ${late.join(', ')} only: a new ticket of that enctype ` +
      'is refused',
    'export the keys of all enctypes again',
    'remove the enctype from the account if it is no longer in use',
  );
}

/** Two different keys in one place: at most one of them is right. */
function conflict(name: string, entries: readonly KeytabEntry[]): Finding | undefined {
  const seen = new Map<string, KeytabEntry>();
  for (const entry of entries.slice(0, MAX_ENTRIES)) {
    const place = `kvno ${entry.kvno} ${enctypeName(entry.key.enctype)}`;
    const other = seen.get(place);
    if (other !== undefined && !other.key.equals(entry.key)) {
      return warning(
        'keytab',
        'keytab.conflict',
        `${name} has different keys for ${place}: at most one of them is the KDC's`,
        'write the keytab anew, into a new file (ktadd, ktpass and ktutil append or replace)',
      );
    }
    seen.set(place, entry);
  }
  return undefined;
}

function datedAhead(
  name: string,
  entries: readonly KeytabEntry[],
  { now, clockSkew }: KeyRules,
): Finding | undefined {
  const latest = Math.max(...entries.map(({ timestamp }) => timestamp));
  if (latest <= now + clockSkew) return undefined;
  return warning(
    'keytab',
    'keytab.dated-ahead',
    `${name} has a key that was written at ${formatTime(latest)}, and it is ${formatTime(Math.floor(now))} now: one ` +
      'of the two clocks is wrong',
    'compare the clocks of this machine and of the one that wrote the keytab (chronyc tracking, ' +
      'w32tm /query /status)',
  );
}

function isRealmKey({ principal: { components } }: PrincipalKeys): boolean {
  return components.length === 2 && components[0] === 'krbtgt';
}

function realmKey({ principal }: PrincipalKeys): Finding {
  const name = printablePrincipal(principal);
  return failure(
    'keytab',
    'keytab.realm-key',
    `the keytab holds the key of the realm itself, ${name}: whoever reads it can impersonate every user`,
    `remove it from the file: ktutil, or kadmin ktremove ${name}`,
    'change the key of krbtgt twice, as after the loss of a KDC',
  );
}

function isSwitchable(enctype: number): boolean {
  return enctype === RC4 || enctype === DES3;
}

function switchesOf(entries: readonly KeytabEntry[]): string {
  const names = entries.map(({ key }) =>
    key.enctype === RC4 ? 'allow_rc4 = true' : 'allow_des3 = true',
  );
  return [...new Set(names)].join(', ');
}

/** The enctypes of the entries, each once. */
function namesOf(entries: readonly KeytabEntry[]): string {
  return [...new Set(entries.map(({ key }) => enctypeName(key.enctype)))].join(', ');
}

const { rc4Hmac: RC4, des3CbcSha1: DES3 } = Enctype;
const MAX_PRINCIPALS = 16;
const MAX_ENTRIES = 1000;
