import { describe, expect, it } from 'vitest';
import type { Authentication, AuthenticationRequest } from '../../src/http/authentication.ts';
import type { UnfinishedExchange } from '../../src/http/exchanges.ts';
import type { ExchangeStore } from '../../src/http/stored-exchanges.ts';
import { storedExchanges } from '../../src/http/stored-exchanges.ts';
import { Mechanism } from '../../src/index.ts';
import { encodeNegTokenInit, encodeNegTokenResp, NegState } from '../../src/spnego/neg-token.ts';
import type { SpnegoOptions } from '../../src/testing/index.ts';
import { OfferedMechanisms } from '../../src/testing/index.ts';
import { httpSite, tokenOf } from '../support/http-site.ts';
import { CLIENT, NOW, seededRandom } from '../support/realm-kit.ts';
import { ManualTimers, settle } from '../support/timers.ts';

const KEYS = [new Uint8Array(32).map((_, i) => i)];
const FIRST = encodeNegTokenInit({ mechTypes: [Mechanism.krb5] });
const HOST = { host: 'www.example.test' };

class MemoryStore implements ExchangeStore {
  readonly values = new Map<string, string>();
  readonly ages: number[] = [];

  async set(name: string, value: string, seconds: number): Promise<void> {
    this.values.set(name, value);
    this.ages.push(seconds);
  }

  async take(name: string): Promise<string | undefined> {
    const value = this.values.get(name);
    this.values.delete(name);
    return value;
  }
}

/** Two processes that share a store, whose keys may differ. */
async function cluster(otherKeys = KEYS) {
  const store = new MemoryStore();
  const time = { now: NOW };
  const clock = () => time.now;
  const siteWith = (keys: readonly Uint8Array[], seed: number) =>
    httpSite({ exchanges: storedExchanges({ store, keys, clock, random: seededRandom(seed) }) });
  return { store, time, one: await siteWith(KEYS, 1), other: await siteWith(otherKeys, 2) };
}

/** The fields that end cookies, without their attributes. */
function ended({ headers }: Pick<Authentication, 'headers'>): string[] {
  return headers
    .filter(([, value]) => value.endsWith('; Max-Age=0'))
    .map(([, value]) => value.split('=')[0]!);
}

type Site = Awaited<ReturnType<typeof httpSite>>;

async function begin({ ask }: Site): Promise<string> {
  const { headers } = await ask(FIRST, HOST);
  return headers.find(([name]) => name === 'Set-Cookie')![1];
}

function finish(site: Site, cookie: string, request: Partial<AuthenticationRequest> = HOST) {
  const token = encodeNegTokenResp({ responseToken: site.initiator().begin() });
  return site.ask(token, { ...request, cookie: cookie.replace(/; Path=.*/, '') });
}

/** A client that offers several mechanisms, and has a cookie jar. */
function browser(site: Site, spnego: SpnegoOptions) {
  const initiator = site.initiator({ spnego });
  const jar = new Map<string, string>();
  return {
    begin: () => initiator.begin(),
    /** The request that follows an answer. */
    next(answer: Authentication): [Uint8Array, Partial<AuthenticationRequest>] {
      for (const [header, value] of answer.headers) {
        const [, name = '', text = ''] = /^([^=]+)=([^;]*)/.exec(value)!;
        if (header !== 'Set-Cookie') continue;
        if (text === '') jar.delete(name);
        else jar.set(name, text);
      }
      const cookie = [...jar].map((pair) => pair.join('=')).join('; ');
      return [initiator.step(tokenOf(answer)).outputToken!, { ...HOST, cookie }];
    },
  };
}

describe('storedExchanges', () => {
  it('hands an exchange to another process, once', async () => {
    const { store, one, other } = await cluster();
    const cookie = await begin(one);
    expect(cookie).toMatch(
      /^__Host-krb5-exchange-[\w-]{8}=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=30$/,
    );
    expect(store.ages).toEqual([30]);
    expect((await finish(other, cookie)).outcome).toBe('authenticated');
    expect((await finish(other, cookie)).outcome).toBe('refused');
    expect(store.values.size).toBe(0);
  });

  it('gives an exchange to one of two requests', async () => {
    const { one, other } = await cluster();
    const cookie = await begin(one);
    const both = await Promise.all([finish(one, cookie), finish(other, cookie)]);
    expect(both.map(({ outcome }) => outcome).sort()).toEqual(['authenticated', 'refused']);
  });

  it.each<[string, (store: MemoryStore) => void]>([
    [
      'altered',
      (store) => change(store, (value) => (value[0] === 'A' ? 'B' : 'A') + value.slice(1)),
    ],
    ['truncated', (store) => change(store, (value) => value.slice(0, 40))],
    ['replaced by something else', (store) => change(store, () => 'SzVIUw==')],
    ['replaced by garbage', (store) => change(store, () => '!')],
    ['emptied', (store) => change(store, () => '')],
    ['lost', (store) => store.values.clear()],
  ])('refuses the client of an exchange that was %s', async (_, damage) => {
    const { store, one, other } = await cluster();
    const cookie = await begin(one);
    damage(store);
    expect((await finish(other, cookie)).outcome).toBe('refused');
  });

  it.each(['set', 'take'] as const)(
    'does not wait beyond the deadline for a store whose %s hangs',
    async (call) => {
      const store = new MemoryStore();
      const timers = new ManualTimers();
      const site = await httpSite({
        exchanges: storedExchanges({ store, keys: KEYS, clock: () => NOW }),
        timer: timers.timer,
        deadline: 7,
      });
      const cookie = call === 'take' ? await begin(site) : '';
      store[call] = () => new Promise<never>(() => {});
      const waiting = call === 'take' ? finish(site, cookie) : site.ask(FIRST, HOST);
      await settle();
      expect(timers.running).toEqual([7000]);
      timers.expire();
      expect(await waiting).toMatchObject({ outcome: 'unavailable', status: 503 });
      expect(site.errors.at(-1)?.minor?.message).toBe('The exchange keeper did not answer for 7 s');
      expect(timers.running).toEqual([]);
    },
  );

  it('ends an exchange that the store gives too late', async () => {
    const store = new MemoryStore();
    const timers = new ManualTimers();
    const kept = storedExchanges({ store, keys: KEYS, clock: () => NOW });
    const taken: (UnfinishedExchange<never> | undefined)[] = [];
    const take: typeof kept.take = async (request, acceptor) => {
      taken.push(await kept.take(request, acceptor));
      return taken.at(-1);
    };
    const site = await httpSite({ exchanges: { ...kept, take }, timer: timers.timer });
    const cookie = await begin(site);
    let give = (): void => {};
    const real = store.take.bind(store);
    store.take = (name) =>
      new Promise((resolve) => {
        give = () => resolve(real(name));
      });
    const waiting = finish(site, cookie);
    await settle();
    timers.expire();
    expect((await waiting).outcome).toBe('unavailable');
    give();
    await settle();
    const late = taken.at(-1)!.handshake;
    const result = await late.accept(Uint8Array.of(0xa1));
    expect(result).toMatchObject({ status: 'failed', error: { reason: 'fault.aborted' } });
  });

  it('refuses an exchange of other keys, of another host and of another name', async () => {
    const { one, other } = await cluster([KEYS[0]!.map((byte) => byte ^ 1)]);
    expect((await finish(other, await begin(one))).outcome).toBe('refused');
    const elsewhere = { host: 'other.example.test' };
    expect((await finish(one, await begin(one), elsewhere)).outcome).toBe('refused');
    for (const name of ['', 'short', `${'A'.repeat(42)}!`, 'A'.repeat(100_000)]) {
      expect((await finish(one, `__Host-krb5-exchange-AAAAAAAA=${name}`)).outcome).toBe('refused');
    }
    const cookie = await begin(one);
    const renamed = cookie.replace(/exchange-.{8}/, 'exchange-AAAAAAAA');
    expect((await finish(one, renamed)).outcome).toBe('refused');
  });

  it('refuses an exchange that was put under another name', async () => {
    const { store, one } = await cluster();
    const cookies = [await begin(one), await begin(one)];
    const [[first, value], [second, another]] = [...store.values] as [string, string][] as [
      [string, string],
      [string, string],
    ];
    store.values.set(first, another).set(second, value);
    for (const cookie of cookies) expect((await finish(one, cookie)).outcome).toBe('refused');
  });

  it('opens exchanges of an older key', async () => {
    const { one, other } = await cluster([KEYS[0]!.map((byte) => byte ^ 1), KEYS[0]!]);
    expect((await finish(other, await begin(one))).outcome).toBe('authenticated');
  });

  it('carries on each of several exchanges that one browser has begun at a time', async () => {
    const { store, one, other } = await cluster();
    const cookies: string[] = [];
    for (let i = 0; i < 8; i++) cookies.push((await begin(one)).split(';')[0]!);
    expect(new Set(cookies.map((cookie) => cookie.split('=')[0])).size).toBe(8);
    const header = cookies.join('; ');
    const results = await Promise.all(cookies.map(() => finish(other, header)));
    expect(results.map(({ outcome }) => outcome)).toEqual(Array(8).fill('authenticated'));
    expect(store.values.size).toBe(0);
  });

  it('has the browser forget the cookies of exchanges that are over', async () => {
    const { store, one, other } = await cluster();
    const cookies = [await begin(one), await begin(one), await begin(one)];
    const names = cookies.map((cookie) => cookie.split('=')[0]!);
    const [, , newest] = [...store.values.keys()];
    store.values.delete(newest!);
    const header = cookies.map((cookie) => cookie.split(';')[0]).join('; ');
    // The newest first: the oldest may still wait for a request of its own.
    expect(ended(await finish(other, header))).toEqual([names[2], names[1]]);
    expect(store.values.size).toBe(1);
  });

  it('lets a client that never continues collect no more than 8 cookies', async () => {
    const { one } = await cluster();
    let cookies: string[] = [];
    for (let i = 0; i < 20; i++) {
      const result = await one.ask(FIRST, { ...HOST, cookie: cookies.join('; ') });
      const gone = ended(result);
      const [, own] = result.headers.find(([, value]) => value.includes('Max-Age=30'))!;
      cookies = cookies.filter((cookie) => !gone.includes(cookie.split('=')[0]!));
      cookies.push(own.split(';')[0]!);
    }
    expect(cookies).toHaveLength(8);
  });

  it('asks the store for 8 names at most', async () => {
    const { one } = await cluster();
    let asked = 0;
    const store = { set: () => undefined, take: () => void asked++ };
    const site = await httpSite({ exchanges: storedExchanges({ store, keys: KEYS }) });
    const names = Array.from({ length: 50 }, (_, i) => String(i).padStart(43, 'A'));
    const header = names.map((name) => `__Host-krb5-exchange-AAAAAAAA=${name}`).join('; ');
    expect((await finish(site, await begin(one))).outcome).toBe('refused');
    expect(asked).toBe(1);
    const token = encodeNegTokenResp({ responseToken: site.initiator().begin() });
    expect((await site.ask(token, { ...HOST, cookie: header })).outcome).toBe('refused');
    expect(asked).toBe(9);
  });

  it('refuses an exchange that a store gives out long after its time', async () => {
    const { time, one, other } = await cluster();
    const [first, second] = [await begin(one), await begin(one)];
    // The clocks of two servers may differ by a minute.
    time.now += 90_000;
    expect((await finish(other, first)).outcome).toBe('authenticated');
    time.now += 1;
    expect((await finish(other, second)).outcome).toBe('refused');
  });

  it.each<[string, SpnegoOptions]>([
    ['NTLM', { mechanisms: OfferedMechanisms.windowsNtlm }],
    ['NegoEx', { mechanisms: OfferedMechanisms.windowsNegoEx }],
    [
      'no token of its first choice',
      { mechanisms: [...OfferedMechanisms.windowsNtlm], optimistic: false },
    ],
  ])('carries a client that begins with %s through three requests', async (_, spnego) => {
    const { one, other } = await cluster();
    const client = browser(one, spnego);
    const first = await one.ask(client.begin(), HOST);
    const second = await other.ask(...client.next(first));
    expect(second.outcome).toBe('challenged');
    expect(await one.ask(...client.next(second))).toMatchObject({
      outcome: 'authenticated',
      identity: { principal: CLIENT, mechanism: 'spnego' },
    });
  });

  it('gives a thief of the cookie nothing, at any request', async () => {
    const { one, other } = await cluster();
    const thief = await httpSite({}, { ticket: { client: 'mallory@EXAMPLE.TEST' } });
    const spnego = { mechanisms: OfferedMechanisms.windowsNtlm };
    // Before the ticket: the thief becomes whom their own ticket names.
    const early = browser(one, spnego);
    const [, stolen] = early.next(await one.ask(early.begin(), HOST));
    const token = encodeNegTokenResp({ responseToken: thief.initiator().begin() });
    expect((await other.ask(token, stolen)).outcome).toBe('challenged');
    // After the ticket: what is missing is a proof with its session key.
    for (const forged of [
      encodeNegTokenResp({ negState: NegState.acceptCompleted }),
      encodeNegTokenResp({ mechListMic: new Uint8Array(28) }),
      encodeNegTokenResp({ responseToken: thief.initiator().begin() }),
    ]) {
      const client = browser(one, spnego);
      const first = await one.ask(client.begin(), HOST);
      const second = await other.ask(...client.next(first));
      const [, prize] = client.next(second);
      expect((await one.ask(forged, prize)).outcome).toBe('refused');
    }
    // A whole exchange of the thief's own is one of mallory.
    const own = await one.ask(thief.initiator().begin(), stolen);
    expect(own).toMatchObject({ identity: { principal: 'mallory@EXAMPLE.TEST' } });
  });

  it('asks the store for nothing where there is no token', async () => {
    const { store, one } = await cluster();
    const cookie = await begin(one);
    await one.ask(undefined, { ...HOST, cookie });
    expect(store.values.size).toBe(1);
  });

  it('is a fault of the server where the store fails', async () => {
    const down = () => Promise.reject(new Error('down'));
    const exchanges = storedExchanges({ store: { set: down, take: down }, keys: KEYS });
    const { ask } = await httpSite({ exchanges });
    expect(await ask(FIRST, HOST)).toMatchObject({ outcome: 'unavailable', status: 503 });
    const cookie = `__Host-krb5-exchange-${'A'.repeat(8)}=${'A'.repeat(43)}`;
    expect(await ask(FIRST, { ...HOST, cookie })).toMatchObject({ outcome: 'unavailable' });
  });

  it('keeps nothing in clear in the store', async () => {
    const { store, one } = await cluster();
    await begin(one);
    const [value] = [...store.values.values()];
    // "K5HS", with which an exported exchange begins.
    expect(Buffer.from(value!, 'base64').includes('K5HS')).toBe(false);
  });
});

function change({ values }: MemoryStore, alter: (value: string) => string): void {
  for (const [name, value] of values) values.set(name, alter(value));
}
