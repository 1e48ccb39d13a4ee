/** RedisReplayCache where Redis is more than one process: Sentinel and Cluster, with both clients. No KDC. */
import { Cluster, Redis } from 'ioredis';
import { createClient, createCluster, createSentinel } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RedisClient } from '../../src/redis/client.ts';
import { RedisReplayCache } from '../../src/redis/replay-cache.ts';
import type { Engine } from '../support/engines.ts';
import { startRedis, startSentinel } from '../support/engines.ts';
import { have } from '../support/realm.ts';

const TIMEOUT = 120_000;

/** A request that its client makes now. */
function newRecord() {
  const ctime = Math.floor(Date.now() / 1000);
  return { ciphertext: crypto.getRandomValues(new Uint8Array(40)), ctime, expiresAt: ctime + 301 };
}

type Record = ReturnType<typeof newRecord>;
type Answer = 'accepted' | 'repeated' | 'refused';

async function ask(cache: RedisReplayCache, record: Record): Promise<Answer> {
  try {
    return (await cache.checkAndStore(record)) ? 'accepted' : 'repeated';
  } catch {
    return 'refused';
  }
}

async function untilServed(cache: RedisReplayCache): Promise<void> {
  await expect.poll(() => ask(cache, newRecord())).toBe('accepted');
}

/** By all nodes of a cluster. */
async function untilAllServed(cache: RedisReplayCache): Promise<void> {
  const answers = async () => {
    const records = Array.from({ length: 50 }, newRecord);
    return new Set(await Promise.all(records.map((record) => ask(cache, record))));
  };
  await expect.poll(answers).toEqual(new Set(['accepted']));
}

async function command({ url }: Engine, ...args: readonly string[]): Promise<string> {
  const client = await createClient({ url }).connect();
  try {
    return String(await client.sendCommand([...args]));
  } finally {
    client.destroy();
  }
}

/** Two servers, each with a client of its own. */
async function serversWith(connect: () => Promise<RedisClient>): Promise<RedisReplayCache[]> {
  const open = async () => new RedisReplayCache(await connect(), { onWarning: () => {} });
  return [await open(), await open()];
}

const ignore = () => {};

const SENTINEL_CLIENTS: readonly [string, (port: number) => Promise<RedisClient>][] = [
  [
    'node-redis',
    async (port) => {
      const sentinelRootNodes = [{ host: '127.0.0.1', port }];
      const options = { name: 'primary', sentinelRootNodes, scanInterval: 200 };
      const client = createSentinel(options).on('error', ignore);
      await client.connect();
      onTestFinished(() => client.destroy());
      return client;
    },
  ],
  [
    'ioredis',
    async (port) => {
      const client = new Redis({ name: 'primary', sentinels: [{ host: '127.0.0.1', port }] });
      client.on('error', ignore);
      onTestFinished(() => client.disconnect());
      return client;
    },
  ],
];

describe.runIf(have('redis'))('Sentinel', () => {
  it.each(SENTINEL_CLIENTS)(
    'and %s: none is accepted twice when the primary dies',
    {
      timeout: TIMEOUT,
    },
    async (_, connect) => {
      const primary = await startRedis();
      onTestFinished(() => primary[Symbol.asyncDispose]());
      const replica = await startRedis('--replicaof', `127.0.0.1 ${primary.port}`);
      onTestFinished(() => replica[Symbol.asyncDispose]());
      await expect
        .poll(() => command(replica, 'INFO', 'replication'))
        .toContain('master_link_status:up');
      const sentinel = await startSentinel(primary);
      onTestFinished(() => sentinel[Symbol.asyncDispose]());
      // A sentinel asks the primary for its replicas every ten seconds, and at the start.
      await expect.poll(() => command(sentinel, 'SENTINEL', 'REPLICAS', 'primary')).not.toBe('');
      const [one, other] = (await serversWith(() => connect(sentinel.port))) as [
        RedisReplayCache,
        RedisReplayCache,
      ];
      await untilServed(one);
      const records = Array.from({ length: 50 }, newRecord);
      const first = await Promise.all(records.map((record) => ask(one, record)));
      expect(first).not.toContain('repeated');
      expect(first).toContain('accepted');
      await primary.kill();
      await untilServed(other);
      const again = await Promise.all(
        records.map((record, i) => ask(i % 2 === 0 ? one : other, record)),
      );
      expect(again).not.toContain('accepted');
      expect(await command(replica, 'ROLE')).toContain('master');
    },
  );
});

const CLUSTER_CLIENTS: readonly [string, (ports: readonly number[]) => Promise<RedisClient>][] = [
  [
    'node-redis',
    async (ports) => {
      const rootNodes = ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }));
      const defaults = { disableOfflineQueue: true };
      const client = createCluster({ rootNodes, defaults }).on('error', ignore);
      await client.connect();
      onTestFinished(() => client.destroy());
      return client;
    },
  ],
  [
    'ioredis',
    async (ports) => {
      const nodes = ports.map((port) => ({ host: '127.0.0.1', port }));
      const client = new Cluster(nodes, { redisOptions: { maxRetriesPerRequest: 0 } });
      client.on('error', ignore);
      onTestFinished(() => client.disconnect());
      return client;
    },
  ],
];

/** Three nodes, each with a third of the slots. */
async function startCluster(): Promise<Engine[]> {
  // A node that is away must not make the others refuse.
  const options = ['--cluster-enabled', 'yes', '--cluster-require-full-coverage', 'no'];
  const nodes = await Promise.all([0, 1, 2].map(() => startRedis(...options)));
  for (const [i, node] of nodes.entries()) {
    onTestFinished(() => node[Symbol.asyncDispose]());
    const [from, to] = [i * 5461, i === 2 ? 16_383 : i * 5461 + 5460];
    await command(node, 'CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    await command(node, 'CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
  }
  for (const { port } of nodes) {
    await command(nodes[0]!, 'CLUSTER', 'MEET', '127.0.0.1', String(port));
  }
  for (const node of nodes) {
    await expect.poll(() => command(node, 'CLUSTER', 'INFO')).toContain('cluster_slots_ok:16384');
  }
  return nodes;
}

describe.runIf(have('redis'))('Cluster', () => {
  it.each(CLUSTER_CLIENTS)(
    'and %s: each is accepted once, and by two nodes without the third',
    {
      timeout: TIMEOUT,
    },
    async (_, connect) => {
      const nodes = await startCluster();
      const [one, other] = (await serversWith(() => connect(nodes.map(({ port }) => port)))) as [
        RedisReplayCache,
        RedisReplayCache,
      ];
      // Each node has a run of its own, which the first requests meet.
      await untilAllServed(one);
      await untilAllServed(other);
      const records = Array.from({ length: 200 }, newRecord);
      const both = await Promise.all(
        records.map(async (record) =>
          (await Promise.all([ask(one, record), ask(other, record)])).sort(),
        ),
      );
      expect(both).toEqual(records.map(() => ['accepted', 'repeated']));
      await nodes[2]!.kill();
      const later = Array.from({ length: 200 }, newRecord);
      const first = await Promise.all(later.map((record) => ask(one, record)));
      const again = await Promise.all(later.map((record) => ask(other, record)));
      expect(first.filter((answer) => answer === 'accepted').length).toBeGreaterThan(50);
      expect(first).toContain('refused');
      expect(again).not.toContain('accepted');
      // Those of the nodes that are there are not refused with those of the node that is away.
      expect(again.map((answer) => answer === 'repeated')).toEqual(
        first.map((answer) => answer === 'accepted'),
      );
    },
  );
});
