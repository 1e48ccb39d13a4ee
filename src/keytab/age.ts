/** Which of a principal's keys is newer: kvnos count up, but some are stored in one byte and begin again. */
import type { KeytabEntry } from './keytab.ts';

/**
 * MIT krb5 kt_file.c more_recent: the higher kvno is newer, except that a small kvno that was written
 * no earlier than a large one is newer: the counter has wrapped at an 8-bit or 16-bit boundary.
 */
export function isNewer(a: KeytabEntry, b: KeytabEntry): boolean {
  if (a.timestamp >= b.timestamp && hasWrapped(a, b)) return true;
  if (a.timestamp <= b.timestamp && hasWrapped(b, a)) return false;
  return a.kvno > b.kvno;
}

/** The newest of the entries, as {@link isNewer} has it. @param entries - At least one. */
export function newestOf(entries: readonly KeytabEntry[]): KeytabEntry {
  return entries.reduce((best, entry) => (isNewer(entry, best) ? entry : best));
}

/**
 * The entries that are newer than all of the others for certain, so that none of the others opens a new ticket.
 * An entry of kvno 0 serves tickets of every kvno: nothing is newer.
 */
export function newerThan(
  others: readonly KeytabEntry[],
  entries: readonly KeytabEntry[],
): KeytabEntry[] {
  if (others.some(({ kvno }) => kvno === 0)) return [];
  return entries.filter((entry) => others.every((other) => isNewerForCertain(entry, other)));
}

/** A kvno of one byte, 2, may mean 258: then the times tell, where they are known and differ. */
function isNewerForCertain(a: KeytabEntry, b: KeytabEntry): boolean {
  if (a.kvno <= b.kvno) return false;
  if (b.kvno > 0xff) return true;
  const areDated = a.timestamp !== 0 && b.timestamp !== 0;
  if (areDated && a.timestamp !== b.timestamp) return a.timestamp > b.timestamp;
  return !hasWrapped(b, a);
}

function hasWrapped(a: KeytabEntry, b: KeytabEntry): boolean {
  return a.kvno < 128 && b.kvno > 240;
}
