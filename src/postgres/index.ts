/** Entry `krb5-acceptor/postgres`: replay caches and exchanges on PostgreSQL, for many machines. */
export type { PostgresClient, PreparedStatement } from './client.ts';
export type { PostgresExchangesOptions } from './exchanges.ts';
export { postgresExchanges } from './exchanges.ts';
export type { PostgresReplayCacheOptions } from './replay-cache.ts';
export { PostgresReplayCache } from './replay-cache.ts';
