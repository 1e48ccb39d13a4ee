/** Keys of one enctype, found by their kvno in a time that does not grow with their number. */
import { isNewer } from './age.ts';
import type { KeytabEntry } from './keytab.ts';

/** A list that is filled first and then searched. */
export class KvnoList {
  readonly #all: KeytabEntry[] = [];
  #highest = 0;
  #byKvno: Map<number, KeytabEntry[]> | undefined;
  #newest: readonly KeytabEntry[] | undefined;

  /** In the order in which they were added. */
  get all(): readonly KeytabEntry[] {
    return this.#all;
  }

  /** The highest kvno; 0 if the list is empty. */
  get highest(): number {
    return this.#highest;
  }

  /** Must not be called after the first search. */
  add(entry: KeytabEntry): void {
    this.#all.push(entry);
    if (entry.kvno > this.#highest) this.#highest = entry.kvno;
  }

  /** The entries of exactly that kvno, in the order in which they were added. */
  withKvno(kvno: number): readonly KeytabEntry[] {
    if (this.#byKvno === undefined) {
      const groups = new Map<number, KeytabEntry[]>();
      for (const entry of this.#all) {
        const group = groups.get(entry.kvno);
        if (group === undefined) groups.set(entry.kvno, [entry]);
        else group.push(entry);
      }
      this.#byKvno = groups;
    }
    return this.#byKvno.get(kvno) ?? [];
  }

  /** The newest entry whose kvno is not excluded. @param excluded - At most three kvnos. */
  newestExcept(excluded: readonly number[]): KeytabEntry | undefined {
    this.#newest ??= newestOfEachKvno(this.#all);
    return this.#newest.find(({ kvno }) => !excluded.includes(kvno));
  }
}

/** The newest entry, the newest one of another kvno, and so on: at most four. */
function newestOfEachKvno(entries: readonly KeytabEntry[]): readonly KeytabEntry[] {
  const found: KeytabEntry[] = [];
  for (let i = 0; i < 4; i++) {
    let best: KeytabEntry | undefined;
    for (const entry of entries) {
      if (found.some(({ kvno }) => kvno === entry.kvno)) continue;
      if (best === undefined || isNewer(entry, best)) best = entry;
    }
    if (best === undefined) break;
    found.push(best);
  }
  return found;
}
