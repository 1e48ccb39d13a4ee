/** Keys of one enctype, found by their kvno in a time that does not grow with their number. */

/** A list that is filled first, and searched then. */
export class KvnoList<T extends { readonly kvno: number }> {
  readonly #all: T[] = [];
  #highest = 0;
  #byKvno: Map<number, T[]> | undefined;
  #newest: readonly T[] | undefined;

  /** In the order in which they were added. */
  get all(): readonly T[] {
    return this.#all;
  }

  /** The highest kvno. */
  get highest(): number {
    return this.#highest;
  }

  add(item: T): void {
    this.#all.push(item);
    if (item.kvno > this.#highest) this.#highest = item.kvno;
  }

  /** Those of exactly that kvno. */
  withKvno(kvno: number): readonly T[] {
    if (this.#byKvno === undefined) {
      const groups = new Map<number, T[]>();
      for (const item of this.#all) {
        const group = groups.get(item.kvno);
        if (group === undefined) groups.set(item.kvno, [item]);
        else group.push(item);
      }
      this.#byKvno = groups;
    }
    return this.#byKvno.get(kvno) ?? [];
  }

  /**
   * The newest item whose kvno is none of at most three others.
   *
   * @param isNewer - Always the same function: what it finds is kept.
   */
  newestBut(kvnos: readonly number[], isNewer: (a: T, b: T) => boolean): T | undefined {
    this.#newest ??= newestOf(this.#all, isNewer);
    return this.#newest.find(({ kvno }) => !kvnos.includes(kvno));
  }
}

/** The newest, the newest of another kvno than that one, and so on: four of them. */
function newestOf<T extends { readonly kvno: number }>(
  items: readonly T[],
  isNewer: (a: T, b: T) => boolean,
): readonly T[] {
  const found: T[] = [];
  for (let i = 0; i < 4; i++) {
    let best: T | undefined;
    for (const item of items) {
      if (found.some(({ kvno }) => kvno === item.kvno)) continue;
      if (best === undefined || isNewer(item, best)) best = item;
    }
    if (best === undefined) break;
    found.push(best);
  }
  return found;
}
