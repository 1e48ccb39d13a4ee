/** Unfinished exchanges on PostgreSQL, for servers on several machines. */
import { dropPromise } from '../hooks.ts';
import type {
  ExchangeStore,
  StoredExchanges,
  StoredExchangesOptions,
} from '../http/stored-exchanges.ts';
import { STORED_EXCHANGES_OPTIONS, storedExchanges } from '../http/stored-exchanges.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions, range } from '../options.ts';
import type { PostgresClient } from './client.ts';
import { checkedClient, RUN, TABLE_NAME, Table } from './client.ts';

/** Options of {@link postgresExchanges}. */
export interface PostgresExchangesOptions extends Omit<StoredExchangesOptions, 'store'> {
  /** The table, with or without a schema, in lower case; `krb5_exchange` if absent. */
  readonly table?: string;
}

/**
 * Keeps exchanges of several requests in an UNLOGGED table, on the application's own `Pool` of `pg`, for
 * the option `exchanges`: the client's next request may reach any server. An exchange is sealed, waits for
 * 30 seconds under a random name, and is taken once. After a failover a standby may still have an exchange
 * that was taken before, so exchanges stored in another run of the database are discarded.
 *
 * @param client - The caller owns it.
 * @throws TypeError, RangeError for an invalid option.
 *
 * @example
 * ```ts
 * import type { Acceptor } from 'krb5-acceptor';
 * import { createAuthenticator } from 'krb5-acceptor/http';
 * import type { PostgresClient } from 'krb5-acceptor/postgres';
 * import { postgresExchanges } from 'krb5-acceptor/postgres';
 *
 * export function clustered(acceptor: Acceptor, pool: PostgresClient, keys: readonly string[]) {
 *   return createAuthenticator({ acceptor, exchanges: postgresExchanges(pool, { keys }) });
 * }
 * ```
 */
export function postgresExchanges(
  client: PostgresClient,
  options: PostgresExchangesOptions,
): StoredExchanges {
  checkedClient('postgresExchanges', client);
  checkOptions('postgresExchanges', options, POSTGRES_EXCHANGES_OPTIONS);
  const { table = 'krb5_exchange', ...others } = options;
  const created = new Table(client, table, [
    `CREATE UNLOGGED TABLE IF NOT EXISTS ${table} ` +
      '(name text PRIMARY KEY, value text NOT NULL, run text NOT NULL, ' +
      'expires_at timestamptz NOT NULL)',
  ]);
  let pruning = false;
  async function prune(): Promise<void> {
    // Only one prune runs at a time: it reads the whole table, which many unfinished exchanges make long.
    if (pruning) return;
    pruning = true;
    try {
      await client.query(`DELETE FROM ${table} WHERE expires_at < clock_timestamp()`, []);
    } finally {
      pruning = false;
    }
  }
  const store: ExchangeStore = {
    async set(name, value, seconds) {
      await created.use(() =>
        client.query(
          `INSERT INTO ${table} (name, value, run, expires_at) ` +
            `VALUES ($1, $2, ${RUN}, clock_timestamp() + $3 * interval '1 second')`,
          [name, value, seconds],
        ),
      );
      dropPromise(prune());
    },
    async take(name) {
      const { rows } = await created.use(() =>
        client.query(
          `DELETE FROM ${table} WHERE name = $1 RETURNING CASE ` +
            `WHEN run = ${RUN} AND expires_at > clock_timestamp() THEN value END AS value`,
          [name],
        ),
      );
      const [row] = rows as { value?: string | null }[];
      return row?.value;
    },
  };
  return storedExchanges({ ...others, store });
}

const { store: _, ...OF_ANY_STORE } = STORED_EXCHANGES_OPTIONS;

/** The rules of {@link PostgresExchangesOptions}. */
export const POSTGRES_EXCHANGES_OPTIONS: OptionRules<PostgresExchangesOptions> = {
  ...OF_ANY_STORE,
  table: range(
    'a table name in lower case',
    (value) => typeof value === 'string' && TABLE_NAME.test(value),
  ),
};
