/** Sends items that come at the same time to an engine together. */
import type { Timer } from '../time.ts';
import { systemTimer } from '../time.ts';

/**
 * Sends a batch. Its failure is that of all its items.
 *
 * @param items - At least one, and at most {@link MAX_BATCH}.
 * @returns One answer for each item, in their order.
 */
export type SendBatch<Item, Answer> = (
  items: readonly Item[],
) => Promise<readonly (Answer | PromiseLike<Answer>)[]>;

/**
 * Group commit: items wait for an earlier batch to return while the engine has enough to do, so that batches
 * become larger as the load does. All that come within one turn of the event loop are sent together: a
 * batch that returns makes its items' clients ask again within one turn.
 */
export class Batches<Item, Answer> {
  readonly #send: SendBatch<Item, Answer>;
  readonly #timer: Timer;
  readonly #waiting: Waiting<Item, Answer>[] = [];
  #inFlight = 0;
  #isGathering = false;

  /** @param timer - The runtime's if absent. */
  constructor(send: SendBatch<Item, Answer>, timer: Timer = systemTimer) {
    this.#send = send;
    this.#timer = timer;
  }

  /** @returns The item's answer. Rejects if its batch fails. */
  ask(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#isGathering && this.#inFlight < MAX_IN_FLIGHT) void this.#gather();
    });
  }

  async #gather(): Promise<void> {
    this.#isGathering = true;
    await undefined;
    this.#isGathering = false;
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    for (let free = MAX_IN_FLIGHT - this.#inFlight; free > 0; free--) {
      const { length } = this.#waiting;
      if (length === 0) return;
      // Two halves: the engine works on one while this process works on the answers to the other.
      const size = length < free * MIN_BATCH ? length : Math.ceil(length / free);
      void this.#sendOne(this.#waiting.splice(0, Math.min(size, MAX_BATCH)));
    }
  }

  async #sendOne(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    this.#inFlight++;
    let isCounted = true;
    const release = (): void => {
      if (!isCounted) return;
      isCounted = false;
      this.#inFlight--;
      this.#sendWaiting();
    };
    // A batch on a dead connection must not hold up those that another connection could take.
    const cancel = this.#timer(release, PATIENCE);
    try {
      const answers = await this.#send(batch.map(({ item }) => item));
      if (answers.length !== batch.length) throw new TypeError('expected an answer for each item');
      for (const [i, { resolve }] of batch.entries()) resolve(answers[i]!);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      cancel();
      release();
    }
  }
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer | PromiseLike<Answer>) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_IN_FLIGHT = 2;
/** Fewer are not divided: each batch has a cost of its own. */
const MIN_BATCH = 16;
/** The engine's step takes well below a millisecond for so many. */
export const MAX_BATCH = 128;
// Milliseconds.
const PATIENCE = 250;
