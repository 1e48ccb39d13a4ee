/** Clients that are challenged on a connection that ends with the response: they come back on another one, or not. */
import type { Socket } from 'node:net';
import { newController } from '../http/outcome/gone-signals.ts';

/** Tells which of them have not come back. */
export class Departures {
  readonly #waiting = new Map<string, AbortController>();

  /**
   * A client leaves.
   *
   * @returns Aborted after some seconds, unless a client comes back to the same address. Undefined if too
   *   many have left.
   */
  leave({ remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): AbortSignal | undefined {
    const known = this.#waiting.get(remoteAddress);
    if (known !== undefined) return known.signal;
    if (this.#waiting.size >= MAX_WAITING) return undefined;
    const controller = newController();
    this.#waiting.set(remoteAddress, controller);
    const end = (): void => {
      if (this.#waiting.get(remoteAddress) !== controller) return;
      this.#waiting.delete(remoteAddress);
      controller.abort();
    };
    setTimeout(end, PATIENCE).unref();
    return controller.signal;
  }

  /** Somebody came with credentials. */
  comeBack({ remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): void {
    if (this.#waiting.size > 0) this.#waiting.delete(remoteAddress);
  }
}

const MAX_WAITING = 1024;
// Milliseconds: the client may have to ask a distant KDC for its ticket.
const PATIENCE = 5000;
