/** A replay cache on Redis or Valkey, for servers on several machines. */
import type { ReplayCache, ReplayRecord } from '../ap/replay-cache.ts';
import { checkRecord } from '../ap/replay-cache.ts';
import { Batches } from '../engines/batches.ts';
import { FirstLook } from '../engines/first-look.ts';
import { lifetimeOf } from '../engines/lifetime.ts';
import type { RecordKey } from '../engines/record-key.ts';
import { checkedSecret, recordKey } from '../engines/record-key.ts';
import { RunHistory } from '../engines/run-history.ts';
import { KerberosError } from '../errors.ts';
import type { OptionRules } from '../options.ts';
import { bytes, callback, checkOptions, definite, promptCallback, text } from '../options.ts';
import { describeThrown } from '../text.ts';
import type { Clock } from '../time.ts';
import { checkedClock, systemClock } from '../time.ts';
import type { RedisClient, RunScript } from './client.ts';
import { checkedClient, isCrossSlot, scriptsOf } from './client.ts';
import { engineFacts, warningsOf } from './inspect.ts';

/** Options of {@link RedisReplayCache}. */
export interface RedisReplayCacheOptions {
  /** Begins the name of each key; `krb5:rcache:` if absent. Servers that share a service key share it. */
  readonly prefix?: string;
  /**
   * At least 16 secret bytes, with which the digests in the engine are keyed. All servers need the same
   * secret. If absent, the keys are plain digests of ciphertext that went over the network.
   */
  readonly secret?: Uint8Array;
  /** Milliseconds, as `Date.now`; the machine's clock if absent. */
  readonly clock?: Clock;
  /**
   * Called for each way in which the engine may lose records, once the engine has answered. If absent, the
   * runtime prints a warning.
   */
  readonly onWarning?: (message: string) => void;
}

/**
 * A replay cache that all servers with the same service key share, on the application's own client:
 * node-redis or ioredis; a single Redis or Valkey, Sentinel or Cluster.
 *
 * The script that stores a request is one atomic step: `SET key 1 NX PX ttl`, and a look at which run of the
 * engine answers. Requests that come at the same time share a script, except in a cluster, where each key
 * may be at another node. After a restart or a failover the engine may lack the latest records: requests
 * made before it are refused (`KRB5_RC_IO`, 503 over HTTP), for a second if the clocks agree. A request
 * whose client's clock is more than a second ahead of that of the servers is not protected then. All
 * clients are refused while the engine does not answer.
 *
 * The engine holds a digest of 18 bytes for each request, and never a name.
 *
 * @example
 * ```ts
 * import type { AcceptorCredential } from 'krb5-acceptor';
 * import { createAcceptor } from 'krb5-acceptor';
 * import { RedisReplayCache } from 'krb5-acceptor/redis';
 * import { createClient } from 'redis';
 *
 * export async function sharedAcceptor(credential: AcceptorCredential) {
 *   const client = await createClient({ url: 'redis://cache:6379' }).connect();
 *   return createAcceptor({ credential, replayCache: new RedisReplayCache(client) });
 * }
 * ```
 */
export class RedisReplayCache implements ReplayCache {
  readonly #run: RunScript;
  readonly #batches: Batches<Item, Answer>;
  readonly #prefix: string;
  readonly #keyOf: RecordKey;
  readonly #clock: Clock;
  readonly #history: RunHistory;
  readonly #firstLook: FirstLook;
  /** Whether the engine refuses scripts with several keys: a cluster, or a proxy in front of one. */
  #isCluster = false;

  /**
   * @param client - The caller owns it, connects it before the first request, and closes it.
   * @throws TypeError, RangeError for an invalid option.
   */
  constructor(client: RedisClient, options: RedisReplayCacheOptions = {}) {
    checkOptions('RedisReplayCache', options, REDIS_REPLAY_CACHE_OPTIONS);
    const { prefix = 'krb5:rcache:', secret, clock = systemClock, onWarning } = options;
    this.#run = scriptsOf(checkedClient('RedisReplayCache', client));
    this.#batches = new Batches((items) => this.#store(items));
    this.#prefix = prefix;
    this.#keyOf = recordKey('base64', checkedSecret(secret));
    this.#clock = checkedClock(clock);
    this.#history = new RunHistory((run, since) => this.#remember(run, since), this.#clock);
    this.#firstLook = new FirstLook(() => this.#meetEngine(), onWarning);
    this.#firstLook.take();
  }

  /**
   * See {@link ReplayCache.checkAndStore}.
   *
   * @throws {@link KerberosError} `KRB5_RC_IO` if the engine may have forgotten the request; any exception
   *   of the client.
   */
  async checkAndStore(record: ReplayRecord): Promise<boolean> {
    checkRecord(record);
    const { ciphertext, expiresAt } = record;
    // The ciphertext is valid during this call only.
    const key = this.#prefix + this.#keyOf(ciphertext);
    const item = { key, lifetime: lifetimeOf(expiresAt, this.#clock) };
    // In a cluster another node may answer although one does not: each request is on its own.
    const { isNew, run } = await (this.#isCluster ? this.#storeOne(item) : this.#batches.ask(item));
    this.#firstLook.take();
    if (!isNew) return false;
    const judged = this.#history.check(run, record);
    if (judged !== undefined) await judged;
    return true;
  }

  /**
   * Checks whether the engine may lose records. {@link RedisReplayCacheOptions.onWarning} gets the same
   * sentences without this call.
   *
   * @returns A sentence for each way; none for an engine that keeps all records.
   * @throws Any exception of the client.
   */
  async inspect(): Promise<readonly string[]> {
    return warningsOf(await engineFacts(this.#run, this.#prefix));
  }

  async #meetEngine(): Promise<readonly string[]> {
    const facts = await engineFacts(this.#run, this.#prefix);
    const run = facts.get('master_replid') ?? '';
    if (RUN.test(run)) await this.#history.meet(run);
    return warningsOf(facts);
  }

  async #store(items: readonly Item[]): Promise<readonly (Answer | Promise<Answer>)[]> {
    try {
      const keys = items.map(({ key }) => key);
      return readAnswers(await this.#run(STORE, keys, [longest(items)]), items.length);
    } catch (error) {
      if (items.length === 1 || !isCrossSlot(error)) throw error;
      this.#isCluster = true;
      return items.map((item) => this.#storeOne(item));
    }
  }

  async #storeOne(item: Item): Promise<Answer> {
    return readAnswers(await this.#run(STORE, [item.key], [longest([item])]), 1)[0]!;
  }

  async #remember(run: string, since: number): Promise<number> {
    const answer = await this.#run(REMEMBER, [`${this.#prefix}since:${run}`], [String(since)]);
    const stored = Number(answer);
    if (typeof answer === 'string' && answer !== '' && Number.isFinite(stored)) return stored;
    throw unreadable(`the time of run ${run}`);
  }
}

interface Item {
  readonly key: string;
  /** Milliseconds. */
  readonly lifetime: number;
}

interface Answer {
  readonly isNew: boolean;
  readonly run: string;
}

/** One lifetime for all of a batch: that some records live longer than they must is of no harm. */
function longest(items: readonly Item[]): string {
  return String(items.reduce((most, { lifetime }) => Math.max(most, lifetime), 0));
}

function readAnswers(answer: unknown, count: number): Answer[] {
  const [run, news] = Array.isArray(answer) ? (answer as unknown[]) : [];
  const isWhole = Array.isArray(news) && news.length === count;
  if (!isWhole || typeof run !== 'string' || !RUN.test(run)) {
    throw unreadable(describeThrown(answer));
  }
  return news.map((isNew: unknown) => {
    if (isNew !== 0 && isNew !== 1) throw unreadable(describeThrown(answer));
    return { isNew: isNew === 1, run };
  });
}

function unreadable(what: string): KerberosError {
  return new KerberosError('KRB5_RC_IO', {
    reason: 'replay.cache-failed',
    detail: { problem: `an error: its answer cannot be read (${what})`, remedy: REMEDY },
    message: 'Replay cache gave an unreadable answer',
    hint: `${what}: ${REMEDY}`,
  });
}

const REMEDY = 'use a Redis or Valkey of 6.2 or later, whose user may run EVAL and INFO';
const RUN = /^[0-9a-f]{40}$/;
// The replication id changes with each start of the engine, and when a replica becomes the primary.
const STORE = `
local news = {}
for i, key in ipairs(KEYS) do
  news[i] = redis.call('SET', key, 1, 'NX', 'PX', ARGV[1]) and 1 or 0
end
return { string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)'), news }`;
// A year: longer than servers run. A time that is forgotten is written anew, as a later one.
const REMEMBER = `
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', 31536000)
return redis.call('GET', KEYS[1])`;

/** The rules of {@link RedisReplayCacheOptions}. */
export const REDIS_REPLAY_CACHE_OPTIONS: OptionRules<RedisReplayCacheOptions> = {
  prefix: text,
  secret: definite(bytes),
  clock: promptCallback,
  onWarning: callback,
};
