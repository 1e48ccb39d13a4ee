/** Finds keys of a service whose encryption types the provider lacks. */
import { enctypeName } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import { UNUSABLE_KEYS } from '../explain/unusable-keys.ts';
import { printablePrincipal } from '../messages/principal.ts';
import { newerThan } from './age.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';
import type { PrincipalKeys } from './keytab-index.ts';
import { acceptedKeys } from './keytab-index.ts';
import type { KvnoList } from './kvno-list.ts';
import type { ServiceMatcher } from './service-name.ts';

/**
 * - `keytab.unusable`: no key of the principal can be used: single DES, or RC4 and DES3 where they are
 *   off. Every client of its is refused.
 * - `keytab.newest-unusable`: older keys can be used, which open no new ticket.
 * - `keytab.not-used`: keys as new as these can be used, as in most keytabs with RC4 beside AES.
 */
export type UnusableReason = 'keytab.unusable' | 'keytab.newest-unusable' | 'keytab.not-used';

/** Judges each keytab that it is called with, and tells a finding once while it lasts. */
export function unusableKeys(
  matcher: ServiceMatcher,
  tell: (error: KerberosError, reason: UnusableReason) => void,
): (keytab: Keytab) => void {
  let told: readonly string[] = [];
  return (keytab) => {
    const before = told;
    const found = REASONS.flatMap((reason) => explainUnusable(keytab, matcher, reason) ?? []);
    told = found.map(({ message }) => message);
    for (const error of found) {
      if (!before.includes(error.message)) tell(error, error.reason as UnusableReason);
    }
  };
}

/** The error that names the principals for which the reason holds; undefined if there are none. */
export function explainUnusable(
  keytab: Keytab,
  matcher: ServiceMatcher,
  reason: UnusableReason = 'keytab.unusable',
): KerberosError | undefined {
  const { principals } = acceptedKeys(keytab, matcher);
  const useless = [...principals].filter((keys) => reasonOf(keys) === reason);
  if (useless.length === 0) return undefined;
  const enctypes = new Set<string>();
  const names: string[] = [];
  for (const keys of useless) {
    if (names.length === MAX_LISTED) break;
    names.push(printablePrincipal(keys.principal));
    for (const { key } of unusableOf(keys, reason)) enctypes.add(enctypeName(key.enctype));
  }
  const more = useless.length - names.length;
  const detail = {
    principals: more > 0 ? [...names, `${more} more`] : names,
    enctypes: [...enctypes].slice(0, MAX_LISTED),
  };
  const explanation = UNUSABLE_KEYS[reason];
  return new KerberosError('KDC_ERR_ETYPE_NOSUPP', {
    reason,
    detail,
    message: explanation.text(detail),
    hint: explanation.remedies(detail).join('; '),
  });
}

function reasonOf({ usable, unusable }: PrincipalKeys): UnusableReason | undefined {
  if (usable.size === 0) return 'keytab.unusable';
  if (unusable.size === 0) return undefined;
  const newer = newerThan(entriesOf(usable), entriesOf(unusable));
  return newer.length > 0 ? 'keytab.newest-unusable' : 'keytab.not-used';
}

/** The entries that the reason is about. */
function unusableOf({ usable, unusable }: PrincipalKeys, reason: UnusableReason): KeytabEntry[] {
  const entries = entriesOf(unusable);
  return reason === 'keytab.newest-unusable' ? newerThan(entriesOf(usable), entries) : entries;
}

function entriesOf(keys: ReadonlyMap<number, KvnoList>): KeytabEntry[] {
  return [...keys.values()].flatMap(({ all }) => all);
}

const MAX_LISTED = 8;
const REASONS: readonly UnusableReason[] = [
  'keytab.unusable',
  'keytab.newest-unusable',
  'keytab.not-used',
];
