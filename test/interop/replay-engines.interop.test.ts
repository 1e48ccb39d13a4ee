/**
 * Replay caches on real engines: servers in processes of their own, each token sent to two of them at
 * the same moment, while engines and servers are killed. It needs no KDC. For longer runs:
 * `KRB5_TEST_TOKENS=100000 npx vitest run --project interop test/interop/replay-engines.interop.test.ts`
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresReplayCache } from '../../src/postgres/replay-cache.ts';
import { RedisReplayCache } from '../../src/redis/replay-cache.ts';
import { checkReplayCache } from '../../src/testing/check-replay-cache.ts';
import type { Engine } from '../support/engines.ts';
import { startPostgres, startRedis, startStandby } from '../support/engines.ts';
import { newToken, Outcomes, ReplayServer, send, untilServed } from '../support/replay-servers.ts';
import { Switch } from '../support/switch.ts';

const TOKENS = Number(process.env.KRB5_TEST_TOKENS ?? 2000);
const TIMEOUT = 120_000 + TOKENS * 50;
const quiet = { onWarning: () => {} };

/** What refusals may be. */
const REASONS = ['KRB5_RC_IO', 'KRB_AP_ERR_REPEAT', 'accepted', 'died'];

async function serversOn(url: string): Promise<ReplayServer[]> {
  return await Promise.all([1, 2, 3].map(() => ReplayServer.start(url)));
}

/** None is accepted once more, by any of the servers. */
async function expectNoReplay(servers: readonly ReplayServer[], outcomes: Outcomes): Promise<void> {
  expect(outcomes.times(0) + outcomes.times(1)).toBe(outcomes.accepted.size);
  for (const answer of outcomes.answers.keys()) expect(REASONS).toContain(answer);
  const tokens = [...outcomes.accepted].filter(([, times]) => times > 0).slice(-TOKENS);
  for (let at = 0; at < tokens.length; at += 32) {
    const some = tokens.slice(at, at + 32);
    const again = await Promise.all(some.map(([token], i) => servers[i % 3]!.ask(token)));
    expect(again).not.toContain('accepted');
  }
}

/** Clients come all the time, and meanwhile something happens. */
async function during(
  servers: readonly ReplayServer[],
  happens: () => Promise<number>,
): Promise<Outcomes> {
  const outcomes = new Outcomes();
  let over = false;
  const clients = send(servers, 20 * TOKENS, outcomes, () => !over);
  await sleep(300);
  const served = await happens();
  await sleep(300);
  over = true;
  await clients;
  if (process.env.KRB5_TEST_TOKENS) {
    const answers = JSON.stringify(Object.fromEntries(outcomes.answers));
    console.log(
      `${expect.getState().currentTestName}: served after ${served.toFixed(0)} ms, ${answers}`,
    );
  }
  // Two seconds, and what a busy machine takes.
  expect(served).toBeLessThan(20_000);
  expect(outcomes.times(1)).toBeGreaterThan(0);
  return outcomes;
}

/** The second is how often a token is accepted that could be replayed after a crash: its client's clock is a minute ahead. */
const ENGINES: readonly [string, number, () => Promise<Engine>][] = [
  ['Redis that writes each record', 1, () => startRedis('--appendonly', 'yes')],
  ['Redis that forgets', 2, () => startRedis()],
  ['PostgreSQL', 1, () => startPostgres()],
];

describe.each(ENGINES)('three servers on one %s', (_, acceptedAhead, start) => {
  let engine: Engine;
  let servers: ReplayServer[] = [];

  beforeAll(async () => {
    engine = await start();
    servers = await serversOn(engine.url);
    await untilServed(servers[0]!);
  });

  afterAll(async () => {
    for (const server of servers) server.stop();
    await engine[Symbol.asyncDispose]();
  });

  it('accept each token once', { timeout: TIMEOUT }, async () => {
    await untilServed(servers[0]!);
    const outcomes = new Outcomes();
    await send(servers, TOKENS, outcomes);
    expect(outcomes.times(1)).toBe(TOKENS);
    expect(Object.fromEntries(outcomes.answers)).toEqual({
      accepted: TOKENS,
      KRB_AP_ERR_REPEAT: TOKENS,
    });
  });

  it('accept none twice when the engine is killed and starts again', {
    timeout: TIMEOUT,
  }, async () => {
    const outcomes = await during(servers, async () => {
      await engine.kill();
      await sleep(200);
      await engine.start();
      return await untilServed(servers[0]!);
    });
    await expectNoReplay(servers, outcomes);
  });

  it('accept none twice when the engine is stopped and goes on', { timeout: TIMEOUT }, async () => {
    const outcomes = await during(servers, async () => {
      engine.signal('SIGSTOP');
      // Longer than the deadline of the acceptors.
      await sleep(3500);
      engine.signal('SIGCONT');
      return await untilServed(servers[0]!);
    });
    expect(outcomes.answers.get('KRB5_RC_IO')).toBeGreaterThan(0);
    await expectNoReplay(servers, outcomes);
  });

  it('accept none twice after a crash whose client has a clock that is ahead by less than the margin', {
    timeout: TIMEOUT,
  }, async () => {
    expect(await timesAccepted(servers, engine, 0.9)).toBe(1);
  });

  it(`accept one ${acceptedAhead} times whose client has a clock that is a minute ahead`, {
    timeout: TIMEOUT,
  }, async () => {
    expect(await timesAccepted(servers, engine, 60)).toBe(acceptedAhead);
  });

  it('accept none that a server took with it when it was killed', {
    timeout: TIMEOUT,
  }, async () => {
    const [one, other] = servers as [ReplayServer, ReplayServer];
    const outcomes = await during(servers, async () => {
      for (let round = 0; round < 3; round++) {
        const token = newToken();
        expect(await one.ask(token, true)).toBe('died');
        expect(await other.ask(token)).toBe('KRB_AP_ERR_REPEAT');
        await one.restart();
      }
      return await untilServed(one);
    });
    await expectNoReplay(servers, outcomes);
  });
});

/** @returns How often a token is accepted in all that was accepted just before the engine was killed. */
async function timesAccepted(
  servers: readonly ReplayServer[],
  engine: Engine,
  ahead: number,
): Promise<number> {
  await untilServed(servers[0]!);
  const token = newToken(ahead);
  const answers = [await servers[0]!.ask(token)];
  await engine.kill();
  await engine.start();
  const ask = async () => {
    answers.push(...(await Promise.all(servers.map((server) => server.ask(token)))));
  };
  // Until new clients are accepted by all, and a while longer.
  const served = Promise.all(servers.map((server) => untilServed(server)));
  for (let over = false; !over; ) {
    over = await Promise.race([served.then(() => true), sleep(20, false)]);
    await ask();
  }
  await ask();
  return answers.filter((answer) => answer === 'accepted').length;
}

async function replicaOf(engine: Engine, ...primary: readonly string[]): Promise<void> {
  const client = await createClient({ url: engine.url }).connect();
  await client.sendCommand(['REPLICAOF', ...primary]);
  client.destroy();
}

describe('a failover of Redis', () => {
  it('lets none in twice, whatever the replica lacks', { timeout: TIMEOUT }, async () => {
    const [primary, replica] = await Promise.all([startRedis(), startRedis()]);
    const way = await Switch.to(primary.port);
    let servers: ReplayServer[] = [];
    try {
      await replicaOf(replica, '127.0.0.1', String(primary.port));
      servers = await serversOn(`redis://127.0.0.1:${way.port}`);
      await untilServed(servers[0]!);
      const outcomes = await during(servers, async () => {
        // What comes to the primary from now on is lost.
        await replicaOf(replica, 'NO', 'ONE');
        await sleep(200);
        way.turn(replica.port);
        return await untilServed(servers[0]!);
      });
      await expectNoReplay(servers, outcomes);
    } finally {
      for (const server of servers) server.stop();
      way.close();
      await primary[Symbol.asyncDispose]();
      await replica[Symbol.asyncDispose]();
    }
  });
});

async function query({ url }: Engine, ...statements: readonly string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const rows: unknown[] = [];
    for (const statement of statements) rows.push(...(await client.query(statement)).rows);
    return rows;
  } finally {
    await client.end();
  }
}

describe('a failover of PostgreSQL', () => {
  it('lets none in twice, whatever the standby lacks', { timeout: TIMEOUT }, async () => {
    await using primary = await startPostgres();
    await using standby = await startStandby(primary);
    const way = await Switch.to(primary.port);
    let servers: ReplayServer[] = [];
    try {
      servers = await serversOn(`postgres://test@127.0.0.1:${way.port}/postgres`);
      await untilServed(servers[0]!);
      const outcomes = await during(servers, async () => {
        // What comes to the primary from now on is lost.
        await query(standby, "ALTER SYSTEM SET primary_conninfo = ''", 'SELECT pg_reload_conf()');
        await sleep(500);
        await query(standby, 'SELECT pg_promote()');
        way.turn(standby.port);
        return await untilServed(servers[0]!);
      });
      const [{ kept }] = (await query(
        standby,
        "SELECT count(*)::int AS kept FROM krb5_replay WHERE digest NOT LIKE 'since:%'",
      )) as [{ kept: number }];
      expect(kept).toBeLessThan(outcomes.accepted.size);
      await expectNoReplay(servers, outcomes);
    } finally {
      for (const server of servers) server.stop();
      way.close();
    }
  });
});

describe('the statement that stores requests in PostgreSQL', () => {
  it('uses the index of a table that has grown since it was prepared', async () => {
    await using engine = await startPostgres('-c', 'fsync=off', '-c', 'autovacuum=off');
    const pool = new pg.Pool({ connectionString: engine.url, max: 1 });
    try {
      const cache = new PostgresReplayCache(pool, quiet);
      const ctime = Math.floor(Date.now() / 1000) + 60;
      const store = (count: number) =>
        Promise.all(
          Array.from({ length: count }, () =>
            cache.checkAndStore({
              ciphertext: crypto.getRandomValues(new Uint8Array(40)),
              ctime,
              expiresAt: ctime + 300,
            }),
          ),
        );
      await store(1);
      // A table of one page, of which the planner knows that it has one page.
      await pool.query('ANALYZE krb5_replay');
      for (let i = 0; i < 20; i++) await store(1);
      for (let i = 0; i < 20; i++) expect(await store(1000)).not.toContain(false);
      const { rows } = await pool.query<{ scans: string; plans: string }>(
        `SELECT (SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'krb5_replay')
           + pg_stat_get_tuples_returned('krb5_replay'::regclass) AS scans,
           (SELECT sum(generic_plans) FROM pg_prepared_statements) AS plans`,
      );
      expect(Number(rows[0]!.plans)).toBeGreaterThan(0);
      // Each statement of a table that it reads as a whole reads thousands of rows.
      expect(Number(rows[0]!.scans)).toBeLessThan(20_000);
    } finally {
      await pool.end();
    }
  });
});

describe('checkReplayCache passes', () => {
  it('RedisReplayCache on a real engine', async () => {
    const engine = await startRedis('--appendonly', 'yes');
    const client = createClient({ url: engine.url });
    const closed = createClient({ url: engine.url });
    try {
      await client.connect();
      const cache = new RedisReplayCache(client, quiet);
      expect(await cache.inspect()).toEqual([]);
      const broken = () => new RedisReplayCache(closed, quiet);
      await checkReplayCache(() => new RedisReplayCache(client, quiet), { broken, deadline: 60 });
    } finally {
      client.destroy();
      await engine[Symbol.asyncDispose]();
    }
  });

  it('PostgresReplayCache on a real engine', async () => {
    const engine = await startPostgres();
    const pool = new pg.Pool({ connectionString: engine.url });
    const closed = new pg.Pool({ connectionString: 'postgres://127.0.0.1:1/none' });
    pool.on('error', () => {});
    try {
      const cache = new PostgresReplayCache(pool, quiet);
      expect(await cache.inspect()).toEqual([]);
      const broken = () => new PostgresReplayCache(closed, quiet);
      await checkReplayCache(() => new PostgresReplayCache(pool, quiet), { broken, deadline: 60 });
    } finally {
      await pool.end();
      await engine[Symbol.asyncDispose]();
    }
  });
});
