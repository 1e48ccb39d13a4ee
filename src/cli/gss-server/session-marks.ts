/** Which lines are of clients that nobody has authenticated. */
import type { GssServerEvent } from '../../node/server/events.ts';
import type { Block } from './lines.ts';
import { peerOf } from './lines.ts';

/**
 * MIT's program serves one client after another: what follows `Accepted unauthenticated connection.`
 * is that client's. Here the lines of others may come between. Where they do, a line says that
 * those behind it are an unauthenticated client's.
 */
export class SessionMarks {
  readonly #always: boolean;
  readonly #unauthenticated = new Set<number>();
  /** Whose lines were the last. */
  #last: number | undefined;

  /** @param always - Other processes print to the same place. */
  constructor(always: boolean) {
    this.#always = always;
  }

  /** @returns What is to be printed of the event, with a mark before it if it needs one. */
  mark(event: GssServerEvent, blocks: readonly Block[]): readonly Block[] {
    if (!('connection' in event)) return blocks;
    const { id } = event.connection;
    const known = this.#unauthenticated.has(id);
    if (event.type === 'accepted-unauthenticated') this.#unauthenticated.add(id);
    if (event.type === 'close') this.#unauthenticated.delete(id);
    // What goes to stderr names its client.
    if (!blocks.some(({ to }) => to !== 'stderr')) return blocks;
    const needed = known && (this.#always || this.#last !== id);
    this.#last = id;
    if (!needed) return blocks;
    const text = `Unauthenticated client ${peerOf(event.connection)}:\n`;
    return [{ to: 'log', bytes: Buffer.from(text) }, ...blocks];
  }
}
