/**
 * What must not show on the surfaces around an acceptor: sites and their sessions, forward-auth, engines, the
 * relay of logins, SASL, the realm for tests, gss-inspect and -check. The library itself: leaks.test.ts.
 */
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { engineName, openEngineCache } from '../src/cli/engine-cache.ts';
import { forwardAuthHandler } from '../src/cli/forward-auth/handler.ts';
import { parseIdentityHeaders } from '../src/cli/forward-auth/identity-headers.ts';
import { Told } from '../src/cli/forward-auth/records.ts';
import { encodeBase64 } from '../src/http/base64.ts';
import { kdcProxy } from '../src/iakerb/kdc-proxy.ts';
import {
  acquireCredential,
  ChannelName,
  createAcceptor,
  formatKeytab,
  Mechanism,
} from '../src/index.ts';
import { formatInspection } from '../src/inspect/format-text.ts';
import { inspect as inspectInput } from '../src/inspect/inspect.ts';
import { checkAcceptor } from '../src/node/check/check-acceptor.ts';
import { kerberos } from '../src/node/kerberos.ts';
import { redisExchanges } from '../src/redis/exchanges.ts';
import { RedisReplayCache } from '../src/redis/replay-cache.ts';
import { createSaslServer } from '../src/sasl/index.ts';
import { encodeNegTokenInit } from '../src/spnego/neg-token.ts';
import {
  createIakerbInitiator,
  createInitiator,
  createRealm,
  createSaslClient,
  mintTicket,
  testKeytab,
} from '../src/testing/index.ts';
import { listen } from './support/channels.ts';
import { failureOf } from './support/failure.ts';
import { FakeRedis } from './support/fake-redis.ts';
import { SecretSearch } from './support/secrets.ts';
import { collectWarnings } from './support/warnings.ts';

const keytab = testKeytab('HTTP/localhost@EXAMPLE.TEST');
const serviceKey = keytab.entries[0]!.key;
const COOKIE_KEY = new Uint8Array(32).map((_, i) => 0xc1 ^ (7 * i));
const PASSWORD = 'correct-horse-battery';

/** An altered token: the last byte belongs to the authenticator. */
function altered(token: Uint8Array): Uint8Array {
  const copy = token.slice();
  copy[copy.length - 1]! ^= 1;
  return copy;
}

function negotiateOf(token: Uint8Array): string {
  return `Negotiate ${encodeBase64(token)}`;
}

/** What is published on all channels. */
function listenToAll() {
  const all = Object.values(ChannelName).map(listen);
  onTestFinished(() => {
    for (const one of all) one[Symbol.dispose]();
  });
  return () => all.flatMap(({ messages }) => messages);
}

async function start(handler: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer({ maxHeaderSize: 81_920 }, handler as () => void);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** All that a client reads of an answer. */
async function answerOf(url: string, headers: Record<string, string>) {
  const response = await fetch(url, { headers });
  const body = await response.text();
  const cookie = response.headers.get('set-cookie') ?? '';
  return { status: response.status, cookie, text: format([...response.headers], body) };
}

describe('a site', () => {
  it('shows no key of service, ticket, session or cookies, whatever a client sends', async () => {
    using warnings = collectWarnings();
    const published = listenToAll();
    const steps: string[] = [];
    const acceptor = createAcceptor({
      credential: await acquireCredential({ keytab }),
      trace: (line) => steps.push(line),
    });
    const ticket = mintTicket({ keytab, client: { name: 'alice', groups: [512] } });
    const told: unknown[] = [];
    const signOn = kerberos({
      acceptor,
      sessions: { keys: [COOKIE_KEY], cookie: { secure: false } },
      onAccepted: (accepted) => told.push(accepted),
      onChallenge: (_, why) => told.push(why),
      onRefused: (error, _, facts) => told.push(error, facts),
      onAbandoned: (error) => told.push(error),
      onWarning: (message, error) => told.push(message, error),
    });
    const url = await start(async (request, response) => {
      const client = await signOn(request, response);
      if (client === undefined) return;
      told.push(client);
      response.end(JSON.stringify(client.identity));
    });
    const begin = () => createInitiator({ ticket }).begin();
    const answers = [
      await answerOf(url, {}),
      await answerOf(url, { authorization: 'Negotiate' }),
      await answerOf(url, { authorization: 'Negotiate !!!' }),
      await answerOf(url, { authorization: negotiateOf(altered(begin())) }),
      await answerOf(url, { authorization: negotiateOf(begin().subarray(0, 90)) }),
      await answerOf(url, { authorization: negotiateOf(begin()) }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 400, 401, 401, 200]);
    const cookie = answers.at(-1)!.cookie.split(';')[0]!;
    expect(cookie).not.toBe('');
    const again = await answerOf(url, { cookie });
    const forged = await answerOf(url, { cookie: `${cookie.slice(0, -6)}AAAAAA` });
    expect([again.status, forged.status]).toEqual([200, 401]);
    const search = new SecretSearch({
      'service key': serviceKey.bytes(),
      'session key': ticket.sessionKey.bytes(),
      'cookie key': COOKIE_KEY,
    });
    for (const { text } of [...answers, again, forged]) expect(search.inText(text)).toEqual([]);
    // Of what hooks get, the value of a cookie is a secret of the client.
    const value = new SecretSearch({ cookie: Buffer.from(cookie.split('=')[1]!) });
    const seen = {
      told,
      steps,
      statistics: acceptor.statistics,
      report: acceptor.report(),
      published: published(),
      warnings: await warnings.seen(),
      signOn,
    };
    expect(told.length).toBeGreaterThan(8);
    expect(steps.length).toBeGreaterThan(8);
    expect(search.inValue(seen)).toEqual([]);
    for (const one of told) expect(search.inValue(one)).toEqual([]);
    const { told: _, ...rest } = seen;
    expect(value.inValue(rest)).toEqual([]);
  });

  it('refuses short or malformed keys of cookies without showing them', () => {
    const text = 'a-key-of-an-operator-that-is-no-base64!';
    for (const key of [
      text,
      COOKIE_KEY.subarray(0, 12),
      encodeBase64(COOKIE_KEY.subarray(0, 12)),
    ]) {
      const search = new SecretSearch({
        key: typeof key === 'string' ? Buffer.from(key) : key,
      });
      const error = failureOf(() => kerberos({ keytab, sessions: { keys: [key] } }));
      expect(error).toBeInstanceOf(Error);
      expect(search.inValue(error), format(error)).toEqual([]);
    }
  });
});

async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('krb5-forward-auth', () => {
  it('shows no key and no credentials in records, counters, health and answers', async () => {
    const records: unknown[] = [];
    const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });
    const told = new Told();
    const handler = forwardAuthHandler({
      signOn: kerberos({
        acceptor,
        trustProxy: true,
        sessions: { keys: [COOKIE_KEY], cookie: { secure: false } },
        ...told.hooks,
      }),
      acceptor,
      told,
      headers: parseIdentityHeaders('Remote-User=principal'),
      original: { method: 'x-forwarded-method', uri: 'x-forwarded-uri', host: 'x-forwarded-host' },
      isProxy: () => true,
      record: (record) => void records.push(record),
    });
    const url = await start(handler);
    const ticket = mintTicket({ keytab, client: 'alice' });
    const token = createInitiator({ ticket }).begin();
    const proxied = {
      'X-Forwarded-Method': 'GET',
      'X-Forwarded-Uri': '/wiki?token=query-secret-of-a-link',
      'X-Forwarded-Host': 'localhost',
      'X-Forwarded-Proto': 'https',
    };
    const ask = (path: string, authorization?: string) =>
      answerOf(`${url}${path}`, { ...proxied, ...(authorization && { authorization }) });
    const answers = [
      await ask('/auth'),
      await ask('/auth', negotiateOf(altered(token))),
      await ask('/auth', negotiateOf(token)),
      await ask('/auth', 'Basic cGFzc3dvcmQtb2YtYWxpY2U='),
      await answerOf(`${url}/metrics`, {}),
      await answerOf(`${url}/healthz`, {}),
    ];
    expect(answers.map(({ status }) => status).slice(0, 3)).toEqual([401, 401, 200]);
    expect(answers[4]!.text).toContain('kerberos_accepted_total 1');
    expect(records.length).toBeGreaterThanOrEqual(3);
    const search = new SecretSearch({
      'service key': serviceKey.bytes(),
      'session key': ticket.sessionKey.bytes(),
      'cookie key': COOKIE_KEY,
      token: token.subarray(token.length - 60),
      query: Buffer.from('query-secret-of-a-link'),
      Basic: Buffer.from('password-of-alice'),
    });
    expect(search.inValue({ records, handler })).toEqual([]);
    for (const { text } of answers) expect(search.inText(text), text).toEqual([]);
  });
});

describe('an engine', () => {
  it('holds and shows neither keys nor what they seal', async () => {
    const engine = new FakeRedis(Date.now);
    engine.keys.set(`krb5:rcache:since:${engine.run}`, { value: '0', endsAt: Infinity });
    const replayCache = new RedisReplayCache(engine);
    const exchanges = redisExchanges(engine, { keys: [COOKIE_KEY] });
    const credential = await acquireCredential({ keytab });
    const acceptor = createAcceptor({ credential, replayCache });
    const ticket = mintTicket({ keytab, client: 'alice' });
    const token = createInitiator({ ticket }).begin();
    const search = new SecretSearch({
      'service key': serviceKey.bytes(),
      'session key': ticket.sessionKey.bytes(),
      'exchange key': COOKIE_KEY,
      authenticator: token.subarray(token.length - 60),
    });
    expect((await acceptor.begin().accept(token)).status).toBe('complete');
    const repeated = await acceptor.begin().accept(token);
    expect(repeated.status).toBe('failed');
    expect(search.inValue(repeated)).toEqual([]);
    const handshake = acceptor.begin();
    await handshake.accept(encodeNegTokenInit({ mechTypes: [Mechanism.krb5] }));
    const request = { host: 'localhost', authorization: null };
    const headers = await exchanges.keep({ handshake, request });
    expect(engine.keys.size).toBeGreaterThanOrEqual(3);
    expect(search.inValue({ kept: [...engine.keys], headers, replayCache, exchanges })).toEqual([]);
    engine.before = () => {
      throw new Error('the connection is lost');
    };
    const lost = await acceptor.begin().accept(createInitiator({ ticket }).begin());
    expect(lost.status).toBe('failed');
    expect(search.inValue(lost)).toEqual([]);
  });

  it.each([
    // Each is a slip with which the password is no longer that of the URL.
    `redis:${PASSWORD}@host`,
    `redis::${PASSWORD}@host:6379`,
    `redis:me:${PASSWORD}`,
    `redis://me:12#${PASSWORD}@host`,
    `redis://me:12/${PASSWORD}@host`,
    `redis://me:12?${PASSWORD}@host`,
    `postgres:me:${PASSWORD}@host/app`,
    `postgres://me:12#${PASSWORD}@host/app`,
    `postgres://me:12/${PASSWORD}@host/app`,
    `unix:${PASSWORD}@/run/redis.sock`,
    // And these are right.
    `redis://:${PASSWORD}@host`,
    `redis://${PASSWORD}%21:${PASSWORD}@host`,
    `postgres://me@host/app?password=${PASSWORD}`,
    `unix:/run/redis.sock?db=0&password=${PASSWORD}`,
  ])('does not show the password of %s', async (name) => {
    const search = new SecretSearch({ password: Buffer.from(PASSWORD) });
    const said: string[] = [];
    const load = async (): Promise<never> => {
      throw new Error(`connect ECONNREFUSED ${name}`);
    };
    const warn = (message: string): void => void said.push(message);
    const errors = [
      await rejectionOf(openEngineCache(name, { warn, load })),
      failureOf(() => engineName(name, undefined)),
    ];
    expect(errors[0]).toBeInstanceOf(Error);
    for (const error of errors) expect(search.inValue(error), format(error)).toEqual([]);
    expect(search.inText(said.join())).toEqual([]);
  });
});

describe('the relay of logins', () => {
  it('shows no password, and no key of user, service or session', async () => {
    const published = listenToAll();
    const realm = createRealm({
      services: ['host/www.example.test'],
      users: [{ name: 'alice', password: PASSWORD }],
    });
    const steps: string[] = [];
    const acceptor = createAcceptor({
      credential: await acquireCredential({ keytab: realm.keytab }),
      iakerb: { kdc: realm.kdc },
      trace: (line) => steps.push(line),
    });
    const secrets = {
      password: Buffer.from(PASSWORD),
      'service key': realm.keytab.entries[0]!.key.bytes(),
    };
    const login = async (password: string) => {
      const initiator = createIakerbInitiator({
        client: 'alice@EXAMPLE.TEST',
        password,
        service: 'host/www.example.test',
      });
      const handshake = acceptor.begin();
      const tokens: Uint8Array[] = [];
      try {
        for (let step = initiator.begin(); step.status === 'continue'; ) {
          tokens.push(step.outputToken);
          const result = await handshake.accept(step.outputToken);
          if (result.outputToken !== undefined) tokens.push(result.outputToken);
          if (result.status !== 'continue') return { result, handshake, initiator, tokens };
          step = initiator.step(result.outputToken);
        }
      } catch (error) {
        handshake.abort();
        return { error, handshake, initiator, tokens };
      }
      throw new Error('the initiator was done first');
    };
    const good = await login(PASSWORD);
    expect(good.result?.status).toBe('complete');
    const wrong = await login(`${PASSWORD}-no`);
    expect(wrong.error).toBeInstanceOf(Error);
    const context = good.result?.status === 'complete' ? good.result.context : undefined;
    const search = new SecretSearch({ ...secrets, subkey: context!.sessionKey.bytes() });
    const seen = { steps, published: published(), statistics: acceptor.statistics, realm };
    expect(steps.length).toBeGreaterThan(3);
    expect(search.inValue(seen)).toEqual([]);
    for (const { tokens, ...objects } of [good, wrong]) {
      expect(search.inValue(objects)).toEqual([]);
      for (const token of tokens) expect(search.inBytes(token)).toEqual([]);
    }
  });

  it('does not show the password in the URL of a proxy, which is refused', async () => {
    const search = new SecretSearch({ password: Buffer.from(PASSWORD) });
    for (const scheme of ['https', 'http']) {
      const url = `${scheme}://me:${PASSWORD}@kdc.example.test/KdcProxy`;
      const error = failureOf(() => kdcProxy(url));
      expect(error).toBeInstanceOf(RangeError);
      expect(search.inValue(error), format(error)).toEqual([]);
    }
  });
});

describe('SASL', () => {
  it('shows no key and no message of a session, nor of one that fails', async () => {
    const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });
    const ticket = mintTicket({ keytab, client: 'alice' });
    const server = createSaslServer({ acceptor });
    const text = Buffer.from('qz7Rk!2vLm#9xWtB4uYc-Hq8');
    const client = createSaslClient('GSSAPI', { ticket });
    const exchange = server.begin('GSSAPI');
    let step = await exchange.step(client.begin());
    while (step.status === 'continue') {
      step = await exchange.step(client.step(step.challenge).response);
    }
    if (step.status !== 'complete') throw new Error(`not complete: ${step.status}`);
    const { session } = step;
    const search = new SecretSearch({
      'service key': serviceKey.bytes(),
      'session key': ticket.sessionKey.bytes(),
      subkey: session.context.sessionKey.bytes(),
      message: text,
    });
    expect(search.inValue({ server, exchange, step, client })).toEqual([]);
    const wrapped = session.wrap(text);
    expect(search.inBytes(wrapped)).toEqual([]);
    wrapped[wrapped.length - 1]! ^= 1;
    const unwrapping = failureOf(() => session.unwrap(wrapped));
    expect(unwrapping).toBeInstanceOf(Error);
    expect(search.inValue({ unwrapping, session })).toEqual([]);
    expect(search.inValue(unwrapping)).toEqual([]);
    const bad = await server.begin('GSSAPI').step(altered(createInitiator({ ticket }).begin()));
    expect(bad.status).toBe('failed');
    expect(search.inValue(bad)).toEqual([]);
  });
});

describe('what is for operators and tests', () => {
  it('-check shows no key', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'leaks-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'http.keytab');
    const search = new SecretSearch({ 'service key': serviceKey.bytes() });
    const whole = formatKeytab(keytab);
    for (const bytes of [whole, whole.subarray(0, -3), Buffer.from(whole).toString('base64')]) {
      writeFileSync(path, bytes);
      chmodSync(path, 0o644);
      const findings = await checkAcceptor({ keytab: path, kdc: false });
      expect(search.inValue(findings)).toEqual([]);
    }
  });

  it('gss-inspect hides keys and passwords unless it is asked for them', async () => {
    const ticket = mintTicket({ keytab, client: { name: 'alice', groups: [512] } });
    const token = createInitiator({ ticket }).begin();
    const search = new SecretSearch({
      'service key': serviceKey.bytes(),
      'session key': ticket.sessionKey.bytes(),
    });
    const options = { keytab: formatKeytab(keytab), now: Date.now() };
    for (const input of [token, altered(token), formatKeytab(keytab), token.subarray(0, 200)]) {
      const shown = await inspectInput(input, options);
      expect(search.inValue(shown)).toEqual([]);
      expect(search.inText(formatInspection(shown, 'now'))).toEqual([]);
    }
    // What is searched for would be found.
    const open = await inspectInput(token, { ...options, secrets: true, shownBytes: 64 });
    expect(search.inText(formatInspection(open, 'now'))).toEqual(['session key']);
  });

  it('objects of the test kit show no key and no password', () => {
    const realm = createRealm({ users: [{ name: 'alice', password: PASSWORD }] });
    const ticket = mintTicket({ keytab, client: 'alice' });
    const initiator = createInitiator({ ticket });
    initiator.begin();
    const search = new SecretSearch({
      'service key': serviceKey.bytes(),
      'session key': ticket.sessionKey.bytes(),
      password: Buffer.from(PASSWORD),
    });
    expect(search.inValue({ realm, ticket, initiator, keytab })).toEqual([]);
  });
});
