/** A replay cache on PostgreSQL, for servers on several machines. */
import type { ReplayCache, ReplayRecord } from '../ap/replay-cache.ts';
import { checkRecord } from '../ap/replay-cache.ts';
import { Batches } from '../engines/batches.ts';
import { FirstLook } from '../engines/first-look.ts';
import { lifetimeOf } from '../engines/lifetime.ts';
import type { RecordKey } from '../engines/record-key.ts';
import { checkedSecret, recordKey } from '../engines/record-key.ts';
import type { ExactTime } from '../engines/run-history.ts';
import { checkSince, firstMet } from '../engines/run-history.ts';
import { KerberosError } from '../errors.ts';
import { dropPromise } from '../hooks.ts';
import type { OptionRules } from '../options.ts';
import {
  bytes,
  callback,
  checkOptions,
  definite,
  flag,
  promptCallback,
  range,
} from '../options.ts';
import type { Clock } from '../time.ts';
import { checkedClock, systemClock } from '../time.ts';
import type { PostgresClient } from './client.ts';
import { checkedClient, firstRow, OftenRun, RUN, TABLE_NAME, Table } from './client.ts';

/** Options of {@link PostgresReplayCache}. */
export interface PostgresReplayCacheOptions {
  /** The table, with or without a schema, in lower case; `krb5_replay` if absent. */
  readonly table?: string;
  /**
   * Creates the table as UNLOGGED: it is faster, but a crash of the database empties it, after which
   * requests made before the crash are refused. False if absent. An existing table is not changed.
   */
  readonly unlogged?: boolean;
  /**
   * At least 16 secret bytes, with which the digests in the table are keyed. All servers need the same
   * secret. If absent, the digests are plain digests of ciphertext that went over the network.
   */
  readonly secret?: Uint8Array;
  /** Milliseconds, as `Date.now`; the machine's clock if absent. */
  readonly clock?: Clock;
  /**
   * Called for each way in which the database may lose records, once the database has answered. If absent,
   * the runtime prints a warning.
   */
  readonly onWarning?: (message: string) => void;
}

/**
 * A replay cache that all servers with the same service key share, in a table of PostgreSQL 12 or later, on
 * the application's own `Pool` of `pg`. The first request creates the table, and requests remove expired
 * records.
 *
 * A request is stored by `INSERT ... ON CONFLICT DO NOTHING`, committed before the answer, even where
 * `synchronous_commit` is off. Requests that come at the same time share a statement. After the database was
 * started again, a standby took over, or an UNLOGGED table was emptied, requests made before that are refused
 * (`KRB5_RC_IO`, 503 over HTTP), for a second if the clocks agree. A request whose client's clock is more than
 * a second ahead of that of the servers is not protected then, if the database has lost it. All clients are
 * refused while the database does not answer.
 *
 * The table holds a digest of 18 bytes for each request, and never a name.
 *
 * @example
 * ```ts
 * import type { AcceptorCredential } from 'krb5-acceptor';
 * import { createAcceptor } from 'krb5-acceptor';
 * import { PostgresReplayCache } from 'krb5-acceptor/postgres';
 * import { Pool } from 'pg';
 *
 * export function sharedAcceptor(credential: AcceptorCredential) {
 *   const pool = new Pool({ connectionString: 'postgres://cache/app' });
 *   return createAcceptor({ credential, replayCache: new PostgresReplayCache(pool) });
 * }
 * ```
 */
export class PostgresReplayCache implements ReplayCache {
  readonly #client: PostgresClient;
  readonly #name: string;
  readonly #table: Table;
  readonly #storing: OftenRun;
  readonly #batches: Batches<Item, Answer>;
  readonly #keyOf: RecordKey;
  readonly #clock: Clock;
  readonly #firstLook: FirstLook;
  /** When expired records were removed, in milliseconds; undefined if there may be more of them. */
  #prunedAt: number | undefined;

  /**
   * @param client - The caller owns it.
   * @throws TypeError, RangeError for an invalid option.
   */
  constructor(client: PostgresClient, options: PostgresReplayCacheOptions = {}) {
    this.#client = checkedClient('PostgresReplayCache', client);
    checkOptions('PostgresReplayCache', options, POSTGRES_REPLAY_CACHE_OPTIONS);
    const { table = 'krb5_replay', unlogged, secret, clock = systemClock, onWarning } = options;
    this.#name = table;
    this.#table = new Table(client, table, creating(table, unlogged === true));
    this.#storing = new OftenRun(client, storing(table));
    this.#batches = new Batches((items) => this.#store(items));
    this.#keyOf = recordKey('hex', checkedSecret(secret));
    this.#clock = checkedClock(clock);
    this.#firstLook = new FirstLook(() => this.#meetDatabase(), onWarning);
    this.#firstLook.take();
  }

  /**
   * See {@link ReplayCache.checkAndStore}.
   *
   * @throws {@link KerberosError} `KRB5_RC_IO` if the database may have forgotten the request; any
   *   exception of the client.
   */
  async checkAndStore(record: ReplayRecord): Promise<boolean> {
    checkRecord(record);
    const { ciphertext, expiresAt } = record;
    // The ciphertext is valid during this call only.
    const digest = this.#keyOf(ciphertext);
    const { isNew, since } = await this.#batches.ask({
      digest,
      lifetime: lifetimeOf(expiresAt, this.#clock),
    });
    if (isNew) checkSince(record, since);
    return isNew;
  }

  /**
   * Checks whether the database may lose records. {@link PostgresReplayCacheOptions.onWarning} gets the
   * same sentences without this call.
   *
   * @returns A sentence for each way; none for a database that keeps all records.
   * @throws Any exception of the client.
   */
  async inspect(): Promise<readonly string[]> {
    return this.#warningsOf(await this.#facts());
  }

  async #meetDatabase(): Promise<readonly string[]> {
    const facts = await this.#facts();
    await this.#remember(facts.run);
    return this.#warningsOf(facts);
  }

  async #facts(): Promise<Readonly<Record<string, unknown>>> {
    return firstRow(await this.#table.use(() => this.#client.query(INSPECT, [this.#name])));
  }

  #warningsOf(facts: Readonly<Record<string, unknown>>): readonly string[] {
    const warnings: string[] = [];
    if (facts.unlogged === true) {
      warnings.push(
        `replay cache: table ${this.#name} is UNLOGGED: when the database crashes it is emptied, ` +
          `and requests from before are refused. ALTER TABLE ${this.#name} SET LOGGED keeps it`,
      );
    }
    if (facts.fsync === 'off') {
      warnings.push(
        'replay cache: the database does not wait for the disk (fsync off): after a crash of the ' +
          'machine it may accept requests again, or be damaged. Set fsync = on',
      );
    }
    if (facts.asynchronous === true) {
      warnings.push(
        'replay cache: standbys get records later than the primary has answered: after a failover ' +
          'requests from before are refused, and one whose client has a clock that is ahead could ' +
          'be replayed. Set synchronous_standby_names',
      );
    }
    return warnings;
  }

  /** Stores a batch in one transaction. */
  async #store(items: readonly Item[]): Promise<readonly Answer[]> {
    // Each transaction waits for others that store the same digest. With one order for all servers they do
    // not wait for each other.
    const digests = items.map(({ digest }) => digest).sort();
    // That some records live longer than they must is of no harm.
    const lifetime = items.reduce((most, item) => Math.max(most, item.lifetime), 0);
    const stored = firstRow(
      await this.#table.use(() => this.#storing.run([digests, lifetime], items.length)),
    );
    this.#firstLook.take();
    this.#prune();
    if (stored.digests === null) return items.map(() => REPEATED);
    if (typeof stored.digests !== 'string') throw unreadable('which records are new');
    const since = seconds(stored.since ?? (await this.#remember(stored.run)));
    const news = new Set(stored.digests.split(','));
    // Of two equal ones in a batch the first is new.
    const answers = items.map(({ digest }) => ({ isNew: news.delete(digest), since }));
    if (news.size > 0) throw unreadable('which records are new');
    return answers;
  }

  /** Stores the time since which this run is known, unless another server has done so. */
  async #remember(run: unknown): Promise<unknown> {
    if (typeof run !== 'string' || !/^[0-9A-F]{8}-\d{1,18}$/.test(run)) throw unreadable('its run');
    const values = [run, firstMet(this.#clock)];
    await this.#client.query(remembering(this.#name), values);
    return firstRow(await this.#client.query(recalling(this.#name), [run])).since;
  }

  #prune(): void {
    const now = this.#clock();
    // Also if the clock was set back meanwhile.
    if (this.#prunedAt !== undefined && Math.abs(now - this.#prunedAt) < PRUNING) return;
    this.#prunedAt = now;
    // No request waits for it; if it fails, the next one removes the same records.
    dropPromise(this.#removeExpired());
  }

  async #removeExpired(): Promise<void> {
    const { removed } = firstRow(await this.#client.query(pruning(this.#name), [BATCH]));
    // There may be more: the next request removes them.
    if (removed === BATCH) this.#prunedAt = undefined;
  }
}

function seconds(value: unknown): number {
  const since = typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN;
  if (Number.isFinite(since)) return since;
  throw unreadable('the time of the run');
}

function unreadable(what: string): KerberosError {
  return new KerberosError('KRB5_RC_IO', {
    reason: 'replay.cache-failed',
    detail: { problem: `an error: its answer cannot be read (${what})`, remedy: REMEDY },
    message: 'Replay cache gave an unreadable answer',
    hint: `${what}: ${REMEDY}`,
  });
}

interface Item {
  /** In hexadecimal. */
  readonly digest: string;
  /** Milliseconds. */
  readonly lifetime: number;
}

interface Answer {
  readonly isNew: boolean;
  /** Requests that are not younger may have been forgotten. */
  readonly since: ExactTime;
}

const REPEATED: Answer = { isNew: false, since: Number.POSITIVE_INFINITY };

/** A digest `since:…` is the row of a run, whose time is that since which the run is known. */
function creating(table: string, unlogged: boolean): string[] {
  const index = `${table.replace('.', '_')}_expires_at`;
  return [
    `CREATE ${unlogged ? 'UNLOGGED ' : ''}TABLE IF NOT EXISTS ${table} ` +
      '(digest text COLLATE "C" PRIMARY KEY, expires_at timestamptz NOT NULL)',
    `CREATE INDEX IF NOT EXISTS ${index} ON ${table} (expires_at)`,
  ];
}

// The statement returns the digests that the table did not have. It names the column: in a table without the
// primary key it fails, where everything would be new otherwise. The sub-select for the run's time sees the
// table as it was before. set_config is for this statement's transaction alone, which waits for the disk
// at its end.
const storing = (table: string): string => `
WITH stored AS (
  INSERT INTO ${table} (digest, expires_at)
  SELECT unnest($1::text[]), clock_timestamp() + $2::float8 * interval '1 millisecond'
  ON CONFLICT (digest) DO NOTHING RETURNING digest)
SELECT string_agg(digest, ',') AS digests, ${RUN} AS run,
  (SELECT extract(epoch FROM known.expires_at) FROM ${table} known
   WHERE known.digest = (SELECT 'since:' || ${RUN})) AS since,
  set_config('synchronous_commit', CASE current_setting('synchronous_commit')
    WHEN 'off' THEN 'local' ELSE current_setting('synchronous_commit') END, true)
FROM stored`;
const remembering = (table: string): string => `
INSERT INTO ${table} (digest, expires_at) VALUES ('since:' || $1::text, to_timestamp($2))
ON CONFLICT (digest) DO NOTHING`;
const recalling = (table: string): string => `
SELECT extract(epoch FROM expires_at) AS since FROM ${table}
WHERE digest = 'since:' || $1::text`;
const pruning = (table: string): string => `
WITH gone AS (
  DELETE FROM ${table} WHERE digest IN (
    SELECT digest FROM ${table}
    WHERE expires_at < clock_timestamp() AND digest NOT LIKE 'since:%'
    LIMIT $1 FOR UPDATE SKIP LOCKED)
  RETURNING 1)
SELECT count(*)::int AS removed FROM gone`;
const INSPECT = `
SELECT ${RUN} AS run, (SELECT relpersistence = 'u' FROM pg_class WHERE oid = $1::regclass) AS unlogged,
  current_setting('fsync') AS fsync,
  EXISTS (SELECT FROM pg_stat_replication)
    AND current_setting('synchronous_standby_names') = '' AS asynchronous`;
const REMEDY = 'use PostgreSQL 12 or later, and a table that this package created';
const PRUNING = 30_000;
const BATCH = 10_000;

/** The rules of {@link PostgresReplayCacheOptions}. */
export const POSTGRES_REPLAY_CACHE_OPTIONS: OptionRules<PostgresReplayCacheOptions> = {
  table: range(
    'a table name in lower case',
    (value) => typeof value === 'string' && TABLE_NAME.test(value),
  ),
  unlogged: flag,
  secret: definite(bytes),
  clock: promptCallback,
  onWarning: callback,
};
