/** Counts by name, of which a hostile client cannot make more than a bound. */

export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #maxNames: number;
  #others = 0;

  /** @param maxNames - Further names are counted together. */
  constructor(maxNames: number) {
    this.#maxNames = maxNames;
  }

  add(name: string, count = 1): void {
    const before = this.#counts.get(name);
    if (before !== undefined || this.#counts.size < this.#maxNames) {
      this.#counts.set(name, (before ?? 0) + count);
    } else this.#others += count;
  }

  /** A copy. Names that came after the bound was reached are counted together as `other`. */
  toRecord(): Record<string, number> {
    const record = Object.fromEntries(this.#counts);
    if (this.#others > 0) record.other = (record.other ?? 0) + this.#others;
    return record;
  }
}
