/** One of several servers of a site: what it shares with the others is the engine that ENGINE names. */
import { createServer } from 'node:http';
import { env } from 'node:process';
import { serve } from '@hono/node-server';
import { withKerberos } from 'krb5-acceptor/fetch';
import { kerberos } from 'krb5-acceptor/node';
import { PostgresReplayCache, postgresExchanges } from 'krb5-acceptor/postgres';
import { RedisReplayCache, redisExchanges } from 'krb5-acceptor/redis';
import pg from 'pg';
import { createClient } from 'redis';

const keys = [env.EXCHANGE_KEY];
const onWarning = () => {};
const shared = env.ENGINE.startsWith('redis:') ? await onRedis() : onPostgres();
const options = {
  keytab: env.KEYTAB,
  service: 'HTTP@localhost',
  requireTls: true,
  // A handler of Request does not see the address of the proxy; only nginx reaches this port.
  trustProxy: env.HANDLER === 'fetch' ? true : ['127.0.0.1'],
  onRefused: ({ message, minor }) => console.error(`refused: ${minor?.message ?? message}`),
  ...shared,
};
const hostname = '127.0.0.1';
let connections = 0;

const server =
  env.HANDLER === 'fetch'
    ? serve({ fetch: withKerberos(greetRequest, options), port: 0, hostname }, listening)
    : createServer(greet).listen(0, hostname, listening);
const signOn = kerberos(options);
server.on('connection', () => connections++);

async function onRedis() {
  // A request that cannot be judged now is to be refused now.
  const client = createClient({ url: env.ENGINE, disableOfflineQueue: true });
  client.on('error', () => {});
  await client.connect();
  return {
    replayCache: new RedisReplayCache(client, { onWarning }),
    exchanges: redisExchanges(client, { keys }),
  };
}

function onPostgres() {
  const pool = new pg.Pool({ connectionString: env.ENGINE, connectionTimeoutMillis: 2000 });
  pool.on('error', () => {});
  return {
    replayCache: new PostgresReplayCache(pool, { onWarning }),
    exchanges: postgresExchanges(pool, { keys }),
  };
}

async function greet(request, response) {
  const client = await signOn(request, response);
  if (client !== undefined) response.end(greeting(client));
}

function greetRequest(_request, client) {
  return new Response(greeting(client));
}

function greeting({ identity }) {
  return JSON.stringify({ principal: identity.principal, connections });
}

function listening() {
  console.log(`listening ${server.address().port}`);
}
