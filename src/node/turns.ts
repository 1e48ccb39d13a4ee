/**
 * Spreads work over the turns of the event loop: what a thousand answers or clients at once cause would otherwise
 * be done in one turn, and everybody else who comes to this process would wait for all of it. Work is taken from
 * each source in turn, half of it from sources that had none waiting (as RFC 8290 §4.1 does with packets): who
 * comes with little does not wait for those that come with much.
 */
export class Turns {
  readonly #perTurn: number;
  /** By source, the next one first; no list is empty. A source is in one of the two maps at most. */
  readonly #fresh = new Map<string, (() => void)[]>();
  readonly #served = new Map<string, (() => void)[]>();
  #left: number;
  #scheduled = false;

  /** @param perTurn - Pieces of work in one turn. */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /** Does it now, or after others that wait: a later turn. It must not throw. */
  take(work: () => void, source = ''): void {
    this.#schedule();
    if (this.#left > 0 && this.#fresh.size + this.#served.size === 0) {
      this.#left--;
      work();
      return;
    }
    const before = this.#fresh.get(source) ?? this.#served.get(source);
    if (before === undefined) this.#fresh.set(source, [work]);
    else before.push(work);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const now = this.#next();
      this.#left = this.#perTurn - now.length;
      if (now.length > 0) this.#schedule();
      for (const work of now) work();
    });
  }

  #next(): (() => void)[] {
    const next: (() => void)[] = [];
    while (next.length < this.#perTurn) {
      const isFresh =
        this.#served.size === 0 || (this.#fresh.size > 0 && next.length < this.#perTurn / 2);
      const from = isFresh ? this.#fresh : this.#served;
      const [first] = from;
      if (first === undefined) break;
      const [source, works] = first;
      next.push(works.shift()!);
      from.delete(source);
      if (works.length > 0) this.#served.set(source, works);
    }
    return next;
  }
}
