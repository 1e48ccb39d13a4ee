import { describe, expect, it } from 'vitest';
import type { Identity } from '../../../src/http/identity.ts';
import type { SessionOptions } from '../../../src/http/session/options.ts';
import { Sessions } from '../../../src/http/session/sessions.ts';
import type { SessionStore } from '../../../src/http/session/store.ts';
import { NOW, seededRandom } from '../../support/realm-kit.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const SERVICE = 'HTTP/www.example.test@EXAMPLE.TEST';
const HOST = 'www.example.test';
const HOUR = 3_600_000;
const ALICE: Identity = Object.freeze({
  principal: 'alice@EXAMPLE.TEST',
  name: 'alice',
  realm: 'EXAMPLE.TEST',
  groups: Array.from({ length: 1500 }, (_, i) => `S-1-5-21-1-2-3-${1_000_000 + i}`),
  indicators: [],
  mechanism: 'kerberos',
  channelBound: false,
  authenticatedAt: new Date(NOW - HOUR).toISOString(),
  expiresAt: new Date(NOW + HOUR).toISOString(),
});

/** A store in memory that notes its calls. */
function makeStore(overrides: Partial<SessionStore> = {}) {
  const map = new Map<string, string>();
  const calls: string[] = [];
  const store: SessionStore = {
    get: async (id) => map.get(id),
    set: async (id, value, seconds) => {
      calls.push(`set for ${seconds}`);
      map.set(id, value);
    },
    delete: async (id) => {
      calls.push('delete');
      map.delete(id);
    },
    ...overrides,
  };
  return { store, map, calls };
}

function makeSessions(store: SessionStore, options: Partial<SessionOptions> = {}) {
  const kinds: string[] = [];
  const fired: (() => void)[] = [];
  const sessions = new Sessions(
    {
      keys: [KEY],
      store,
      onWarning: ({ kind, message }) => kinds.push(`${kind}: ${message}`),
      ...options,
    },
    {
      random: seededRandom(5),
      timer: (callback, milliseconds) => {
        if (milliseconds === 2000) fired.push(callback);
        return () => {};
      },
      deadline: 5,
      accepts: () => true,
    },
  );
  const begin = async (identity = ALICE) => {
    const headers = await sessions.begin(identity, SERVICE, { host: HOST }, new Date(NOW));
    return headers[0]?.[1].split(';')[0];
  };
  const open = async (cookie: string | undefined, later = 0) =>
    await sessions.open({ cookie, host: HOST }, new Date(NOW + later));
  return { sessions, begin, open, kinds, fired };
}

describe('a session in a store', () => {
  it('has any number of groups, and a short cookie', async () => {
    const { store, map, calls } = makeStore();
    const { begin, open, kinds } = makeSessions(store);
    const cookie = await begin();
    expect(cookie!.length).toBeLessThan(400);
    expect((await open(cookie))!.identity).toEqual(ALICE);
    expect([...map.keys()]).toEqual([expect.stringMatching(/^[A-Za-z0-9_-]{43}$/)]);
    expect(calls).toEqual(['set for 3600']);
    expect(kinds).toEqual([]);
  });

  it('may be kept in a Map', async () => {
    const { begin, open } = makeSessions(new Map<string, string>());
    expect((await open(await begin()))!.identity).toEqual(ALICE);
  });

  it('is kept no longer than it can be valid', async () => {
    const { store, calls } = makeStore();
    await makeSessions(store, { maxAge: 60 }).begin();
    await makeSessions(store, { maxAge: 60, renewAfter: 30 }).begin();
    await makeSessions(store, { maxAge: 7200 }).begin();
    await makeSessions(store, { maxAge: 0.5 }).begin();
    expect(calls).toEqual(['set for 60', 'set for 3600', 'set for 3600', 'set for 1']);
  });

  it('ends with a logout, everywhere', async () => {
    const { store, map } = makeStore();
    const { sessions, begin, open } = makeSessions(store);
    const cookie = await begin();
    const elsewhere = makeSessions(store);
    expect(await elsewhere.open(cookie)).toBeDefined();
    expect(await sessions.end({ cookie: cookie!, host: HOST })).toHaveLength(1);
    expect(map.size).toBe(0);
    expect(await open(cookie)).toBeUndefined();
    expect(await elsewhere.open(cookie)).toBeUndefined();
  });

  it('that is used while it is ended does not come back', async () => {
    const { store, map } = makeStore();
    const { sessions, begin, open } = makeSessions(store, { maxAge: 1200, renewAfter: 60 });
    const cookie = await begin();
    const renewed = (await open(cookie, 61_000))!.headers[0]![1].split(';')[0]!;
    await sessions.end({ cookie: cookie!, host: HOST });
    expect(map.size).toBe(0);
    expect(await open(renewed, 62_000)).toBeUndefined();
  });

  it('ends with the ticket, whatever the store still has', async () => {
    const { store } = makeStore();
    const { begin, open } = makeSessions(store, { maxAge: 900, renewAfter: 60 });
    let cookie = await begin();
    for (let time = 0; time < HOUR; time += 300_000) {
      const { headers } = (await open(cookie, time))!;
      cookie = headers[0]?.[1].split(';')[0] ?? cookie;
    }
    expect(await open(cookie, HOUR - 1)).toBeDefined();
    expect(await open(cookie, HOUR)).toBeUndefined();
  });

  it('is not asked for with a cookie that is not ours', async () => {
    let asked = 0;
    const { store } = makeStore({ get: () => `${asked++}` });
    const { open } = makeSessions(store);
    const inCookie = new Sessions(
      { keys: [KEY] },
      { random: seededRandom(), timer: () => () => {}, deadline: 5, accepts: () => true },
    );
    const own = await inCookie.begin(
      { ...ALICE, groups: [] },
      SERVICE,
      { host: HOST },
      new Date(NOW),
    );
    for (const cookie of [undefined, '__Host-krb5=AAAA', own[0]![1].split(';')[0]!]) {
      expect(await open(cookie)).toBeUndefined();
    }
    expect(asked).toBe(0);
  });

  it('is no session without the store', async () => {
    const { store } = makeStore();
    const cookie = await makeSessions(store).begin();
    const without = new Sessions(
      { keys: [KEY] },
      { random: seededRandom(), timer: () => () => {}, deadline: 5, accepts: () => true },
    );
    expect(await without.open({ cookie, host: HOST }, new Date(NOW))).toBeUndefined();
    expect(await without.end({ cookie, host: HOST })).toHaveLength(1);
  });

  it('cannot be read or made by those who have the store', async () => {
    const { store, map } = makeStore();
    const { begin, open } = makeSessions(store);
    const alice = await begin();
    const [aliceId] = map.keys();
    const mallory = await begin({ ...ALICE, principal: 'mallory@EXAMPLE.TEST' });
    const value = map.get(aliceId!)!;
    expect(atob(value)).not.toContain('alice');
    for (const id of map.keys()) if (id !== aliceId) map.set(id, value);
    expect(await open(mallory)).toBeUndefined();
    expect(await open(alice)).toBeDefined();
    map.set(aliceId!, JSON.stringify(ALICE));
    expect(await open(alice)).toBeUndefined();
    // The cookie's own value is of another kind.
    map.set(aliceId!, alice!.slice(alice!.indexOf('=') + 1));
    expect(await open(alice)).toBeUndefined();
  });
});

describe('a store that fails', () => {
  const failing = () => {
    throw new Error('connect ECONNREFUSED redis://user:secret@127.0.0.1:6379');
  };

  it.each([
    ['throws', failing],
    ['rejects', async () => failing()],
    ['returns another kind', async () => 5 as unknown as string],
    ['returns an object', () => ({}) as unknown as string],
  ])('and %s on get: no session, and the operator is told', async (_, get) => {
    const { store } = makeStore();
    const { begin } = makeSessions(store);
    const { open, kinds } = makeSessions({ ...store, get });
    expect(await open(await begin())).toBeUndefined();
    expect(kinds).toEqual([expect.stringMatching(/^store: A session could not be read/)]);
    expect(kinds[0]).not.toContain('secret');
  });

  it('on set: the client has no session', async () => {
    const { begin, kinds } = makeSessions(makeStore({ set: failing }).store);
    expect(await begin()).toBeUndefined();
    expect(kinds).toEqual([expect.stringContaining('ECONNREFUSED')]);
  });

  it('on delete: the logout fails, since the session is still valid', async () => {
    const { store } = makeStore({ delete: async () => failing() });
    const { sessions, begin, open } = makeSessions(store);
    const cookie = await begin();
    await expect(sessions.end({ cookie: cookie!, host: HOST })).rejects.toMatchObject({
      name: 'GssError',
      hint: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await open(cookie)).toBeDefined();
  });

  it('to answer in time: no session', async () => {
    const { store } = makeStore();
    const { begin } = makeSessions(store);
    const { open, kinds, fired } = makeSessions({ ...store, get: () => new Promise(() => {}) });
    const opening = open(await begin());
    await Promise.resolve();
    for (const fire of fired) fire();
    expect(await opening).toBeUndefined();
    expect(kinds).toEqual([expect.stringContaining('the store did not answer for 2 s')]);
  });

  it('to answer anybody: requests do not pile up', async () => {
    const { store } = makeStore();
    const { begin } = makeSessions(store);
    const cookie = await begin();
    const { open, kinds, fired } = makeSessions({ ...store, get: () => new Promise(() => {}) });
    const waiting = Array.from({ length: 512 }, () => open(cookie));
    expect(await open(cookie)).toBeUndefined();
    expect(kinds).toEqual([expect.stringContaining('512 requests wait for the store already')]);
    for (const fire of fired) fire();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([undefined]));
  });
});
