import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FingerprintSet } from '../../src/ap/fingerprint-set.ts';
import type { ReplayRecord } from '../../src/ap/replay-cache.ts';
import { MemoryReplayCache } from '../../src/ap/replay-cache.ts';
import { KerberosError } from '../../src/errors.ts';
import { Census } from '../support/census.ts';
import { NOW, NOW_SECONDS, seededRandom } from '../support/realm-kit.ts';

function ciphertext(n: number, length = 40): Uint8Array {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(length - 8, n);
  return bytes;
}

/** The record of an acceptor that allows 300 s of skew. */
function recordOf(bytes: Uint8Array, expiresAt: number): ReplayRecord {
  return { ciphertext: bytes, ctime: expiresAt - 301, expiresAt };
}

function makeCache(clock = () => NOW, maxEntries?: number): MemoryReplayCache {
  const options = { clock, random: seededRandom() };
  return new MemoryReplayCache(maxEntries === undefined ? options : { ...options, maxEntries });
}

describe('the replay cache in memory', () => {
  it('accepts a record once', () => {
    const cache = makeCache();
    const record = recordOf(ciphertext(1), NOW_SECONDS + 300);
    expect(cache.checkAndStore(record)).toBe(true);
    expect(cache.checkAndStore(record)).toBe(false);
    expect(cache.checkAndStore({ ...record, ciphertext: ciphertext(2) })).toBe(true);
    expect(cache.size).toBe(2);
  });

  it('agrees with a model of a set whose members expire', () => {
    const operation = fc.record({
      id: fc.integer({ min: 0, max: 30 }),
      pass: fc.integer({ min: 0, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
        let now = NOW;
        const cache = makeCache(() => now);
        const model = new Map<string, number>();
        for (const { id, pass } of operations) {
          now += pass * 1000;
          // A ciphertext always has the same time: the client's, which it contains.
          const expiresAt = NOW_SECONDS + id * 20;
          if (expiresAt < now / 1000) continue;
          const fresh = cache.checkAndStore(recordOf(ciphertext(id), expiresAt));
          expect(fresh).toBe(!model.has(String(id)));
          model.set(String(id), expiresAt);
        }
      }),
    );
  });

  it('keeps a record until it expires and forgets it soon afterwards', () => {
    let now = NOW;
    const cache = makeCache(() => now);
    const record = recordOf(ciphertext(1), NOW_SECONDS + 301);
    cache.checkAndStore(record);
    now = (NOW_SECONDS + 301) * 1000;
    expect(cache.checkAndStore(record)).toBe(false);
    now += 20_000;
    cache.checkAndStore(recordOf(ciphertext(2), NOW_SECONDS + 700));
    expect(cache.size).toBe(1);
  });

  it('recognises a record from another acceptor that allows more skew', () => {
    let now = NOW;
    const cache = makeCache(() => now);
    const record = { ciphertext: ciphertext(1), ctime: NOW_SECONDS, expiresAt: NOW_SECONDS + 301 };
    cache.checkAndStore(record);
    const tolerant = { ...record, expiresAt: NOW_SECONDS + 3601 };
    expect(cache.checkAndStore(tolerant)).toBe(false);
    now += 3_600_000;
    expect(cache.checkAndStore(tolerant)).toBe(false);
    expect(cache.checkAndStore(record)).toBe(false);
  });

  it('refuses new records when it is full, and still recognises old ones', () => {
    const cache = makeCache(() => NOW, 1000);
    const expiresAt = NOW_SECONDS + 300;
    for (let n = 0; n < 1000; n++) {
      expect(cache.checkAndStore(recordOf(ciphertext(n), expiresAt))).toBe(true);
    }
    expect(() => cache.checkAndStore(recordOf(ciphertext(5000), expiresAt))).toThrowError(
      expect.objectContaining({ code: 'KRB5_RC_IO', message: 'Replay cache is full' }),
    );
    for (let n = 0; n < 1000; n++) {
      expect(cache.checkAndStore(recordOf(ciphertext(n), expiresAt))).toBe(false);
    }
  });

  it('holds 4194304 records by default', () => {
    // Only counted: the records themselves would take 170 MB, and spies as much.
    const { lookUp, add } = FingerprintSet.prototype;
    onTestFinished(() => void Object.assign(FingerprintSet.prototype, { lookUp, add }));
    Object.assign(FingerprintSet.prototype, { lookUp: () => false, add: () => {} });
    const cache = makeCache();
    const record = recordOf(ciphertext(1), NOW_SECONDS + 300);
    for (let n = 0; n < 2 ** 22; n++) cache.checkAndStore(record);
    expect(cache.size).toBe(2 ** 22);
    expect(() => cache.checkAndStore(record)).toThrowError('Replay cache is full');
  });

  it('refuses to answer for a time that it has forgotten after the clock went back', () => {
    let now = NOW;
    const cache = makeCache(() => now);
    const record = recordOf(ciphertext(1), NOW_SECONDS + 300);
    cache.checkAndStore(record);
    now += 3_600_000;
    cache.checkAndStore(recordOf(ciphertext(2), NOW_SECONDS + 3900));
    now = NOW;
    expect(() => cache.checkAndStore(record)).toThrowError(
      expect.objectContaining({ code: 'KRB5_RC_IO', message: expect.stringContaining('clock') }),
    );
  });

  it('takes at most 43 bytes for an entry', () => {
    const cache = makeCache();
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 0; n < 100_000; n++) {
      cache.checkAndStore(recordOf(ciphertext(n), NOW_SECONDS + (n % 100)));
    }
    globalThis.gc?.();
    expect(cache.size).toBe(100_000);
    // Tables that were outgrown may not be collected yet, hence twice the bound.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000 * 43 * 2.2);
  });

  it('has few tables where clocks may differ by a year, and forgets them', async () => {
    const year = 365 * 86_400;
    let now = NOW;
    const cache = makeCache(() => now);
    const census = new Census();
    const records = Array.from({ length: 3000 }, (_, i): ReplayRecord => {
      const ctime = NOW_SECONDS - year + Math.floor((i / 3000) * 2 * year);
      return { ciphertext: ciphertext(i), ctime, expiresAt: ctime + year + 1 };
    });
    await census.watch(() => {
      for (const record of records) expect(cache.checkAndStore(record)).toBe(true);
    });
    for (const record of records) expect(cache.checkAndStore(record)).toBe(false);
    expect(census.holding).toBeLessThan(1000);
    now += year * 1000;
    expect(cache.checkAndStore({ ...records[2999]!, ciphertext: ciphertext(3000) })).toBe(true);
    expect(cache.size).toBeGreaterThan(1500);
    expect(cache.size).toBeLessThan(1600);
  });

  it('compares all of the last 16 bytes', () => {
    const cache = makeCache();
    const expiresAt = NOW_SECONDS + 300;
    const first = new Uint8Array(64).fill(0x55);
    expect(cache.checkAndStore(recordOf(first, expiresAt))).toBe(true);
    for (let at = 48; at < 64; at++) {
      const other = first.slice();
      other[at]! ^= 0x82;
      expect(cache.checkAndStore(recordOf(other, expiresAt))).toBe(true);
    }
  });

  it.each([0, 1, 301])(
    'holds a group of 16 seconds until the last of them has expired after %i s, and no longer',
    (lifetime) => {
      let now = NOW;
      const cache = makeCache(() => now);
      // A group begins at a multiple of 16 seconds.
      const begin = Math.ceil(NOW_SECONDS / 16) * 16;
      const record = (id: number, ctime: number): ReplayRecord => ({
        ciphertext: ciphertext(id),
        ctime,
        expiresAt: ctime + lifetime,
      });
      cache.checkAndStore(record(1, begin));
      cache.checkAndStore(record(2, begin + 16));
      // Just before the last record of the group expires.
      now = (begin + 16 + lifetime) * 1000 - 1;
      expect(cache.checkAndStore(record(1, begin))).toBe(false);
      expect(cache.size).toBe(2);
      now += 1;
      expect(cache.checkAndStore(record(3, begin + 16))).toBe(true);
      expect(cache.size).toBe(2);
      // It does not answer for the dropped group, but for the next one.
      expect(() => cache.checkAndStore(record(1, begin + 15))).toThrowError(
        expect.objectContaining({ code: 'KRB5_RC_IO', message: expect.stringContaining('clock') }),
      );
      expect(cache.checkAndStore(record(2, begin + 16))).toBe(false);
      expect(cache.checkAndStore(record(3, begin + 16))).toBe(false);
      expect(cache.checkAndStore(record(4, begin + 16))).toBe(true);
    },
  );

  it('forgets group after group, in any order of arrival', () => {
    let now = NOW;
    const cache = makeCache(() => now);
    const begin = Math.ceil(NOW_SECONDS / 16) * 16;
    const offsets = [64, 0, 128, 32, 96];
    offsets.forEach((offset, n) => {
      cache.checkAndStore({
        ciphertext: ciphertext(n),
        ctime: begin + offset,
        expiresAt: begin + offset + 1000,
      });
    });
    const again = {
      ciphertext: ciphertext(0),
      ctime: begin + 200,
      expiresAt: begin + 1200,
    };
    cache.checkAndStore(again);
    expect(cache.size).toBe(6);
    for (const [passed, left] of [
      [16, 5],
      [48, 4],
      [80, 3],
      [112, 2],
      [144, 1],
    ] as const) {
      now = (begin + passed + 1000) * 1000;
      expect(cache.checkAndStore(again)).toBe(false);
      expect(cache.size).toBe(left);
    }
  });

  it('accepts ciphertexts of at least 16 bytes and finite times only', () => {
    const cache = makeCache();
    const shortest = recordOf(new Uint8Array(16).fill(3), NOW_SECONDS + 300);
    expect(cache.checkAndStore(shortest)).toBe(true);
    expect(cache.checkAndStore(shortest)).toBe(false);
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, undefined as unknown as number]) {
      expect(() => cache.checkAndStore({ ...shortest, ctime: wrong })).toThrow(RangeError);
      expect(() => cache.checkAndStore({ ...shortest, expiresAt: wrong })).toThrow(RangeError);
    }
    expect(cache.size).toBe(1);
  });

  it.each([Number.NaN, -1, 0, 1.5, Number.POSITIVE_INFINITY, 'many' as never, null as never])(
    'refuses %s as maximum number of entries',
    (maxEntries) => {
      expect(() => new MemoryReplayCache({ maxEntries })).toThrow(
        `maxEntries: expected a whole number, at least 1, got ${maxEntries}`,
      );
    },
  );

  it('refuses to answer if its clock returns no time', () => {
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY, '0' as never, 0n as never]) {
      const cache = new MemoryReplayCache({ clock: () => time });
      expect(() => cache.checkAndStore(recordOf(ciphertext(1), NOW_SECONDS))).toThrow(
        expect.objectContaining({ code: 'KRB_ERR_GENERIC' }),
      );
    }
  });

  it('refuses ciphertexts shorter than any enctype makes', () => {
    expect(() => makeCache().checkAndStore(recordOf(new Uint8Array(15), 0))).toThrow(RangeError);
    expect(new KerberosError('KRB5_RC_IO', { reason: 'fault.program' }).errorCode).toBe(60);
  });
});
