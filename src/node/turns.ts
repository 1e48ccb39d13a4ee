/**
 * Spreads work over the turns of the event loop: what a thousand answers or clients at once cause would otherwise
 * be done in one turn, and everybody else who comes to this process would wait for all of it. What continues what
 * was begun before is one piece of a turn at most, so that turns are short for those who begin: they need several,
 * until they are connected, have sent something and are served. Work is taken from each source in turn.
 */
export class Turns {
  readonly #perTurn: number;
  readonly #beginning = new Line();
  readonly #further = new Line();
  #left: number;
  #hasContinued = false;
  #scheduled = false;

  /** @param perTurn - Pieces of work in one turn, at least 2. */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /**
   * Does it now, or after others that wait: a later turn. It must not throw.
   *
   * @param isFurther - Whether it continues what other work has begun.
   */
  take(work: () => void, source = '', isFurther = false): void {
    this.#schedule();
    const line = isFurther ? this.#further : this.#beginning;
    if (this.#left === 0 || (isFurther && this.#hasContinued) || !line.isEmpty) {
      line.push(work, source);
      return;
    }
    this.#left--;
    this.#hasContinued ||= isFurther;
    work();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const now = this.#next();
      if (now.length > 0) this.#schedule();
      for (const work of now) work();
    });
  }

  #next(): (() => void)[] {
    const further = this.#further.shift();
    this.#hasContinued = further !== undefined;
    this.#left = this.#perTurn - (further === undefined ? 0 : 1);
    const next: (() => void)[] = [];
    for (; this.#left > 0; this.#left--) {
      const work = this.#beginning.shift();
      if (work === undefined) break;
      next.push(work);
    }
    if (further !== undefined) next.push(further);
    return next;
  }
}

/**
 * Work that waits, taken from each source in turn, every second piece from sources that had none waiting (as RFC
 * 8290 §4.1 does with packets), if there are any.
 */
class Line {
  /** By source, the next one first; no list is empty. A source is in one of the two maps at most. */
  readonly #fresh = new Map<string, (() => void)[]>();
  readonly #served = new Map<string, (() => void)[]>();
  #taken = 0;

  get isEmpty(): boolean {
    return this.#fresh.size + this.#served.size === 0;
  }

  push(work: () => void, source: string): void {
    const before = this.#fresh.get(source) ?? this.#served.get(source);
    if (before === undefined) this.#fresh.set(source, [work]);
    else before.push(work);
  }

  shift(): (() => void) | undefined {
    const isFresh = this.#served.size === 0 || (this.#fresh.size > 0 && this.#taken++ % 2 === 0);
    const from = isFresh ? this.#fresh : this.#served;
    const [first] = from;
    if (first === undefined) return undefined;
    const [source, works] = first;
    from.delete(source);
    const work = works.shift();
    if (works.length > 0) this.#served.set(source, works);
    return work;
  }
}
