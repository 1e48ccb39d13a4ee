import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../../src/http/base64.ts';
import type { Identity } from '../../../src/http/identity.ts';
import type { SessionRequest } from '../../../src/http/session/keeper.ts';
import type { SessionOptions, SessionWarning } from '../../../src/http/session/options.ts';
import type { SessionSurroundings } from '../../../src/http/session/sessions.ts';
import { Sessions } from '../../../src/http/session/sessions.ts';
import { systemRandom } from '../../../src/random.ts';
import { runs } from '../../support/properties.ts';
import { NOW, seededRandom } from '../../support/realm-kit.ts';
import { collectWarnings } from '../../support/warnings.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const OTHER_KEY = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);
const SERVICE = 'HTTP/www.example.test@EXAMPLE.TEST';
const HOST = 'www.example.test';
const HOUR = 3_600_000;
const DOMAIN = 'S-1-5-21-1004336348-1177238915-682003330';
const ALICE: Identity = Object.freeze({
  principal: 'alice@EXAMPLE.TEST',
  name: 'alice',
  realm: 'EXAMPLE.TEST',
  displayName: 'Älice',
  sid: `${DOMAIN}-1104`,
  groups: [`${DOMAIN}-513`, `${DOMAIN}-1201`, 'S-1-18-1'],
  indicators: ['otp'],
  mechanism: 'spnego',
  channelBound: true,
  authenticatedAt: new Date(NOW - HOUR).toISOString(),
  expiresAt: new Date(NOW + 9 * HOUR).toISOString(),
});

function makeSessions(
  options: Partial<SessionOptions> = {},
  surroundings: Partial<SessionSurroundings> = {},
): Sessions {
  return new Sessions(
    { keys: [KEY], ...options },
    {
      random: seededRandom(5),
      timer: () => () => {},
      deadline: 5,
      accepts: () => true,
      ...surroundings,
    },
  );
}

function at(milliseconds: number): Date {
  return new Date(NOW + milliseconds);
}

/** Begins a session; the `Cookie` header of the next request. */
async function begin(sessions: Sessions, identity = ALICE, request: SessionRequest = {}) {
  const headers = await sessions.begin(identity, SERVICE, { host: HOST, ...request }, at(0));
  expect(headers.map(([name]) => name)).toEqual(['Set-Cookie']);
  return headers[0]![1].split(';')[0]!;
}

async function open(sessions: Sessions, cookie: string, later = 0, request: SessionRequest = {}) {
  return await sessions.open({ host: HOST, cookie, ...request }, at(later));
}

describe('a session', () => {
  it('is the identity of the client, as it was and frozen', async () => {
    const sessions = makeSessions();
    const session = await open(sessions, await begin(sessions));
    expect(session).toEqual({ identity: ALICE, headers: [] });
    expect(Object.isFrozen(session!.identity)).toBe(true);
  });

  it('is as strict a cookie as there is, which browsers forget when they are closed', async () => {
    const [[name, field]] = (await makeSessions().begin(ALICE, SERVICE, {}, at(0))) as [
      [string, string],
    ];
    expect(name).toBe('Set-Cookie');
    expect(field).toMatch(
      /^__Host-krb5=[A-Za-z0-9+/]+=*; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    );
  });

  it('is valid in another process with the same key, and again in the same', async () => {
    const cookie = await begin(makeSessions());
    const other = makeSessions({}, { random: seededRandom(77) });
    for (let i = 0; i < 3; i++) expect((await open(other, cookie))?.identity).toEqual(ALICE);
  });

  it('cannot be read: neither the cookie nor its bytes contain a word of it', async () => {
    const cookie = await begin(makeSessions());
    const bytes = decodeBase64(cookie.slice(cookie.indexOf('=') + 1))!;
    const text = String.fromCharCode(...bytes) + cookie;
    for (const word of ['alice', 'EXAMPLE', 'principal', '1104', 'otp', 'S-1-5']) {
      expect(text).not.toContain(word);
    }
  });

  it('differs each time, for the same client', async () => {
    const sessions = makeSessions({}, { random: systemRandom });
    const cookies = new Set<string>();
    for (let i = 0; i < 20; i++) cookies.add((await begin(sessions)).slice(0, 44));
    expect(cookies.size).toBe(20);
  });

  it('ends with the ticket', async () => {
    const sessions = makeSessions();
    const cookie = await begin(sessions);
    expect(await open(sessions, cookie, 9 * HOUR - 1)).toBeDefined();
    expect(await open(sessions, cookie, 9 * HOUR)).toBeUndefined();
    expect(await open(makeSessions(), cookie, 9 * HOUR)).toBeUndefined();
  });

  it('ends after maxAge, also one that began when maxAge was longer', async () => {
    const sessions = makeSessions({ maxAge: 600 });
    const cookie = await begin(makeSessions());
    expect(await open(sessions, cookie, 599_999)).toBeDefined();
    expect(await open(sessions, cookie, 600_000)).toBeUndefined();
  });

  it('does not begin with a ticket that is accepted within the skew, after its end', async () => {
    const expired = { ...ALICE, expiresAt: new Date(NOW).toISOString() };
    expect(await makeSessions().begin(expired, SERVICE, {}, at(0))).toEqual([]);
  });

  it('is invalid if it is of the future, or if the clock gives no time', async () => {
    const sessions = makeSessions();
    const cookie = await begin(sessions);
    expect(await open(sessions, cookie, -300_000)).toBeDefined();
    expect(await open(sessions, cookie, -300_001)).toBeUndefined();
    expect(await open(sessions, cookie, Number.NaN)).toBeUndefined();
  });
});

describe('an invalid session', () => {
  const sessions = makeSessions();

  it.each([
    ['nothing', undefined],
    ['an empty header', ''],
    ['an empty cookie', '__Host-krb5='],
    ['no base64', '__Host-krb5=????'],
    ['too few bytes', `__Host-krb5=${encodeBase64(new Uint8Array(39))}`],
    ['zeros', `__Host-krb5=${encodeBase64(new Uint8Array(300))}`],
    ['more than a cookie may have', `__Host-krb5=${'AAAA'.repeat(2000)}`],
    ['another name', 'krb5=AAAA'],
  ])('%s', async (_, cookie) => {
    expect(await sessions.open({ host: HOST, cookie }, at(0))).toBeUndefined();
  });

  it('a cookie of which any bit of any character was changed', async () => {
    const cookie = await begin(sessions);
    const start = cookie.indexOf('=') + 1;
    for (let i = start; i < cookie.length; i++) {
      for (let bit = 0; bit < 8; bit++) {
        const char = String.fromCharCode(cookie.charCodeAt(i) ^ (1 << bit));
        const altered = cookie.slice(0, i) + char + cookie.slice(i + 1);
        // Trailing white space is not part of a value; the last character is never that.
        expect(await open(sessions, altered)).toBeUndefined();
      }
    }
    expect(await open(sessions, cookie)).toBeDefined();
  });

  it('a cookie that was cut anywhere, or continued', async () => {
    const cookie = await begin(sessions);
    for (let length = 0; length < cookie.length; length++) {
      expect(await open(sessions, cookie.slice(0, length))).toBeUndefined();
    }
    for (const more of ['A', '=', 'AAAA', cookie]) {
      expect(await open(sessions, cookie + more)).toBeUndefined();
    }
  });

  it('parts of two cookies', async () => {
    const [one, two] = [await begin(sessions), await begin(sessions, { ...ALICE, name: 'mallo' })];
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 13, max: one.length - 1 }), async (place) => {
        const mixed = one.slice(0, place) + two.slice(place);
        expect(mixed === one || mixed === two || (await open(sessions, mixed)) === undefined).toBe(
          true,
        );
      }),
      { numRuns: runs(50) },
    );
  });

  it('any text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => {
        expect(await open(sessions, text)).toBeUndefined();
        expect(await open(sessions, `__Host-krb5=${text}`)).toBeUndefined();
      }),
    );
  });

  it('a cookie that came twice, the same or another beside it', async () => {
    const cookie = await begin(sessions);
    expect(await open(sessions, `${cookie}; ${cookie}`)).toBeUndefined();
    expect(await open(sessions, `${cookie}; __Host-krb5=x`)).toBeUndefined();
    expect(await open(sessions, `__Host-krb5=; ${cookie}`)).toBeUndefined();
    expect(await open(sessions, `a=b; ${cookie}; c=d`)).toBeDefined();
  });

  it('a cookie of another key; of an old key, once it is removed', async () => {
    const cookie = await begin(sessions);
    expect(await open(makeSessions({ keys: [OTHER_KEY] }), cookie)).toBeUndefined();
    const rotated = makeSessions({ keys: [OTHER_KEY, KEY] });
    expect((await open(rotated, cookie))?.identity).toEqual(ALICE);
    expect(await open(sessions, await begin(rotated))).toBeUndefined();
  });

  it('a cookie of another host, name or domain, with the same key', async () => {
    const cookie = await begin(sessions);
    for (const host of ['other.example.test', `${HOST}:8443`, '', undefined, null]) {
      expect(await open(sessions, cookie, 0, { host })).toBeUndefined();
      expect(await open(makeSessions(), cookie, 0, { host })).toBeUndefined();
    }
    expect(await open(sessions, cookie, 0, { host: 'WWW.Example.TEST' })).toBeDefined();
    const value = cookie.slice(cookie.indexOf('='));
    const named = makeSessions({ cookie: { name: '__Host-admin' } });
    expect(await open(named, `__Host-admin${value}`)).toBeUndefined();
    const wide = makeSessions({ cookie: { domain: HOST } });
    expect(await open(wide, `__Secure-krb5${value}`)).toBeUndefined();
  });

  it('a cookie of an application with another service, whatever host the client claims', async () => {
    const cookie = await begin(sessions);
    const asked: string[] = [];
    const other = makeSessions(
      {},
      {
        accepts: (service) => {
          asked.push(service);
          return false;
        },
      },
    );
    expect(await open(other, cookie)).toBeUndefined();
    expect(asked).toEqual([SERVICE]);
    const late = makeSessions({}, { accepts: () => Promise.resolve(true) as unknown as boolean });
    expect(await open(late, cookie)).toBeUndefined();
  });

  it('a Secure cookie that came in clear; nor does one begin there', async () => {
    const warnings: SessionWarning[] = [];
    const own = makeSessions({ onWarning: (warning) => warnings.push(warning) });
    const cookie = await begin(own, ALICE, { secure: true });
    expect(await open(own, cookie, 0, { secure: true })).toBeDefined();
    expect(await open(own, cookie, 0, { secure: false })).toBeUndefined();
    expect(await own.begin(ALICE, SERVICE, { host: HOST, secure: false }, at(0))).toEqual([]);
    expect(warnings.map(({ kind }) => kind)).toEqual(['insecure']);
    expect(warnings[0]!.error.hint).toContain('sessions.cookie.secure');
    const open_ = makeSessions({ cookie: { secure: false } });
    expect(await open(open_, await begin(open_, ALICE, { secure: false }))).toBeDefined();
  });
});

describe('a session of a domain', () => {
  it('is valid on each of its hosts, and for each service', async () => {
    const options = { cookie: { domain: 'example.test' } };
    const a = makeSessions(options);
    const cookie = await begin(a, ALICE, { host: 'a.example.test' });
    const b = makeSessions(options, { accepts: () => false });
    expect(await open(b, cookie, 0, { host: 'b.example.test' })).toBeDefined();
    const other = makeSessions({ cookie: { domain: 'other.test', name: '__Secure-krb5' } });
    expect(await open(other, cookie)).toBeUndefined();
  });
});

describe('renewAfter', () => {
  const options = { maxAge: 1800, renewAfter: 600 };

  it('seals the cookie anew when it is older, so that it lasts another maxAge', async () => {
    const sessions = makeSessions(options);
    const cookie = await begin(sessions);
    expect((await open(sessions, cookie, 599_999))!.headers).toEqual([]);
    const { headers } = (await open(sessions, cookie, 600_000))!;
    expect(headers).toHaveLength(1);
    const renewed = headers[0]![1].split(';')[0]!;
    expect(renewed).not.toBe(cookie);
    expect(await open(sessions, cookie, 1_800_000)).toBeUndefined();
    expect((await open(sessions, renewed, 1_800_000))!.identity).toEqual(ALICE);
    expect(await open(sessions, renewed, 2_400_000)).toBeUndefined();
  });

  it('never extends a session beyond the ticket', async () => {
    const sessions = makeSessions(options);
    let cookie = await begin(sessions);
    let time = 0;
    for (; time < 9 * HOUR; time += 700_000) {
      const session = await open(sessions, cookie, time);
      expect(session).toBeDefined();
      cookie = session!.headers[0]?.[1].split(';')[0] ?? cookie;
    }
    expect(time - 700_000).toBeGreaterThan(8 * HOUR);
    expect(await open(sessions, cookie, 9 * HOUR)).toBeUndefined();
  });

  it('is sealed anew with the first key', async () => {
    const cookie = await begin(makeSessions());
    const rotated = makeSessions({ ...options, keys: [OTHER_KEY, KEY] });
    const { headers } = (await open(rotated, cookie, 600_000))!;
    const fresh = makeSessions({ keys: [OTHER_KEY] });
    expect(await open(fresh, headers[0]![1].split(';')[0]!, 600_000)).toBeDefined();
  });
});

describe('groups', () => {
  const many = Array.from({ length: 1500 }, (_, i) => `${DOMAIN}-${10_000 + i}`);

  it('travel all, none, or those of a list', async () => {
    for (const [groups, expected] of [
      ['all', ALICE.groups],
      ['none', []],
      [['S-1-18-1', `${DOMAIN}-9`], ['S-1-18-1']],
    ] as const) {
      const sessions = makeSessions({ groups });
      const session = await open(sessions, await begin(sessions));
      expect(session!.identity.groups).toEqual(expected);
    }
  });

  it('of which a cookie cannot hold all are an error that says so, and no session', async () => {
    const warnings: SessionWarning[] = [];
    const sessions = makeSessions({ onWarning: (warning) => warnings.push(warning) });
    const headers = await sessions.begin({ ...ALICE, groups: many }, SERVICE, {}, at(0));
    expect(headers).toEqual([]);
    const [{ kind, error, message }] = warnings as [SessionWarning];
    expect(kind).toBe('too-large');
    expect(error.code).toBe('GSS_S_UNAVAILABLE');
    expect(error.message).toMatch(
      /^No session for alice@EXAMPLE\.TEST: the cookie has \d+ bytes, browsers keep 4096$/,
    );
    expect(error.hint).toMatch(/^it holds 1500 groups: .*sessions\.groups.*sessions\.store/);
    expect(message).toBe(`${error.message} (${error.hint})`);
    const few = makeSessions({ groups: many.slice(0, 100) });
    const session = await open(few, await begin(few, { ...ALICE, groups: many }));
    expect(session!.identity.groups).toEqual(many.slice(0, 100));
  });

  it('fill no cookie above 4096 bytes, with its attributes', async () => {
    const sizes = new Set<number>();
    for (let count = 700; count < 1300; count += 7) {
      const sessions = makeSessions({ onWarning: () => {} });
      const identity = { ...ALICE, groups: many.slice(0, count) };
      for (const [, field] of await sessions.begin(identity, SERVICE, { host: HOST }, at(0))) {
        expect(await open(sessions, field.split(';')[0]!)).toBeDefined();
        sizes.add(field.length);
      }
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4096);
    expect(Math.max(...sizes)).toBeGreaterThan(4000);
  });
});

describe('end', () => {
  it('makes the browser forget the cookie', async () => {
    const sessions = makeSessions();
    const cookie = await begin(sessions);
    expect(await sessions.end({ cookie, host: HOST })).toEqual([
      ['Set-Cookie', '__Host-krb5=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0'],
    ]);
    expect(await sessions.end({})).toHaveLength(1);
  });
});

describe('faults', () => {
  it('of the source of randomness leave the client without a session', async () => {
    const warnings: SessionWarning[] = [];
    const sessions = makeSessions(
      { onWarning: (warning) => warnings.push(warning) },
      { random: () => {} },
    );
    expect(await sessions.begin(ALICE, SERVICE, { host: HOST }, at(0))).toEqual([]);
    expect(warnings.map(({ kind }) => kind)).toEqual(['fault']);
    expect(warnings[0]!.message).toContain('There is no randomness');
  });

  it('at the renewal leave the session as it is', async () => {
    const cookie = await begin(makeSessions());
    const kinds: string[] = [];
    const sessions = makeSessions(
      { renewAfter: 60, onWarning: ({ kind }) => kinds.push(kind) },
      {
        random: () => {
          throw new Error('none');
        },
      },
    );
    expect(await open(sessions, cookie, HOUR)).toEqual({ identity: ALICE, headers: [] });
    expect(kinds).toEqual(['fault']);
  });

  it('are a warning of the process, once of each kind, without a listener', async () => {
    const sessions = makeSessions();
    using warnings = collectWarnings();
    for (let i = 0; i < 3; i++) {
      await sessions.begin(ALICE, SERVICE, { host: HOST, secure: false }, at(0));
    }
    expect((await warnings.seen()).map(({ code }) => code)).toEqual(['KRB5_ACCEPTOR_SESSION']);
  });
});

describe('options', () => {
  it.each([
    [{ keys: [] }, /sessions\.keys: expected 1 to 16 keys, got 0/],
    [{ keys: 'secret' }, /sessions\.keys: expected a list of keys, got text/],
    [
      { keys: ['secret'] },
      /sessions\.keys: expected 32 random bytes, or their base64 \(openssl rand -base64 32\), got text that is not base64/,
    ],
    [
      { keys: ['c2VjcmV0'] },
      /sessions\.keys: expected 32 random bytes, or their base64 \(openssl rand -base64 32\), got 6 bytes/,
    ],
    [
      { keys: [new Uint8Array(31)] },
      /sessions\.keys: expected 32 random bytes, or their base64 \(openssl rand -base64 32\), got 31 bytes/,
    ],
    [{ keys: [KEY, new Uint8Array(32)] }, /sessions\.keys: expected random bytes, got 32 equal/],
    [
      { keys: [undefined] },
      /sessions\.keys: expected 32 random bytes, or their base64 \(openssl rand -base64 32\), got undefined/,
    ],
    [{ keys: undefined }, /sessions\.keys: expected a list of keys, got undefined/],
    [{ keys: Array.from({ length: 17 }, () => KEY) }, /1 to 16 keys, got 17/],
    [{ maxAge: 0 }, /sessions\.maxAge: expected seconds above 0, got 0/],
    [{ maxAge: Number.POSITIVE_INFINITY }, /sessions\.maxAge/],
    [{ maxAge: undefined }, /sessions\.maxAge: expected a value, got undefined/],
    [{ renewAfter: -1 }, /sessions\.renewAfter/],
    [{ maxAge: 60, renewAfter: 60 }, /sessions\.renewAfter: expected less than maxAge \(60\)/],
    [{ groups: 'some' }, /sessions\.groups/],
    [{ groups: ['Domain Admins'] }, /sessions\.groups/],
    [{ store: {} }, /sessions\.store/],
    [{ store: new Set() }, /sessions\.store/],
    [{ cookie: { nam: 'x' } }, /sessions\.cookie: expected no option "nam"; is name meant/],
    [{ key: [KEY] }, /expected no option "key"; is keys meant/],
  ])('%#: %j is refused', (options, message) => {
    expect(() => makeSessions(options as Partial<SessionOptions>)).toThrow(message);
  });

  it('never show a key', () => {
    const secret = 'correct horse battery staple';
    expect(() => makeSessions({ keys: [secret] })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('horse') }),
    );
  });

  it('take keys as base64, with the line feed of a file', async () => {
    const text = makeSessions({ keys: [`${encodeBase64(KEY)}\n`] });
    expect(await open(text, await begin(makeSessions()))).toBeDefined();
  });
});
