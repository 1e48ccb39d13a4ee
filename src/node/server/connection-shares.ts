/**
 * Decides which connections stay when a server is full. Each source (an IPv4 address, a /64 of IPv6)
 * has a share; at a limit the oldest unauthenticated connection is displaced. The model is sshd:
 * MaxStartups, PerSourceMaxStartups and PerSourcePenalties of sshd_config(5). Unlike there, failures
 * alone refuse nobody, because a whole office may have one address.
 */

/** The limits; see GssServerLimits. */
export interface ShareLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerSource: number;
  /** Seconds; 0: failures do not count. */
  readonly maxPenalty: number;
}

/** The limit for which a connection was refused or displaced. */
export type ShareLimit = 'connections' | 'source' | 'penalty';

/** The seat of one open connection. */
export interface Seat {
  readonly source: Source;
  /** Closes the connection, because another one takes its seat. */
  readonly giveWay: (limit: ShareLimit) => void;
}

/** A source of connections, with its share. */
export interface Source {
  readonly key: string;
  open: number;
  /** Seats that may be displaced, without an authenticated client, the oldest first. */
  readonly waiting: Set<Seat>;
  /** When its failures are forgotten, in seconds of the clock. */
  penaltyEnd: number;
  penalised: boolean;
}

/** The seats of a server and the shares of its sources. */
export class ConnectionShares {
  readonly #limits: ShareLimits;
  readonly #penalisedShare: number;
  readonly #now: () => number;
  readonly #sources = new Map<string, Source>();
  readonly #seats = new Set<Seat>();
  /** Sources with remembered failures, the latest last. */
  readonly #failing = new Set<Source>();
  readonly #ordinary = new Ranking();
  readonly #penalised = new Ranking();

  /** @param now - A monotonic clock, in seconds. */
  constructor(limits: ShareLimits, now: () => number = () => performance.now() / 1000) {
    this.#limits = limits;
    this.#penalisedShare = Math.ceil(limits.maxConnectionsPerSource / PENALISED_PART);
    this.#now = now;
  }

  /** The number of known sources: those with a seat, and at most 4096 that failed. */
  get sources(): number {
    return this.#sources.size;
  }

  /**
   * Seats a connection. At a limit it displaces another one, whose `giveWay` is called.
   *
   * @returns The seat, or the limit that was reached if none can be displaced.
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

  /** The client is authenticated: its seat cannot be displaced. */
  settle(seat: Seat): void {
    const { waiting } = seat.source;
    if (waiting.delete(seat)) this.#rankingOf(seat.source).move(seat.source, waiting.size + 1);
  }

  /** The seat may be displaced: its client is unauthenticated, or has finished. */
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
   * Counts a connection that ended without an authenticated client, one second each. A source with
   * more than a quarter of the maximum is penalised until all its seconds have passed.
   *
   * @returns The seconds of the penalty if it begins now, else undefined.
   */
  fail({ source: former }: Seat): number | undefined {
    const { maxPenalty } = this.#limits;
    if (maxPenalty === 0) return undefined;
    // A source without a seat may have been forgotten and known again since.
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
    // A source that has used up its share displaces its own connections only.
    const own = limit !== 'connections' || this.#hasItsShare(source);
    const from = own ? source : this.#mostWaiting();
    return from && first(from.waiting);
  }

  /** The source with the most displaceable seats; a penalised one if any has some. */
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

/** Sources by their number of waiting seats. Each operation takes constant time. */
class Ranking {
  readonly #ranks: Set<Source>[] = [];

  /** The source with the most; of several, the one that has had that number for longest. */
  most(): Source | undefined {
    const highest = this.#ranks.at(-1);
    return highest && first(highest);
  }

  /** Called after the source's number of waiting seats has changed. */
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

// Unauthenticated clients of a penalised source get this part of its share: one eighth.
const PENALISED_PART = 8;
// Seconds for each failure.
const FAILURE = 1;
const MAX_FAILING = 4096;
