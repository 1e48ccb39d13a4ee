/** Entry `krb5-acceptor/redis`: replay caches and exchanges on Redis and Valkey, for many machines. */
export type { IoredisClient, NodeRedisClient, RedisClient } from './client.ts';
export type { RedisExchangesOptions } from './exchanges.ts';
export { redisExchanges } from './exchanges.ts';
export type { RedisReplayCacheOptions } from './replay-cache.ts';
export { RedisReplayCache } from './replay-cache.ts';
