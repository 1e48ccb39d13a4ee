/** Timers that run when a test says so. */
import type { Timer } from '../../src/index.ts';

export class ManualTimers {
  readonly #running = new Map<() => void, number>();
  /** How many were ever started. */
  started = 0;

  readonly timer: Timer = (callback, milliseconds) => {
    this.started++;
    // A callback of its own, should one be given twice.
    const run = (): void => callback();
    this.#running.set(run, milliseconds);
    return () => void this.#running.delete(run);
  };

  /** The milliseconds of those that run. */
  get running(): readonly number[] {
    return [...this.#running.values()];
  }

  /** Lets the time of all of them come. */
  expire(): void {
    for (const run of [...this.#running.keys()]) {
      this.#running.delete(run);
      run();
    }
  }
}

/** Lets everything run that waits for no timer. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
