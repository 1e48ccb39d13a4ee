/** The replay cache of RFC 4120 §3.2.3: its interface, and the default in memory. */
import { KerberosError } from '../errors.ts';
import type { RandomSource } from '../random.ts';
import { systemRandom } from '../random.ts';
import type { Clock, KerberosTime } from '../time.ts';
import { systemClock } from '../time.ts';

/** One authenticator that decrypted well. */
export interface ReplayRecord {
  /**
   * The authenticator's ciphertext, at least 16 bytes; a view that is valid during the call only.
   * It is fresh in each request (it holds a random confounder) and cannot be altered unnoticed, so
   * that unrelated clients never collide and a repeated request always does.
   */
  readonly ciphertext: Uint8Array;
  /** After this time the request would be refused for its age: the record may be forgotten. */
  readonly expiresAt: KerberosTime;
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

/**
 * A replay cache in this process's memory: 22 to 43 bytes an entry, bounded, forgetting by itself.
 *
 * Records are grouped by expiry time. A repeated authenticator has the same expiry time, so one
 * group answers for it, and old groups are dropped whole: no scan and no pause.
 *
 * It knows only what this process saw, and nothing from before its start: processes that share a
 * service key need a shared cache.
 */
export class MemoryReplayCache implements ReplayCache {
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #seed: number;
  readonly #groups = new Map<number, FingerprintSet>();
  #oldest = Number.POSITIVE_INFINITY;
  /** Groups below this number were forgotten. */
  #horizon = Number.NEGATIVE_INFINITY;
  #size = 0;

  /**
   * @param options - `maxEntries`: default 2^22, about 170 MB when full. A full cache refuses what
   *   is new ({@link KerberosError} `KRB5_RC_IO`) rather than forget.
   */
  constructor(
    options: {
      readonly clock?: Clock;
      readonly random?: RandomSource;
      readonly maxEntries?: number;
    } = {},
  ) {
    this.#clock = options.clock ?? systemClock;
    this.#maxEntries = options.maxEntries ?? 4_194_304;
    // A client can choose its ciphertexts; it must not be able to choose their places in the table.
    const seed = new Uint8Array(4);
    (options.random ?? systemRandom)(seed);
    this.#seed = new DataView(seed.buffer).getUint32(0);
  }

  /** How many records are held. */
  get size(): number {
    return this.#size;
  }

  checkAndStore(record: ReplayRecord): boolean {
    const { ciphertext, expiresAt } = record;
    if (ciphertext.length < FINGERPRINT) {
      throw new RangeError(
        `ciphertext: expected at least ${FINGERPRINT} bytes, got ${ciphertext.length}`,
      );
    }
    this.#forget(this.#clock() / 1000);
    const group = Math.floor(expiresAt / GROUP_SECONDS);
    if (group < this.#horizon) {
      // Only a clock that was set back asks about a time that is over. What was seen then is gone.
      throw new KerberosError('KRB5_RC_IO', 'Replay cache cannot answer: the clock went back', {
        hint: 'until the clock reaches its earlier time again, requests are refused',
      });
    }
    let set = this.#groups.get(group);
    if (set === undefined) {
      set = new FingerprintSet(this.#seed);
      this.#groups.set(group, set);
      if (group < this.#oldest) this.#oldest = group;
    }
    const known = set.lookUp(ciphertext);
    if (known) return false;
    if (this.#size >= this.#maxEntries) {
      throw new KerberosError('KRB5_RC_IO', 'Replay cache is full', {
        hint: `raise maxEntries (now ${this.#maxEntries}), or share the load among more processes`,
      });
    }
    set.add(ciphertext);
    this.#size++;
    return true;
  }

  #forget(now: KerberosTime): void {
    // A group ends GROUP_SECONDS after its number says; only then are all its records of no use.
    if ((this.#oldest + 1) * GROUP_SECONDS > now) return;
    this.#oldest = Number.POSITIVE_INFINITY;
    for (const [group, set] of this.#groups) {
      if ((group + 1) * GROUP_SECONDS <= now) {
        this.#size -= set.size;
        this.#groups.delete(group);
        this.#horizon = Math.max(this.#horizon, group + 1);
      } else if (group < this.#oldest) {
        this.#oldest = group;
      }
    }
  }
}

/** Sixteen bytes of each ciphertext, in an open-addressing table of 32-bit words. */
class FingerprintSet {
  readonly #seed: number;
  #table = new Uint32Array(64 * WORDS);
  #mask = 63;
  size = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  lookUp(ciphertext: Uint8Array): boolean {
    return this.#table[this.#find(ciphertext)] !== 0;
  }

  /** Adds a fingerprint that {@link lookUp} did not find. */
  add(ciphertext: Uint8Array): void {
    if (4 * (this.size + 1) > 3 * (this.#mask + 1)) this.#grow();
    const at = this.#find(ciphertext);
    for (let word = 0; word < WORDS; word++) this.#table[at + word] = fingerprint(ciphertext, word);
    this.size++;
  }

  /** Where the fingerprint is, or the free place where it belongs. */
  #find(ciphertext: Uint8Array): number {
    return this.#place(
      fingerprint(ciphertext, 0),
      fingerprint(ciphertext, 1),
      fingerprint(ciphertext, 2),
      fingerprint(ciphertext, 3),
    );
  }

  #place(a: number, b: number, c: number, d: number): number {
    const table = this.#table;
    // Each step is a bijection of the state for a given word: no word is lost from the hash.
    let hash = this.#seed;
    hash = Math.imul(hash ^ a, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ b, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ c, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 16) ^ d, 0x27d4eb2f);
    hash ^= hash >>> 15;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * WORDS;
      if (table[at] === 0) return at;
      if (table[at] === a && table[at + 1] === b && table[at + 2] === c && table[at + 3] === d) {
        return at;
      }
    }
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Uint32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at] === 0) continue;
      const to = this.#place(old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!);
      this.#table.set(old.subarray(at, at + WORDS), to);
    }
  }
}

/**
 * Word 0 to 3 of the last 16 bytes of a ciphertext: for the AES enctypes they end in the HMAC, for
 * RC4 they are keystream, so that two different authenticators share them with a chance of 2^-96
 * at most. The first is never zero, which marks a free place.
 */
function fingerprint(ciphertext: Uint8Array, word: number): number {
  const at = ciphertext.length - FINGERPRINT + 4 * word;
  const value =
    ((ciphertext[at]! << 24) |
      (ciphertext[at + 1]! << 16) |
      (ciphertext[at + 2]! << 8) |
      ciphertext[at + 3]!) >>>
    0;
  return word === 0 ? (value | 1) >>> 0 : value;
}

const FINGERPRINT = 16;
const WORDS = 4;
const GROUP_SECONDS = 16;
