/**
 * Selects the keys that may open a ticket, and orders them.
 *
 * As in MIT krb5 (rd_req_dec.c decrypt_try_server, kt_file.c krb5_ktfile_get_entry), with two
 * differences: the likely keys come first instead of in the order of the file, and the number of
 * trials is bounded.
 */
import type { PrincipalName } from '../messages/principal.ts';
import { principalEqual } from '../messages/principal.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';
import type { PrincipalKeys } from './keytab-index.ts';
import { acceptedKeys, findPrincipal } from './keytab-index.ts';
import type { KvnoList } from './kvno-list.ts';
import type { ServiceMatcher } from './service-name.ts';
import { matchService } from './service-name.ts';

/** The unencrypted fields of a ticket that select its key. Anyone can write them. */
export interface TicketKeyRequest {
  /** The realm of the server. */
  readonly realm: string;
  /** The name of the server. */
  readonly serverName: PrincipalName;
  /** Key version number; absent and 0 both mean any. */
  readonly kvno?: number;
  /** Enctype of the key. */
  readonly enctype: number;
}

/**
 * How many keys are tried on one ticket. A forged ticket costs its sender nothing and the acceptor
 * one decryption for each key, so the number must not grow with the keytab. The keys of the ticket's
 * own server come first: the bound affects only tickets for an alias that the keytab does not name,
 * on keytabs with more keys of one enctype than this.
 */
export const MAX_KEY_TRIALS = 64;

/**
 * The keys to try on a ticket, best first, at most {@link MAX_KEY_TRIALS}: only keys of the ticket's
 * own enctype, since no other can open it, and only those that the provider supports.
 *
 * 1. The ticket server's own keys: those of the ticket's kvno; those of its low 8 bits, where an old
 *    tool stored no more; all of them if the kvno of the keytab or of the ticket is 0.
 * 2. Where the matcher accepts every kvno, the ticket server's other keys.
 * 3. Keys of other principals that the matcher accepts, since the ticket server may be an alias:
 *    those of a fitting kvno, then, where the matcher accepts every kvno, the rest.
 *
 * The ticket's server name decides only the order: the key that opens the ticket shows for which
 * principal of the keytab it was issued. Lazy: usually only the first key is asked for.
 */
export function* selectKeys(
  keytab: Keytab,
  matcher: ServiceMatcher,
  ticket: TicketKeyRequest,
): Generator<KeytabEntry, void, undefined> {
  const own = findPrincipal(keytab, ticket.realm, ticket.serverName);
  let left = MAX_KEY_TRIALS;
  for (const entry of keysOf(own, matcher, ticket)) {
    yield entry;
    if (--left === 0) return;
  }
  for (const entry of keysOfOthers(keytab, matcher, ticket, own)) {
    yield entry;
    if (--left === 0) return;
  }
}

/**
 * Whether an entry's kvno fits the kvno of a ticket: both are equal, one of them is 0, or the entry
 * has the low 8 bits of the ticket's, as old tools store it.
 */
export function kvnoFits(entryKvno: number, ticketKvno: number): boolean {
  if (entryKvno === 0 || ticketKvno === 0 || entryKvno === ticketKvno) return true;
  return entryKvno === (ticketKvno & 0xff);
}

/** The entries whose kvno fits: first the exact ones, then the low 8 bits, then kvno 0. */
export function fitting(keys: KvnoList, kvno: number): readonly KeytabEntry[] {
  if (kvno === 0) return keys.all;
  const low = kvno & 0xff;
  const exact = keys.withKvno(kvno);
  const lowBits = low === kvno || low === 0 ? [] : keys.withKvno(low);
  const any = keys.withKvno(0);
  return lowBits.length + any.length === 0 ? exact : [...exact, ...lowBits, ...any];
}

/** The ticket server's own keys, if the matcher accepts them: the better a kvno fits, the earlier. */
function keysOf(
  own: PrincipalKeys | undefined,
  matcher: ServiceMatcher,
  ticket: TicketKeyRequest,
): Iterable<KeytabEntry> {
  const keys = own?.usable.get(ticket.enctype);
  const match = own && matchService(matcher, own.principal);
  if (keys === undefined || match === undefined) return [];
  const kvno = ticket.kvno ?? 0;
  const everyKvno = match === 'every-kvno';
  const { all } = keys;
  // The usual case: there is only one key, and it fits.
  if (all.length === 1 && (everyKvno || kvnoFits(all[0]!.kvno, kvno))) return all;
  if (kvno === 0) return newestFirst(keys, []);
  return everyKvno ? everyKeyInOrder(keys, kvno) : fitting(keys, kvno);
}

/** Keys of the other principals. It skips few entries: each of them was tried before. */
function* keysOfOthers(
  keytab: Keytab,
  matcher: ServiceMatcher,
  ticket: TicketKeyRequest,
  own: PrincipalKeys | undefined,
): Iterable<KeytabEntry> {
  const kvno = ticket.kvno ?? 0;
  const accepted = acceptedKeys(keytab, matcher);
  const keys = accepted.usable.get(ticket.enctype);
  if (keys === undefined) return;
  const isOwn = ({ principal }: KeytabEntry) =>
    own !== undefined && principalEqual(principal, own.principal);
  for (const entry of fitting(keys, kvno)) {
    if (!isOwn(entry)) yield entry;
  }
  for (const entry of accepted.anyKvno.get(ticket.enctype) ?? []) {
    if (!kvnoFits(entry.kvno, kvno) && !isOwn(entry)) yield entry;
  }
}

function* everyKeyInOrder(keys: KvnoList, kvno: number): Iterable<KeytabEntry> {
  yield* fitting(keys, kvno);
  yield* newestFirst(keys, [kvno, kvno & 0xff, 0]);
}

/** The entries of other kvnos: the newest, which MIT krb5 would choose, then the rest in file order. */
function* newestFirst(keys: KvnoList, excluded: readonly number[]): Iterable<KeytabEntry> {
  const newest = keys.newestExcept(excluded);
  if (newest === undefined) return;
  yield newest;
  for (const entry of keys.all) {
    if (entry !== newest && !excluded.includes(entry.kvno)) yield entry;
  }
}
