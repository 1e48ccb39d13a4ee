/**
 * Bounds how many messages a server is asked once more, over its other transport, while it still may answer over
 * the first. Without a bound, a server that is slow because it has much to do would get twice as much to do.
 */
import type { KdcServer } from './find-kdcs.ts';

/** One for all messages that are asked. */
export class SecondTries {
  readonly #servers = new Map<string, Tries>();

  /** @returns Ends the try, to be called once; undefined if there is no room for it. */
  begin({ host, port }: KdcServer): (() => void) | undefined {
    const name = `${host} ${port}`;
    const tries = this.#servers.get(name) ?? { open: 0, waiting: new Set() };
    if (tries.open >= MAX_TRIES) return undefined;
    this.#servers.set(name, tries);
    tries.open++;
    return () => {
      tries.open--;
      // One that waits may need no second try any longer.
      for (const call of tries.waiting) {
        if (tries.open >= MAX_TRIES) return;
        tries.waiting.delete(call);
        call();
      }
      if (tries.open === 0) this.#servers.delete(name);
    };
  }

  /**
   * Calls when there is room again, first for what has waited for longest. To be called only after
   * {@link begin} has found none.
   *
   * @returns Forgets the call.
   */
  whenRoom({ host, port }: KdcServer, call: () => void): () => void {
    const waiting = this.#servers.get(`${host} ${port}`)?.waiting;
    waiting?.add(call);
    return () => waiting?.delete(call);
  }
}

interface Tries {
  open: number;
  readonly waiting: Set<() => void>;
}

// Enough where UDP does not reach a server: over TCP it answers within milliseconds.
const MAX_TRIES = 64;
