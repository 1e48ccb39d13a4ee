/** Signals that clients have gone away, for servers of Node.js. */

/** What emits `close` when a client goes away: its connection, or its stream of HTTP/2. */
export interface Closing {
  /** Whether it is closed, or about to be. */
  readonly destroyed?: boolean;
  /** Calls the listener when it is closed. */
  once(event: 'close', listener: () => void): unknown;
}

/** One signal for each connection or stream. */
export class GoneSignals {
  readonly #known = new WeakMap<Closing, AbortSignal>();

  /** @returns Aborted once it is closed; at once if it is closed already, because `close` does not come again. */
  of(closing: Closing): AbortSignal {
    const before = this.#known.get(closing);
    if (before !== undefined) return before;
    const controller = newController();
    const abort = (): void => controller.abort(CLIENT_GONE);
    if (closing.destroyed === true) abort();
    else closing.once('close', abort);
    this.#known.set(closing, controller.signal);
    return controller.signal;
  }
}

/**
 * A controller whose signal takes any number of listeners. Of more than ten Node.js warns as of a leak, and a
 * client decides how many of its requests wait at the same time.
 */
export function newController(): AbortController {
  const controller = new AbortController();
  const runtime = Reflect.get(globalThis, 'process') as Partial<Runtime> | undefined;
  runtime?.getBuiltinModule?.('node:events')?.setMaxListeners?.(0, controller.signal);
  return controller;
}

interface Runtime {
  getBuiltinModule(
    id: 'node:events',
  ): { setMaxListeners?(count: number, target: object): void } | undefined;
}

const CLIENT_GONE: unknown = new Error('the client closed its connection');
