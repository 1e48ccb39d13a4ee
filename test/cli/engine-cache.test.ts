import { afterEach, describe, expect, it, vi } from 'vitest';
import { engineName, openEngineCache } from '../../src/cli/engine-cache.ts';
import { namesEngine } from '../../src/cli/engine-client.ts';
import { openReplayCache } from '../../src/node/replay-cache/name.ts';
import { FakePostgres } from '../support/fake-postgres.ts';
import { FakeRedis } from '../support/fake-redis.ts';

const SECRET = 's3cr3t';
const quiet = { warn: () => {} };

afterEach(() => {
  vi.unstubAllEnvs();
});

/** The package `redis`, whose clients are given a fake engine. */
function redisPackage(connect: () => Promise<void> = async () => {}) {
  const made: Record<string, unknown>[] = [];
  const listeners: ((error: unknown) => void)[] = [];
  const engine = new FakeRedis(Date.now);
  engine.keys.set(`krb5:rcache:since:${engine.run}`, { value: '0', endsAt: Infinity });
  const createClient = (options: Record<string, unknown>) => {
    made.push(options);
    return Object.assign(engine, {
      on: (_: string, listener: (error: unknown) => void) => listeners.push(listener),
      connect,
      destroy: () => made.push({ destroyed: true }),
    });
  };
  return { made, listeners, load: async () => ({ createClient }) };
}

async function failure(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    const { message, hint, cause, detail } = error as Record<string, unknown>;
    return JSON.stringify({ message, hint, cause: String(cause), detail });
  }
  return 'none';
}

function record() {
  const ctime = Math.floor(Date.now() / 1000);
  return { ciphertext: new Uint8Array(40).fill(1), ctime, expiresAt: ctime + 301 };
}

describe('a name of -rcache', () => {
  it.each(['redis://a', 'rediss://a:1/2', 'unix:/run/a', 'postgres:', 'postgresql://a/b'])(
    '%s is of an engine',
    (name) => {
      expect(namesEngine(name)).toBe(true);
      expect(engineName(name, undefined)).toBe(name);
    },
  );

  it.each(['dfl:', 'dir:/a', '/a', 'memory:', 'file2:/redis:', 'none:'])('%s is not', (name) => {
    expect(namesEngine(name)).toBe(false);
    expect(engineName(name, 'redis://a')).toBeUndefined();
  });

  it('comes from the variable, then from krb5.conf, as other names do', () => {
    vi.stubEnv('KRB5RCACHETYPE', '');
    vi.stubEnv('KRB5RCACHENAME', `redis://:${SECRET}@one`);
    expect(engineName(undefined, 'redis://two')).toBe(`redis://:${SECRET}@one`);
    vi.stubEnv('KRB5RCACHENAME', '');
    expect(engineName(undefined, 'redis://two')).toBe('redis://two');
    vi.stubEnv('KRB5RCACHETYPE', 'memory');
    expect(engineName(undefined, 'redis://two')).toBeUndefined();
  });

  it.each([
    `redis://:${SECRET}@host`,
    `postgres://me:${SECRET}@host/a`,
    `unix:/a?password=${SECRET}`,
  ])('has no password, which ps would show: %s', async (name) => {
    const told = await failure(() => engineName(name, undefined));
    expect(told).toContain('KRB5RCACHENAME');
    expect(told).not.toContain(SECRET);
  });
});

describe('openEngineCache', () => {
  it('opens Redis by TCP, TLS and socket', async () => {
    const { made, load } = redisPackage();
    const cache = await openEngineCache('redis://host:6379/1', { ...quiet, load });
    const host = { host: 'host', port: 6379 };
    expect(made[0]).toMatchObject({ socket: host, database: 1, disableOfflineQueue: true });
    expect(made[0]!.socket).not.toHaveProperty('tls');
    expect(await cache.replayCache.checkAndStore(record())).toBe(true);
    expect(await cache.replayCache.checkAndStore(record())).toBe(false);
    await cache.close();
    expect(made[1]).toEqual({ destroyed: true });
    await openEngineCache(`rediss://me:${SECRET}%40@host`, { ...quiet, load });
    const account = { username: 'me', password: `${SECRET}@` };
    expect(made[2]).toMatchObject({ socket: { ...host, tls: true }, ...account });
    await openEngineCache('unix:/run/redis%20a?db=2&password=p', { ...quiet, load });
    const ofSocket = { socket: { path: '/run/redis a' }, database: 2, password: 'p' };
    expect(made[3]).toMatchObject(ofSocket);
    // node-redis 6.3 reads [::1] of a URL as a name.
    await openEngineCache('redis://[::1]:6380', { ...quiet, load });
    expect(made[4]).toMatchObject({ socket: { host: '::1', port: 6380 } });
    for (const option of ['url', 'database', 'username', 'password']) {
      expect(made[4]).not.toHaveProperty(option);
    }
  });

  it.each([
    `redis://:a@${SECRET}/b@host`,
    `postgres://me:a@${SECRET}/b@host/app`,
    `redis://:a/${SECRET}@host`,
    `redis://:${SECRET}@host/one`,
    'redis://host/one',
    'redis:host',
  ])('cannot read %s, and prints nothing that could be a password', async (name) => {
    const { load } = redisPackage();
    const told = await failure(() => openEngineCache(name, { ...quiet, load }));
    expect(told).toContain('has a URL that cannot be read');
    expect(told).toContain('percent-encoded');
    expect(told).not.toContain(SECRET);
  });

  describe('an engine that takes connections and never answers', () => {
    const never = () => new Promise<never>(() => {});
    class SilentPool {
      query = never;
      end = never;
      on(): void {}
    }
    const packages: Record<string, object> = {
      redis: { createClient: () => ({ on() {}, eval: never, connect: never, destroy() {} }) },
      pg: { Pool: SilentPool },
    };

    it.each(['redis://host', 'postgres://host/a'])('is a fault of the start: %s', async (name) => {
      vi.useFakeTimers();
      const load = async (wanted: string) => packages[wanted];
      const told = failure(() => openEngineCache(name, { ...quiet, load }));
      await vi.advanceTimersByTimeAsync(11_000);
      vi.useRealTimers();
      expect(await told).toContain('no answer for 10 s');
    });

    it('later does not keep a program from ending', async () => {
      class LaterSilent extends FakePostgres {
        end = never;
        constructor() {
          super(Date.now);
        }
        on(): void {}
      }
      const load = async () => ({ Pool: LaterSilent });
      const cache = await openEngineCache('postgres://host/app', { ...quiet, load });
      await cache.close();
    });
  });

  it('opens PostgreSQL by URL, and by its variables', async () => {
    const made: Record<string, unknown>[] = [];
    const ended: unknown[] = [];
    class Pool extends FakePostgres {
      constructor(options: Record<string, unknown>) {
        super(Date.now);
        made.push(options);
        this.rows.set(`since:${this.run}`, 0);
      }
      on(): void {}
      async end(): Promise<void> {
        ended.push(this);
      }
    }
    const load = async () => ({ default: { Pool } });
    const cache = await openEngineCache('postgres://host/app', { ...quiet, load });
    expect(await cache.replayCache.checkAndStore(record())).toBe(true);
    expect(await cache.replayCache.checkAndStore(record())).toBe(false);
    await cache.close();
    expect(ended).toHaveLength(1);
    await openEngineCache('postgres:', { ...quiet, load });
    expect(made[0]).toMatchObject({ connectionString: 'postgres://host/app' });
    expect(made[1]).not.toHaveProperty('connectionString');
  });

  it('says what to install', async () => {
    const load = async () => {
      throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    };
    for (const [name, missing] of [
      [`redis://:${SECRET}@host`, 'redis'],
      [`postgres://me:${SECRET}@host/app`, 'pg'],
    ]) {
      const told = await failure(() => openEngineCache(name!, { ...quiet, load }));
      expect(told).toContain(`package ${missing} is not installed`);
      expect(told).toContain(`npm install ${missing}`);
      expect(told).not.toContain(SECRET);
    }
  });

  it('never tells a password, whatever the client says', async () => {
    const { load } = redisPackage(async () => {
      throw new Error(`cannot reach redis://:${SECRET}%21@host, ${SECRET}!`);
    });
    const told = await failure(() =>
      openEngineCache(`redis://:${SECRET}%21@host`, { ...quiet, load }),
    );
    expect(told).toContain('Replay cache redis://host');
    expect(told).toContain('cannot reach');
    expect(told).not.toContain(SECRET);
    const unreadable = `redis://:${SECRET}@ho st:99999999`;
    expect(await failure(() => openEngineCache(unreadable, quiet))).not.toContain(SECRET);
    expect(await failure(() => openReplayCache(`redis://:${SECRET}@host`))).not.toContain(SECRET);
    expect(await failure(() => openReplayCache(`valkey://:${SECRET}@host`))).not.toContain(SECRET);
  });

  it.each([
    ['not as a part of a URL', `redis://:${SECRET}%21@host`, `got ${SECRET}%21 and ${SECRET}!`],
    ['each time', `redis://:${SECRET}@host`, `${SECRET}, ${SECRET}, ${SECRET}`],
    ['not from a query', `unix:/a?password=${SECRET}%21`, `/a?password=${SECRET}%21, ${SECRET}!`],
    ['neither of two', `redis://:s@host?password=${SECRET}`, SECRET],
    ['not one that is cut off', `redis://:${SECRET}@host`, `${'.'.repeat(244)} ${SECRET}`],
    ['not one that is escaped', `redis://:%1b${SECRET}@host`, `\x1b${SECRET}`],
  ])('does not repeat a password after the client: %s', async (_, name, message) => {
    const { load } = redisPackage(async () => {
      throw new Error(message);
    });
    const told = await failure(() => openEngineCache(name, { ...quiet, load }));
    expect(told).toContain('Replay cache ');
    // Of a password that is cut off, its first letters.
    expect(told).not.toMatch(/s3|u001b|x1b|cr3t/);
  });

  it.each(['redis://me:12#', 'redis://me:12?', 'postgres://me:12?', 'postgres://me:12#'])(
    'does not take the first digits of a password for a port: %s',
    async (start) => {
      const name = `${start}${SECRET}@host/app`;
      const told = await failure(() => openEngineCache(name, { ...quiet, ...redisPackage() }));
      expect(told).toContain('has a URL that cannot be read');
      expect(told).not.toMatch(/12|s3/);
      expect(await failure(() => engineName(name, undefined))).not.toMatch(/12|s3/);
    },
  );

  it('tells once that the engine is away, until it has answered again', async () => {
    const { listeners, load } = redisPackage();
    const told: string[] = [];
    const warn = (message: string) => void told.push(message);
    const { replayCache } = await openEngineCache(`redis://:${SECRET}@host`, { warn, load });
    const lose = () => listeners[0]!(new Error(`ECONNREFUSED ${SECRET}`));
    lose();
    lose();
    expect(told).toEqual([
      'replay cache redis://host is away: Error: ECONNREFUSED ***; clients are refused until it is back',
    ]);
    await replayCache.checkAndStore(record());
    lose();
    expect(told).toHaveLength(2);
  });
});
