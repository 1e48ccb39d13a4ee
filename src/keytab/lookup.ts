/**
 * Which keys may open a ticket, and in which order to try them.
 *
 * As MIT krb5 does it (rd_req_dec.c decrypt_try_server, kt_file.c krb5_ktfile_get_entry), with
 * two differences: the likely keys come first instead of in the order of the file, and the number
 * of trials is bounded.
 */
import type { PrincipalName } from '../messages/principal.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';
import { acceptedKeys, findPrincipal } from './keytab-index.ts';
import type { KvnoList } from './kvno-list.ts';
import type { ServiceMatcher } from './service-name.ts';
import { matchService } from './service-name.ts';

/** What a ticket says about its key; anybody can write it, it proves nothing. */
export interface TicketKeyRequest {
  readonly realm: string;
  readonly serverName: PrincipalName;
  /** Absent and 0 are the same: any kvno. */
  readonly kvno?: number;
  readonly enctype: number;
}

/**
 * How many keys are tried on one ticket. A ticket costs its sender nothing and us a decryption
 * for each key, so a keytab of thousands of keys must not make each forged one cost thousands.
 * The keys of the ticket's own server come first, so the bound only touches tickets for an alias
 * that the keytab does not name, on keytabs with more keys of one enctype than this.
 */
export const MAX_KEY_TRIALS = 64;

/**
 * The keys to try on a ticket, best first, at most {@link MAX_KEY_TRIALS}. Only keys of the
 * ticket's own enctype, since no other can open it, and only those that the provider supports.
 *
 * 1. The ticket server's own: kvno as in the ticket; then the kvno's low 8 bits, where an old
 *    tool kept no more; then where keytab or ticket has kvno 0, which stands for any.
 * 2. Where the matcher takes every kvno, the ticket server's other keys.
 * 3. Keys of other principals that the matcher accepts, since the ticket server may be an alias:
 *    those of a fitting kvno, then, where the matcher takes every kvno, the rest.
 *
 * The ticket's server name decides nothing but the order: the key that opens the ticket tells
 * which principal of the keytab it was for. Lazy: the usual case takes one step of it.
 */
export function* selectKeys(
  keytab: Keytab,
  matcher: ServiceMatcher,
  ticket: TicketKeyRequest,
): Generator<KeytabEntry, void, undefined> {
  const kvno = ticket.kvno ?? 0;
  let left = MAX_KEY_TRIALS;

  const own = findPrincipal(keytab, ticket.realm, ticket.serverName);
  const match = own && matchService(matcher, own.principal);
  const keys = own?.usable.get(ticket.enctype);
  if (keys !== undefined && match !== undefined) {
    for (const entry of inOrder(keys, kvno, match === 'every-kvno')) {
      yield entry;
      if (--left === 0) return;
    }
  }

  // What is skipped here was tried above, so that few keys are looked at, however many there are.
  const accepted = acceptedKeys(keytab, matcher);
  const others = accepted.usable.get(ticket.enctype);
  if (others === undefined) return;
  for (const { entry, principal } of fitting(others, kvno)) {
    if (principal === own) continue;
    yield entry;
    if (--left === 0) return;
  }
  for (const { entry, principal } of accepted.anyKvno.get(ticket.enctype) ?? []) {
    if (principal === own || kvnoFits(entry.kvno, kvno)) continue;
    yield entry;
    if (--left === 0) return;
  }
}

/**
 * Whether an entry's kvno is what a ticket asks for. Old keytabs hold the low 8 bits of a kvno
 * only; 0, in either, stands for any.
 */
export function kvnoFits(entryKvno: number, ticketKvno: number): boolean {
  if (entryKvno === 0 || ticketKvno === 0 || entryKvno === ticketKvno) return true;
  return entryKvno === (ticketKvno & 0xff);
}

/** Those whose kvno fits, in the order exact, low 8 bits, any. */
export function fitting<T extends { readonly kvno: number }>(
  keys: KvnoList<T>,
  kvno: number,
): readonly T[] {
  if (kvno === 0) return keys.all;
  const low = kvno & 0xff;
  const exact = keys.withKvno(kvno);
  const lowBits = low === kvno || low === 0 ? [] : keys.withKvno(low);
  const any = keys.withKvno(0);
  return lowBits.length + any.length === 0 ? exact : [...exact, ...lowBits, ...any];
}

/** Keys of one principal and enctype: the better their kvno fits, the earlier. */
function inOrder(
  keys: KvnoList<KeytabEntry>,
  kvno: number,
  everyKvno: boolean,
): Iterable<KeytabEntry> {
  const { all } = keys;
  // The usual case: one key, and it is the one.
  if (all.length === 1 && (everyKvno || kvnoFits(all[0]!.kvno, kvno))) return all;
  if (kvno === 0) return newestFirst(keys, []);
  return everyKvno ? everyInOrder(keys, kvno) : fitting(keys, kvno);
}

function* everyInOrder(keys: KvnoList<KeytabEntry>, kvno: number): Iterable<KeytabEntry> {
  yield* fitting(keys, kvno);
  yield* newestFirst(keys, [kvno, kvno & 0xff, 0]);
}

/** Those of other kvnos: the newest, as MIT krb5 chooses it, and then the rest as they come. */
function* newestFirst(
  keys: KvnoList<KeytabEntry>,
  excluded: readonly number[],
): Iterable<KeytabEntry> {
  const newest = keys.newestBut(excluded, isNewer);
  if (newest === undefined) return;
  yield newest;
  for (const entry of keys.all) {
    if (entry !== newest && !excluded.includes(entry.kvno)) yield entry;
  }
}

/**
 * MIT krb5 kt_file.c more_recent: the higher kvno, unless a small one was written no earlier than
 * a large one: then the count has wrapped at some 8-bit or 16-bit boundary.
 */
function isNewer(a: KeytabEntry, b: KeytabEntry): boolean {
  if (a.kvno < 128 && b.kvno > 240 && a.timestamp >= b.timestamp) return true;
  if (a.kvno > 240 && b.kvno < 128 && a.timestamp <= b.timestamp) return false;
  return a.kvno > b.kvno;
}
