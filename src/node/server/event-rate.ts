/** Events of which a stranger can cause as many as he likes, at most one a second. */

export class EventRate<E> {
  readonly #emit: (event: E, more: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #latest: E | undefined;
  #held = 0;

  /** @param emit - Called with an event and the number of others before it that were held back. */
  constructor(emit: (event: E, more: number) => void) {
    this.#emit = emit;
  }

  /** Emits the event, or the latest of several when the second is over. */
  push(event: E): void {
    if (this.#timer === undefined) {
      this.#pass(event, 0);
    } else {
      this.#latest = event;
      this.#held++;
    }
  }

  #pass(event: E, more: number): void {
    // Nobody waits for it: a process that has nothing else to do may end.
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
