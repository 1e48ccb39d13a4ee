import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ReplayRecord } from '../../src/ap/replay-cache.ts';
import type { PostgresReplayCacheOptions } from '../../src/postgres/replay-cache.ts';
import { PostgresReplayCache } from '../../src/postgres/replay-cache.ts';
import { FakePostgres } from '../support/fake-postgres.ts';

const NOW = Date.UTC(2026, 10, 28, 12);
const SECONDS = NOW / 1000;

function record(options: Partial<ReplayRecord> & { readonly number?: number } = {}): ReplayRecord {
  const { number = 1, ctime = SECONDS, ...others } = options;
  return { ciphertext: new Uint8Array(40).fill(number), ctime, expiresAt: ctime + 301, ...others };
}

/** A database whose timeline has been known for an hour. */
function longRunning(clock: () => number = () => NOW): FakePostgres {
  const database = new FakePostgres(clock);
  database.rows.set(`since:${database.run}`, NOW - 3_600_000);
  return database;
}

function cacheOn(
  database: FakePostgres,
  options: PostgresReplayCacheOptions = {},
): PostgresReplayCache {
  return new PostgresReplayCache(database, { clock: () => NOW, onWarning: () => {}, ...options });
}

const later = () => new Promise((resolve) => setTimeout(resolve));

describe('PostgresReplayCache', () => {
  it('accepts each request once, in whichever server', async () => {
    const database = longRunning();
    const [one, other] = [cacheOn(database), cacheOn(database)];
    expect(await one.checkAndStore(record())).toBe(true);
    expect(await other.checkAndStore(record())).toBe(false);
    expect(await other.checkAndStore(record({ number: 2 }))).toBe(true);
    expect(await one.checkAndStore(record({ number: 2 }))).toBe(false);
  });

  it('keeps a record a minute longer than its request is young enough', async () => {
    const database = longRunning();
    await cacheOn(database).checkAndStore(record());
    const [end] = [...database.rows].filter(([name]) => !name.startsWith('since:'));
    expect(end?.[1]).toBe(NOW + 361_000);
  });

  it('keeps each record of a batch at least that long', async () => {
    const database = longRunning();
    const cache = cacheOn(database);
    const numbers = [1, 2, 3];
    await Promise.all(
      numbers.map((number) => cache.checkAndStore(record({ number, ctime: SECONDS + number }))),
    );
    const ends = [...database.rows].filter(([name]) => !name.startsWith('since:'));
    expect(ends.map(([, end]) => end)).toEqual(numbers.map(() => NOW + (3 + 361) * 1000));
  });

  it('stores a digest, and with a secret one that nobody else can compute', async () => {
    const [plain, keyed] = [longRunning(), longRunning()];
    await cacheOn(plain).checkAndStore(record());
    await cacheOn(keyed, { secret: new Uint8Array(16).fill(7) }).checkAndStore(record());
    const data = new Uint8Array(40).fill(1);
    const digest = createHash('sha256').update(data).digest().subarray(0, 18).toString('hex');
    const mac = createHmac('sha256', new Uint8Array(16).fill(7)).update(data).digest();
    expect([...plain.rows.keys()]).toContain(digest);
    expect([...keyed.rows.keys()]).toContain(mac.subarray(0, 18).toString('hex'));
  });

  it('refuses what another timeline may have forgotten, and accepts what is younger', async () => {
    const database = longRunning();
    const cache = cacheOn(database);
    expect(await cache.checkAndStore(record())).toBe(true);
    // A standby took over: it lacks the record.
    database.run = '00000002-1764441234123456';
    for (const name of database.rows.keys()) {
      if (!name.startsWith('since:')) database.rows.delete(name);
    }
    const refusal = { code: 'KRB5_RC_IO', hint: expect.stringContaining('new run') };
    await expect(cache.checkAndStore(record())).rejects.toMatchObject(refusal);
    // The margin of a second.
    const atOnce = record({ number: 3, ctime: SECONDS + 1 });
    await expect(cache.checkAndStore(atOnce)).rejects.toMatchObject(refusal);
    expect(await cache.checkAndStore(record({ number: 4, ctime: SECONDS + 2 }))).toBe(true);
    // Another server learns the same from the table, even if its clock is ahead.
    const late = cacheOn(database, { clock: () => NOW + 60_000 });
    expect(await late.checkAndStore(record({ number: 5, ctime: SECONDS + 2 }))).toBe(true);
  });

  it('refuses what an older copy of the disk does not have: it is another start on the same timeline', async () => {
    const database = longRunning();
    const cache = cacheOn(database);
    const copy = new Map(database.rows);
    expect(await cache.checkAndStore(record())).toBe(true);
    database.rows.clear();
    for (const [name, endsAt] of copy) database.rows.set(name, endsAt);
    database.run = '00000001-1764441239000000';
    await expect(cache.checkAndStore(record())).rejects.toMatchObject({ code: 'KRB5_RC_IO' });
    expect(await cache.checkAndStore(record({ number: 2, ctime: SECONDS + 2 }))).toBe(true);
  });

  it('does the same when an UNLOGGED table was emptied: that is no run of its own', async () => {
    const database = longRunning();
    const cache = cacheOn(database, { unlogged: true });
    expect(await cache.checkAndStore(record())).toBe(true);
    database.rows.clear();
    await expect(cache.checkAndStore(record())).rejects.toMatchObject({ code: 'KRB5_RC_IO' });
    expect(await cache.checkAndStore(record({ number: 2, ctime: SECONDS + 2 }))).toBe(true);
  });

  it('creates the table as asked, and not where it is', async () => {
    const database = longRunning();
    const options = { table: 'auth.replay', unlogged: true };
    await cacheOn(database, options).checkAndStore(record());
    const created = database.statements.filter((text) => text.startsWith('CREATE'));
    expect(created).toHaveLength(2);
    expect(created[0]).toContain('CREATE UNLOGGED TABLE IF NOT EXISTS auth.replay');
    await cacheOn(database, options).checkAndStore(record({ number: 2 }));
    expect(database.statements.filter((text) => text.startsWith('CREATE'))).toEqual(created);
  });

  it('meets a database at the start: later requests are accepted, older ones are not', async () => {
    let now = NOW;
    const database = new FakePostgres(() => now);
    const cache = cacheOn(database, { clock: () => now });
    await later();
    now += 60_000;
    const old = cache.checkAndStore(record({ ctime: SECONDS + 1 }));
    await expect(old).rejects.toMatchObject({ code: 'KRB5_RC_IO' });
    expect(await cache.checkAndStore(record({ number: 2, ctime: SECONDS + 2 }))).toBe(true);
  });

  it('tells requests apart by the microsecond: an engine that is met is believed a second later', async () => {
    const engine = new FakePostgres(() => NOW + 250);
    const cache = cacheOn(engine, { clock: () => NOW + 250 });
    await later();
    const old = cache.checkAndStore(record({ ctime: SECONDS + 1, cusec: 250_000 }));
    await expect(old).rejects.toMatchObject({ code: 'KRB5_RC_IO' });
    const next = record({ number: 2, ctime: SECONDS + 1, cusec: 250_001 });
    expect(await cache.checkAndStore(next)).toBe(true);
  });

  it.each([
    ['no rows', 5],
    ['a row without a run', [{ since: null }]],
    ['a run of another form', [{ run: "1'; --", since: null }]],
    ['a timeline alone', [{ run: '00000001', since: null }]],
    ['a time that is none', [{ run: '00000001-1764441234123456', since: 'soon' }]],
    ['a row that is none', [null]],
  ])('admits nobody when the database gives %s', async (_, answer) => {
    const database = longRunning();
    database.before = (text) => (text.includes('AS run') ? (answer as unknown[]) : undefined);
    await expect(cacheOn(database).checkAndStore(record())).rejects.toThrow();
  });

  it('admits nobody when the database fails, and asks again for the next request', async () => {
    const database = longRunning();
    database.before = () => {
      throw new Error('ECONNREFUSED');
    };
    const cache = cacheOn(database);
    await expect(cache.checkAndStore(record())).rejects.toThrow('ECONNREFUSED');
    database.before = () => undefined;
    expect(await cache.checkAndStore(record({ number: 2 }))).toBe(true);
  });

  it('stores together what comes at the same time: one of two equal requests is accepted', async () => {
    const database = longRunning();
    const cache = cacheOn(database);
    await later();
    const numbers = [1, 2, 3, 3, 4, 2, 5];
    const answers = await Promise.all(
      numbers.map((number) => cache.checkAndStore(record({ number }))),
    );
    expect(answers).toEqual([true, true, true, false, true, false, true]);
    expect(database.statements.filter((text) => text.includes('AS digests'))).toHaveLength(1);
  });

  it('stores a batch in the same order in all servers, so that they cannot block each other', async () => {
    const database = longRunning();
    const orders: string[][] = [];
    const query = database.query.bind(database);
    database.query = async (statement, values) => {
      const [digests] = typeof statement === 'string' ? (values ?? []) : statement.values;
      if (Array.isArray(digests)) orders.push(digests as string[]);
      return await query(statement, values);
    };
    const cache = cacheOn(database);
    const numbers = Array.from({ length: 40 }, (_, number) => number);
    await Promise.all(numbers.map((number) => cache.checkAndStore(record({ number }))));
    expect(orders.map(({ length }) => length)).toEqual([20, 20]);
    for (const digests of orders) expect(digests).toEqual([...digests].sort());
  });

  it('admits nobody of a batch that fails, or whose answer has rows that it did not ask for', async () => {
    const failures: (() => unknown[])[] = [
      () => [{ digests: 'f'.repeat(36), run: '00000001-1764441234123456', since: '0' }],
      () => [{ digests: 5, run: '00000001-1764441234123456', since: '0' }],
      () => {
        throw new Error('deadlock detected');
      },
    ];
    for (const fail of failures) {
      const database = longRunning();
      const cache = cacheOn(database);
      await later();
      const first = [1, 2].map((number) => cache.checkAndStore(record({ number })));
      database.before = (text) => (text.includes('AS run') ? fail() : undefined);
      const batch = [3, 4, 5].map((number) => cache.checkAndStore(record({ number })));
      const results = await Promise.allSettled([...first, ...batch]);
      expect(results.slice(2).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
    }
  });

  it('cannot have a batch fail for one record that lives too long', async () => {
    const cache = cacheOn(longRunning());
    const endless = record({ number: 2, expiresAt: 1e15 });
    const results = await Promise.allSettled(
      [record(), record({ number: 3 }), endless, record({ number: 4 })].map((one) =>
        cache.checkAndStore(one),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
  });

  it('removes what has expired: twice a minute, and at once where there is more', async () => {
    let now = NOW;
    const database = longRunning(() => now);
    const cache = cacheOn(database, { clock: () => now });
    const prunings = () => database.statements.filter((text) => text.includes('AS removed')).length;
    for (let i = 0; i < 10_050; i++) database.rows.set(`old ${i}`, NOW - 1);
    await cache.checkAndStore(record());
    await later();
    expect(prunings()).toBe(1);
    expect(database.rows.size).toBe(2 + 50);
    await cache.checkAndStore(record({ number: 2 }));
    await later();
    expect(database.rows.size).toBe(3);
    await cache.checkAndStore(record({ number: 3 }));
    now += 29_999;
    await cache.checkAndStore(record({ number: 4 }));
    expect(prunings()).toBe(2);
    now += 1;
    await cache.checkAndStore(record({ number: 5 }));
    expect(prunings()).toBe(3);
    // A clock that was set back.
    now -= 3_600_000;
    await cache.checkAndStore(record({ number: 6 }));
    expect(prunings()).toBe(4);
    expect([...database.rows.keys()]).toContain('since:00000001-1764441234123456');
  });

  it('does not fail with its pruning', async () => {
    const database = longRunning();
    database.before = (text) => {
      if (text.includes('AS removed')) throw new Error('canceling statement');
      return undefined;
    };
    expect(await cacheOn(database).checkAndStore(record())).toBe(true);
    await later();
    expect(await cacheOn(database).checkAndStore(record())).toBe(false);
  });

  it('says how the database may forget: once, and also when it comes late', async () => {
    const database = longRunning();
    database.facts = { unlogged: true, fsync: 'off', asynchronous: true };
    database.before = () => {
      throw new Error('ECONNREFUSED');
    };
    const warnings: string[] = [];
    const cache = cacheOn(database, { onWarning: (message) => warnings.push(message) });
    await later();
    expect(warnings).toEqual([]);
    database.before = () => undefined;
    await cache.checkAndStore(record());
    await cache.checkAndStore(record({ number: 2 }));
    await later();
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toContain('ALTER TABLE krb5_replay SET LOGGED');
    expect(warnings[1]).toContain('fsync = on');
    expect(warnings[2]).toContain('synchronous_standby_names');
    expect(await cacheOn(longRunning()).inspect()).toEqual([]);
  });

  it('refuses what is no client, a name that could be a statement, and a secret to be guessed', () => {
    expect(() => new PostgresReplayCache({} as never)).toThrow(TypeError);
    const table = 'krb5_replay; DROP TABLE users';
    expect(() => cacheOn(longRunning(), { table })).toThrow('a table name in lower case');
    expect(() => cacheOn(longRunning(), { secret: new Uint8Array(15) })).toThrow(RangeError);
  });
});
