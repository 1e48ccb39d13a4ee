import { Cluster, Redis } from 'ioredis';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { describe, expect, it } from 'vitest';
import type { RedisClient } from '../../src/redis/client.ts';
import { checkedClient, scriptsOf } from '../../src/redis/client.ts';

const rootNodes = [{ url: 'redis://127.0.0.1:1' }];
const sentinel = { name: 'primary', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] };

/** None of them is connected; that each is a `RedisClient` is for the compiler to say. */
const CLIENTS: readonly (readonly [string, RedisClient])[] = [
  ['a client of node-redis', createClient()],
  ['its client with RESP 3', createClient({ RESP: 3 })],
  ['its pool', createClientPool()],
  ['its cluster', createCluster({ rootNodes })],
  ['its sentinel', createSentinel(sentinel)],
  ['a client of ioredis', new Redis({ lazyConnect: true })],
  ['its cluster', new Cluster(['127.0.0.1:1'], { lazyConnect: true })],
];

describe('the clients of Redis', () => {
  it.each(CLIENTS)('%s is one', (_, client) => {
    expect(checkedClient('RedisReplayCache', client)).toBe(client);
  });

  it('are told apart: ioredis takes the number of keys', async () => {
    const called: unknown[][] = [];
    for (const [, client] of CLIENTS) {
      client.eval = async (...args: unknown[]) => void called.push(args);
      await scriptsOf(client)('return 1', ['key', 'other'], ['a', 'b']);
    }
    const nodeRedis = ['return 1', { keys: ['key', 'other'], arguments: ['a', 'b'] }];
    const ioredis = ['return 1', 2, 'key', 'other', 'a', 'b'];
    expect(called).toEqual([...Array(5).fill(nodeRedis), ...Array(2).fill(ioredis)]);
  });
});
