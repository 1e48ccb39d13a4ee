/** What goes wrong around an acceptor: keytabs, clocks, logs and callbacks. Each has its answer. */
import { mkdtempSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeUtf8 } from '../src/bytes.ts';
import { openOutput } from '../src/cli/gss-server/output.ts';
import type { AcceptResult, Keytab, ReplayCache } from '../src/index.ts';
import {
  acquireCredential,
  createAcceptor,
  formatKeytab,
  MemoryReplayCache,
} from '../src/index.ts';
import type { KeytabWarning } from '../src/node/index.ts';
import { createGssServer, keytabFile } from '../src/node/index.ts';
import { createInitiator, mintTicket } from '../src/testing/index.ts';
import { SampleClient, TestServer } from './node/server/sample-client.ts';
import { CLIENT, makeKeytab, NOW, seededRandom } from './support/realm-kit.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'krb5-acceptor-faults-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** A client's first token, with a ticket for a key of the keytab. */
function tokenFor(keytab: Keytab, clock: () => number = () => NOW, seed = 31): Uint8Array {
  const random = seededRandom(seed);
  const ticket = mintTicket({ keytab, client: CLIENT, clock, random });
  return createInitiator({ ticket, clock, random }).begin();
}

function codeOf(result: AcceptResult): string {
  return result.status === 'failed' ? (result.error.minor?.code ?? result.error.code) : 'complete';
}

describe('a keytab that changes under a server', () => {
  const OLD = makeKeytab({ kvno: 1, seed: 1 });
  const NEW = makeKeytab({ kvno: 2, seed: 2 });
  const BOTH: Keytab = { version: 2, entries: [...NEW.entries, ...OLD.entries] };

  async function follow() {
    const path = join(directory, 'keytab');
    writeFileSync(path, formatKeytab(OLD), { mode: 0o600 });
    const warnings: KeytabWarning[] = [];
    const keytab = keytabFile(path, { onWarning: (warning) => warnings.push(warning) });
    const credential = await acquireCredential({ keytab });
    const acceptor = createAcceptor({ credential, clock: () => NOW });
    let seed = 100;
    const present = async (from: Keytab) =>
      codeOf(await acceptor.begin().accept(tokenFor(from, () => NOW, seed++)));
    return { path, warnings, present };
  }

  it('serves tickets of new keys as soon as they come, and of old ones as long as they are there', async () => {
    const { path, present, warnings } = await follow();
    expect(await present(OLD)).toBe('complete');
    expect(await present(NEW)).toBe('KRB_AP_ERR_BADKEYVER');
    writeFileSync(path, formatKeytab(BOTH));
    expect(await present(NEW)).toBe('complete');
    expect(await present(OLD)).toBe('complete');
    writeFileSync(path, formatKeytab(NEW));
    // A key that is gone is found missing by whoever asks for another that is not there.
    expect(await present(makeKeytab({ kvno: 3, seed: 3 }))).toBe('KRB_AP_ERR_BADKEYVER');
    expect(await present(OLD)).toBe('KRB_AP_ERR_BADKEYVER');
    expect(warnings).toEqual([]);
  });

  it.each<[string, (path: string) => void, string]>([
    ['cut off', (path) => truncateSync(path, 40), 'truncated'],
    ['empty', (path) => truncateSync(path, 0), 'no version'],
    ['gone', (path) => unlinkSync(path), 'not found'],
    ['noise', (path) => writeFileSync(path, 'no keytab at all'), 'not a keytab'],
    ['without entries', (path) => writeFileSync(path, Uint8Array.of(5, 2)), 'no entries'],
  ])('serves on with the keys it has while the file is %s, and says so once', async (...row) => {
    const [, damage, message] = row;
    const { path, present, warnings } = await follow();
    damage(path);
    for (let left = 3; left > 0; left--) {
      expect(await present(NEW)).toBe('KRB_AP_ERR_BADKEYVER');
      expect(await present(OLD)).toBe('complete');
    }
    expect(warnings.map(({ kind }) => kind)).toEqual(['reload']);
    expect(warnings[0]?.message).toContain(message);
    writeFileSync(path, formatKeytab(BOTH), { mode: 0o600 });
    expect(await present(NEW)).toBe('complete');
  });
});

describe('a function that gives the keytab', () => {
  const KEYTAB = makeKeytab({ seed: 1 });
  const STRANGE = makeKeytab({ kvno: 9, seed: 9 });

  async function withProvider(provider: () => unknown) {
    let calls = 0;
    const keytab = () => (calls++ === 0 ? KEYTAB : (provider() as Keytab | Promise<Keytab>));
    const credential = await acquireCredential({ keytab });
    // Its deadline never comes, however long the machine takes.
    return createAcceptor({ credential, clock: () => NOW, timer: () => () => {} });
  }

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new TypeError('a fault of its own');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no connection'))],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['gives nothing', () => undefined],
    ['gives something else', () => ({ entries: 'none' })],
    ['gives keys that were disposed of', disposedKeytab],
  ])('and %s leaves the last keys in use', async (_, provider) => {
    const acceptor = await withProvider(provider);
    for (let seed = 1; seed < 4; seed++) {
      const strange = await acceptor.begin().accept(tokenFor(STRANGE, undefined, seed));
      expect(codeOf(strange)).toMatch(/^KRB_AP_ERR_BADKEYVER$|^KRB_ERR_GENERIC$/);
      if (provider === disposedKeytab) continue;
      expect(codeOf(await acceptor.begin().accept(tokenFor(KEYTAB, undefined, 50 + seed)))).toBe(
        'complete',
      );
    }
  });

  function disposedKeytab(): Keytab {
    const keytab = makeKeytab({ seed: 5 });
    for (const { key } of keytab.entries) key.dispose();
    return keytab;
  }

  it('is waited for by those that need it, and not by others nor by too many', async () => {
    let answer: (keytab: Keytab) => void = () => {};
    const acceptor = await withProvider(
      () =>
        new Promise<Keytab>((resolve) => {
          answer = resolve;
        }),
    );
    const waiting = Array.from({ length: 300 }, (_, i) =>
      acceptor.begin().accept(tokenFor(STRANGE, undefined, 1000 + i)),
    );
    expect(codeOf(await acceptor.begin().accept(tokenFor(KEYTAB)))).toBe('complete');
    // The 257th and all after it.
    const refused = await Promise.all(waiting.slice(256));
    expect(refused.map(codeOf)).toEqual(Array(44).fill('KRB_AP_ERR_BADKEYVER'));
    answer({ version: 2, entries: [...STRANGE.entries, ...KEYTAB.entries] });
    const served = await Promise.all(waiting.slice(0, 256));
    expect(new Set(served.map(codeOf))).toEqual(new Set(['complete']));
  });
});

describe('a replay cache', () => {
  const KEYTAB = makeKeytab();

  async function acceptorWith(checkAndStore: ReplayCache['checkAndStore']) {
    const credential = await acquireCredential({ keytab: KEYTAB });
    return createAcceptor({ credential, clock: () => NOW, replayCache: { checkAndStore } });
  }

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no connection'))],
    ['rejects with nothing', () => Promise.reject(undefined)],
  ])('that %s lets nobody in', async (_, check) => {
    const acceptor = await acceptorWith(check as ReplayCache['checkAndStore']);
    expect(codeOf(await acceptor.begin().accept(tokenFor(KEYTAB)))).toBe('KRB5_RC_IO');
  });

  it.each([undefined, null, 1, 'true', {}, Promise.resolve(1)])(
    'that answers %s lets nobody in',
    async (answer) => {
      const acceptor = await acceptorWith((() => answer) as never);
      expect(codeOf(await acceptor.begin().accept(tokenFor(KEYTAB)))).toBe('KRB5_RC_IO');
    },
  );

  it('that never answers costs its connections only, and these for a time', async () => {
    const acceptor = await acceptorWith(() => new Promise<boolean>(() => {}));
    await using server = await TestServer.start({ acceptor, limits: { handshakeTimeout: 0.3 } });
    const clients = Array.from({ length: 5 }, () => new SampleClient(server.port));
    for (const client of clients) {
      client.send(0x11, new Uint8Array());
      client.send(0x02, tokenFor(KEYTAB));
    }
    await Promise.all(clients.map(({ closed }) => closed));
    await expect.poll(() => server.server.connections).toBe(0);
    const reasons = server.events.flatMap((event) =>
      event.type === 'channel-error' ? [event.failure.reason] : [],
    );
    expect(reasons).toEqual(Array(5).fill('timeout'));
  });
});

describe('a clock that steps', () => {
  const KEYTAB = makeKeytab();
  const MINUTE = 60_000;

  async function atClock() {
    const time = { now: NOW };
    const clock = () => time.now;
    const credential = await acquireCredential({ keytab: KEYTAB });
    const replayCache = new MemoryReplayCache({ clock, random: seededRandom(1) });
    const acceptor = createAcceptor({ credential, clock, replayCache });
    let seed = 500;
    /** Of a client whose clock is right, or off by so much. */
    const fresh = (offset = 0) => tokenFor(KEYTAB, () => time.now + offset, seed++);
    const present = async (token: Uint8Array) => codeOf(await acceptor.begin().accept(token));
    return { time, fresh, present };
  }

  it('back: what was let in before is never let in again', async () => {
    const { time, fresh, present } = await atClock();
    const tokens = Array.from({ length: 20 }, (_, i) => fresh((i - 10) * 20_000));
    for (const token of tokens) expect(await present(token)).toBe('complete');
    for (const step of [-1, -4, -7, -30, -600, 5, 9, 0]) {
      time.now = NOW + step * MINUTE;
      for (const token of tokens) {
        expect(await present(token)).toMatch(
          /^KRB_AP_ERR_(REPEAT|SKEW|TKT_NYV|TKT_EXPIRED)$|^KRB5_RC_IO$/,
        );
      }
    }
  });

  it('far forward and back: what it has forgotten it refuses, until the time is there again', async () => {
    const { time, fresh, present } = await atClock();
    const old = fresh();
    expect(await present(old)).toBe('complete');
    const forgotten = fresh();
    time.now = NOW + 120 * MINUTE;
    expect(await present(fresh())).toBe('complete');
    time.now = NOW;
    // Nobody can know any more which of these was let in: neither is.
    expect(await present(old)).toBe('KRB5_RC_IO');
    expect(await present(forgotten)).toBe('KRB5_RC_IO');
    time.now = NOW + 121 * MINUTE;
    expect(await present(fresh())).toBe('complete');
  });

  it('to and fro between any two requests: each token is let in at most once', async () => {
    const { time, fresh, present } = await atClock();
    const random = seededRandom(77);
    const byte = new Uint8Array(2);
    const tokens: Uint8Array[] = [];
    const granted = new Map<Uint8Array, number>();
    for (let round = 0; round < 400; round++) {
      random(byte);
      time.now = NOW + (byte[0]! - 128) * 4000;
      if (round % 3 === 0 || tokens.length === 0) tokens.push(fresh());
      const token = tokens[byte[1]! % tokens.length]!;
      if ((await present(token)) === 'complete') granted.set(token, (granted.get(token) ?? 0) + 1);
    }
    expect(granted.size).toBeGreaterThan(20);
    expect([...granted.values()].filter((times) => times > 1)).toEqual([]);
  });

  it.each<[string, () => number]>([
    ['is not a number', () => Number.NaN],
    ['is infinite', () => Number.POSITIVE_INFINITY],
    [
      'throws',
      () => {
        throw new Error('no clock');
      },
    ],
  ])('that %s lets nobody in', async (_, clock) => {
    const credential = await acquireCredential({ keytab: KEYTAB });
    const acceptor = createAcceptor({ credential, clock, replayCache: new MemoryReplayCache() });
    // It is the caller's fault, and may be told as such.
    const accepting = acceptor.begin().accept(tokenFor(KEYTAB));
    expect(await accepting.then(codeOf, () => 'thrown')).not.toBe('complete');
  });
});

// A device that is always full; there is none elsewhere.
describe.runIf(process.platform === 'linux')('a log on a full disk', () => {
  it('costs the log, not the service, and is complained of once', () => {
    const complaints = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const output = openOutput({ logfile: '/dev/full', clientOwnsStreams: false });
      const line = { to: 'log' as const, bytes: encodeUtf8('a line\n') };
      for (let left = 10; left > 0; left--) output.print([line, line]);
      expect(complaints.mock.calls).toEqual([['writing /dev/full: No space left on device\n']]);
    } finally {
      complaints.mockRestore();
    }
  });
});

describe('a callback of the server', () => {
  it('that throws costs no client anything, and is a warning, once', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const KEYTAB = makeKeytab();
    const credential = await acquireCredential({ keytab: KEYTAB });
    const acceptor = createAcceptor({ credential, clock: () => NOW });
    const faults: unknown[] = [];
    const server = createGssServer({
      acceptor,
      onEvent: (event) => {
        if (event.type === 'fault') faults.push(event.error);
        if (event.type === 'accepted') throw new Error('no room for it');
      },
    });
    const { port } = await server.listen(0, '127.0.0.1');
    for (let seed = 1; seed < 4; seed++) {
      const client = new SampleClient(port);
      client.send(0x11, new Uint8Array());
      client.send(0x02, tokenFor(KEYTAB, undefined, seed));
      // The NOOP that ends the session.
      client.send(0x01, new Uint8Array());
      expect(await client.receive()).toMatchObject({ flags: 0x02 });
      await client.closed;
    }
    expect(faults).toEqual([]);
    expect(emitWarning).toHaveBeenCalledTimes(1);
    expect(String(emitWarning.mock.calls[0]![0])).toMatch(/^onEvent failed: no room for it/);
    // The client sees the end of its connection before the server has put it away.
    await expect.poll(() => server.connections).toBe(0);
    await server.close(0);
    emitWarning.mockRestore();
  });
});
