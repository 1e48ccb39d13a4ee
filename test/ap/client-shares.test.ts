/** Limits on the share of a replay cache that one client can use. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ClientShares } from '../../src/ap/client-shares.ts';
import type { ReplayCache, ReplayRecord } from '../../src/index.ts';
import { MemoryReplayCache } from '../../src/index.ts';
import { parsePrincipal } from '../../src/messages/principal.ts';
import { FileReplayCache } from '../../src/node/replay-cache/file.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import { Census } from '../support/census.ts';
import { CLIENT, makeParties, NOW, NOW_SECONDS, seededRandom } from '../support/realm-kit.ts';

const MAX = 2000;

let serial = 0;

function recordOf(client: string | undefined, ctime = NOW_SECONDS): ReplayRecord {
  const ciphertext = new Uint8Array(16);
  new DataView(ciphertext.buffer).setUint32(8, ++serial);
  const record = { ciphertext, ctime, expiresAt: ctime + 301 };
  return client === undefined ? record : { ...record, client: parsePrincipal(client, 'A.TEST') };
}

/** Number of records stored for each client; the clients take turns, `each` times. */
async function flood(cache: ReplayCache, each: number, ...clients: string[]): Promise<number[]> {
  const stored = clients.map(() => 0);
  for (let i = 0; i < each; i++) {
    for (const [n, client] of clients.entries()) {
      try {
        if (await cache.checkAndStore(recordOf(client))) stored[n]!++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'KRB5_RC_IO' });
      }
    }
  }
  return stored;
}

const CACHES: readonly (readonly [string, () => Promise<ReplayCache>])[] = [
  [
    'in memory',
    async () =>
      new MemoryReplayCache({ clock: () => NOW, maxEntries: MAX, random: seededRandom() }),
  ],
  [
    'in files',
    async () => {
      const parent = mkdtempSync(join(tmpdir(), 'shares-'));
      const directory = join(parent, 'cache');
      const cache = await FileReplayCache.open({ directory, clock: () => NOW, maxEntries: MAX });
      onTestFinished(async () => {
        await cache.close();
        rmSync(parent, { recursive: true });
      });
      return cache;
    },
  ],
];

describe.each(CACHES)('a replay cache %s', (_, open) => {
  it('has room for all other clients after one client flooded it', async () => {
    const cache = await open();
    // Half of the cache, then a quarter of the free space: x = (1000 - x) / 4.
    expect(await flood(cache, 2 * MAX, 'mallory')).toEqual([1200]);
    const others = Array.from({ length: 100 }, (_unused, n) => `client${n}`);
    expect(await flood(cache, 1, ...others)).toEqual(others.map(() => 1));
    await expect(async () => cache.checkAndStore(recordOf('mallory'))).rejects.toMatchObject({
      message: 'Replay cache has no more room for this client',
      detail: { client: 'mallory@A.TEST', held: 200 },
    });
  });

  it('has room for all other clients after three clients flooded it', async () => {
    const cache = await open();
    const stored = await flood(cache, MAX, 'mallory', 'mallet', 'eve');
    // Each holds a quarter of the free space: 3x of 1000, where x = (1000 - 3x) / 4.
    expect(stored.reduce((sum, count) => sum + count)).toBe(1000 + 3 * 143);
    expect(await flood(cache, 1, CLIENT)).toEqual([1]);
  });

  it('counts spellings of a name in different case as one client', async () => {
    const cache = await open();
    const stored = await flood(cache, MAX, 'mallory', 'MALLORY', 'Mallory');
    expect(stored.reduce((sum, count) => sum + count)).toBe(1200);
  });

  it('has no limit for records without a client', async () => {
    const cache = await open();
    for (let i = 0; i < MAX; i++) expect(await cache.checkAndStore(recordOf(undefined))).toBe(true);
    await expect(async () => cache.checkAndStore(recordOf(undefined))).rejects.toMatchObject({
      code: 'KRB5_RC_IO',
    });
  });
});

describe('a share of a replay cache', () => {
  it('is equal for thirty clients that flood the cache, and leaves room for others', async () => {
    const random = seededRandom();
    const cache = new MemoryReplayCache({ clock: () => NOW, maxEntries: MAX, random });
    const flooders = Array.from({ length: 30 }, (_unused, n) => `mallory${n}`);
    const stored = await flood(cache, 300, ...flooders);
    expect(Math.max(...stored) - Math.min(...stored)).toBeLessThanOrEqual(2);
    expect(await flood(cache, 1, CLIENT)).toEqual([1]);
  });

  it('is free again when its records are forgotten', async () => {
    let now = NOW;
    const options = { clock: () => now, maxEntries: MAX, random: seededRandom() };
    const cache = new MemoryReplayCache(options);
    expect(await flood(cache, MAX, 'mallory')).toEqual([1200]);
    now += 400_000;
    const later = (): boolean => cache.checkAndStore(recordOf('mallory', NOW_SECONDS + 400));
    for (let i = 0; i < 1200; i++) expect(later()).toBe(true);
    expect(later).toThrow('no more room for this client');
  });

  it('is counted for refused requests too: a flood of wrong bindings locks out nobody else', async () => {
    const replayCache = new MemoryReplayCache({ clock: () => NOW, maxEntries: 200 });
    const bindings = (text: string) => ({ applicationData: new TextEncoder().encode(text) });
    const { keytab, acceptor, initiator } = await makeParties({ acceptor: { replayCache } });
    const ticket = mintTicket({ keytab, client: 'mallory@EXAMPLE.TEST', clock: () => NOW });
    const codes = new Set<string | undefined>();
    for (let seed = 1; seed <= 250; seed++) {
      const mallory = createInitiator({
        ticket,
        clock: () => NOW,
        random: seededRandom(seed),
        channelBindings: bindings('hers'),
      });
      const handshake = acceptor.begin({ channelBindings: bindings('ours') });
      const result = await handshake.accept(mallory.begin());
      if (result.status !== 'failed') throw new Error(result.status);
      codes.add(result.error.minor?.code ?? result.error.code);
    }
    expect([...codes]).toEqual(['GSS_S_BAD_BINDINGS', 'KRB5_RC_IO']);
    expect((await acceptor.begin().accept(initiator.begin())).status).toBe('complete');
  });
});

describe('the counts of clients', () => {
  it('take bounded memory, and none before the cache is half full', async () => {
    const census = new Census();
    const shares = new ClientShares(4_194_304, 1);
    const group = {};
    const add = (size: number): void => {
      for (let n = 0; n < 5000; n++) shares.add(parsePrincipal(`c${n}`, 'A.TEST'), size, group);
    };
    await census.watch(() => add(2_097_151));
    expect(census.holding).toBe(0);
    await census.watch(() => add(2_097_152));
    expect(census.contents.map((bytes) => bytes.length)).toEqual([131_072, 131_072]);
  });

  it('distinguish the components of a name', () => {
    const shares = new ClientShares(1000, 7);
    const group = {};
    const held = parsePrincipal('ab/c@A.TEST');
    for (let n = 0; n < 200; n++) shares.add(held, 500, group);
    expect(() => shares.check(held, 500)).toThrow('no more room');
    for (const other of ['a/bc@A.TEST', 'abc@A.TEST', 'ab/c@B.TEST', 'c/ab@A.TEST']) {
      expect(() => shares.check(parsePrincipal(other), 500)).not.toThrow();
    }
    shares.forget(group);
    expect(() => shares.check(held, 500)).not.toThrow();
  });
});
