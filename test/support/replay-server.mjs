/**
 * A server of the live tests of replay caches, as a process of its own: accepts the tokens that come
 * as messages. The application's client has the settings that docs/replay.md advises.
 */
import process from 'node:process';
import { acquireCredential, createAcceptor, parseKeytab } from 'krb5-acceptor';
import { PostgresReplayCache } from 'krb5-acceptor/postgres';
import { RedisReplayCache } from 'krb5-acceptor/redis';

const [url, keytab] = process.argv.slice(2);
const credential = await acquireCredential({ keytab: parseKeytab(Buffer.from(keytab, 'base64')) });
const cache = await (url.startsWith('postgres') ? onPostgres() : onRedis());
const acceptor = createAcceptor({ credential, deadline: 3, replayCache: cache });
const dying = createAcceptor({
  credential,
  replayCache: {
    async checkAndStore(record) {
      await cache.checkAndStore(record);
      process.kill(process.pid, 'SIGKILL');
    },
  },
});

process.on('message', async ({ id, token, dies }) => {
  const result = await (dies ? dying : acceptor).begin().accept(Buffer.from(token, 'base64'));
  if (result.status === 'complete') result.context.dispose();
  const { status, error } = result;
  const answer = status === 'complete' ? 'accepted' : (error?.minor?.code ?? error?.code ?? status);
  process.send({ id, answer });
});
process.on('disconnect', () => process.exit());
process.send({ id: 'ready' });

async function onRedis() {
  const { createClient } = await import('redis');
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: { reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 500) },
  });
  client.on('error', () => {});
  await client.connect();
  return new RedisReplayCache(client, { onWarning: () => {} });
}

async function onPostgres() {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: 2000 });
  pool.on('error', () => {});
  return new PostgresReplayCache(pool, { onWarning: () => {} });
}
