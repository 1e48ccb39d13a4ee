import { describe, expect, it } from 'vitest';
import { Mechanism } from '../../src/index.ts';
import { postgresExchanges } from '../../src/postgres/exchanges.ts';
import { encodeNegTokenInit, encodeNegTokenResp } from '../../src/spnego/neg-token.ts';
import { FakePostgres } from '../support/fake-postgres.ts';
import { httpSite } from '../support/http-site.ts';

const KEYS = [new Uint8Array(32).map((_, i) => i)];
const HOST = { host: 'www.example.test' };

/** Two servers on one database. */
async function cluster() {
  const time = { now: Date.UTC(2026, 10, 28, 12) };
  const database = new FakePostgres(() => time.now);
  const site = () => httpSite({ exchanges: postgresExchanges(database, { keys: KEYS }) });
  return { database, time, one: await site(), other: await site() };
}

type Site = Awaited<ReturnType<typeof httpSite>>;

async function begin({ ask }: Site): Promise<string> {
  const { headers } = await ask(encodeNegTokenInit({ mechTypes: [Mechanism.krb5] }), HOST);
  return headers.find(([name]) => name === 'Set-Cookie')![1].split(';')[0]!;
}

async function finish(site: Site, cookie: string): Promise<string> {
  const token = encodeNegTokenResp({ responseToken: site.initiator().begin() });
  return (await site.ask(token, { ...HOST, cookie })).outcome;
}

describe('postgresExchanges', () => {
  it('hands an exchange to another server, once', async () => {
    const { database, one, other } = await cluster();
    const cookie = await begin(one);
    expect([...database.exchanges.keys()]).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    expect(await finish(other, cookie)).toBe('authenticated');
    expect(await finish(other, cookie)).toBe('refused');
    expect(await finish(one, cookie)).toBe('refused');
  });

  it('forgets an exchange after 30 seconds, and removes its row', async () => {
    const { database, time, one, other } = await cluster();
    const cookie = await begin(one);
    time.now += 30_001;
    await begin(one);
    expect(database.exchanges.size).toBe(1);
    expect(await finish(other, cookie)).toBe('refused');
  });

  it('discards what another timeline was given: a standby may give it twice', async () => {
    const { database, one, other } = await cluster();
    const cookie = await begin(one);
    database.run = '00000002-1764441234123456';
    expect(await finish(other, cookie)).toBe('refused');
  });

  it('removes rows one statement at a time', async () => {
    const { database, one } = await cluster();
    let running = 0;
    let most = 0;
    database.before = (text) => {
      if (!text.includes('expires_at < clock_timestamp()')) return undefined;
      most = Math.max(most, ++running);
      return new Promise<unknown[]>((resolve) => setTimeout(resolve, 5, [])).finally(() => {
        running--;
      });
    };
    await Promise.all([begin(one), begin(one), begin(one)]);
    expect(most).toBe(1);
  });

  it('answers 503 while the database fails, or gives something else', async () => {
    const { database, one } = await cluster();
    const cookie = await begin(one);
    database.before = () => {
      throw new Error('ECONNREFUSED');
    };
    expect(await finish(one, cookie)).toBe('unavailable');
    database.before = () => [{ value: 5 }];
    expect(await finish(one, cookie)).toBe('unavailable');
  });

  it('refuses what is no client', () => {
    expect(() => postgresExchanges({} as never, { keys: KEYS })).toThrow(TypeError);
  });
});
