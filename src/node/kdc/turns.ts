/**
 * Spreads work over the turns of the event loop: what a thousand answers at once cause would otherwise be
 * done in one turn, and everybody else who comes to this process would wait for all of it.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #left = PER_TURN;
  #scheduled = false;

  /** Does it now, or after others that wait: a later turn. It must not throw. */
  take(work: () => void): void {
    if (this.#left === 0 || this.#waiting.length > 0) this.#waiting.push(work);
    this.#schedule();
    if (this.#waiting.length > 0) return;
    this.#left--;
    work();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const now = this.#waiting.splice(0, PER_TURN);
      this.#left = PER_TURN - now.length;
      if (now.length > 0) this.#schedule();
      for (const work of now) work();
    });
  }
}

// A piece of work, such as opening a socket or passing on an answer, takes about a tenth of a millisecond.
const PER_TURN = 16;
