/** Sessions that the application keeps: a store is asked for a limited time, and decides nothing. */
import { isThenable } from '../../options.ts';
import type { Timer } from '../../time.ts';

/**
 * Keeps sessions for the application, so that a logout ends them everywhere and any number of groups fits:
 * Redis, a database, or a `Map` for tests. The values are sealed with the keys: someone who can read or
 * write the store can neither read nor forge a session.
 */
export interface SessionStore {
  /**
   * @param id - 43 characters of `A-Z a-z 0-9 - _`: 32 random bytes.
   * @returns The value that {@link set} stored under this id; undefined or null if there is none.
   */
  get(id: string): string | null | undefined | PromiseLike<string | null | undefined>;
  /** @param seconds - The session ends after this time, at least 1, and may be forgotten. */
  set(id: string, value: string, seconds: number): unknown;
  /** The deletion must be complete when its promise is fulfilled. */
  delete(id: string): unknown;
}

/** A store that answers within a deadline. */
export class PatientStore {
  readonly #store: SessionStore;
  readonly #timer: Timer;
  readonly #deadline: number;
  #waiting = 0;

  /** @param deadline - Seconds. */
  constructor(store: SessionStore, timer: Timer, deadline: number) {
    this.#store = store;
    this.#timer = timer;
    this.#deadline = deadline;
  }

  /** @throws The store's exception, or an Error for an invalid answer or a missed deadline. */
  async get(id: string): Promise<string | undefined> {
    const value = await this.#wait(() => this.#store.get(id));
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    throw new TypeError(`the store must return text or undefined, got ${typeof value}`);
  }

  /** @throws as {@link get}. */
  async set(id: string, value: string, seconds: number): Promise<void> {
    await this.#wait(() => this.#store.set(id, value, seconds));
  }

  /** @throws as {@link get}. */
  async delete(id: string): Promise<void> {
    await this.#wait(() => this.#store.delete(id));
  }

  async #wait(ask: () => unknown): Promise<unknown> {
    if (this.#waiting >= MAX_WAITING) {
      throw new Error(`${MAX_WAITING} requests wait for the store already`);
    }
    const answer = ask();
    if (!isThenable(answer)) return answer;
    this.#waiting++;
    let cancel = (): void => {};
    const late = new Promise<never>((_, reject) => {
      cancel = this.#timer(
        () => reject(new Error(`the store did not answer for ${this.#deadline} s`)),
        this.#deadline * 1000,
      );
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      this.#waiting--;
      cancel();
    }
  }
}

// Below the number of requests that may wait for a session: the others go on without one.
const MAX_WAITING = 512;
