/** Tells the operator once how an engine may lose records. */
import { tell } from '../hooks.ts';
import { printWarning } from '../warning.ts';

/** Inspects an engine once, as soon as it answers: before the first request if it can be reached. */
export class FirstLook {
  readonly #inspect: () => Promise<readonly string[]>;
  readonly #onWarning: ((message: string) => void) | undefined;
  #done = false;

  /** @param onWarning - Gets each sentence; if absent, the runtime prints a warning. */
  constructor(
    inspect: () => Promise<readonly string[]>,
    onWarning: ((message: string) => void) | undefined,
  ) {
    this.#inspect = inspect;
    this.#onWarning = onWarning;
  }

  /** Inspects in the background unless that was done. Never throws. */
  take(): void {
    if (!this.#done) void this.#look();
  }

  async #look(): Promise<void> {
    this.#done = true;
    try {
      for (const message of await this.#inspect()) {
        if (this.#onWarning === undefined) printWarning(message, 'KRB5_ACCEPTOR_REPLAY_CACHE');
        else tell('onWarning', this.#onWarning, message);
      }
    } catch {
      // The engine may not be reachable yet: the next request inspects it again.
      this.#done = false;
    }
  }
}
