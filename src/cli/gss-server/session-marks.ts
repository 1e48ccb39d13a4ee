/** Marks the log lines of unauthenticated clients. */
import type { GssServerEvent } from '../../node/server/events.ts';
import type { Block } from './lines.ts';
import { peerOf } from './lines.ts';

/**
 * MIT's program serves one client after another: the lines after `Accepted unauthenticated
 * connection.` belong to that client. Here lines of other clients may come between; then a line with
 * the client's address precedes further lines of the unauthenticated client.
 */
export class SessionMarks {
  readonly #always: boolean;
  readonly #unauthenticated = new Set<number>();
  /** The connection whose lines were printed last. */
  #last: number | undefined;

  /** @param always - Mark all such lines, because other processes print to the same log. */
  constructor(always: boolean) {
    this.#always = always;
  }

  /** @returns The blocks of the event, after a marking line where one is needed. */
  mark(event: GssServerEvent, blocks: readonly Block[]): readonly Block[] {
    if (!('connection' in event)) return blocks;
    const { id } = event.connection;
    const known = this.#unauthenticated.has(id);
    if (event.type === 'accepted-unauthenticated') this.#unauthenticated.add(id);
    if (event.type === 'close') this.#unauthenticated.delete(id);
    // Lines on stderr name their client.
    if (!blocks.some(({ to }) => to !== 'stderr')) return blocks;
    const needed = known && (this.#always || this.#last !== id);
    this.#last = id;
    if (!needed) return blocks;
    const text = `Unauthenticated client ${peerOf(event.connection)}:\n`;
    return [{ to: 'log', bytes: Buffer.from(text) }, ...blocks];
  }
}
