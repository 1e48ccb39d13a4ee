/**
 * Spreads work over the turns of the event loop: a thousand answers or clients at once would otherwise fill one
 * turn, and everybody else would wait for all of it. A turn does several pieces of work that begin something, and
 * one piece that continues what earlier work began. Turns are therefore short for new clients, who need several of
 * them: to connect, to send a token and to be served. A turn in which something begins continues more than one
 * piece: otherwise, a crowd of ever new clients would let nobody finish. Each source has its turn.
 */
export class Turns {
  readonly #perTurn: number;
  readonly #beginning = new Line();
  readonly #further = new Line();
  #left: number;
  #continued = 0;
  #scheduled = false;

  /** @param perTurn - Pieces of work that begin something, in one turn. */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /**
   * Does it now, or after others that wait: a later turn.
   *
   * @param work - A function of its own for each call. It must not throw.
   * @param isFurther - Whether it continues what other work has begun.
   * @returns Undefined if the work is done. Else a function that withdraws it, if it still waits.
   */
  take(work: () => void, source = '', isFurther = false): (() => void) | undefined {
    this.#schedule();
    const line = isFurther ? this.#further : this.#beginning;
    const isFull = isFurther ? this.#continued >= this.#mostFurther : this.#left === 0;
    if (isFull || !line.isEmpty) {
      return line.push(work, source);
    }
    if (isFurther) this.#continued++;
    else this.#left--;
    work();
    return undefined;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const now = this.#rest();
      if (!this.#beginning.isEmpty || !this.#further.isEmpty) this.#schedule();
      for (const work of now) work();
    });
  }

  /** What this turn has room for, beside what was done at once, and begins the next one. */
  #rest(): (() => void)[] {
    const rest: (() => void)[] = [];
    for (; this.#left > 0; this.#left--) {
      const work = this.#beginning.shift();
      if (work === undefined) break;
      rest.push(work);
    }
    for (; this.#continued < this.#mostFurther; this.#continued++) {
      const work = this.#further.shift();
      if (work === undefined) break;
      rest.push(work);
    }
    this.#left = this.#perTurn;
    this.#continued = 0;
    return rest;
  }

  get #mostFurther(): number {
    return this.#left === this.#perTurn ? 1 : FURTHER;
  }
}

/**
 * Work that waits, taken from each source in turn, every second piece from sources that had none waiting (as RFC
 * 8290 §4.1 does with packets), if there are any.
 */
class Line {
  /** By source, the next one first; no set is empty. A source is in one of the two maps at most. */
  readonly #fresh = new Map<string, Set<() => void>>();
  readonly #served = new Map<string, Set<() => void>>();
  #taken = 0;

  get isEmpty(): boolean {
    return this.#fresh.size + this.#served.size === 0;
  }

  /** @returns Takes it out again. */
  push(work: () => void, source: string): () => void {
    const before = this.#fresh.get(source) ?? this.#served.get(source);
    const works = before ?? new Set();
    if (before === undefined) this.#fresh.set(source, works);
    works.add(work);
    return () => {
      if (!works.delete(work) || works.size > 0) return;
      const from = this.#fresh.get(source) === works ? this.#fresh : this.#served;
      from.delete(source);
    };
  }

  shift(): (() => void) | undefined {
    const isFresh = this.#served.size === 0 || (this.#fresh.size > 0 && this.#taken++ % 2 === 0);
    const from = isFresh ? this.#fresh : this.#served;
    const [first] = from;
    if (first === undefined) return undefined;
    const [source, works] = first;
    from.delete(source);
    const [work] = works;
    works.delete(work!);
    if (works.size > 0) this.#served.set(source, works);
    return work;
  }
}

// Pieces that continue something, beside those that begin: a login by IAKERB has about three further tokens.
const FURTHER = 3;
