/** What is known about a ticket and a keytab when no key opened the ticket. */
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

export interface KeytabFacts {
  /** What the keytab has of each principal. */
  readonly principals: readonly PrincipalKeys[];
  readonly matcher: ServiceMatcher;
  /** The matcher, for messages. */
  readonly service: string;
  /** What the matcher accepts of it. */
  readonly accepted: AcceptedKeys;
}

export interface Facts extends KeytabFacts {
  readonly ticketServer: Principal;
  /** The ticket server, for messages. */
  readonly server: string;
  /** 0 if the ticket has none. */
  readonly kvno: number;
  readonly enctype: number;
  /** What the keytab has of the ticket server, accepted or not. */
  readonly own: PrincipalKeys | undefined;
  /** The principal whose keys the error is about: the explicit one, else the ticket server. */
  readonly subject: PrincipalKeys | undefined;
  /** Entries of the subject whose kvno fits: one of each enctype. */
  readonly fitting: readonly KeytabEntry[];
}

export function gatherKeytabFacts(keytab: Keytab, matcher: ServiceMatcher): KeytabFacts {
  return {
    principals: principalsOf(keytab),
    matcher,
    service: printableName(formatServiceName(matcher)),
    accepted: acceptedKeys(keytab, matcher),
  };
}

export function gatherFacts(
  keytab: Keytab,
  matcher: ServiceMatcher,
  ticket: TicketKeyRequest,
): Facts {
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

/** Whether the keytab has a key of the principal and enctype. */
export function hasEnctype(keys: PrincipalKeys | undefined, enctype: number): boolean {
  return keys !== undefined && (keys.usable.has(enctype) || keys.unusable.has(enctype));
}

/** Whether the keytab has a key of the principal with a higher kvno. */
export function hasHigherKvno(keys: PrincipalKeys, kvno: number): boolean {
  return listsOf(keys).some(({ highest }) => highest > kvno);
}

function listsOf(keys: PrincipalKeys | undefined): KvnoList<KeytabEntry>[] {
  return keys === undefined ? [] : [...keys.usable.values(), ...keys.unusable.values()];
}

/** The names that the keytab holds, those that the matcher accepts before the others. */
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

/** The kvnos of the entries, ascending. @param entries - A list that does not change. */
export function kvnosOf(entries: readonly KeytabEntry[]): readonly string[] {
  return onceFor(kvnoLists, entries, () => {
    const kvnos = [...new Set(entries.map((entry) => entry.kvno))].sort((a, b) => a - b);
    return atMost(kvnos.map(String));
  });
}

/** The names of the enctypes of the entries. @param entries - A list that does not change. */
export function enctypesOf(entries: readonly KeytabEntry[]): readonly string[] {
  return onceFor(enctypeLists, entries, () =>
    atMost([...new Set(entries.map((entry) => enctypeName(entry.key.enctype)))]),
  );
}

/** Entries that the error is about: of its subject, else all that the matcher accepts. */
export function entriesInQuestion({ subject, accepted }: Facts): readonly KeytabEntry[] {
  if (subject !== undefined) return subject.entries;
  return onceFor(acceptedEntries, accepted, () =>
    first(accepted.principals, MAX_SCANNED).flatMap((keys) => keys.entries),
  );
}

/** The first of many; the others are not even looked at. */
function first<T>(items: Iterable<T>, count: number): T[] {
  const list: T[] = [];
  for (const item of items) {
    if (list.length === count) break;
    list.push(item);
  }
  return list;
}

/** A forged ticket must not have thousands of entries listed each time. */
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
const acceptedEntries = new WeakMap<AcceptedKeys, readonly KeytabEntry[]>();
/** How many principals are looked at for a hint: a forged ticket must not make it expensive. */
export const MAX_SCANNED = 256;
const MAX_LISTED = 8;
