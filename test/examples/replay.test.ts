import { describe, expect, it } from 'vitest';
import { DenoKvReplayCache } from '../../examples/replay-deno-kv.ts';
import { DurableReplayCache, Replays } from '../../examples/replay-durable-object.ts';
import { checkReplayCache } from '../../src/testing/check-replay-cache.ts';

/** A database of Deno in memory. */
function fakeKv() {
  const entries = new Set<string>();
  const atomic = () => {
    let [checked, name] = ['', ''];
    const steps = {
      check: ({ key }: { key: readonly string[] }) => {
        checked = key.join();
        return steps;
      },
      set: (key: readonly string[], _: unknown, { expireIn }: { expireIn: number }) => {
        name = key.join();
        expect(expireIn).toBeGreaterThan(0);
        return steps;
      },
      commit: async () => {
        const ok = !entries.has(checked);
        if (ok) entries.add(name);
        return { ok };
      },
    };
    return steps;
  };
  return { atomic, close: () => {} };
}

/** Objects by name; each runs one event after another, and its storage takes a while. */
function fakeObjects() {
  const objects = new Map<unknown, { object: Replays; storage: Map<string, number> }>();
  const create = () => {
    const storage = new Map<string, number>();
    let alarm: number | null = null;
    let last: Promise<unknown> = Promise.resolve();
    const object = new Replays({
      blockConcurrencyWhile<T>(run: () => Promise<T>) {
        const result = last.then(run);
        last = result;
        return result;
      },
      storage: {
        get: async (key) => storage.get(key),
        put: async (key, value) => void storage.set(key, value),
        list: async () => new Map(storage),
        delete: async (keys) => keys.filter((key) => storage.delete(key)).length,
        getAlarm: async () => alarm,
        setAlarm: async (time) => {
          alarm = time;
        },
      },
    });
    return { object, storage };
  };
  const of = (id: unknown) => {
    if (!objects.has(id)) objects.set(id, create());
    return objects.get(id)!;
  };
  const namespace = {
    idFromName: (name: string) => name,
    get: (id: unknown) => ({
      fetch: (url: string, init: RequestInit) => of(id).object.fetch(new Request(url, init)),
    }),
  };
  return { namespace, objects };
}

const broken = () => Promise.reject(new Error('away'));

describe('examples of replay caches', () => {
  it('Deno KV keeps the promises of the interface', async () => {
    const kv = fakeKv();
    await expect(
      checkReplayCache(() => new DenoKvReplayCache(kv), { records: 200 }),
    ).resolves.toBeUndefined();
  });

  it('Durable Objects do, and remove what has expired', async () => {
    const { namespace, objects } = fakeObjects();
    const away = { ...namespace, get: () => ({ fetch: broken }) };
    await expect(
      checkReplayCache(() => new DurableReplayCache(namespace), {
        broken: () => new DurableReplayCache(away),
        records: 200,
      }),
    ).resolves.toBeUndefined();
    expect(objects.size).toBe(16);
    const { object, storage } = [...objects.values()][0]!;
    storage.set('old', Math.floor(Date.now() / 1000) - 1);
    const before = storage.size;
    await object.alarm();
    expect(storage.has('old')).toBe(false);
    expect(storage.size).toBe(before - 1);
  });
});
