/** What is known of KDCs from requests before: which have failed, and how long each takes to answer. */
import type { Clock } from '../../time.ts';
import type { KdcServer } from './find-kdcs.ts';

/** Bounded: what is known of the server that was heard of longest ago is forgotten first. */
export class KnownServers {
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The servers in the order in which to ask them: those that have failed lately are last. */
  inOrder(servers: readonly KdcServer[]): readonly KdcServer[] {
    if (this.#known.size === 0) return servers;
    const now = this.#clock();
    // Also if the clock was set back meanwhile.
    const rests = (server: KdcServer): boolean => {
      const { failedAt } = this.#known.get(nameOf(server)) ?? {};
      return failedAt !== undefined && Math.abs(now - failedAt) < REST;
    };
    return [...servers.filter((server) => !rests(server)), ...servers.filter(rests)];
  }

  /**
   * Milliseconds after which an answer is late. A server that is always slow gets more time: asking it once
   * more over TCP would only double its work.
   */
  patienceWith(server: KdcServer): number {
    const { took = 0 } = this.#known.get(nameOf(server)) ?? {};
    return Math.min(Math.max(LATE, 2 * took), MAX_LATE);
  }

  /** @param since - When it was asked. */
  answered(server: KdcServer, since: number): void {
    this.#learn(server, { took: this.#clock() - since });
  }

  /** Its answer is late: the next requests do not wait longer for it than for others. */
  late(server: KdcServer): void {
    if (this.#known.has(nameOf(server))) this.#learn(server, { took: 0 });
  }

  failed(server: KdcServer): void {
    this.#learn(server, { failedAt: this.#clock() });
  }

  #learn(server: KdcServer, what: Known): void {
    const name = nameOf(server);
    const before = this.#known.get(name);
    this.#known.delete(name);
    this.#known.set(name, { ...before, ...what });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) return;
      this.#known.delete(oldest);
    }
  }
}

/** Times are in milliseconds. */
interface Known {
  readonly failedAt?: number;
  readonly took?: number;
}

function nameOf({ host, port }: KdcServer): string {
  return `${host} ${port}`;
}

// Milliseconds.
const LATE = 1000;
const MAX_LATE = 5000;
const REST = 30_000;
const MAX_KNOWN = 64;
