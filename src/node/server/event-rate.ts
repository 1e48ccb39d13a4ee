/** Limits events that anyone can cause to one a second. */

export class EventRate<E> {
  readonly #emit: (event: E, more: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #latest: E | undefined;
  #held = 0;

  /** @param emit - Called with an event and the number of earlier events that were held back. */
  constructor(emit: (event: E, more: number) => void) {
    this.#emit = emit;
  }

  /** Emits the event now, or the latest of several at the end of the second. */
  push(event: E): void {
    if (this.#timer === undefined) {
      this.#pass(event, 0);
    } else {
      this.#latest = event;
      this.#held++;
    }
  }

  #pass(event: E, more: number): void {
    // unref: the timer does not keep the process alive.
    this.#timer = setTimeout(() => this.#over(), INTERVAL).unref();
    this.#emit(event, more);
  }

  #over(): void {
    const latest = this.#latest;
    const more = this.#held - 1;
    this.#timer = undefined;
    this.#latest = undefined;
    this.#held = 0;
    if (latest !== undefined) this.#pass(latest, more);
  }
}

// Milliseconds.
const INTERVAL = 1000;
