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
  if (own !== undefined && match !== undefined) {
    const keys = own.usable.get(ticket.enctype) ?? [];
    for (const entry of inOrder(keys, kvno, match === 'every-kvno')) {
      yield entry;
      if (--left === 0) return;
    }
  }

  const others = acceptedKeys(keytab, matcher).usable.get(ticket.enctype) ?? [];
  for (const fitting of [true, false]) {
    for (const { entry, principal, everyKvno } of others) {
      if (kvnoFits(entry.kvno, kvno) !== fitting || !(fitting || everyKvno)) continue;
      if (principal === own) continue;
      yield entry;
      if (--left === 0) return;
    }
  }
}

/**
 * Whether an entry's kvno is what a ticket asks for. Old keytabs hold the low 8 bits of a kvno
 * only; 0, in either, stands for any.
 */
export function kvnoFits(entryKvno: number, ticketKvno: number): boolean {
  return closeness(entryKvno, ticketKvno) !== Closeness.not;
}

const Closeness = { exact: 0, lowBits: 1, any: 2, not: 3 } as const;

function closeness(entryKvno: number, ticketKvno: number): number {
  if (entryKvno === 0 || ticketKvno === 0) return Closeness.any;
  if (entryKvno === ticketKvno) return Closeness.exact;
  return entryKvno === (ticketKvno & 0xff) ? Closeness.lowBits : Closeness.not;
}

/** Keys of one principal and enctype: the better their kvno fits, the earlier. */
function inOrder(
  keys: readonly KeytabEntry[],
  kvno: number,
  everyKvno: boolean,
): readonly KeytabEntry[] {
  // The usual case: one key, and it is the one.
  if (keys.length === 1 && (everyKvno || kvnoFits(keys[0]!.kvno, kvno))) return keys;
  const fitting = (how: number) => keys.filter((entry) => closeness(entry.kvno, kvno) === how);
  return [
    ...fitting(Closeness.exact),
    ...fitting(Closeness.lowBits),
    ...newestFirst(fitting(Closeness.any)),
    ...(everyKvno ? newestFirst(fitting(Closeness.not)) : []),
  ];
}

/** The newest, as MIT krb5 chooses it, and then the others as they come. */
function newestFirst(keys: readonly KeytabEntry[]): readonly KeytabEntry[] {
  if (keys.length < 2) return keys;
  const newest = keys.reduce((best, entry) => (isNewer(entry, best) ? entry : best));
  return [newest, ...keys.filter((entry) => entry !== newest)];
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
