import { describe, expect, it } from 'vitest';
import type { AuthenticationRequest } from '../../src/http/authentication.ts';
import type { ExchangeStore } from '../../src/http/stored-exchanges.ts';
import { storedExchanges } from '../../src/http/stored-exchanges.ts';
import { Mechanism } from '../../src/index.ts';
import { encodeNegTokenInit, encodeNegTokenResp } from '../../src/spnego/neg-token.ts';
import { httpSite } from '../support/http-site.ts';
import { seededRandom } from '../support/realm-kit.ts';

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
  const siteWith = (keys: readonly Uint8Array[], seed: number) =>
    httpSite({ exchanges: storedExchanges({ store, keys, random: seededRandom(seed) }) });
  return { store, one: await siteWith(KEYS, 1), other: await siteWith(otherKeys, 2) };
}

type Site = Awaited<ReturnType<typeof httpSite>>;

async function begin({ ask }: Site): Promise<string> {
  const { headers } = await ask(FIRST, HOST);
  return headers.find(([name]) => name === 'Set-Cookie')![1];
}

function finish(site: Site, cookie: string, request: Partial<AuthenticationRequest> = HOST) {
  const token = encodeNegTokenResp({ responseToken: site.initiator().begin() });
  return site.ask(token, { ...request, cookie: cookie.split(';')[0]! });
}

describe('storedExchanges', () => {
  it('hands an exchange to another process, once', async () => {
    const { store, one, other } = await cluster();
    const cookie = await begin(one);
    expect(cookie).toMatch(
      /^__Host-krb5-exchange=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=60$/,
    );
    expect(store.ages).toEqual([60]);
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

  it('refuses an exchange of other keys, of another host and of another name', async () => {
    const { one, other } = await cluster([KEYS[0]!.map((byte) => byte ^ 1)]);
    expect((await finish(other, await begin(one))).outcome).toBe('refused');
    const elsewhere = { host: 'other.example.test' };
    expect((await finish(one, await begin(one), elsewhere)).outcome).toBe('refused');
    for (const name of ['', 'short', `${'A'.repeat(42)}!`, 'A'.repeat(100_000)]) {
      expect((await finish(one, `__Host-krb5-exchange=${name}`)).outcome).toBe('refused');
    }
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
    const cookie = `__Host-krb5-exchange=${'A'.repeat(43)}`;
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
