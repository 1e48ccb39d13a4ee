/** Unfinished exchanges on Redis or Valkey, for servers on several machines. */
import type {
  ExchangeStore,
  StoredExchanges,
  StoredExchangesOptions,
} from '../http/stored-exchanges.ts';
import { STORED_EXCHANGES_OPTIONS, storedExchanges } from '../http/stored-exchanges.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions, text } from '../options.ts';
import type { RedisClient } from './client.ts';
import { checkedClient, scriptsOf } from './client.ts';

/** Options of {@link redisExchanges}. */
export interface RedisExchangesOptions extends Omit<StoredExchangesOptions, 'store'> {
  /** Begins the name of each key; `krb5:exchange:` if absent. */
  readonly prefix?: string;
}

/**
 * Keeps exchanges of several requests on the application's own client of Redis or Valkey (6.2 or later,
 * which have GETDEL), for the option `exchanges`: the client's next request may reach any server. An
 * exchange is sealed, waits for 30 seconds under a random name, and is taken once. After a failover a
 * replica may still have an exchange that was taken before, so exchanges stored by another run of the
 * engine are discarded.
 *
 * @param client - The caller owns it.
 * @throws TypeError, RangeError for an invalid option.
 *
 * @example
 * ```ts
 * import type { Acceptor } from 'krb5-acceptor';
 * import { createAuthenticator } from 'krb5-acceptor/http';
 * import type { RedisClient } from 'krb5-acceptor/redis';
 * import { redisExchanges } from 'krb5-acceptor/redis';
 *
 * export function clustered(acceptor: Acceptor, client: RedisClient, keys: readonly string[]) {
 *   return createAuthenticator({ acceptor, exchanges: redisExchanges(client, { keys }) });
 * }
 * ```
 */
export function redisExchanges(
  client: RedisClient,
  options: RedisExchangesOptions,
): StoredExchanges {
  const run = scriptsOf(checkedClient('redisExchanges', client));
  checkOptions('redisExchanges', options, REDIS_EXCHANGES_OPTIONS);
  const { prefix = 'krb5:exchange:', ...others } = options;
  const store: ExchangeStore = {
    set: (name, value, seconds) =>
      run(PUT, [prefix + name], [value, String(Math.ceil(seconds * 1000))]),
    async take(name) {
      const value = await run(TAKE, [prefix + name]);
      if (value === null || typeof value === 'string') return value;
      throw new TypeError('the engine must answer text or nothing');
    },
  };
  return storedExchanges({ ...others, store });
}

const RUN = `string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')`;
const PUT = `return redis.call('SET', KEYS[1], ${RUN} .. ':' .. ARGV[1], 'PX', ARGV[2])`;
const TAKE = `
local value = redis.call('GETDEL', KEYS[1])
if not value then return false end
local run = ${RUN} .. ':'
if string.sub(value, 1, #run) ~= run then return false end
return string.sub(value, #run + 1)`;

const { store: _, ...OF_ANY_STORE } = STORED_EXCHANGES_OPTIONS;

/** The rules of {@link RedisExchangesOptions}. */
export const REDIS_EXCHANGES_OPTIONS: OptionRules<RedisExchangesOptions> = {
  ...OF_ANY_STORE,
  prefix: text,
};
