/**
 * What must not show where something is kept or written down: tables of a database, trace files, and errors
 * about keys of cookies. Logs and reports of the programs: interop/leaks.interop.test.ts.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readSessionKeys } from '../src/cli/forward-auth/session-keys.ts';
import { encodeBase64 } from '../src/http/base64.ts';
import type { SecurityContext } from '../src/index.ts';
import { createAcceptor, importSecurityContext, Mechanism } from '../src/index.ts';
import { kerberos } from '../src/node/kerberos.ts';
import { traceToFile } from '../src/node/observe/trace-file.ts';
import type { PreparedStatement } from '../src/postgres/client.ts';
import { postgresExchanges } from '../src/postgres/exchanges.ts';
import { PostgresReplayCache } from '../src/postgres/replay-cache.ts';
import { redisExchanges } from '../src/redis/exchanges.ts';
import { RedisReplayCache } from '../src/redis/replay-cache.ts';
import { decodeNegToken, encodeNegTokenInit, encodeNegTokenResp } from '../src/spnego/neg-token.ts';
import { createIakerbInitiator, createRealm } from '../src/testing/index.ts';
import { failureOf } from './support/failure.ts';
import { FakePostgres } from './support/fake-postgres.ts';
import { FakeRedis } from './support/fake-redis.ts';
import { httpSite, tokenOf } from './support/http-site.ts';
import { altered, ladenClient } from './support/laden-client.ts';
import { makeKeytab, makeParties, NOW, seededRandom } from './support/realm-kit.ts';
import { SecretSearch } from './support/secrets.ts';
import { collectWarnings } from './support/warnings.ts';

const COOKIE_KEY = new Uint8Array(32);
seededRandom(41)(COOKIE_KEY);
const MESSAGE = Buffer.from('qz7Rk!2vLm#9xWtB4uYc-Hq8');

describe('the search', () => {
  const secret = new Uint8Array(16);
  seededRandom(17)(secret);
  const buffer = Buffer.from(secret);
  const latin1 = buffer.toString('latin1');
  const word = (at: number): number => buffer.readUInt32BE(at);
  const swapped = Buffer.from(secret).swap32();
  const search = new SecretSearch({ secret });
  it.each(
    Object.entries({
      hex: buffer.toString('hex'),
      'hex in capitals': buffer.toString('hex').toUpperCase(),
      'hex in columns': buffer.toString('hex').replace(/../g, '$& '),
      'hex with colons': buffer.toString('hex').replace(/..(?=.)/g, '$&:'),
      'hex in C': [...secret].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(', '),
      'hex after a word': `cafe${buffer.toString('hex')}0`,
      'a dump in lines': buffer.toString('hex').replace(/.{16}/g, '0010  $& |........|\n'),
      base64: buffer.toString('base64'),
      base64url: buffer.toString('base64url'),
      'base64 of more': Buffer.concat([Buffer.from('x'), buffer, buffer]).toString('base64'),
      'base64 in lines': buffer.toString('base64').replace(/.{9}/g, '$&\r\n'),
      'base64 in a path': `/keys/${buffer.toString('base64url')}`,
      'a list': [...secret].join(','),
      'a list with blanks': [...secret].join(' '),
      'a list with signs': [...new Int8Array(secret)].join(', '),
      'JSON of a Buffer': JSON.stringify(buffer),
      'pretty JSON of a Buffer': JSON.stringify(buffer, null, 2),
      'JSON of bytes': JSON.stringify({ key: secret }),
      'pretty JSON of bytes': JSON.stringify(secret, null, 2),
      'inspection of bytes': inspect(secret),
      'inspection of a Buffer': inspect(buffer),
      'inspection of an object': inspect({ ...secret }),
      'words of four bytes': [0, 4, 8, 12].map(word).join(', '),
      'words of a key’s schedule': inspect(new Uint32Array(swapped.buffer, swapped.byteOffset, 4)),
      'a string': latin1,
      'JSON of a string': JSON.stringify(latin1),
      'inspection of a string': inspect(latin1),
      'a string that was read as UTF-8': buffer.toString('utf8'),
      'UTF-16': Buffer.from(latin1, 'utf16le').toString('latin1'),
      'UTF-16, the other way round': Buffer.from(latin1, 'utf16le').swap16().toString('latin1'),
      'hex of UTF-16': Buffer.from(latin1, 'utf16le').toString('hex'),
      'base64 of UTF-16': Buffer.from(latin1, 'utf16le').toString('base64'),
      'escapes of printable()': latin1.replace(
        /[^ -~]/g,
        (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`,
      ),
      'escapes of JSON': latin1.replace(
        /./gs,
        (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
      ),
      'escapes of a URL': [...secret]
        .map((byte) => `%${byte.toString(16).padStart(2, '0')}`)
        .join(''),
      'escapes of a URL as UTF-8': encodeURIComponent(latin1),
    }),
  )('finds %s', (_, text) => {
    expect(search.inText(`key=${text}\nnext`)).toEqual(['secret']);
  });

  it('finds bytes in a file, and nothing where nothing is', () => {
    expect(search.inFile(Buffer.concat([Buffer.from('ab\n'), buffer, buffer]))).toEqual(['secret']);
    expect(search.inFile(Buffer.from(latin1, 'utf8'))).toEqual(['secret']);
    const other = new Uint8Array(4096);
    seededRandom(18)(other);
    expect(search.inFile(other)).toEqual([]);
    expect(search.inFile(Buffer.from(JSON.stringify({ other })))).toEqual([]);
  });

  it('refuses a secret that it would never find', () => {
    expect(() => new SecretSearch({ short: new Uint8Array(7) })).toThrow(RangeError);
  });
});

/** A database, and all that goes to it and comes back. */
function watchedPostgres() {
  const database = new FakePostgres(() => NOW);
  // It has run for long: nothing can have been forgotten.
  database.rows.set(`since:${database.run}`, 0);
  const wire: unknown[] = [];
  const query = async (statement: string | PreparedStatement, values: unknown[] = []) => {
    wire.push([statement, values]);
    const answer = await database.query(statement, values);
    wire.push(answer);
    return answer;
  };
  return { database, wire, client: { query } };
}

/** The negotiation of a client that prefers NTLM: the server keeps keys until the MIC of the list comes. */
const OFFER = encodeNegTokenInit({ mechTypes: [Mechanism.ntlmssp, Mechanism.krb5] });

function mechTypeList(): Uint8Array {
  const init = decodeNegToken(OFFER);
  if (init.kind !== 'init') throw new Error('no NegTokenInit');
  return init.mechTypeList;
}

function responseOf(token: Uint8Array): Uint8Array {
  const resp = decodeNegToken(token);
  if (resp.kind !== 'resp' || resp.responseToken === undefined) throw new Error('no response');
  return resp.responseToken;
}

describe.each(['postgres', 'redis'] as const)('%s', (engine) => {
  it('gets neither the keys of a half-finished exchange nor what a ticket sealed', async () => {
    using warnings = collectWarnings();
    const keytab = makeKeytab();
    const client = ladenClient(keytab, () => NOW);
    const { database, wire, client: postgres } = watchedPostgres();
    const redis = new FakeRedis(() => NOW);
    redis.keys.set(`krb5:rcache:since:${redis.run}`, { value: '0', endsAt: Infinity });
    const keys = { keys: [COOKIE_KEY], clock: () => NOW };
    const exchanges =
      engine === 'postgres' ? postgresExchanges(postgres, keys) : redisExchanges(redis, keys);
    const digestKey = COOKIE_KEY.map((byte) => byte ^ 0x55);
    const told: unknown[] = [];
    const onWarning = (message: string): void => void told.push(message);
    const secured = { secret: digestKey, clock: () => NOW, onWarning };
    const replayCache =
      engine === 'postgres'
        ? new PostgresReplayCache(postgres, secured)
        : new RedisReplayCache(redis, secured);
    const steps: string[] = [];
    const acceptor = { replayCache, trace: (line: string): void => void steps.push(line) };
    const site = await httpSite({ exchanges }, { keytab, acceptor });
    const host = { host: 'www.example.test' };
    const cookieIn = ({ headers }: Awaited<ReturnType<typeof site.ask>>): string => {
      const set = headers.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value);
      return set.find((value) => !value.includes('Max-Age=0'))!.split(';')[0]!;
    };
    const request = client.initiator().begin();
    const initiator = client.initiator({ random: seededRandom(5) });
    const token = initiator.begin();
    const offered = await site.ask(OFFER, host);
    const answer = encodeNegTokenResp({ responseToken: token });
    const owed = await site.ask(answer, { ...host, cookie: cookieIn(offered) });
    const context = initiator.finish(responseOf(tokenOf(owed)));
    const search = new SecretSearch({
      ...client.secretsOf(token),
      subkey: context.sessionKey.bytes(),
      'key of the exchanges': COOKIE_KEY,
      'key of the digests': digestKey,
      'ciphertext of the authenticator': token.subarray(-60),
    });
    // What waits now does have secrets.
    const waiting = (await makeParties({ keytab })).begin();
    await waiting.accept(OFFER);
    await waiting.accept(encodeNegTokenResp({ responseToken: request }));
    const inside = new SecretSearch(client.secretsOf(request)).inBytes(waiting.export());
    expect(inside).toContain('delegated key');
    const kept = {
      wire,
      redis: [...redis.keys],
      tables: [...database.exchanges, ...database.rows],
    };
    expect(search.inValue(kept)).toEqual([]);
    expect(
      engine === 'redis' ? redis.keys.size : database.exchanges.size + database.rows.size,
    ).toBe(3);
    const mechListMic = context.getMic(mechTypeList());
    const last = encodeNegTokenResp({ mechListMic });
    const owedCookie = { ...host, cookie: cookieIn(owed) };
    const outcomes = [(await site.ask(last, owedCookie)).outcome];
    expect(outcomes).toEqual(['authenticated']);
    // The same request again, a request without its cookie, and an engine that fails.
    outcomes.push((await site.ask(token, host)).outcome, (await site.ask(answer, host)).outcome);
    const fails = (message: string) => () => {
      throw new Error(message);
    };
    const again = cookieIn(await site.ask(OFFER, host));
    database.before = fails('duplicate key value violates unique constraint');
    redis.before = fails('the connection is lost');
    outcomes.push((await site.ask(answer, { ...host, cookie: again })).outcome);
    outcomes.push((await site.ask(request, host)).outcome);
    expect(outcomes.slice(1)).toEqual(['refused', 'refused', 'unavailable', 'unavailable']);
    const seen = { wire, steps, errors: site.errors, told: site.told, warned: told };
    expect(search.inValue({ ...seen, exchanges, replayCache })).toEqual([]);
    for (const error of site.errors) expect(search.inValue(error), format(error)).toEqual([]);
    expect(search.inText(format(await warnings.seen()))).toEqual([]);
    // Who has the name of an exchange may go on with it.
    const name = new SecretSearch({ name: Buffer.from(again.split('=')[1]!) });
    for (const error of site.errors) expect(name.inValue(error), format(error)).toEqual([]);
    expect(name.inValue({ steps, told: site.told, warned: told })).toEqual([]);
    expect(site.errors.length).toBeGreaterThanOrEqual(3);
  });
});

describe('a trace file', () => {
  it('has no secret of exchanges that are accepted, refused, moved or relayed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'leaks-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'trace');
    const trace = traceToFile(path);
    onTestFinished(() => trace.close());
    const keytab = makeKeytab();
    const client = ladenClient(keytab, () => NOW);
    const { acceptor } = await makeParties({ keytab });
    const initiator = client.initiator();
    const token = initiator.begin();
    const result = await acceptor.begin().accept(token);
    if (result.status !== 'complete') throw new Error(result.status);
    const mine = initiator.finish(result.outputToken);
    expect(result.context.delegatedCredential).toBeDefined();
    for (const refused of [token, altered(token), token.subarray(0, 200)]) {
      expect((await acceptor.begin().accept(refused)).status).toBe('failed');
    }
    const sealed = [mine.wrap(MESSAGE), mine.wrap(MESSAGE, { confidential: false })];
    let theirs: SecurityContext = result.context;
    for (const one of sealed) {
      const exported = theirs.export();
      theirs = importSecurityContext(exported);
      theirs.unwrap(one);
      expect(() => theirs.unwrap(altered(one))).toThrow();
    }
    mine.unwrap(theirs.wrap(MESSAGE));
    const moved = acceptor.begin();
    await moved.accept(OFFER);
    const resumed = acceptor.resume(moved.export());
    const second = client.initiator();
    const responseToken = second.begin();
    const owed = await resumed.accept(encodeNegTokenResp({ responseToken }));
    expect(owed.status).toBe('continue');
    resumed.abort();
    const realm = createRealm({
      services: ['host/server.example.test'],
      users: [{ name: 'alice', password: 'correct-horse-battery' }],
    });
    const relay = createAcceptor({
      credential: (await makeParties({ keytab: realm.keytab })).credential,
      iakerb: { kdc: realm.kdc },
    });
    const login = createIakerbInitiator({
      client: 'alice@EXAMPLE.TEST',
      password: 'correct-horse-battery',
      service: 'host/server.example.test',
    });
    const relayed = relay.begin();
    for (let step = login.begin(); step.status === 'continue'; ) {
      const answer = await relayed.accept(step.outputToken);
      if (answer.status !== 'continue') break;
      step = login.step(answer.outputToken);
    }
    trace.close();
    const written = readFileSync(path);
    const text = written.toString();
    for (const words of ['Accepted alice', 'Refused: ', 'delegat', 'IAKERB', 'SPNEGO: offered']) {
      expect(text).toContain(words);
    }
    const search = new SecretSearch({
      ...client.secretsOf(token),
      ...Object.fromEntries(
        Object.entries(client.secretsOf(responseToken)).map(([name, one]) => [`${name} 2`, one]),
      ),
      subkey: mine.sessionKey.bytes(),
      'key of the relay': realm.keytab.entries[0]!.key.bytes(),
      password: Buffer.from('correct-horse-battery'),
      message: MESSAGE,
    });
    expect(search.inFile(written)).toEqual([]);
  });
});

describe('a key of cookies that is too short or wrong', () => {
  const text = 'a-key-of-an-operator-that-is-no-base64!';
  const short = COOKIE_KEY.subarray(0, 12);
  it.each<[string, Uint8Array | string]>([
    ['text', text],
    ['bytes', short],
    ['base64', encodeBase64(short)],
    ['hex', Buffer.from(COOKIE_KEY).toString('hex')],
    ['base64 of more', encodeBase64(COOKIE_KEY).repeat(2)],
    ['equal bytes', new Uint8Array(32).fill(0xa7)],
  ])('is not in the error: %s', (_, key) => {
    const search = new SecretSearch({
      key: typeof key === 'string' ? Buffer.from(key) : key,
      bytes: COOKIE_KEY.subarray(0, 12),
    });
    const keytab = makeKeytab();
    const client = { query: async () => ({ rows: [] }) };
    const calls: (() => unknown)[] = [
      () => kerberos({ keytab, sessions: { keys: [key] } }),
      () => kerberos({ keytab, sessions: { keys: [COOKIE_KEY, key] } }),
      () => kerberos({ keytab, sessions: { keys: key as never } }),
      () => kerberos({ keytab, sessions: { keys: [{ key }] as never } }),
      () => kerberos({ keytab, sessions: key as never }),
      () => postgresExchanges(client, { keys: [key] }),
      () => redisExchanges(new FakeRedis(() => NOW), { keys: [key] }),
      () => new PostgresReplayCache(client, { secret: Buffer.from(key).subarray(0, 12) }),
      () => new PostgresReplayCache(client, { secret: encodeBase64(COOKIE_KEY) as never }),
    ];
    for (const call of calls) {
      const error = failureOf(call);
      expect(error, `${call}`).toBeInstanceOf(Error);
      expect(search.inValue(error), format(error)).toEqual([]);
    }
    const folder = mkdtempSync(join(tmpdir(), 'leaks-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'key');
    writeFileSync(path, key, { mode: 0o644 });
    const warned: string[] = [];
    const error = failureOf(() => readSessionKeys(path, (message) => warned.push(message)));
    expect(error).toBeInstanceOf(Error);
    expect(search.inValue(error), format(error)).toEqual([]);
    expect(search.inText(warned.join())).toEqual([]);
  });
});
