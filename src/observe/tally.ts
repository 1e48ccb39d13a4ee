/** Counts by name, of which a hostile client cannot make more than a bound. */

export class Tally {
  readonly #counts = new Map<string, { count: number }>();
  readonly #maxNames: number;
  #others = 0;

  /** @param maxNames - Further names are counted together. */
  constructor(maxNames: number) {
    this.#maxNames = maxNames;
  }

  add(name: string, count = 1): void {
    const before = this.#counts.get(name);
    if (before !== undefined) before.count += count;
    else if (this.#counts.size < this.#maxNames) this.#counts.set(name, { count });
    else this.#others += count;
  }

  /** A copy. Names that came after the bound was reached are counted together as `other`. */
  toRecord(): Record<string, number> {
    const entries = [...this.#counts].map(([name, { count }]) => [name, count] as const);
    const record: Record<string, number> = Object.fromEntries(entries);
    if (this.#others > 0) record.other = (record.other ?? 0) + this.#others;
    return record;
  }
}
