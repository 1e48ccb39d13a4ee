import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ReplayCache, ReplayRecord } from '../../src/ap/replay-cache.ts';
import { MemoryReplayCache } from '../../src/ap/replay-cache.ts';
import { FileReplayCache } from '../../src/node/replay-cache/file.ts';
import { PostgresReplayCache } from '../../src/postgres/replay-cache.ts';
import { RedisReplayCache } from '../../src/redis/replay-cache.ts';
import { checkReplayCache } from '../../src/testing/check-replay-cache.ts';
import { FakePostgres } from '../support/fake-postgres.ts';
import { FakeRedis } from '../support/fake-redis.ts';

const refusing: ReplayCache = {
  checkAndStore: () => {
    throw new Error('ECONNREFUSED');
  },
};

/** A cache that is right, but for what a test changes. */
function cacheWith(keyOf: (ciphertext: Uint8Array) => string): ReplayCache {
  const seen = new Set<string>();
  return {
    checkAndStore({ ciphertext }) {
      const key = keyOf(ciphertext);
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    },
  };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

async function faultsOf(
  open: () => ReplayCache,
  options?: Parameters<typeof checkReplayCache>[1],
): Promise<string> {
  const error = await checkReplayCache(open, { records: 60, ...options }).catch((thrown) => thrown);
  return error === undefined ? '' : (error.faults as string[]).join('\n');
}

describe.concurrent('checkReplayCache passes', () => {
  const broken = () => refusing;

  it('MemoryReplayCache', async () => {
    const cache = new MemoryReplayCache();
    expect(await checkReplayCache(() => cache, { broken })).toBeUndefined();
  });

  it('FileReplayCache', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'krb5-rcache-'));
    const opened: FileReplayCache[] = [];
    const open = async () => {
      opened.push(await FileReplayCache.open({ directory, onWarning: () => {} }));
      return opened.at(-1)!;
    };
    try {
      expect(await checkReplayCache(open, { broken, records: 200 })).toBeUndefined();
    } finally {
      for (const cache of opened) await cache.close();
      rmSync(directory, { recursive: true });
    }
  });

  it('RedisReplayCache and PostgresReplayCache', async () => {
    const redis = new FakeRedis(Date.now);
    const postgres = new FakePostgres(Date.now);
    expect(await checkReplayCache(() => new RedisReplayCache(redis), { broken })).toBeUndefined();
    expect(await checkReplayCache(() => new PostgresReplayCache(postgres))).toBeUndefined();
  });
});

describe.concurrent('checkReplayCache finds', () => {
  it('a cache that forgets, admits all, or refuses all', async () => {
    expect(await faultsOf(() => ({ checkAndStore: () => true }))).toContain(
      'the same request again: expected false, got true',
    );
    expect(await faultsOf(() => ({ checkAndStore: () => false }))).toContain(
      'a new request: expected true, got false',
    );
    const recent: string[] = [];
    const bounded: ReplayCache = {
      checkAndStore({ ciphertext }) {
        const key = hex(ciphertext);
        if (recent.includes(key)) return false;
        if (recent.push(key) > 20) recent.shift();
        return true;
      },
    };
    expect(await faultsOf(() => bounded)).toContain('each of 60 requests, again');
  });

  it('a cache that each server has for itself', async () => {
    expect(await faultsOf(() => cacheWith(hex))).toContain('at another server');
  });

  it('a cache that looks first and stores after that', async () => {
    const seen = new Set<string>();
    const racing: ReplayCache = {
      async checkAndStore({ ciphertext }) {
        const key = hex(ciphertext);
        const isNew = !seen.has(key);
        await Promise.resolve();
        seen.add(key);
        return isNew;
      },
    };
    expect(await faultsOf(() => racing)).toBe(
      'of 50 equal requests at once one is new: 50 were admitted',
    );
  });

  it('a cache that takes bytes for text, or a view for its buffer', async () => {
    const text = cacheWith((ciphertext) => new TextDecoder().decode(ciphertext));
    expect(await faultsOf(() => text)).toContain('bytes and no text');
    const whole = cacheWith(({ buffer }) => hex(new Uint8Array(buffer)));
    expect(await faultsOf(() => whole)).toContain('another part of it');
  });

  it('a cache that reads the ciphertext after its call', async () => {
    const inner = cacheWith(hex);
    const late: ReplayCache = {
      checkAndStore: async (record) => {
        await Promise.resolve();
        return inner.checkAndStore(record);
      },
    };
    expect(await faultsOf(() => late)).toContain('valid during the call only');
  });

  it('answers that are neither true nor false, and none at all', async () => {
    const words = { checkAndStore: () => 'OK' } as unknown as ReplayCache;
    expect(await faultsOf(() => words)).toContain('a new request: expected true, got text');
    const hanging = { checkAndStore: () => new Promise<boolean>(() => {}) };
    expect(await faultsOf(() => hanging, { deadline: 0.01, records: 1 })).toContain(
      'gave no answer for 0.01 s',
    );
    expect(await faultsOf(() => refusing)).toContain('ECONNREFUSED');
  });

  it('a cache that admits or refuses by itself while its engine is away', async () => {
    const cache = new MemoryReplayCache();
    for (const answer of [true, false]) {
      const broken = () => ({ checkAndStore: () => answer });
      expect(await faultsOf(() => cache, { broken })).toBe(
        `when the engine does not answer: expected an exception or a rejection, got ${answer}`,
      );
    }
  });
});

// Not beside the others: it has a clock of its own.
it('checkReplayCache finds a cache whose records end too early', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const ends = new Map<string, number>();
  const hasty: ReplayCache = {
    checkAndStore({ ciphertext, expiresAt }: ReplayRecord) {
      const key = hex(ciphertext);
      const now = Date.now() / 1000;
      if ((ends.get(key) ?? 0) > now) return false;
      ends.set(key, now + (expiresAt - now) / 4);
      return true;
    },
  };
  const faults = faultsOf(() => hasty);
  while (vi.getTimerCount() === 0) await turn();
  vi.advanceTimersByTime(1500);
  expect(await faults).toContain('repeated before that: expected false, got true');
});
