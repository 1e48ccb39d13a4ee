/**
 * Replay caches on real engines: servers in processes of their own, each token sent to two of them at
 * the same moment, while engines and servers are killed. It needs no KDC. For longer runs:
 * `KRB5_TEST_TOKENS=100000 npx vitest run --project interop test/interop/replay-engines.interop.test.ts`
 */
import { execFileSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
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

const TOKENS = Number(process.env.KRB5_TEST_TOKENS ?? 500);
const TIMEOUT = 120_000 + TOKENS * 50;
/** Milliseconds between two faults. */
const PAUSE = 5000;
/** A token is too old after five minutes. */
const MOST_REPLAYED = 5000;
const quiet = { onWarning: () => {} };

/** What refusals may be. */
const REASONS = ['KRB5_RC_IO', 'KRB_AP_ERR_REPEAT', 'accepted', 'died'];

async function serversOn(url: string): Promise<ReplayServer[]> {
  return await Promise.all([1, 2, 3].map(() => ReplayServer.start(url)));
}

/** None of the tokens that were accepted last is accepted once more, by any of the servers. */
async function expectNoReplay(servers: readonly ReplayServer[], outcomes: Outcomes): Promise<void> {
  const tokens = outcomes.last(Math.min(TOKENS, MOST_REPLAYED));
  for (let at = 0; at < tokens.length; at += 32) {
    const some = tokens.slice(at, at + 32);
    const again = await Promise.all(some.map((token, i) => servers[i % 3]!.ask(token)));
    expect(again).not.toContain('accepted');
  }
}

/**
 * Clients come all the time until as many are accepted as the test is about, and meanwhile something
 * happens, again and again. What was accepted before it is sent once more as soon as clients are served.
 *
 * @param happens - Returns milliseconds from the engine's return to the first client that is accepted.
 */
async function during(
  servers: readonly ReplayServer[],
  happens: () => Promise<number>,
): Promise<Outcomes> {
  const outcomes = new Outcomes();
  const served: number[] = [];
  let over = false;
  const clients = send(servers, Number.POSITIVE_INFINITY, outcomes, () => !over);
  try {
    await sleep(300);
    for (;;) {
      served.push(await happens());
      await expectNoReplay(servers, outcomes);
      const next = Date.now() + PAUSE;
      while (outcomes.times(1) < TOKENS && Date.now() < next) await sleep(20);
      if (outcomes.times(1) >= TOKENS) break;
    }
  } finally {
    over = true;
    await clients;
  }
  if (process.env.KRB5_TEST_TOKENS) {
    const answers = JSON.stringify(Object.fromEntries(outcomes.answers));
    const times = served.map((milliseconds) => milliseconds.toFixed(0)).join(', ');
    console.log(
      `${expect.getState().currentTestName}: ${outcomes.accepted.size} tokens, served after ${times} ms, ${answers}`,
    );
  }
  expect(outcomes.times(1)).toBeGreaterThan(0);
  expect(outcomes.times(0) + outcomes.times(1)).toBe(outcomes.accepted.size);
  for (const answer of outcomes.answers.keys()) expect(REASONS).toContain(answer);
  await expectNoReplay(servers, outcomes);
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
    await during(servers, async () => {
      await engine.kill();
      await sleep(200);
      await engine.start();
      return await untilServed(servers[0]!);
    });
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
    await during(servers, async () => {
      for (let round = 0; round < 3; round++) {
        const token = newToken();
        expect(await one.ask(token, true)).toBe('died');
        expect(await other.ask(token)).toBe('KRB_AP_ERR_REPEAT');
        await one.restart();
      }
      return await untilServed(one);
    });
  });
});

/**
 * @param meanwhile - Called before the engine starts again.
 * @returns How often a token is accepted in all that was accepted just before the engine was killed.
 */
async function timesAccepted(
  servers: readonly ReplayServer[],
  engine: Engine,
  ahead: number,
  meanwhile: () => void = () => {},
): Promise<number> {
  await untilServed(servers[0]!);
  const token = newToken(ahead);
  const answers = [await servers[0]!.ask(token)];
  await engine.kill();
  meanwhile();
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
    let [primary, replica] = await Promise.all([startRedis(), startRedis()]);
    const way = await Switch.to(primary.port);
    let servers: ReplayServer[] = [];
    try {
      await replicaOf(replica, '127.0.0.1', String(primary.port));
      servers = await serversOn(`redis://127.0.0.1:${way.port}`);
      await untilServed(servers[0]!);
      await during(servers, async () => {
        // What comes to the primary from now on is lost.
        await replicaOf(replica, 'NO', 'ONE');
        await sleep(200);
        way.turn(replica.port);
        const served = await untilServed(servers[0]!);
        [primary, replica] = [replica, primary];
        await replicaOf(replica, '127.0.0.1', String(primary.port));
        return served;
      });
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

async function countRecords(engine: Engine): Promise<number> {
  const count = "SELECT count(*)::int AS count FROM krb5_replay WHERE digest NOT LIKE 'since:%'";
  const [row] = (await query(engine, count)) as [{ count: number }];
  return row.count;
}

describe('PostgreSQL that starts from an older copy of its disk', () => {
  it('lets none in twice', { timeout: TIMEOUT }, async () => {
    const engine = await startPostgres();
    let servers: ReplayServer[] = [];
    try {
      servers = await serversOn(engine.url);
      await untilServed(servers[0]!);
      const [{ data_directory: disk }] = (await query(engine, 'SHOW data_directory')) as [
        { data_directory: string },
      ];
      await engine.kill();
      execFileSync('cp', ['-a', disk, `${disk}.older`]);
      await engine.start();
      const replaceDisk = () => {
        rmSync(disk, { recursive: true });
        renameSync(`${disk}.older`, disk);
      };
      expect(await timesAccepted(servers, engine, 0, replaceDisk)).toBe(1);
    } finally {
      for (const server of servers) server.stop();
      await engine[Symbol.asyncDispose]();
    }
  });
});

describe('a failover of PostgreSQL', () => {
  it('lets none in twice, whatever the standby lacks', { timeout: TIMEOUT }, async () => {
    let primary = await startPostgres();
    const way = await Switch.to(primary.port);
    let servers: ReplayServer[] = [];
    try {
      servers = await serversOn(`postgres://test@127.0.0.1:${way.port}/postgres`);
      await untilServed(servers[0]!);
      await during(servers, async () => {
        const standby = await startStandby(primary);
        // What comes to the primary from now on is lost.
        await query(standby, "ALTER SYSTEM SET primary_conninfo = ''", 'SELECT pg_reload_conf()');
        await sleep(500);
        await query(standby, 'SELECT pg_promote()');
        expect(await countRecords(standby)).toBeLessThan(await countRecords(primary));
        way.turn(standby.port);
        const served = await untilServed(servers[0]!);
        await primary[Symbol.asyncDispose]();
        primary = standby;
        return served;
      });
    } finally {
      for (const server of servers) server.stop();
      way.close();
      await primary[Symbol.asyncDispose]();
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

describe('a table of PostgreSQL that is not the one of this package', () => {
  it.each([
    ['has no primary key', 'CREATE TABLE krb5_replay (digest text, expires_at timestamptz)'],
    [
      'takes a digest twice, at different times',
      'CREATE TABLE krb5_replay (digest text, expires_at timestamptz, PRIMARY KEY (digest, expires_at))',
    ],
    ['has other columns', 'CREATE TABLE krb5_replay (digest text PRIMARY KEY)'],
    [
      'stores nothing',
      'CREATE TABLE krb5_replay (digest text PRIMARY KEY, expires_at timestamptz)',
      'CREATE RULE nothing AS ON INSERT TO krb5_replay DO INSTEAD NOTHING',
    ],
    [
      'is read-only',
      'CREATE TABLE krb5_replay (digest text PRIMARY KEY, expires_at timestamptz)',
      'ALTER DATABASE postgres SET default_transaction_read_only = on',
    ],
  ])('accepts nobody where it %s', async (_, ...statements) => {
    await using engine = await startPostgres('-c', 'fsync=off');
    await query(engine, ...statements);
    const pool = new pg.Pool({ connectionString: engine.url });
    try {
      const cache = new PostgresReplayCache(pool, quiet);
      const ctime = Math.floor(Date.now() / 1000) + 60;
      const ciphertext = crypto.getRandomValues(new Uint8Array(40));
      for (let i = 0; i < 2; i++) {
        const asked = cache.checkAndStore({ ciphertext, ctime, expiresAt: ctime + 300 });
        expect(await asked.catch(() => 'refused')).toBe('refused');
      }
    } finally {
      await pool.end();
    }
  });

  it('is made anew where it was dropped, and requests from before are refused', async () => {
    await using engine = await startPostgres('-c', 'fsync=off');
    const pool = new pg.Pool({ connectionString: engine.url });
    try {
      const cache = new PostgresReplayCache(pool, quiet);
      const store = async (
        ctime: number,
        ciphertext = crypto.getRandomValues(new Uint8Array(40)),
      ) => await cache.checkAndStore({ ciphertext, ctime, expiresAt: ctime + 300 });
      const old = crypto.getRandomValues(new Uint8Array(40));
      const now = Math.floor(Date.now() / 1000);
      expect(await store(now + 60, old)).toBe(true);
      await query(engine, 'DROP TABLE krb5_replay');
      await expect(store(now, old)).rejects.toThrow();
      const soon = async () => await store(now + 120).catch(() => undefined);
      await expect.poll(soon).toBe(true);
      await expect(store(now, old)).rejects.toMatchObject({ code: 'KRB5_RC_IO' });
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
