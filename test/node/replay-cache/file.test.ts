import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FileReplayCacheOptions } from '../../../src/node/replay-cache/file.ts';
import { FileReplayCache } from '../../../src/node/replay-cache/file.ts';
import { defaultReplayDirectory } from '../../../src/node/replay-cache/place.ts';
import { runs } from '../../support/properties.ts';
import { NOW, NOW_SECONDS } from '../../support/realm-kit.ts';
import { ciphertextOf, recordOf } from './support.ts';

let parent: string;
let directory: string;
let now: number;
let opened: FileReplayCache[];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'replay-cache-'));
  directory = join(parent, 'cache');
  now = NOW;
  opened = [];
});
afterEach(async () => {
  for (const cache of opened) await cache.close();
  rmSync(parent, { recursive: true });
});

async function open(options: FileReplayCacheOptions = {}): Promise<FileReplayCache> {
  const cache = await FileReplayCache.open({ directory, clock: () => now, ...options });
  opened.push(cache);
  return cache;
}

const refusal = (message: string) =>
  expect.objectContaining({ code: 'KRB5_RC_IO', message: expect.stringContaining(message) });

describe('a replay cache in files', () => {
  it('accepts a record once, before and after a restart', async () => {
    const record = recordOf(ciphertextOf(1), NOW_SECONDS);
    const first = await open();
    expect(first.checkAndStore(record)).toBe(true);
    expect(first.checkAndStore(record)).toBe(false);
    await first.close();
    const second = await open();
    expect(second.size).toBe(1);
    expect(second.checkAndStore(record)).toBe(false);
    expect(second.checkAndStore(recordOf(ciphertextOf(2), NOW_SECONDS))).toBe(true);
  });

  it('is in the default directory of this user if none is named', async () => {
    vi.stubEnv('KRB5RCACHEDIR', parent);
    try {
      const cache = await FileReplayCache.open({ clock: () => now });
      opened.push(cache);
      expect(cache.directory).toBe(defaultReplayDirectory());
      expect(cache.directory.startsWith(`${parent}/`)).toBe(true);
      expect(cache.checkAndStore(recordOf(ciphertextOf(1), NOW_SECONDS))).toBe(true);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('learns from each instance the records of the others', async () => {
    const caches = [await open(), await open(), await open()];
    for (let id = 0; id < 300; id++) {
      const record = recordOf(ciphertextOf(id), NOW_SECONDS - (id % 200));
      const answers = caches.map((_, turn) => caches[(turn + id) % 3]!.checkAndStore(record));
      expect(answers).toEqual([true, false, false]);
    }
  });

  it('agrees with a set with expiring members, across processes, restarts and waits', async () => {
    const operation = fc.oneof(
      { weight: 9, arbitrary: fc.record({ id: fc.nat({ max: 40 }), who: fc.nat({ max: 1 }) }) },
      { weight: 2, arbitrary: fc.record({ pass: fc.nat({ max: 90 }) }) },
      { weight: 1, arbitrary: fc.record({ restart: fc.nat({ max: 1 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 120 }), async (operations) => {
        rmSync(directory, { recursive: true, force: true });
        now = NOW;
        const caches = [await open(), await open()];
        const model = new Set<number>();
        for (const step of operations) {
          if ('pass' in step) {
            now += step.pass * 1000;
          } else if ('restart' in step) {
            await caches[step.restart]!.close();
            caches[step.restart] = await open();
          } else {
            // A given ciphertext always comes with the same time, and is not stored outside of it.
            const ctime = NOW_SECONDS + step.id * 25 - 200;
            if (Math.abs(ctime - now / 1000) > 300) continue;
            const record = recordOf(ciphertextOf(step.id), ctime);
            expect(caches[step.who]!.checkAndStore(record)).toBe(!model.has(step.id));
            model.add(step.id);
          }
        }
        for (const cache of caches) await cache.close();
      }),
      { numRuns: runs(60) },
    );
  });

  it('copies the ciphertext of a caller that must wait', async () => {
    const writer = await open();
    const ctime = NOW_SECONDS + 200;
    for (let id = 0; id < 10_000; id++) writer.checkAndStore(recordOf(ciphertextOf(id), ctime));
    const reader = await open();
    const shared = ciphertextOf(20_000);
    const waiting = [reader.checkAndStore(recordOf(shared, ctime))];
    // The file has more than what is read at once, and each of these waits for the one before.
    for (const id of [9_999, 20_001, 20_001, 20_000]) {
      shared.set(ciphertextOf(id));
      waiting.push(reader.checkAndStore(recordOf(shared, ctime)));
      shared.fill(0);
    }
    expect(waiting.every((answer) => answer instanceof Promise)).toBe(true);
    expect(await Promise.all(waiting)).toEqual([true, false, true, false, false]);
    expect(writer.checkAndStore(recordOf(ciphertextOf(20_001), ctime))).toBe(false);
  });

  it('waits for the disk if it is to survive a loss of power', async () => {
    const cache = await open({ durable: true });
    const record = recordOf(ciphertextOf(1), NOW_SECONDS);
    const answer = cache.checkAndStore(record);
    expect(answer).toBeInstanceOf(Promise);
    expect(cache.checkAndStore(record)).toBe(false);
    await cache.close();
    expect(await answer).toBe(true);
    expect((await open()).checkAndStore(record)).toBe(false);
  });

  it('refuses ciphertexts and times that no acceptor asks about', async () => {
    const cache = await open();
    expect(() => cache.checkAndStore(recordOf(new Uint8Array(15), 0))).toThrow(RangeError);
    expect(() => cache.checkAndStore(recordOf(ciphertextOf(1), Number.NaN))).toThrow(RangeError);
    expect(() =>
      cache.checkAndStore({ ...recordOf(ciphertextOf(1), 0), expiresAt: Number.POSITIVE_INFINITY }),
    ).toThrow(RangeError);
  });

  it('refuses after it was closed', async () => {
    const cache = await open();
    await cache.close();
    await cache.close();
    expect(() => cache.checkAndStore(recordOf(ciphertextOf(1), NOW_SECONDS))).toThrow(
      refusal('is closed'),
    );
  });

  it('refuses pending requests when it is closed', async () => {
    const writer = await open();
    const ctime = NOW_SECONDS + 200;
    for (let id = 0; id < 10_000; id++) writer.checkAndStore(recordOf(ciphertextOf(id), ctime));
    const reader = await open();
    const waiting = [20_000, 20_001].map((id) =>
      reader.checkAndStore(recordOf(ciphertextOf(id), ctime)),
    );
    const outcome = Promise.allSettled(waiting);
    await reader.close();
    expect(await outcome).toEqual([
      { status: 'rejected', reason: refusal('was closed') },
      { status: 'rejected', reason: refusal('was closed') },
    ]);
  });
});

describe('expiry in a replay cache in files', () => {
  it('keeps a record until its time and drops it soon after, from memory and disk', async () => {
    const cache = await open();
    const record = recordOf(ciphertextOf(1), NOW_SECONDS);
    cache.checkAndStore(record);
    now = (NOW_SECONDS + 301) * 1000;
    expect(cache.checkAndStore(record)).toBe(false);
    for (let minute = 0; minute < 30; minute++) {
      now += 60_000;
      expect(cache.checkAndStore(recordOf(ciphertextOf(2 + minute), now / 1000))).toBe(true);
      expect(cache.size).toBeLessThan(9);
      expect(readdirSync(directory).length).toBeLessThan(12);
    }
  });

  it('drops expired files of earlier processes', async () => {
    const cache = await open();
    cache.checkAndStore(recordOf(ciphertextOf(1), NOW_SECONDS));
    await cache.close();
    now += 86_400_000;
    const later = await open();
    later.checkAndStore(recordOf(ciphertextOf(2), now / 1000));
    expect(readdirSync(directory).filter((name) => name.startsWith('replays-'))).toHaveLength(1);
  });

  it.each([
    ['the same process', false],
    ['a new one', true],
  ])('refuses, when the clock goes back, forgotten times: %s', async (_, restart) => {
    let cache = await open();
    const record = recordOf(ciphertextOf(1), NOW_SECONDS);
    cache.checkAndStore(record);
    now += 3_600_000;
    expect(cache.checkAndStore(recordOf(ciphertextOf(2), now / 1000))).toBe(true);
    now = NOW + 1000;
    if (restart) {
      await cache.close();
      cache = await open();
    }
    for (const id of [1, 3]) {
      expect(() => cache.checkAndStore(recordOf(ciphertextOf(id), NOW_SECONDS))).toThrow(
        refusal('that time was forgotten already'),
      );
    }
    // Only the minutes of which there were records: a wrong clock must not stop the server for long.
    now += 120_000;
    expect(cache.checkAndStore(recordOf(ciphertextOf(4), now / 1000))).toBe(true);
    expect(cache.checkAndStore(recordOf(ciphertextOf(4), now / 1000))).toBe(false);
  });

  it('remembers for long which times it forgot', async () => {
    const cache = await open();
    cache.checkAndStore(recordOf(ciphertextOf(1), NOW_SECONDS));
    for (let hour = 1; hour < 10; hour++) {
      now += 3_600_000;
      cache.checkAndStore(recordOf(ciphertextOf(1 + hour), now / 1000));
    }
    now = NOW;
    const later = await open();
    expect(() => later.checkAndStore(recordOf(ciphertextOf(1), NOW_SECONDS))).toThrow(
      refusal('that time was forgotten already'),
    );
  });

  it('is found again by a process that allows more skew, or it is refused', async () => {
    const strict = await open();
    const tolerant = await open();
    const bytes = ciphertextOf(1);
    expect(strict.checkAndStore(recordOf(bytes, NOW_SECONDS, 60))).toBe(true);
    expect(tolerant.checkAndStore(recordOf(bytes, NOW_SECONDS, 3600))).toBe(false);
    const other = await open();
    now += 400_000;
    strict.checkAndStore(recordOf(ciphertextOf(2), now / 1000, 60));
    // The strict one has forgotten; who has the file open still knows, who has not refuses.
    expect(tolerant.checkAndStore(recordOf(bytes, NOW_SECONDS, 3600))).toBe(false);
    expect(other.checkAndStore(recordOf(bytes, NOW_SECONDS, 3600))).toBe(false);
    const late = await open();
    expect(() => late.checkAndStore(recordOf(bytes, NOW_SECONDS, 3600))).toThrow(
      refusal('that time was forgotten already'),
    );
  });

  it('still forgets after the clock was far ahead for a moment', async () => {
    const cache = await open();
    now += 86_400_000;
    cache.checkAndStore(recordOf(ciphertextOf(1), now / 1000));
    now = NOW + 3_600_000;
    cache.checkAndStore(recordOf(ciphertextOf(2), now / 1000));
    now += 3_600_000;
    cache.checkAndStore(recordOf(ciphertextOf(3), now / 1000));
    // Of the day ahead and of the present, not of an hour ago.
    expect(cache.size).toBe(2);
  });
});

describe('the bounds of a replay cache in files', () => {
  it('refuses new records when it is full, and still knows the old ones', async () => {
    const cache = await open({ maxEntries: 100 });
    const other = await open({ maxEntries: 100 });
    const record = (id: number) => recordOf(ciphertextOf(id), NOW_SECONDS);
    for (let id = 0; id < 100; id++) {
      expect((id % 2 === 0 ? cache : other).checkAndStore(record(id))).toBe(true);
    }
    for (const each of [cache, other]) {
      for (let attempt = 0; attempt < 1000; attempt++) {
        expect(() => each.checkAndStore(record(500 + attempt))).toThrow(refusal('is full'));
      }
      for (let id = 0; id < 99; id++) expect(each.checkAndStore(record(id))).toBe(false);
      expect(each.size).toBe(100);
    }
    const [name] = readdirSync(directory);
    expect(statSync(join(directory, name!)).size).toBeLessThan(32 * 110);
  });

  it('continues when old records have expired', async () => {
    const cache = await open({ maxEntries: 10 });
    for (let id = 0; id < 10; id++) cache.checkAndStore(recordOf(ciphertextOf(id), NOW_SECONDS));
    now += 400_000;
    expect(cache.checkAndStore(recordOf(ciphertextOf(11), now / 1000))).toBe(true);
  });

  it('opens although it is full, and refuses each request with that reason', async () => {
    const cache = await open();
    for (let id = 0; id < 20; id++) cache.checkAndStore(recordOf(ciphertextOf(id), NOW_SECONDS));
    const small = await open({ maxEntries: 10 });
    expect(small.size).toBe(10);
    expect(() => small.checkAndStore(recordOf(ciphertextOf(50), NOW_SECONDS))).toThrow(
      refusal('is full'),
    );
  });

  it('takes no more descriptors than a sensible skew needs', async () => {
    const cache = await open();
    const ask = (minute: number) =>
      cache.checkAndStore(recordOf(ciphertextOf(minute), NOW_SECONDS + 64 * minute, 36_000));
    for (let minute = 1; minute < 128; minute++) expect(ask(minute)).toBe(true);
    expect(() => ask(128)).toThrow(refusal('is asked about more than 128 minutes'));
    expect(ask(5)).toBe(false);
  });

  it('reads a large file without holding up the event loop', async () => {
    const cache = await open();
    for (let id = 0; id < 40_000; id++) {
      cache.checkAndStore(recordOf(ciphertextOf(id), NOW_SECONDS));
    }
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const other = await open();
    clearInterval(timer);
    expect(other.size).toBe(40_000);
    expect(turns).toBeGreaterThan(3);
  });
});

describe('where a replay cache in files is', () => {
  it('is private, in MIT krb5’s directory', () => {
    const user = process.geteuid?.();
    const of = (environment: Record<string, string>) => defaultReplayDirectory(environment);
    expect(of({ KRB5RCACHEDIR: '/a', TMPDIR: '/b' })).toBe(`/a/krb5_${user}.replays`);
    expect(of({ TMPDIR: '/b' })).toBe(`/b/krb5_${user}.replays`);
    expect(of({ KRB5RCACHEDIR: '', TMPDIR: '' })).toBe(`/var/tmp/krb5_${user}.replays`);
  });

  it('is created with modes that deny other users', async () => {
    const cache = await open();
    cache.checkAndStore(recordOf(ciphertextOf(1), NOW_SECONDS));
    expect(cache.directory).toBe(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(directory)) {
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    }
  });

  it('is created again for the next minute after its removal', async () => {
    await using cache = await open();
    cache.checkAndStore(recordOf(ciphertextOf(1), NOW_SECONDS));
    rmSync(directory, { recursive: true });
    now += 64_000;
    expect(cache.checkAndStore(recordOf(ciphertextOf(2), NOW_SECONDS + 64))).toBe(true);
    expect(cache.checkAndStore(recordOf(ciphertextOf(1), NOW_SECONDS))).toBe(false);
    const later = await open();
    expect(later.checkAndStore(recordOf(ciphertextOf(2), NOW_SECONDS + 64))).toBe(false);
  });

  it('does not touch other files there', async () => {
    mkdirSync(directory, { mode: 0o700 });
    const names = ['replays-x', 'over-', 'notes', 'replays-1.old'];
    for (const name of names) writeFileSync(join(directory, name), 'mine');
    const cache = await open();
    for (let hour = 0; hour < 5; hour++) {
      now += 3_600_000;
      cache.checkAndStore(recordOf(ciphertextOf(hour), now / 1000));
    }
    for (const name of names) expect(existsSync(join(directory, name))).toBe(true);
  });
});
