/** Replay caches on Redis or PostgreSQL by URL. */
import process from 'node:process';
import type { ReplayCache } from '../ap/replay-cache.ts';
import { PostgresReplayCache } from '../postgres/replay-cache.ts';
import { RedisReplayCache } from '../redis/replay-cache.ts';
import type { EngineClientOptions } from './engine-client.ts';
import { namesEngine, openEngineClient, refusePassword } from './engine-client.ts';

/** A replay cache, with the client that was made for it. */
export interface EngineCache {
  readonly replayCache: ReplayCache;
  /** Ends the client. */
  readonly close: () => Promise<void>;
}

/** What {@link openEngineCache} works with; `warn` is also called with each way in which the engine may lose records. */
export type EngineCacheOptions = Omit<EngineClientOptions, 'subject'>;

/**
 * The URL of a cache: the argument of `-rcache`, or else the variable or the setting of krb5.conf that
 * names one, in the order of `openReplayCache`.
 *
 * @returns Undefined if a cache of another kind is named.
 * @throws {@link KerberosError} `KRB5_RC_IO` for an argument with a password, which `ps` shows to everyone.
 */
export function engineName(
  argument: string | undefined,
  defaultName: string | undefined,
): string | undefined {
  const { KRB5RCACHENAME, KRB5RCACHETYPE } = process.env;
  const configured = KRB5RCACHENAME || (KRB5RCACHETYPE ? undefined : defaultName);
  const name = argument ?? configured;
  if (name === undefined || !namesEngine(name)) return undefined;
  if (argument !== undefined) refusePassword(SUBJECT, name, INSTEAD);
  return name;
}

/**
 * Opens a cache on an engine, as {@link openEngineClient} names it.
 *
 * @returns When the engine has answered.
 * @throws {@link KerberosError} `KRB5_RC_IO` as {@link openEngineClient}.
 */
export async function openEngineCache(
  name: string,
  options: EngineCacheOptions,
): Promise<EngineCache> {
  const engine = await openEngineClient(name, { ...options, subject: SUBJECT });
  const { answered, close } = engine;
  const caching = { onWarning: options.warn };
  const cache =
    engine.type === 'redis'
      ? new RedisReplayCache(engine.client, caching)
      : new PostgresReplayCache(engine.client, caching);
  return {
    replayCache: {
      async checkAndStore(record) {
        const isNew = await cache.checkAndStore(record);
        answered();
        return isNew;
      },
    },
    close,
  };
}

const SUBJECT = 'Replay cache';
const INSTEAD = { option: '-rcache', variable: 'KRB5RCACHENAME' };
