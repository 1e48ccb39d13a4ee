import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AuthenticationRequest } from '../../src/http/authentication.ts';
import type { AuthenticatorOptions } from '../../src/http/options.ts';
import type { OpenSession, SessionKeeper } from '../../src/http/session/keeper.ts';
import { GssError, KerberosError } from '../../src/index.ts';
import { encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import { httpSite, NEGOTIATE, tokenOf } from '../support/http-site.ts';
import { CLIENT, NOW } from '../support/realm-kit.ts';
import { ManualTimers, settle } from '../support/timers.ts';
import { collectWarnings } from '../support/warnings.ts';

const MALFORMED = 'Negotiate !';
const GUEST = { outcome: 'guest', headers: [] };
const CHALLENGED = { outcome: 'challenged', status: 401, headers: [NEGOTIATE] };
const RETRY = ['Retry-After', '5'];
const PREFLIGHT = { method: 'OPTIONS', accessControlRequestMethod: 'PUT' };

function raise(error: unknown): never {
  throw error;
}

describe('createAuthenticator', () => {
  it('challenges a request without credentials, and admits one with a ticket', async () => {
    const { ask, initiator, told } = await httpSite();
    for (const authorization of [undefined, null, '', '  ']) {
      expect(await ask(authorization)).toEqual(CHALLENGED);
    }
    const client = initiator();
    const result = await ask(client.begin());
    expect(result).toMatchObject({
      outcome: 'authenticated',
      via: 'ticket',
      identity: { principal: CLIENT, mechanism: 'kerberos' },
    });
    // RFC 4559 §4.2: the proof of the server's identity.
    client.finish(tokenOf(result)).dispose();
    expect(told).toEqual([...Array(4).fill('challenged'), `accepted ${CLIENT} by ticket`]);
  });

  it('names the mechanism that the client spoke', async () => {
    const { ask, initiator } = await httpSite();
    const bare = encodeNegTokenInit({
      mechTypes: ['1.2.840.113554.1.2.2'],
      mechToken: initiator().begin(),
    });
    expect(await ask(bare)).toMatchObject({ identity: { mechanism: 'spnego' } });
  });

  it('refuses an invalid token without giving the client the reason', async () => {
    const { ask, initiator, told } = await httpSite();
    const token = initiator().begin();
    expect((await ask(token)).outcome).toBe('authenticated');
    const again = await ask(token);
    expect(again).toMatchObject({ outcome: 'refused', status: 401 });
    expect(JSON.stringify(again.headers)).not.toContain('REPEAT');
    expect(await ask(MALFORMED)).toMatchObject({ outcome: 'malformed', status: 400, headers: [] });
    expect(told.slice(1)).toEqual(['refused KRB_AP_ERR_REPEAT', 'refused GSS_S_DEFECTIVE_TOKEN']);
  });

  it.each(['Basic YTpi', 'Bearer secret', 'Kerberos YII=', 'Digest x', 'NTLM TlRMTVNTUAABAAAA'])(
    'names other schemes to the operator: %s',
    async (authorization) => {
      const { ask, errors } = await httpSite({ optional: true });
      const refused = { outcome: 'refused', status: 401, headers: [NEGOTIATE] };
      expect(await ask(authorization)).toMatchObject(refused);
      const scheme = authorization.split(' ')[0]!;
      expect(`${errors[0]?.message} ${errors[0]?.hint}`).toContain(scheme);
      expect(errors[0]?.message).not.toContain('secret');
    },
  );

  it('does not log an unknown scheme, which may be a secret', async () => {
    const { ask, errors } = await httpSite();
    await ask('s3cr3t-password');
    expect(errors[0]?.message).toBe('the client authenticates with another scheme');
  });

  it('rejects a request of another shape', async () => {
    const { authenticator } = await httpSite();
    for (const slip of [{ authorization: ['a'] }, { authorization: undefined, cookie: 1 }]) {
      await expect(authenticator.authenticate(slip as never)).rejects.toThrow(
        /^(authorization|cookie): expected the text of one header, got/,
      );
    }
  });

  it('survives hostile headers', async () => {
    const { ask } = await httpSite();
    const hostile = [
      `Negotiate ${'A'.repeat(1_000_000)}`,
      `Negotiate ${'YII'.repeat(1000)}`,
      'Negotiate\tYII=',
      'Negotiate YII=\r\nX: y',
      'Negotiate \0',
      `${'N'.repeat(100_000)} x`,
      'negotiate',
      'NEGOTIATE YAA=',
      'Negotiate YA==',
      'Negotiate oQA=',
      '\ud800',
    ];
    for (const authorization of hostile) {
      const result = await ask(authorization);
      expect(['refused', 'malformed', 'challenged']).toContain(result.outcome);
      for (const [name, value] of result.headers) expect(`${name}${value}`).not.toMatch(/[\r\n]/);
    }
  });

  it('answers 503, and says when to come again, where the server itself is at fault', async () => {
    const { ask, initiator, told } = await httpSite(
      {},
      { acceptor: { replayCache: { checkAndStore: () => raise(new Error('down')) } } },
    );
    expect(await ask(initiator().begin())).toMatchObject({
      outcome: 'unavailable',
      status: 503,
      headers: [RETRY],
      retryAfter: 5,
    });
    expect(told).toEqual(['refused KRB5_RC_IO']);
  });

  it('judges no credentials where the request says that it cannot', async () => {
    const fault = { message: 'no bindings' } as GssError;
    const { ask, initiator } = await httpSite();
    const result = await ask(initiator().begin(), { fault });
    expect(result).toMatchObject({ outcome: 'unavailable', status: 503, error: fault });
    expect(await ask(undefined, { fault })).toEqual(CHALLENGED);
  });
});

describe('optional', () => {
  it('admits requests without credentials as guests, and no others', async () => {
    const { ask, initiator, told } = await httpSite({ optional: true });
    expect(await ask()).toEqual(GUEST);
    expect(told).toEqual([]);
    expect((await ask(initiator().begin())).outcome).toBe('authenticated');
    expect((await ask(Uint8Array.of(1))).outcome).toBe('refused');
    expect((await ask(MALFORMED)).outcome).toBe('malformed');
    // The client has begun: it is asked for its token.
    expect((await ask('Negotiate')).outcome).toBe('challenged');
  });
});

describe('authorize', () => {
  const NOT_TRUE: readonly [string, () => unknown, number][] = [
    ['false', () => false, 403],
    ['undefined', () => undefined, 403],
    ['null', () => null, 403],
    ['1', () => 1, 403],
    ['an object', () => ({ allowed: true }), 403],
    ['a promise of false', async () => false, 403],
    ['a promise of a promise of text', async () => 'yes', 403],
    ['a throw', () => raise(new Error('directory down')), 503],
    ['a throw of nothing', () => raise(undefined), 503],
    [
      'a throw of a GssError',
      () => raise(new GssError('GSS_S_UNAUTHORIZED', { reason: 'fault.program' })),
      503,
    ],
    [
      'a throw of a KerberosError',
      () => raise(new KerberosError('KRB_AP_ERR_SKEW', { reason: 'fault.program' })),
      503,
    ],
    ['a rejection', () => Promise.reject(new Error('directory down')), 503],
    // biome-ignore lint/suspicious/noThenProperty: a thenable that is no promise.
    ['a thenable that throws', () => ({ then: () => raise(new Error('no')) }), 503],
  ];

  it.each(NOT_TRUE)('refuses by %s', async (_, authorize, status) => {
    const { ask, initiator, told } = await httpSite({ authorize: authorize as () => boolean });
    const client = initiator();
    const result = await ask(client.begin());
    expect(result).toMatchObject({
      outcome: status === 403 ? 'refused' : 'unavailable',
      status,
    });
    expect(result).not.toHaveProperty('context');
    expect(told).toEqual([
      status === 403 ? 'refused GSS_S_UNAUTHORIZED' : 'refused KRB_ERR_GENERIC',
    ]);
    // A client that knows the server knows that it was the server that refused it.
    if (status === 403) client.finish(tokenOf(result)).dispose();
    else expect(result.headers).toEqual([RETRY]);
  });

  it('names the function that failed, and what it threw', async () => {
    const { ask, initiator, errors } = await httpSite({
      authorize: () => raise(new Error('directory down')),
    });
    await ask(initiator().begin());
    expect(errors[0]?.text).toBe(
      'the option authorize of the application failed (Error: directory down); the client is refused',
    );
  });

  it.each<[string, () => boolean | Promise<boolean>]>([
    ['true', () => true],
    ['a promise of true', async () => true],
  ])('lets in by %s', async (_, authorize) => {
    const { ask, initiator } = await httpSite({ authorize });
    expect((await ask(initiator().begin())).outcome).toBe('authenticated');
  });

  it('is asked about identities, and only of clients that are known', async () => {
    const asked: string[] = [];
    const authorize = ({ principal }: { principal: string }) => asked.push(principal) > 0;
    const { ask, initiator } = await httpSite({ authorize });
    await ask();
    await ask(Uint8Array.of(1));
    await ask(initiator().begin());
    expect(asked).toEqual([CLIENT]);
  });

  it('is not waited for beyond the deadline, nor once the client is gone', async () => {
    const timers = new ManualTimers();
    const { timer } = timers;
    const never = () => new Promise<boolean>(() => {});
    const { ask, initiator, errors } = await httpSite({ authorize: never, timer, deadline: 7 });
    const late = ask(initiator().begin());
    await settle();
    expect(timers.running).toEqual([7000]);
    timers.expire();
    expect(await late).toMatchObject({ outcome: 'unavailable', status: 503 });
    expect(errors[0]?.minor?.message).toBe('The function authorize did not answer for 7 s');
    const gone = new AbortController();
    const left = ask(initiator().begin(), { signal: gone.signal });
    await settle();
    gone.abort(new Error('gone'));
    expect(await left).toMatchObject({ outcome: 'unavailable', status: 503 });
    expect(timers.running).toEqual([]);
  });

  it('that hangs makes no more than a bounded number of requests wait', async () => {
    const timers = new ManualTimers();
    const never = () => new Promise<boolean>(() => {});
    const { ask, initiator } = await httpSite({ authorize: never, timer: timers.timer });
    const waiting = Array.from({ length: 1024 }, () => ask(initiator().begin()));
    await settle();
    expect(timers.running).toHaveLength(1024);
    expect(await ask(initiator().begin())).toMatchObject({ outcome: 'unavailable' });
    timers.expire();
    for (const each of waiting) expect((await each).outcome).toBe('unavailable');
  });

  it('is not asked beyond that number: nobody would take a rejection', async () => {
    const rejections: unknown[] = [];
    const note = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    const asked: ((reason: Error) => void)[] = [];
    const hangs = () => new Promise<boolean>((_, reject) => void asked.push(reject));
    const { ask, initiator } = await httpSite({ authorize: hangs });
    const waiting = Array.from({ length: 1200 }, () => ask(initiator().begin()));
    await settle();
    expect(asked).toHaveLength(1024);
    for (const reject of asked) reject(new Error('the database is away'));
    for (const each of waiting) expect((await each).outcome).toBe('unavailable');
    await settle();
    expect(rejections).toEqual([]);
  });
});

describe('requireTls', () => {
  it.each([false, undefined])('refuses before credentials are read: secure %s', async (secure) => {
    const { ask, told } = await httpSite({
      requireTls: true,
      acceptor: { begin: () => raise(new Error('read')) } as never,
    });
    for (const token of [undefined, MALFORMED, Uint8Array.of(1)]) {
      const refused = { outcome: 'refused', status: 403, headers: [] };
      expect(await ask(token, secure === undefined ? {} : { secure })).toMatchObject(refused);
    }
    expect(told).toEqual(Array(3).fill('refused GSS_S_UNAVAILABLE'));
  });

  it('tells a proxy that is not trusted from a client without TLS', async () => {
    const { ask, errors } = await httpSite({ requireTls: true });
    await ask(MALFORMED, { proxyHeader: 'x-forwarded-for' });
    await ask(MALFORMED, { proxyHeader: 'x-forwarded-for', secure: false });
    await ask(MALFORMED, { secure: false });
    expect(errors[0]?.remedies[0]).toMatch(/^name the address .* in trustProxy: .* ::1, /);
    for (const error of errors.slice(1)) {
      expect(error.text).toBe('the request came over plain HTTP, and TLS is required');
    }
    expect(errors).toHaveLength(3);
  });

  it('lets guests and preflights pass, and requests over TLS', async () => {
    const { ask, initiator } = await httpSite({ requireTls: true, optional: true });
    expect(await ask(undefined, { secure: false })).toEqual(GUEST);
    expect((await ask(initiator().begin(), { secure: true })).outcome).toBe('authenticated');
    const strict = await httpSite({ requireTls: true });
    expect(await strict.ask(undefined, PREFLIGHT)).toEqual(GUEST);
    expect(await strict.ask(undefined, { secure: true })).toEqual(CHALLENGED);
  });

  it('without it a warning comes once, if credentials come over plain HTTP', async () => {
    const { ask, initiator, told } = await httpSite();
    await ask(undefined, { secure: false });
    await ask(initiator().begin(), { secure: true });
    await ask(initiator().begin());
    expect(told.filter((line) => line.startsWith('warned'))).toEqual([]);
    await ask(initiator().begin(), { secure: false });
    await ask(initiator().begin(), { secure: false });
    const warned = told.filter((line) => line.startsWith('warned'));
    expect(warned).toEqual([expect.stringContaining('credentials come over plain HTTP')]);
  });

  it('has the runtime print that warning without onWarning', async () => {
    using warnings = collectWarnings();
    const { ask } = await httpSite({ onWarning: undefined as never });
    await ask(MALFORMED, { secure: false });
    expect(await warnings.seen()).toMatchObject([{ code: 'KRB5_ACCEPTOR_PLAIN_HTTP' }]);
  });
});

describe('a PAC that does not verify', () => {
  const pac = { type: 128, data: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) };
  const exchange = { ticket: { authorizationData: [pac] } };

  it('has one warning, since its groups are missing without a word', async () => {
    const { ask, initiator, told } = await httpSite({}, exchange);
    for (let time = 0; time < 2; time++) await ask(initiator().begin());
    const warned = () => told.filter((line) => line.startsWith('warned'));
    await expect.poll(() => warned()).toHaveLength(1);
    expect(warned()[0]).toMatch(
      /^warned the PAC of a ticket is not used, so that groups are not known: .+; .+/,
    );
    expect(told.filter((line) => line.startsWith('accepted'))).toHaveLength(2);
  });

  it('is printed by the runtime without onWarning', async () => {
    using warnings = collectWarnings();
    const { ask, initiator } = await httpSite({ onWarning: undefined as never }, exchange);
    await ask(initiator().begin());
    await expect.poll(() => warnings.seen()).toMatchObject([{ code: 'KRB5_ACCEPTOR_PAC' }]);
  });
});

describe('challenges', () => {
  const BASIC = 'Basic realm="x", charset="UTF-8"';
  const FIELD = ['WWW-Authenticate', BASIC];

  it('are headers of their own, after Negotiate', async () => {
    const { ask, initiator } = await httpSite({ challenges: [BASIC, 'DPoP'] });
    const fields = [NEGOTIATE, FIELD, ['WWW-Authenticate', 'DPoP']];
    expect((await ask()).headers).toEqual(fields);
    expect((await ask(Uint8Array.of(1))).headers).toEqual(fields);
    expect((await ask(initiator().begin())).headers).toHaveLength(1);
  });

  it('are not offered where another one would not help', async () => {
    const authorize = () => false;
    const { ask, initiator } = await httpSite({ challenges: [BASIC], authorize });
    expect((await ask(initiator().begin())).headers).toEqual([
      ['WWW-Authenticate', expect.stringMatching(/^Negotiate .+/)],
    ]);
  });

  it('are the only challenges after a failed attempt with offerAgain: false', async () => {
    const { ask } = await httpSite({ challenges: [BASIC], offerAgain: false });
    expect((await ask()).headers).toEqual([NEGOTIATE, FIELD]);
    const refused = { outcome: 'refused', status: 401, headers: [FIELD] };
    expect(await ask(Uint8Array.of(1))).toMatchObject(refused);
  });

  it('offerAgain: false gives 403 where there are none, with a token that says why', async () => {
    const { ask, initiator } = await httpSite({ offerAgain: false });
    expect(await ask()).toEqual(CHALLENGED);
    const plain = { outcome: 'refused', status: 403, headers: [] };
    expect(await ask('Basic YTpi')).toMatchObject(plain);
    const token = initiator().begin();
    await ask(token);
    expect(await ask(token)).toMatchObject({
      status: 403,
      headers: [['WWW-Authenticate', expect.stringMatching(/^Negotiate .+/)]],
    });
  });
});

describe('passPreflight', () => {
  it('lets a CORS preflight pass as a guest, who has no identity', async () => {
    const { ask, told } = await httpSite({ sessions: keeper() });
    expect(await ask(undefined, { ...PREFLIGHT, cookie: 'session' })).toEqual(GUEST);
    expect(told).toEqual([]);
  });

  it.each<[string, Partial<AuthenticationRequest>]>([
    ['another method', { ...PREFLIGHT, method: 'GET' }],
    ['another spelling, which no browser uses', { ...PREFLIGHT, method: 'options' }],
    ['OPTIONS of a client that is no browser', { method: 'OPTIONS' }],
    ['an empty header', { ...PREFLIGHT, accessControlRequestMethod: '' }],
  ])('lets nothing else pass: %s', async (_, request) => {
    const { ask } = await httpSite();
    expect(await ask(undefined, request)).toEqual(CHALLENGED);
  });

  it('takes credentials, if there are any, and may be off', async () => {
    const { ask, initiator } = await httpSite();
    expect((await ask(MALFORMED, PREFLIGHT)).outcome).toBe('malformed');
    expect((await ask(initiator().begin(), PREFLIGHT)).outcome).toBe('authenticated');
    const strict = await httpSite({ passPreflight: false });
    expect(await strict.ask(undefined, PREFLIGHT)).toEqual(CHALLENGED);
  });
});

describe('proxy', () => {
  it('asks with 407, and proves itself, in Proxy-Authenticate', async () => {
    const { ask, initiator } = await httpSite({ proxy: true, challenges: ['Basic realm="x"'] });
    const offers = [
      ['Proxy-Authenticate', 'Negotiate'],
      ['Proxy-Authenticate', 'Basic realm="x"'],
    ];
    expect(await ask()).toEqual({ outcome: 'challenged', status: 407, headers: offers });
    expect(await ask(Uint8Array.of(1))).toMatchObject({ status: 407, headers: offers });
    const client = initiator();
    const result = await ask(client.begin());
    expect(result.headers.map(([name]) => name)).toEqual(['Proxy-Authenticate']);
    client.finish(tokenOf(result)).dispose();
  });
});

describe('hooks', () => {
  const FAULTS: readonly [string, () => unknown][] = [
    ['throw', () => raise(new Error('disk full'))],
    ['reject', () => Promise.reject(new Error('disk full'))],
    ['hang', () => new Promise(() => {})],
    // biome-ignore lint/suspicious/noThenProperty: a thenable that is no promise.
    ['return what throws', () => ({ then: () => raise(new Error('disk full')) })],
  ];
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  afterAll(() => process.off('unhandledRejection', note));

  it.each(FAULTS)('that %s change no answer', async (_, fault) => {
    using warnings = collectWarnings();
    const hook = fault as () => undefined;
    const { ask, initiator } = await httpSite({
      onAccepted: hook,
      onRefused: hook,
      onChallenged: hook,
      onWarning: hook,
    });
    const request = { secure: false };
    expect((await ask(undefined, request)).outcome).toBe('challenged');
    expect((await ask(MALFORMED, request)).outcome).toBe('malformed');
    expect((await ask(initiator().begin(), request)).outcome).toBe('authenticated');
    await settle();
    expect(unhandled).toEqual([]);
    for (const { code } of await warnings.seen()) expect(code).toBe('KRB5_ACCEPTOR_HOOK');
  });

  it('get the request object that the caller passed', async () => {
    const seen: unknown[] = [];
    const { authenticator } = await httpSite({ onChallenged: (request) => seen.push(request) });
    const request = { authorization: null, path: '/mine' };
    await authenticator.authenticate(request);
    expect(seen[0]).toBe(request);
  });
});

/** Keeps sessions whose cookie is the principal's name, and notes what it is asked. */
function keeper(faults: Partial<SessionKeeper> = {}): SessionKeeper & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    open: ({ cookie }, now) => {
      asked.push(`open ${cookie} ${now.getTime() === NOW}`);
      const identity = { principal: cookie } as OpenSession['identity'];
      return cookie === 'none' ? undefined : { identity, headers: [['Set-Cookie', 'renewed']] };
    },
    begin: ({ principal }, service, { host }) => {
      asked.push(`begin ${principal} ${service} ${host}`);
      return [['Set-Cookie', principal]];
    },
    end: ({ cookie } = {}) => [['Set-Cookie', `end ${cookie}`]],
    ...faults,
  };
}

describe('sessions', () => {
  it('stand for a ticket', async () => {
    const { ask, told } = await httpSite({ sessions: keeper() });
    expect(await ask(undefined, { cookie: 'bob' })).toEqual({
      outcome: 'authenticated',
      identity: { principal: 'bob' },
      via: 'session',
      headers: [['Set-Cookie', 'renewed']],
    });
    expect(told).toEqual(['accepted bob by session']);
    expect(await ask(undefined, { cookie: 'none' })).toEqual(CHALLENGED);
    expect(await ask()).toEqual(CHALLENGED);
  });

  it('begin with a ticket, whose identity replaces that of a session before', async () => {
    const sessions = keeper();
    const { ask, initiator } = await httpSite({ sessions });
    const result = await ask(initiator().begin(), { cookie: 'bob', host: 'www' });
    expect(result).toMatchObject({ identity: { principal: CLIENT }, via: 'ticket' });
    expect(result.headers.map(([name]) => name)).toEqual(['WWW-Authenticate', 'Set-Cookie']);
    expect(sessions.asked).toEqual([`begin ${CLIENT} host/server.example.test@EXAMPLE.TEST www`]);
  });

  it('do not help a token that is refused', async () => {
    const sessions = keeper();
    const { ask } = await httpSite({ sessions });
    expect((await ask(Uint8Array.of(1), { cookie: 'bob' })).outcome).toBe('refused');
    expect((await ask('Basic YTpi', { cookie: 'bob' })).outcome).toBe('refused');
    expect(sessions.asked).toEqual([]);
  });

  it('are authorised each time, and neither begun nor renewed for whom is not', async () => {
    const sessions = keeper();
    const { ask, initiator } = await httpSite({ sessions, authorize: () => false });
    const refused = { outcome: 'refused', status: 403, headers: [] };
    expect(await ask(undefined, { cookie: 'bob' })).toMatchObject(refused);
    expect((await ask(initiator().begin())).outcome).toBe('refused');
    expect(sessions.asked).toEqual(['open bob true']);
  });

  it('are not opened over plain HTTP with requireTls', async () => {
    const sessions = keeper();
    const { ask } = await httpSite({ sessions, requireTls: true });
    expect(await ask(undefined, { cookie: 'bob', secure: false })).toMatchObject({ status: 403 });
    expect(sessions.asked).toEqual([]);
  });

  it.each<[string, Partial<SessionKeeper>]>([
    ['open throws', { open: () => raise(new Error('down')) }],
    [
      'open throws a GssError',
      { open: () => raise(new GssError('GSS_S_NO_CRED', { reason: 'fault.program' })) },
    ],
    ['open rejects', { open: () => Promise.reject(new Error('down')) }],
    [
      'begin throws',
      { begin: () => raise(new KerberosError('KRB_ERR_GENERIC', { reason: 'fault.program' })) },
    ],
    ['begin rejects', { begin: () => Promise.reject(new Error('down')) }],
  ])('that fail are a fault of the server: %s', async (_, faults) => {
    const { ask, initiator } = await httpSite({ sessions: keeper(faults) });
    const results = [
      await ask(undefined, { cookie: 'bob' }),
      await ask(initiator().begin()),
    ].filter(({ outcome }) => outcome !== 'authenticated');
    expect(results).toMatchObject([{ outcome: 'unavailable', status: 503 }]);
  });

  it('that hang are not waited for beyond the deadline', async () => {
    const { timer, ...timers } = withTimers();
    const sessions = keeper({ open: () => new Promise(() => {}) });
    const { ask } = await httpSite({ sessions, timer });
    const late = ask(undefined, { cookie: 'bob' });
    await settle();
    timers.expire();
    expect(await late).toMatchObject({ outcome: 'unavailable', status: 503 });
  });

  it('end with logout', async () => {
    const { authenticator } = await httpSite({ sessions: keeper() });
    expect(await authenticator.logout({ cookie: 'bob' })).toEqual([['Set-Cookie', 'end bob']]);
    expect(await (await httpSite()).authenticator.logout()).toEqual([]);
  });

  it('do not end where the keeper fails or hangs: the caller learns of it', async () => {
    const { timer, ...timers } = withTimers();
    const failing = await httpSite({ sessions: keeper({ end: () => raise(new Error('down')) }) });
    await expect(failing.authenticator.logout()).rejects.toThrow('The session keeper failed');
    const hanging = keeper({ end: () => new Promise(() => {}) });
    const { authenticator } = await httpSite({ sessions: hanging, timer });
    const late = authenticator.logout();
    await settle();
    timers.expire();
    await expect(late).rejects.toMatchObject({ name: 'GssError' });
  });
});

function withTimers() {
  const timers = new ManualTimers();
  return { timer: timers.timer, expire: () => timers.expire() };
}

describe('what is kept of a client that does not enter', () => {
  it.each<[string, Partial<AuthenticatorOptions>]>([
    ['authorize refuses', { authorize: () => false }],
    ['authorize throws', { authorize: () => raise(new Error('no')) }],
    ['no session can begin', { sessions: keeper({ begin: () => raise(new Error('no')) }) }],
  ])('is no key: %s', async (_, options) => {
    const disposed: number[] = [];
    const { acceptor } = await httpSite();
    const site = await httpSite(options);
    const begin = site.acceptor.begin.bind(site.acceptor);
    const watched = {
      ...acceptor,
      begin: (handshake: never) => watch(begin(handshake), disposed),
    };
    const { ask } = await httpSite({ ...options, acceptor: watched as never });
    expect((await ask(site.initiator().begin())).outcome).not.toBe('authenticated');
    expect(disposed).toEqual([1]);
  });

  /** Notes each disposal of the context that comes of a handshake. */
  function watch(handshake: { accept(token: Uint8Array): Promise<unknown> }, disposed: number[]) {
    return {
      accept: async (token: Uint8Array) => {
        const result = (await handshake.accept(token)) as { context: { dispose(): void } };
        const { context } = result;
        const dispose = context.dispose.bind(context);
        context.dispose = () => {
          disposed.push(1);
          dispose();
        };
        return result;
      },
    };
  }
});
