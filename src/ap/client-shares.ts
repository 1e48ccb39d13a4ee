/** Keeps a client that floods a replay cache from using it up. */
import { KerberosError } from '../errors.ts';
import type { Principal } from '../messages/principal.ts';
import { printablePrincipal } from '../messages/principal.ts';

/**
 * Counts the records of each client, from the moment that the cache is half full. From then on a client
 * may hold at most a quarter of the free space: the more clients flood the cache, the smaller the share
 * of each, and there is always room for a client that holds nothing.
 *
 * The counts take at most 128 KiB for each group of records, for any number of clients (a count-min
 * sketch of two rows). Two clients are counted as one only if both of their counters coincide: one pair
 * in 2^28 in the largest table.
 */
export class ClientShares {
  readonly #maxEntries: number;
  readonly #seed: number;
  readonly #columns: number;
  /** The counts of each group of records, dropped together with the group. */
  readonly #groups = new Map<object, Uint32Array>();
  #totals: Uint32Array | undefined;

  /** @param seed - Secret, so that clients cannot choose with whom they share counters. */
  constructor(maxEntries: number, seed: number) {
    this.#maxEntries = maxEntries;
    this.#seed = seed;
    const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, maxEntries / 64)));
    this.#columns = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, wanted));
  }

  /**
   * Must be called before a record is stored.
   *
   * @param client - undefined if unknown: then there is no limit.
   * @param size - Number of records in the cache.
   * @throws {@link KerberosError} `KRB5_RC_IO` if the client has used up its share.
   */
  check(client: Principal | undefined, size: number): void {
    if (client === undefined || !this.#isCrowded(size) || this.#totals === undefined) return;
    const held = this.#held(client, this.#totals);
    if (SHARE * held < this.#maxEntries - size) return;
    throw new KerberosError('KRB5_RC_IO', {
      reason: 'replay.cache-full',
      message: 'Replay cache has no more room for this client',
      hint:
        `${printablePrincipal(client)} holds ${held} records, and the cache ${size} of at most ` +
        `${this.#maxEntries}: is it flooding the service? Other clients are still served`,
      detail: { client: printablePrincipal(client), held },
    });
  }

  /** Counts a stored record. @param group - Identifies its group for {@link forget}. */
  add(client: Principal | undefined, size: number, group: object): void {
    if (client === undefined || !this.#isCrowded(size)) return;
    const length = 2 * this.#columns;
    this.#totals ??= new Uint32Array(length);
    let counts = this.#groups.get(group);
    if (counts === undefined) {
      counts = new Uint32Array(length);
      this.#groups.set(group, counts);
    }
    for (let row = 0; row < 2; row++) {
      const at = this.#counterOf(client, row);
      counts[at]!++;
      this.#totals[at]!++;
    }
  }

  /** Subtracts the records of a group that the cache has dropped. */
  forget(group: object): void {
    const counts = this.#groups.get(group);
    if (counts === undefined) return;
    this.#groups.delete(group);
    if (this.#groups.size === 0) {
      this.#totals = undefined;
      return;
    }
    const totals = this.#totals!;
    for (let at = 0; at < counts.length; at++) totals[at]! -= counts[at]!;
  }

  #isCrowded(size: number): boolean {
    return 2 * size >= this.#maxEntries;
  }

  #held(client: Principal, totals: Uint32Array): number {
    return Math.min(totals[this.#counterOf(client, 0)]!, totals[this.#counterOf(client, 1)]!);
  }

  #counterOf({ components, realm }: Principal, row: number): number {
    let hash = mixText(this.#seed + row * ROW, realm);
    for (const component of components) hash = mixText(hash, component);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash ^= hash >>> 13;
    return row * this.#columns + ((hash >>> 0) % this.#columns);
  }
}

/** Ignores case: Active Directory accepts a name in any case and puts it into tickets as written. */
function mixText(seed: number, text: string): number {
  // No character has this code point: it separates a component from the next.
  let hash = Math.imul(seed ^ 0x1_0000, 0x9e3779b1);
  for (const char of text.toLowerCase()) {
    hash = Math.imul(hash ^ (hash >>> 15) ^ char.codePointAt(0)!, 0x9e3779b1);
  }
  return hash;
}

// A client may hold this fraction (1/SHARE) of the free space.
const SHARE = 4;
const MIN_COLUMNS = 4096;
const MAX_COLUMNS = 16_384;
const ROW = 0x5bd1e995;
