/**
 * Which connections stay when there are more than a server takes. Each source (an IPv4 address, a
 * /64 of IPv6) has a share; where a limit is reached, the oldest connection that is not
 * authenticated gives way. The model is sshd: MaxStartups, PerSourceMaxStartups and
 * PerSourcePenalties of sshd_config(5). Unlike there, failures alone refuse nobody: a whole office
 * may be behind one address.
 */

export interface ShareLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerSource: number;
  /** Seconds; 0: failures do not count. */
  readonly maxPenalty: number;
}

/** The limit that a connection was refused for, or that another gave way for. */
export type ShareLimit = 'connections' | 'source' | 'penalty';

/** The place of one open connection. */
export interface Seat {
  readonly source: Source;
  /** Closes the connection: another one has its place. */
  readonly giveWay: (limit: ShareLimit) => void;
}

/** One of those who share the connections. */
export interface Source {
  readonly key: string;
  open: number;
  /** Seats without an authenticated client, the oldest first. */
  readonly waiting: Set<Seat>;
  /** Until when its failures are remembered, in seconds. */
  penaltyEnd: number;
  penalised: boolean;
}

export class ConnectionShares {
  readonly #limits: ShareLimits;
  readonly #penalisedShare: number;
  readonly #now: () => number;
  readonly #sources = new Map<string, Source>();
  readonly #seats = new Set<Seat>();
  /** Sources whose failures are remembered, the latest last. */
  readonly #failing = new Set<Source>();
  readonly #ordinary = new Ranking();
  readonly #penalised = new Ranking();

  /** @param now - Seconds of a clock that never goes back. */
  constructor(limits: ShareLimits, now: () => number = () => performance.now() / 1000) {
    this.#limits = limits;
    this.#penalisedShare = Math.ceil(limits.maxConnectionsPerSource / PENALISED_PART);
    this.#now = now;
  }

  /** How many sources are known: those with a seat, and at most 4096 that failed. */
  get sources(): number {
    return this.#sources.size;
  }

  /**
   * Seats a connection, if need be in another's place, whose `giveWay` is called then.
   *
   * @returns The limit that is reached, if there is no seat.
   */
  enter(key: string, giveWay: Seat['giveWay']): Seat | ShareLimit {
    const source = this.#sources.get(key) ?? newSource(key);
    this.#expire(source, this.#now());
    const limit = this.#limitReached(source);
    if (limit !== undefined) {
      const displaced = this.#mostExpendable(limit, source);
      if (displaced === undefined) return limit;
      this.leave(displaced);
      displaced.giveWay(limit);
    }
    const seat = { source, giveWay };
    this.#sources.set(key, source);
    this.#seats.add(seat);
    source.open++;
    this.wait(seat);
    return seat;
  }

  /** The client is authenticated: its seat is its own. */
  settle(seat: Seat): void {
    const { waiting } = seat.source;
    if (waiting.delete(seat)) this.#rankingOf(seat.source).move(seat.source, waiting.size + 1);
  }

  /** The connection may give way: its client is not authenticated, or is done. */
  wait(seat: Seat): void {
    const { waiting } = seat.source;
    if (!this.#seats.has(seat) || waiting.has(seat)) return;
    waiting.add(seat);
    this.#rankingOf(seat.source).move(seat.source, waiting.size - 1);
  }

  /** The connection is closed. */
  leave(seat: Seat): void {
    if (!this.#seats.delete(seat)) return;
    this.settle(seat);
    seat.source.open--;
    this.#forgetIfIdle(seat.source);
  }

  /**
   * A connection of the source ended without an authenticated client. Each counts one second; a
   * source that has more than a quarter of the maximum is penalised until all seconds are over.
   *
   * @returns Seconds, if the source is penalised from now on.
   */
  fail({ source: former }: Seat): number | undefined {
    const { maxPenalty } = this.#limits;
    if (maxPenalty === 0) return undefined;
    // Without a seat it may have been forgotten, and come back.
    const source = this.#sources.get(former.key) ?? former;
    const now = this.#now();
    this.#expire(source, now);
    const seconds = Math.min(Math.max(source.penaltyEnd - now, 0) + FAILURE, maxPenalty);
    source.penaltyEnd = now + seconds;
    this.#remember(source, now);
    if (source.penalised || seconds <= maxPenalty / 4) return undefined;
    this.#setPenalised(source, true);
    return seconds;
  }

  #limitReached(source: Source): ShareLimit | undefined {
    const { maxConnections } = this.#limits;
    if (this.#seats.size >= maxConnections) return 'connections';
    if (this.#hasItsShare(source)) return 'source';
    const crowded = this.#seats.size >= maxConnections / 2;
    const exceeded = source.penalised && source.waiting.size >= this.#penalisedShare;
    return crowded && exceeded ? 'penalty' : undefined;
  }

  #hasItsShare(source: Source): boolean {
    return source.open >= this.#limits.maxConnectionsPerSource;
  }

  #mostExpendable(limit: ShareLimit, source: Source): Seat | undefined {
    // A source that has all of its share takes no more from the others.
    const own = limit !== 'connections' || this.#hasItsShare(source);
    const from = own ? source : this.#mostWaiting();
    return from && first(from.waiting);
  }

  /** The source that has most seats to give, of the penalised ones if they have any. */
  #mostWaiting(): Source | undefined {
    const now = this.#now();
    for (;;) {
      const source = this.#penalised.most();
      if (source === undefined) return this.#ordinary.most();
      this.#expire(source, now);
      if (source.penalised) return source;
    }
  }

  #expire(source: Source, now: number): void {
    if (source.penalised && source.penaltyEnd <= now) this.#setPenalised(source, false);
  }

  #setPenalised(source: Source, penalised: boolean): void {
    this.#rankingOf(source).remove(source, source.waiting.size);
    source.penalised = penalised;
    this.#rankingOf(source).add(source);
  }

  #rankingOf(source: Source): Ranking {
    return source.penalised ? this.#penalised : this.#ordinary;
  }

  #remember(source: Source, now: number): void {
    this.#sources.set(source.key, source);
    this.#failing.delete(source);
    this.#failing.add(source);
    for (const oldest of this.#failing) {
      if (oldest.penaltyEnd > now && this.#failing.size <= MAX_FAILING) break;
      this.#failing.delete(oldest);
      oldest.penaltyEnd = now;
      this.#expire(oldest, now);
      this.#forgetIfIdle(oldest);
    }
  }

  #forgetIfIdle(source: Source): void {
    if (source.open === 0 && !this.#failing.has(source)) this.#sources.delete(source.key);
  }
}

/** Sources by their number of waiting seats; each operation takes the same time, however many. */
class Ranking {
  readonly #ranks: Set<Source>[] = [];

  /** Of several with the most, the one that has had so many for longest. */
  most(): Source | undefined {
    const highest = this.#ranks.at(-1);
    return highest && first(highest);
  }

  /** To be called after the number has changed. */
  move(source: Source, before: number): void {
    this.#ranks[before]?.delete(source);
    this.add(source);
    this.#trim();
  }

  add(source: Source): void {
    const { size } = source.waiting;
    if (size === 0) return;
    while (this.#ranks.length <= size) this.#ranks.push(new Set());
    this.#ranks[size]!.add(source);
  }

  remove(source: Source, size: number): void {
    this.#ranks[size]?.delete(source);
    this.#trim();
  }

  #trim(): void {
    while (this.#ranks.at(-1)?.size === 0) this.#ranks.pop();
  }
}

function newSource(key: string): Source {
  return { key, open: 0, waiting: new Set(), penaltyEnd: 0, penalised: false };
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}

// Of its share, for clients of a penalised source that are not authenticated.
const PENALISED_PART = 8;
// Seconds that each failure counts.
const FAILURE = 1;
const MAX_FAILING = 4096;
