import { describe, expect, it } from 'vitest';
import type { ReplayRecord } from '../../src/ap/replay-cache.ts';
import type { IoredisClient } from '../../src/redis/client.ts';
import type { RedisReplayCacheOptions } from '../../src/redis/replay-cache.ts';
import { RedisReplayCache } from '../../src/redis/replay-cache.ts';
import { FakeRedis } from '../support/fake-redis.ts';

const NOW = Date.UTC(2026, 10, 28, 12);
const SECONDS = NOW / 1000;

function record(options: Partial<ReplayRecord> & { readonly number?: number } = {}): ReplayRecord {
  const { number = 1, ctime = SECONDS, ...others } = options;
  return { ciphertext: new Uint8Array(40).fill(number), ctime, expiresAt: ctime + 301, ...others };
}

/** An engine whose run has been known for an hour. */
function longRunning(clock: () => number = () => NOW): FakeRedis {
  const engine = new FakeRedis(clock);
  const value = String(SECONDS - 3600);
  engine.keys.set(`krb5:rcache:since:${engine.run}`, { value, endsAt: Number.POSITIVE_INFINITY });
  return engine;
}

function cacheOn(engine: FakeRedis, options: RedisReplayCacheOptions = {}): RedisReplayCache {
  return new RedisReplayCache(engine, { clock: () => NOW, onWarning: () => {}, ...options });
}

const REPEATED = { status: 'fulfilled', value: false };

/** Notes how many keys come with each script that stores. */
function counting(
  engine: FakeRedis,
  counts: number[],
  before: (keys: readonly string[]) => void = () => {},
): FakeRedis {
  const client = Object.create(engine) as FakeRedis;
  client.eval = async (script, options) => {
    if (script.includes("'NX', 'PX'")) {
      counts.push(options.keys.length);
      before(options.keys);
    }
    return await engine.eval(script, options);
  };
  return client;
}

const later = () => new Promise((resolve) => setTimeout(resolve));

describe('RedisReplayCache', () => {
  it('accepts each request once, in whichever server', async () => {
    const engine = longRunning();
    const [one, other] = [cacheOn(engine), cacheOn(engine)];
    expect(await one.checkAndStore(record())).toBe(true);
    expect(await other.checkAndStore(record())).toBe(false);
    expect(await other.checkAndStore(record({ number: 2 }))).toBe(true);
    expect(await one.checkAndStore(record({ number: 2 }))).toBe(false);
  });

  it('keeps a record a minute longer than its request is young enough', async () => {
    let now = NOW;
    const engine = longRunning(() => now);
    const cache = cacheOn(engine, { clock: () => now });
    await cache.checkAndStore(record());
    now = NOW + (301 + 59) * 1000;
    expect(await cache.checkAndStore(record())).toBe(false);
    now = NOW + (301 + 60) * 1000;
    expect(await cache.checkAndStore(record())).toBe(true);
  });

  it('keeps each record of a batch at least that long', async () => {
    const engine = longRunning();
    const cache = cacheOn(engine);
    const numbers = [1, 2, 3];
    await Promise.all(
      numbers.map((number) => cache.checkAndStore(record({ number, ctime: SECONDS + number }))),
    );
    const ends = [...engine.keys]
      .filter(([key]) => !key.includes('since'))
      .map(([, { endsAt }]) => endsAt);
    expect(ends).toEqual(numbers.map(() => NOW + (3 + 361) * 1000));
  });

  it('stores a digest, and with a secret one that nobody else can compute', async () => {
    const plain = longRunning();
    const keyed = longRunning();
    await cacheOn(plain).checkAndStore(record());
    await cacheOn(keyed, { secret: new Uint8Array(16).fill(7) }).checkAndStore(record());
    const names = [plain, keyed].map(
      ({ keys }) => [...keys.keys()].find((key) => !/since/.test(key))!,
    );
    // SHA-256 of forty bytes 01, by another implementation.
    const { createHash, createHmac } = await import('node:crypto');
    const data = new Uint8Array(40).fill(1);
    const digest = createHash('sha256').update(data).digest().subarray(0, 18).toString('base64');
    const mac = createHmac('sha256', new Uint8Array(16).fill(7)).update(data).digest();
    expect(names).toEqual([
      `krb5:rcache:${digest}`,
      `krb5:rcache:${mac.subarray(0, 18).toString('base64')}`,
    ]);
  });

  it('refuses what an engine may have forgotten, and accepts what is younger', async () => {
    const engine = longRunning();
    const cache = cacheOn(engine);
    expect(await cache.checkAndStore(record())).toBe(true);
    // A failover: the replica lacks the record.
    engine.run = 'b'.repeat(40);
    for (const [key] of engine.keys) if (!key.includes('since')) engine.keys.delete(key);
    const refusal = { code: 'KRB5_RC_IO', hint: expect.stringContaining('new run') };
    await expect(cache.checkAndStore(record())).rejects.toMatchObject(refusal);
    // The margin of a second.
    const atOnce = record({ number: 3, ctime: SECONDS + 1 });
    await expect(cache.checkAndStore(atOnce)).rejects.toMatchObject(refusal);
    expect(await cache.checkAndStore(record({ number: 4, ctime: SECONDS + 2 }))).toBe(true);
    // Another server learns the same from the engine, even if its clock is ahead.
    const late = cacheOn(engine, { clock: () => NOW + 60_000 });
    expect(await late.checkAndStore(record({ number: 5, ctime: SECONDS + 2 }))).toBe(true);
    await expect(late.checkAndStore(record({ number: 6 }))).rejects.toMatchObject(refusal);
  });

  it('meets an engine at the start: later requests are accepted, older ones are not', async () => {
    let now = NOW;
    const engine = new FakeRedis(() => now);
    const cache = cacheOn(engine, { clock: () => now });
    await later();
    now += 60_000;
    const old = cache.checkAndStore(record({ ctime: SECONDS + 1 }));
    await expect(old).rejects.toMatchObject({ code: 'KRB5_RC_IO' });
    expect(await cache.checkAndStore(record({ number: 2, ctime: SECONDS + 2 }))).toBe(true);
  });

  it('counts from the moment at which the engine could be reached, not from its own start', async () => {
    let now = NOW;
    const engine = new FakeRedis(() => now);
    engine.before = () => {
      throw new Error('ECONNREFUSED');
    };
    const cache = cacheOn(engine, { clock: () => now });
    await later();
    now += 60_000;
    engine.before = () => undefined;
    const old = cache.checkAndStore(record({ ctime: SECONDS + 61 }));
    await expect(old).rejects.toMatchObject({ code: 'KRB5_RC_IO' });
    expect(await cache.checkAndStore(record({ number: 2, ctime: SECONDS + 62 }))).toBe(true);
  });

  it('tells requests apart by the microsecond: an engine that is met is believed a second later', async () => {
    const engine = new FakeRedis(() => NOW + 250);
    const cache = cacheOn(engine, { clock: () => NOW + 250 });
    await later();
    const old = cache.checkAndStore(record({ ctime: SECONDS + 1, cusec: 250_000 }));
    await expect(old).rejects.toMatchObject({ code: 'KRB5_RC_IO' });
    const next = record({ number: 2, ctime: SECONDS + 1, cusec: 250_001 });
    expect(await cache.checkAndStore(next)).toBe(true);
  });

  it.each([
    ['nothing', undefined, null],
    ['text', undefined, 'OK'],
    ['a number that is no bit', undefined, [2, 'a'.repeat(40)]],
    ['no run', undefined, [1, null]],
    ['a run of another form', undefined, [1, 'A;B']],
  ])('admits nobody when the engine answers %s', async (_, __, answer) => {
    const engine = longRunning();
    engine.before = (script) => (script.includes("'PX'") ? Promise.resolve(answer) : undefined);
    // It is the engine that is to be looked at, and not checkAndStore, which is ours.
    await expect(cacheOn(engine).checkAndStore(record())).rejects.toMatchObject({
      code: 'KRB5_RC_IO',
      reason: 'replay.cache-failed',
      detail: { remedy: expect.stringContaining('Valkey of 6.2 or later') },
    });
  });

  it('admits nobody when the engine fails, or gives no time for its run', async () => {
    const engine = longRunning();
    engine.before = () => {
      throw new Error('ECONNREFUSED');
    };
    await expect(cacheOn(engine).checkAndStore(record())).rejects.toThrow('ECONNREFUSED');
    engine.before = (script) => (script.includes("'EX'") ? Promise.resolve('soon') : undefined);
    await expect(cacheOn(engine).checkAndStore(record())).rejects.toMatchObject({
      code: 'KRB5_RC_IO',
    });
    // A failure is not kept: the next request asks again.
    engine.before = () => undefined;
    expect(await cacheOn(engine).checkAndStore(record({ number: 2 }))).toBe(true);
  });

  it('stores together what comes at the same time: one of two equal requests is accepted', async () => {
    const engine = longRunning();
    const counts: number[] = [];
    const cache = cacheOn(counting(engine, counts));
    const numbers = [1, 2, 3, 3, 4, 2, 5];
    const answers = await Promise.all(
      numbers.map((number) => cache.checkAndStore(record({ number }))),
    );
    expect(answers).toEqual([true, true, true, false, true, false, true]);
    expect(counts).toEqual([7]);
  });

  it('admits nobody of a batch that fails, or whose answers are not one for each', async () => {
    for (const answer of [
      ['a'.repeat(40), [1, 1]],
      ['a'.repeat(40), [1, 1, 1, 1]],
      ['a'.repeat(40), [1, 1, true]],
      ['a'.repeat(40), '111'],
    ]) {
      const engine = longRunning();
      const cache = cacheOn(engine);
      const first = [1, 2].map((number) => cache.checkAndStore(record({ number })));
      engine.before = (script) => (script.includes("'PX'") ? Promise.resolve(answer) : undefined);
      const batch = [3, 4, 5].map((number) => cache.checkAndStore(record({ number })));
      const results = await Promise.allSettled([...first, ...batch]);
      expect(results.slice(2).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
    }
  });

  it('stores each on its own where keys are at different nodes', async () => {
    const engine = longRunning();
    const counts: number[] = [];
    const cluster = counting(engine, counts, (keys) => {
      if (keys.length > 1) throw new Error("CROSSSLOT Keys in request don't hash to the same slot");
      // One node of three is away.
      if (keys[0]!.charCodeAt(12) % 3 === 0) throw new Error('ECONNREFUSED');
    });
    const cache = cacheOn(cluster);
    const numbers = Array.from({ length: 40 }, (_, number) => number);
    const ask = () =>
      Promise.allSettled(numbers.map((number) => cache.checkAndStore(record({ number }))));
    const first = await ask();
    const second = await ask();
    expect(new Set(first.map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']));
    // Each is accepted once, and those of the other nodes are not refused with it.
    for (const [i, one] of first.entries()) {
      if (one.status === 'fulfilled') expect([one.value, second[i]]).toEqual([true, REPEATED]);
      else expect(second[i]!.status).toBe('rejected');
    }
    expect(counts.filter((count) => count > 1)).toEqual([20, 20]);
  });

  it('asks once for the time of a run, for all who wait for it', async () => {
    const engine = longRunning();
    const scripts: string[] = [];
    engine.before = (script) => void scripts.push(script);
    const cache = cacheOn(engine);
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    const answers = await Promise.all(
      numbers.map((number) => cache.checkAndStore(record({ number }))),
    );
    expect(answers).toEqual(numbers.map(() => true));
    expect(scripts.filter((script) => script.includes("'EX'"))).toHaveLength(1);
  });

  it('works with ioredis, which takes the number of keys', async () => {
    const engine = longRunning();
    const calls: unknown[][] = [];
    const client: IoredisClient = {
      eval: (script, count, ...rest) => {
        calls.push([count, rest.length]);
        return engine.eval(script, { keys: rest.slice(0, count), arguments: rest.slice(count) });
      },
      defineCommand: () => {},
    };
    const cache = new RedisReplayCache(client, { clock: () => NOW, onWarning: () => {} });
    expect(await cache.checkAndStore(record())).toBe(true);
    expect(await cache.checkAndStore(record())).toBe(false);
    expect(calls.every(([count]) => count === 1)).toBe(true);
  });

  it('says how the engine may forget: once, and also when the client connects late', async () => {
    const engine = longRunning();
    engine.info = {
      maxmemory: '1048576',
      maxmemory_policy: 'allkeys-lru',
      aof_enabled: '0',
      connected_slaves: '1',
    };
    let connected = false;
    engine.before = () => {
      if (!connected) throw new Error('The client is closed');
    };
    const warnings: string[] = [];
    const cache = cacheOn(engine, { onWarning: (message) => warnings.push(message) });
    await Promise.resolve();
    expect(warnings).toEqual([]);
    connected = true;
    await cache.checkAndStore(record());
    await cache.checkAndStore(record({ number: 2 }));
    await new Promise((resolve) => setTimeout(resolve));
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toContain('maxmemory-policy noeviction');
    expect(warnings[1]).toContain('appendonly yes');
    expect(warnings[2]).toContain('failover');
    expect(await cacheOn(longRunning()).inspect()).toEqual([]);
  });

  it('refuses what is no client, and a secret that can be guessed', () => {
    expect(() => new RedisReplayCache({} as never)).toThrow(TypeError);
    expect(() => new RedisReplayCache(Promise.resolve() as never)).toThrow(TypeError);
    expect(() => cacheOn(longRunning(), { secret: new Uint8Array(15) })).toThrow(RangeError);
  });
});
