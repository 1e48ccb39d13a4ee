/** What a replay cache on Redis or PostgreSQL adds to an accept, on engines started for it. */
import { existsSync } from 'node:fs';
import pg from 'pg';
import { createClient } from 'redis';
import type { ReplayCache } from '../../../src/ap/replay-cache.ts';
import { acquireCredential, createAcceptor, MemoryReplayCache } from '../../../src/index.ts';
import { PostgresReplayCache } from '../../../src/postgres/replay-cache.ts';
import { RedisReplayCache } from '../../../src/redis/replay-cache.ts';
import { createInitiator, mintTicket, testKeytab } from '../../../src/testing/index.ts';
import { startPostgres, startRedis } from '../../support/engines.ts';
import { postgresPrograms, REDIS } from '../../support/peers.ts';
import { median } from '../statistics.ts';

export interface ReplayCacheFigures {
  readonly name: string;
  /** Microseconds of an accept, the median, with one client. */
  readonly p50: number;
  /** Accepts in a second, with 64 clients at a time. */
  readonly throughput: number;
}

/** @returns Figures for each cache whose engine is on this machine. */
export async function measureReplayCaches(rounds: number): Promise<ReplayCacheFigures[]> {
  const closers: (() => unknown)[] = [];
  try {
    return await measure(rounds, closers);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function measure(rounds: number, closers: (() => unknown)[]): Promise<ReplayCacheFigures[]> {
  const caches: [string, ReplayCache][] = [['memory', new MemoryReplayCache()]];
  const quiet = { onWarning: () => {} };
  if (existsSync(REDIS)) {
    const engine = await startRedis('--appendonly', 'yes');
    closers.push(() => engine[Symbol.asyncDispose]());
    const client = createClient({ url: engine.url });
    client.on('error', () => {});
    await client.connect();
    closers.push(() => client.destroy());
    caches.push(['Redis', new RedisReplayCache(client, quiet)]);
  }
  if (postgresPrograms() !== undefined) {
    const engine = await startPostgres();
    closers.push(() => engine[Symbol.asyncDispose]());
    const pool = new pg.Pool({ connectionString: engine.url, max: 20 });
    pool.on('error', () => {});
    closers.push(() => pool.end());
    caches.push(['PostgreSQL', new PostgresReplayCache(pool, quiet)]);
  }
  const keytab = testKeytab('host/bench.example.com@EXAMPLE.COM');
  const credential = await acquireCredential({ keytab });
  const initiators = Array.from({ length: CLIENTS }, (_, i) =>
    createInitiator({ ticket: mintTicket({ keytab, client: `client${i}@EXAMPLE.COM` }) }),
  );
  const taken = caches.map(([name, replayCache]) => {
    const acceptor = createAcceptor({ credential, replayCache });
    return { name, acceptor, p50: [] as number[], throughput: [] as number[] };
  });
  // An engine's run must be known for two seconds before anyone is accepted.
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const { acceptor } of taken) {
    while ((await accept(acceptor, newToken())) !== 'complete') {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const one of taken) {
      one.p50.push(await alone(one.acceptor));
      one.throughput.push(await together(one.acceptor));
    }
  }
  return taken.map(({ name, p50, throughput }) => ({
    name,
    p50: median(p50),
    throughput: median(throughput),
  }));

  function newToken(client = 0): Uint8Array {
    return initiators[client]!.begin();
  }

  async function alone(acceptor: Acceptor): Promise<number> {
    const samples: number[] = [];
    for (let i = 0; i < ALONE; i++) {
      const token = newToken();
      const begun = performance.now();
      await accept(acceptor, token);
      samples.push((performance.now() - begun) * 1000);
    }
    return median(samples);
  }

  async function together(acceptor: Acceptor): Promise<number> {
    const tokens = Array.from({ length: CLIENTS }, (_, client) =>
      Array.from({ length: TOGETHER / CLIENTS }, () => newToken(client)),
    );
    const begun = performance.now();
    await Promise.all(
      tokens.map(async (ofOneClient) => {
        for (const token of ofOneClient) await accept(acceptor, token);
      }),
    );
    return (TOGETHER * 1000) / (performance.now() - begun);
  }
}

type Acceptor = ReturnType<typeof createAcceptor>;

async function accept(acceptor: Acceptor, token: Uint8Array): Promise<string> {
  const result = await acceptor.begin().accept(token);
  if (result.status === 'complete') result.context.dispose();
  return result.status;
}

const ALONE = 300;
const TOGETHER = 3200;
/** Each has a ticket of its own. */
const CLIENTS = 64;
