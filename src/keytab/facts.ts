/** Gathers the facts about a keytab and a ticket that errors and hints are made of. */
import { enctypeName } from '../crypto/numbers.ts';
import type { Principal } from '../messages/principal.ts';
import { printablePrincipal } from '../messages/principal.ts';
import { printableName } from '../text.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';
import type { AcceptedKeys, PrincipalKeys } from './keytab-index.ts';
import { acceptedKeys, findPrincipal, principalsOf } from './keytab-index.ts';
import type { KvnoList } from './kvno-list.ts';
import type { TicketKeyRequest } from './lookup.ts';
import { fitting } from './lookup.ts';
import type { ServiceMatcher } from './service-name.ts';
import { formatServiceName } from './service-name.ts';

/** Facts about a keytab and the services that are accepted. */
export interface KeytabFacts {
  /** All principals of the keytab. */
  readonly principals: readonly PrincipalKeys[];
  /** The accepted services. */
  readonly matcher: ServiceMatcher;
  /** The matcher as printable text. */
  readonly service: string;
  /** The keys that the matcher accepts. */
  readonly accepted: AcceptedKeys;
}

/** Facts about a ticket that no key opened. */
export interface TicketFacts extends KeytabFacts {
  /** The server that the ticket names. */
  readonly ticketServer: Principal;
  /** The ticket server as printable text. */
  readonly server: string;
  /** The kvno of the ticket; 0 if it has none. */
  readonly kvno: number;
  /** The enctype of the ticket. */
  readonly enctype: number;
  /** The ticket server's keys in the keytab, accepted or not. */
  readonly own: PrincipalKeys | undefined;
  /** The keys that the error is about: those of the explicit principal, else of the ticket server. */
  readonly subject: PrincipalKeys | undefined;
  /** Entries of the subject whose kvno fits the ticket's, one for each enctype. */
  readonly fitting: readonly KeytabEntry[];
}

/** The facts about a keytab alone. */
export function gatherKeytabFacts(keytab: Keytab, matcher: ServiceMatcher): KeytabFacts {
  return {
    principals: principalsOf(keytab),
    matcher,
    service: printableName(formatServiceName(matcher)),
    accepted: acceptedKeys(keytab, matcher),
  };
}

/** The facts about a ticket that no key opened. */
export function gatherTicketFacts(
  keytab: Keytab,
  matcher: ServiceMatcher,
  ticket: TicketKeyRequest,
): TicketFacts {
  const kvno = ticket.kvno ?? 0;
  const ticketServer: Principal = { ...ticket.serverName, realm: ticket.realm };
  const own = findPrincipal(keytab, ticket.realm, ticket.serverName);
  const subject =
    matcher.type === 'principal'
      ? findPrincipal(keytab, matcher.principal.realm, matcher.principal)
      : own;
  return {
    ...gatherKeytabFacts(keytab, matcher),
    ticketServer,
    server: printablePrincipal(ticketServer),
    kvno,
    enctype: ticket.enctype,
    own,
    subject,
    fitting: listsOf(subject).flatMap((list) => fitting(list, kvno).slice(0, 1)),
  };
}

/** Whether there is a key of the enctype, supported or not. */
export function hasEnctype(keys: PrincipalKeys | undefined, enctype: number): boolean {
  return keys !== undefined && (keys.usable.has(enctype) || keys.unusable.has(enctype));
}

/** Whether there is a key with a higher kvno. */
export function hasHigherKvno(keys: PrincipalKeys, kvno: number): boolean {
  return listsOf(keys).some(({ highest }) => highest > kvno);
}

function listsOf(keys: PrincipalKeys | undefined): KvnoList[] {
  return keys === undefined ? [] : [...keys.usable.values(), ...keys.unusable.values()];
}

/** The names in the keytab, accepted ones first: at most 8, then `'N more'`. */
export function keytabPrincipals({ principals, accepted }: KeytabFacts): string[] {
  const listed = new Set<PrincipalKeys>();
  for (const keys of [
    ...first(accepted.principals, MAX_LISTED),
    ...first(principals, MAX_LISTED),
  ]) {
    if (listed.size < MAX_LISTED) listed.add(keys);
  }
  const names = [...listed].map(({ principal }) => printablePrincipal(principal));
  const more = principals.length - names.length;
  return more > 0 ? [...names, `${more} more`] : names;
}

/**
 * The kvnos of the entries, ascending: at most 8, then `'N more'`.
 *
 * @param entries - A list that does not change: the result is kept for its lifetime.
 */
export function kvnosOf(entries: readonly KeytabEntry[]): readonly string[] {
  return onceFor(kvnoLists, entries, () => {
    const kvnos = [...new Set(entries.map((entry) => entry.kvno))].sort((a, b) => a - b);
    return atMost(kvnos.map(String));
  });
}

/**
 * The enctype names of the entries: at most 8, then `'N more'`.
 *
 * @param entries - A list that does not change: the result is kept for its lifetime.
 */
export function enctypesOf(entries: readonly KeytabEntry[]): readonly string[] {
  return onceFor(enctypeLists, entries, () =>
    atMost([...new Set(entries.map((entry) => enctypeName(entry.key.enctype)))]),
  );
}

/** When the newest of the entries was written, in seconds; 0 if unknown. Kept for the list's lifetime. */
export function newestTimestamp(entries: readonly KeytabEntry[]): number {
  return onceFor(timestamps, entries, () =>
    entries.reduce((newest, { timestamp }) => Math.max(newest, timestamp), 0),
  );
}

/** Whether a kvno is the low 8 bits of a higher one. */
export function isLowByte(kvno: number, entries: readonly KeytabEntry[]): boolean {
  const wrapped = onceFor(lowBytes, entries, () => {
    return new Set(entries.filter((one) => one.kvno > 0xff).map((one) => one.kvno & 0xff));
  });
  return wrapped.has(kvno);
}

/** The entries that the error is about: those of its subject, else those that the matcher accepts. */
export function entriesInQuestion({ subject, accepted }: TicketFacts): readonly KeytabEntry[] {
  if (subject !== undefined) return subject.entries;
  return onceFor(acceptedEntries, accepted, () =>
    first(accepted.principals, MAX_SCANNED).flatMap((keys) => keys.entries),
  );
}

/** The first items of many; it does not iterate over the others. */
function first<T>(items: Iterable<T>, count: number): T[] {
  const list: T[] = [];
  for (const item of items) {
    if (list.length === count) break;
    list.push(item);
  }
  return list;
}

/** Computes a list once: otherwise each forged ticket would have thousands of entries listed. */
function onceFor<K extends object, V>(known: WeakMap<K, V>, key: K, find: () => V): V {
  let value = known.get(key);
  if (value === undefined) {
    value = find();
    known.set(key, value);
  }
  return value;
}

function atMost(list: readonly string[]): string[] {
  if (list.length <= MAX_LISTED) return [...list];
  return [...list.slice(0, MAX_LISTED), `${list.length - MAX_LISTED} more`];
}

const kvnoLists = new WeakMap<readonly KeytabEntry[], readonly string[]>();
const enctypeLists = new WeakMap<readonly KeytabEntry[], readonly string[]>();
const timestamps = new WeakMap<readonly KeytabEntry[], number>();
const lowBytes = new WeakMap<readonly KeytabEntry[], ReadonlySet<number>>();
const acceptedEntries = new WeakMap<AcceptedKeys, readonly KeytabEntry[]>();
/** Number of principals that a hint considers: a forged ticket must not make it expensive. */
export const MAX_SCANNED = 256;
const MAX_LISTED = 8;
