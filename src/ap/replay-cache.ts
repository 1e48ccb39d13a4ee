/** The replay cache of RFC 4120 §3.2.3: its interface, and the default in memory. */
import { KerberosError } from '../errors.ts';
import type { Principal } from '../messages/principal.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions, promptCallback, wholeNumber } from '../options.ts';
import type { RandomSource } from '../random.ts';
import { systemRandom } from '../random.ts';
import type { Clock, KerberosTime } from '../time.ts';
import { checkedClock, systemClock } from '../time.ts';
import { ClientShares } from './client-shares.ts';
import { FINGERPRINT_BYTES, FingerprintSet } from './fingerprint-set.ts';

/** One authenticator that decrypted well. */
export interface ReplayRecord {
  /**
   * The authenticator's ciphertext, at least 16 bytes; a view that is valid during the call only.
   * It is fresh in each request (it holds a random confounder) and cannot be altered unnoticed, so
   * that unrelated clients never collide and a repeated request always does.
   */
  readonly ciphertext: Uint8Array;
  /** The authenticator's own time: the same each time it comes, whatever skew is allowed. */
  readonly ctime: KerberosTime;
  /** After this time the request would be refused for its age: the record may be forgotten. */
  readonly expiresAt: KerberosTime;
  /**
   * Who sent it: the ticket's client, which is authenticated. A cache that fills up can tell the
   * clients apart by it.
   */
  readonly client?: Principal;
}

export interface ReplayCache {
  /**
   * Stores the record unless it is there, in one atomic step.
   *
   * @returns True if it was new, false if it is a replay.
   * @throws anything, when it cannot tell: the request is then refused.
   */
  checkAndStore(record: ReplayRecord): boolean | Promise<boolean>;
}

/** @throws RangeError for a ciphertext that no encryption profile makes, and for times that are none. */
export function checkRecord({ ciphertext, ctime, expiresAt }: ReplayRecord): void {
  if (ciphertext.length < FINGERPRINT_BYTES) {
    throw new RangeError(
      `ciphertext: expected at least ${FINGERPRINT_BYTES} bytes, got ${ciphertext.length}`,
    );
  }
  if (!Number.isFinite(ctime) || !Number.isFinite(expiresAt)) {
    throw new RangeError(`ctime and expiresAt: expected seconds, got ${ctime} and ${expiresAt}`);
  }
}

export interface MemoryReplayCacheOptions {
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /**
   * Default 2^22, about 170 MB when full. A full cache refuses what is new ({@link KerberosError}
   * `KRB5_RC_IO`) rather than forget.
   */
  readonly maxEntries?: number;
}

/**
 * A replay cache in this process's memory: 22 to 43 bytes an entry, bounded, forgetting by itself.
 *
 * Records are grouped by the client's time. A repeated authenticator has the same time, even for
 * acceptors that allow different skews, so one group answers for it, and old groups are dropped
 * whole: no scan and no pause.
 *
 * It knows only what this process saw, and nothing from before its start: processes that share a
 * service key need a shared cache.
 */
export class MemoryReplayCache implements ReplayCache {
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #seed: number;
  readonly #groups = new Map<number, FingerprintSet>();
  readonly #shares: ClientShares;
  #oldest = Number.POSITIVE_INFINITY;
  /** Seconds: how long after its ctime a record may still be of use. */
  #lifetime = 0;
  /** Groups below this number were forgotten. */
  #horizon = Number.NEGATIVE_INFINITY;
  #size = 0;

  /** @throws TypeError, RangeError for options that make no sense. */
  constructor(options: MemoryReplayCacheOptions = {}) {
    checkOptions('MemoryReplayCache', options, MEMORY_REPLAY_CACHE_OPTIONS);
    this.#clock = options.clock === undefined ? systemClock : checkedClock(options.clock);
    this.#maxEntries = options.maxEntries ?? 4_194_304;
    // A client can choose its ciphertexts; it must not be able to choose their places in the table.
    const seed = new Uint8Array(4);
    (options.random ?? systemRandom)(seed);
    this.#seed = new DataView(seed.buffer).getUint32(0);
    this.#shares = new ClientShares(this.#maxEntries, this.#seed);
  }

  /** How many records are held. */
  get size(): number {
    return this.#size;
  }

  checkAndStore(record: ReplayRecord): boolean {
    checkRecord(record);
    const { ciphertext, ctime, expiresAt, client } = record;
    this.#lifetime = Math.max(this.#lifetime, expiresAt - ctime);
    this.#forget(this.#clock() / 1000);
    const group = Math.floor(ctime / GROUP_SECONDS);
    if (group < this.#horizon) {
      // Only a clock that was set back asks about a time that is over. What was seen then is gone.
      throw new KerberosError('KRB5_RC_IO', {
        message: 'Replay cache cannot answer: the clock went back',
        hint: 'until the clock reaches its earlier time again, requests are refused',
      });
    }
    let set = this.#groups.get(group);
    if (set === undefined) {
      set = new FingerprintSet(this.#seed);
      this.#groups.set(group, set);
      if (group < this.#oldest) this.#oldest = group;
    }
    if (set.lookUp(ciphertext)) return false;
    if (this.#size >= this.#maxEntries) {
      throw new KerberosError('KRB5_RC_IO', {
        message: 'Replay cache is full',
        hint: `raise maxEntries (now ${this.#maxEntries}), or share the load among more processes`,
      });
    }
    this.#shares.check(client, this.#size);
    set.add(ciphertext);
    this.#shares.add(client, this.#size, set);
    this.#size++;
    return true;
  }

  #forget(now: KerberosTime): void {
    // Groups below this one hold only records of which the last has expired.
    const over = Math.floor((now - this.#lifetime) / GROUP_SECONDS);
    if (this.#oldest >= over) return;
    this.#oldest = Number.POSITIVE_INFINITY;
    for (const [group, set] of this.#groups) {
      if (group < over) {
        this.#size -= set.size;
        this.#shares.forget(set);
        this.#groups.delete(group);
        this.#horizon = Math.max(this.#horizon, group + 1);
      } else if (group < this.#oldest) {
        this.#oldest = group;
      }
    }
  }
}

const GROUP_SECONDS = 16;

export const MEMORY_REPLAY_CACHE_OPTIONS: OptionRules<MemoryReplayCacheOptions> = {
  clock: promptCallback,
  random: promptCallback,
  maxEntries: wholeNumber(1),
};
