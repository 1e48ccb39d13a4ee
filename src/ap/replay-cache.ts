/** The replay cache of RFC 4120 §3.2.3: its interface, and the default implementation in memory. */
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

/** One authenticator that was decrypted and verified. */
export interface ReplayRecord {
  /**
   * The authenticator's ciphertext, at least 16 bytes; a view that is valid during the call only.
   * A random confounder makes it different in each request, and its checksum has been verified: two
   * different requests never collide, and a repeated request always does.
   */
  readonly ciphertext: Uint8Array;
  /** The time in the authenticator: the same for every repetition, whatever skew is allowed. */
  readonly ctime: KerberosTime;
  /** Microseconds of that time, 0 to 999999; 0 if absent. */
  readonly cusec?: number;
  /** From this time on the request is refused for its age, and the record may be forgotten. */
  readonly expiresAt: KerberosTime;
  /**
   * The ticket's client, which is authenticated. A cache can limit the space that each client takes.
   */
  readonly client?: Principal;
}

/** Remembers authenticators. All processes that share a service key should share one cache. */
export interface ReplayCache {
  /**
   * Stores the record unless an equal one is stored already, in one atomic step.
   *
   * @returns True if it was new, false if it is a replay; or a promise of that, which is awaited for a
   *   limited time. Any other answer refuses the request.
   * @throws anything, if it cannot tell: the request is refused, with a {@link KerberosError} as it is
   *   and any other exception as the cause of `KRB5_RC_IO`.
   */
  checkAndStore(record: ReplayRecord): boolean | Promise<boolean>;
}

/**
 * Checks the fields of a record.
 *
 * @throws RangeError for a ciphertext that is too short, and for times that are not finite.
 */
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

/** Options of {@link MemoryReplayCache}. */
export interface MemoryReplayCacheOptions {
  /** The machine's clock if absent. */
  readonly clock?: Clock;
  /** For the seed of its hash table; the runtime's secure source if absent. */
  readonly random?: RandomSource;
  /**
   * 2^22 if absent, which takes about 170 MB when full. A full cache refuses new records
   * ({@link KerberosError} `KRB5_RC_IO`) rather than forget old ones.
   */
  readonly maxEntries?: number;
}

/**
 * A replay cache in this process's memory: 22 to 43 bytes for each entry, bounded, and without need for
 * maintenance.
 *
 * Records are grouped by the client's time. A repeated authenticator has the same time, even for
 * acceptors that allow different skews, so that only one group has to be searched. Old groups are
 * dropped as a whole, without a scan.
 *
 * It remembers only what this process has seen since its start: processes that share a service key need
 * a shared cache.
 */
export class MemoryReplayCache implements ReplayCache {
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #seed: number;
  readonly #groups = new Map<number, FingerprintSet>();
  readonly #shares: ClientShares;
  /** Seconds of a group; set by the first record. */
  #width = 0;
  #oldest = Number.POSITIVE_INFINITY;
  /** Seconds from the ctime of a record to its end: the maximum of all. */
  #lifetime = 0;
  /** Groups below this number were dropped. */
  #horizon = Number.NEGATIVE_INFINITY;
  #size = 0;

  /** @throws TypeError, RangeError for invalid options. */
  constructor(options: MemoryReplayCacheOptions = {}) {
    checkOptions('MemoryReplayCache', options, MEMORY_REPLAY_CACHE_OPTIONS);
    this.#clock = options.clock === undefined ? systemClock : checkedClock(options.clock);
    this.#maxEntries = options.maxEntries ?? 4_194_304;
    // A client can choose its ciphertexts; it must not be able to choose their positions in the table.
    const seed = new Uint8Array(4);
    (options.random ?? systemRandom)(seed);
    this.#seed = new DataView(seed.buffer).getUint32(0);
    this.#shares = new ClientShares(this.#maxEntries, this.#seed);
  }

  /** Number of records. */
  get size(): number {
    return this.#size;
  }

  /**
   * See {@link ReplayCache.checkAndStore}; it answers at once.
   *
   * @throws {@link KerberosError} `KRB5_RC_IO` if the cache or the client's share of it is full, or if
   *   the clock was set back. RangeError for a record that is invalid.
   */
  checkAndStore(record: ReplayRecord): boolean {
    checkRecord(record);
    const { ciphertext, ctime, expiresAt, client } = record;
    // Each group takes memory of its own: where clocks may differ by days, a group covers hours.
    this.#width ||= Math.max(GROUP_SECONDS, Math.ceil((expiresAt - ctime) / GROUPS));
    this.#lifetime = Math.max(this.#lifetime, expiresAt - ctime);
    this.#forget(this.#clock() / 1000);
    const group = Math.floor(ctime / this.#width);
    if (group < this.#horizon) {
      // Records of that time were dropped. Only a clock that was set back makes them matter again.
      throw new KerberosError('KRB5_RC_IO', {
        reason: 'replay.clock-went-back',
        message: 'Replay cache cannot answer: the clock went back',
        hint: 'requests are refused until the clock reaches its earlier time again',
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
        reason: 'replay.cache-full',
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
    // In the groups below this one all records have expired.
    const over = Math.floor((now - this.#lifetime) / this.#width);
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
// On each side of the present.
const GROUPS = 64;

/** The rules of {@link MemoryReplayCacheOptions}. */
export const MEMORY_REPLAY_CACHE_OPTIONS: OptionRules<MemoryReplayCacheOptions> = {
  clock: promptCallback,
  random: promptCallback,
  maxEntries: wholeNumber(1),
};
