import { describe, expect, it } from 'vitest';
import { Mechanism } from '../../src/index.ts';
import { redisExchanges } from '../../src/redis/exchanges.ts';
import { encodeNegTokenInit, encodeNegTokenResp } from '../../src/spnego/neg-token.ts';
import { FakeRedis } from '../support/fake-redis.ts';
import { httpSite } from '../support/http-site.ts';

const KEYS = [new Uint8Array(32).map((_, i) => i)];
const HOST = { host: 'www.example.test' };

/** Two servers on one engine. */
async function cluster() {
  const time = { now: Date.UTC(2026, 10, 28, 12) };
  const engine = new FakeRedis(() => time.now);
  const site = () => httpSite({ exchanges: redisExchanges(engine, { keys: KEYS }) });
  return { engine, time, one: await site(), other: await site() };
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

describe('redisExchanges', () => {
  it('hands an exchange to another server, once', async () => {
    const { engine, one, other } = await cluster();
    const cookie = await begin(one);
    const [key = '', { value = '' } = {}] = [...engine.keys][0] ?? [];
    expect(key).toMatch(/^krb5:exchange:[\w-]{43}$/);
    expect(value).toMatch(/^a{40}:[A-Za-z0-9+/]+=*$/);
    expect(await finish(other, cookie)).toBe('authenticated');
    expect(await finish(other, cookie)).toBe('refused');
    expect(await finish(one, cookie)).toBe('refused');
  });

  it('forgets an exchange after 30 seconds', async () => {
    const { time, one, other } = await cluster();
    const cookie = await begin(one);
    time.now += 30_000;
    expect(await finish(other, cookie)).toBe('refused');
  });

  it('discards what an earlier run was given: a replica may give it twice', async () => {
    const { engine, one, other } = await cluster();
    const cookie = await begin(one);
    engine.run = 'b'.repeat(40);
    expect(await finish(other, cookie)).toBe('refused');
  });

  it('answers 503 while the engine fails, or answers something else', async () => {
    const { engine, one } = await cluster();
    const cookie = await begin(one);
    engine.before = () => {
      throw new Error('ECONNREFUSED');
    };
    expect(await finish(one, cookie)).toBe('unavailable');
    engine.before = () => Promise.resolve(5);
    expect(await finish(one, cookie)).toBe('unavailable');
  });

  it('refuses what is no client', () => {
    expect(() => redisExchanges({} as never, { keys: KEYS })).toThrow(TypeError);
  });
});
