/**
 * Every option and callback against the slips of those who set them: a misspelt name, a variable
 * that is not set, a forgotten `await`, an answer that is none. Each is refused at once, by a
 * sentence that names the option; an answer refuses the client. An option without a row fails here.
 */

import { PassThrough } from 'node:stream';
import fastify from 'fastify';
import { afterAll, describe, expect, it } from 'vitest';
import { kerberos as expressKerberos } from '../src/adapters/express.ts';
import { kerberos as fastifyKerberos } from '../src/adapters/fastify.ts';
import { withKerberos } from '../src/adapters/fetch.ts';
import { kerberos as honoKerberos } from '../src/adapters/hono.ts';
import { kerberos as koaKerberos } from '../src/adapters/koa.ts';
import { WEB_OPTIONS } from '../src/adapters/web.ts';
import { MEMORY_REPLAY_CACHE_OPTIONS } from '../src/ap/replay-cache.ts';
import { IMPORT_OPTIONS } from '../src/context/import.ts';
import { createAuthenticator } from '../src/http/authenticator.ts';
import { NEGOTIATE_OPTIONS, negotiate } from '../src/http/negotiate.ts';
import { AUTHENTICATOR_OPTIONS } from '../src/http/options.ts';
import { COOKIE_OPTIONS } from '../src/http/session/cookies.ts';
import { SESSION_OPTIONS } from '../src/http/session/options.ts';
import { STORED_EXCHANGES_OPTIONS, storedExchanges } from '../src/http/stored-exchanges.ts';
import type { AcceptorOptions, AcceptResult, GssError } from '../src/index.ts';
import {
  acquireCredential,
  createAcceptor,
  importSecurityContext,
  MemoryReplayCache,
  parseKeytab,
} from '../src/index.ts';
import { PARSE_KEYTAB_OPTIONS } from '../src/keytab/keytab.ts';
import { CREDENTIAL_OPTIONS } from '../src/krb5/credential.ts';
import { ACCEPT_OPTIONS, ACCEPTOR_OPTIONS, HANDSHAKE_OPTIONS } from '../src/krb5/settings.ts';
import { NODE_ADAPTER_OPTIONS } from '../src/node/adapter-options.ts';
import { KEYTAB_FILE_OPTIONS, keytabFile, loadKeytab } from '../src/node/files/keytab-file.ts';
import { HTTP_OPTIONS, httpAuthenticator } from '../src/node/http.ts';
import { KERBEROS_OPTIONS, kerberos } from '../src/node/kerberos.ts';
import { FILE_REPLAY_CACHE_OPTIONS, FileReplayCache } from '../src/node/replay-cache/file.ts';
import { openReplayCache, REPLAY_CACHE_NAME_OPTIONS } from '../src/node/replay-cache/name.ts';
import { SASL_SOCKET_OPTIONS, saslSocket } from '../src/node/sasl-socket.ts';
import { createGssServer, LIMIT_OPTIONS, SERVER_OPTIONS } from '../src/node/server/gss-server.ts';
import { startWorkers, WORKERS_OPTIONS } from '../src/node/server/workers.ts';
import { START_REALM_OPTIONS, startRealm } from '../src/node/testing/start-realm.ts';
import type { OptionRules } from '../src/options.ts';
import { POSTGRES_EXCHANGES_OPTIONS, postgresExchanges } from '../src/postgres/exchanges.ts';
import {
  POSTGRES_REPLAY_CACHE_OPTIONS,
  PostgresReplayCache,
} from '../src/postgres/replay-cache.ts';
import { REDIS_EXCHANGES_OPTIONS, redisExchanges } from '../src/redis/exchanges.ts';
import { REDIS_REPLAY_CACHE_OPTIONS, RedisReplayCache } from '../src/redis/replay-cache.ts';
import { SASL_EXCHANGE_OPTIONS, SASL_SERVER_OPTIONS } from '../src/sasl/options.ts';
import { createSaslServer } from '../src/sasl/server.ts';
import { SaslSession } from '../src/sasl/session.ts';
import { CHECK_REPLAY_CACHE_OPTIONS, checkReplayCache } from '../src/testing/check-replay-cache.ts';
import { createInitiator } from '../src/testing/initiator.ts';
import { INITIATOR_OPTIONS, SPNEGO_OPTIONS } from '../src/testing/initiator-options.ts';
import { createRealm, REALM_OPTIONS, REALM_USER_OPTIONS } from '../src/testing/kdc/realm.ts';
import { REQUEST_TICKET_OPTIONS, requestTicket } from '../src/testing/kdc/request-ticket.ts';
import { TEST_KEYTAB_OPTIONS, testKeytab } from '../src/testing/keytab.ts';
import { MINT_OPTIONS, mintTicket } from '../src/testing/mint.ts';
import { createSaslClient, SASL_CLIENT_OPTIONS } from '../src/testing/sasl/client.ts';
import { createSignOnFetch, SIGN_ON_FETCH_OPTIONS } from '../src/testing/sign-on-fetch.ts';
import { USER_OPTIONS } from '../src/testing/user.ts';
import { makeKeytab, makeParties, NOW } from './support/realm-kit.ts';

/** What of an option is refused, beyond null and a promise. */
interface Row {
  /** Why `undefined` may be taken as the option's absence; otherwise it is refused. */
  readonly undefinedIsAbsent?: string;
  readonly refused: readonly unknown[];
  /** `null` means something. */
  readonly nullable?: true;
}

interface Entry {
  readonly label: string;
  readonly rules: Readonly<Record<string, unknown>>;
  /** Calls it with these options among good ones. */
  readonly call: (options: Readonly<Record<string, unknown>>) => unknown;
  readonly rows: Readonly<Record<string, Row>>;
}

/** The compiler finds the option without a row, and so does a test. */
function entry<T>(
  label: string,
  rules: OptionRules<T>,
  call: (options: never) => unknown,
  rows: Readonly<Record<keyof T, Row>>,
): Entry {
  return { label, rules, call: call as Entry['call'], rows };
}

const NO_NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, '5', 5n, -1];
const NO_COUNTS = [...NO_NUMBERS, 0, 1.5, 'many'];
const NO_FLAGS = ['true', 'false', 0, 1, 'no'];
const NO_FUNCTIONS = [true, 'log', {}, Number.NaN];
const NO_OBJECTS = [true, 'text', Number.NaN, []];
const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i);
const ASYNC = async (): Promise<number> => 0;

const safer = 'what happens then is as strict, or stricter';
const tells = 'it decides nothing';

const clock: Row = { undefinedIsAbsent: 'it is then the machine’s', refused: [ASYNC, NOW, ''] };
const random: Row = { undefinedIsAbsent: 'it is then the runtime’s', refused: [ASYNC, 4, {}] };
const exchanges = {
  keys: { refused: [[], SECRET, [''], [undefined], [new Uint8Array(32)], 'text', {}] },
  cookie: { undefinedIsAbsent: 'it is as strict as it can be then', refused: NO_OBJECTS },
  maxAge: { undefinedIsAbsent: 'there is a bound then', refused: [...NO_NUMBERS, 0] },
  clock,
  random,
} satisfies Readonly<Record<string, Row>>;
const tableName: Row = { undefinedIsAbsent: 'it is ours', refused: ['', 5, 'a; b', 'A', 'a.b.c'] };
const NO_SESSION = Object.create(SaslSession.prototype, {
  dispose: { value: () => {} },
}) as SaslSession;
const NO_DATABASE = { query: async () => ({ rows: [] }) };
const hook: Row = { undefinedIsAbsent: tells, refused: NO_FUNCTIONS };
const crypto: Row = { undefinedIsAbsent: 'it is then that of the keys', refused: [{}, 'noble'] };
const count: Row = { undefinedIsAbsent: 'there is a bound then', refused: NO_COUNTS };
const enctypes: Row = {
  refused: [18, 'aes256', ['aes256'], [Number.NaN], [-1], ['*'], new Set([18])],
};
const seconds: Row = { refused: [...NO_NUMBERS, 0, 'long'] };
const channelBindings: Row = {
  undefinedIsAbsent: 'a connection without TLS has none; `required` refuses those',
  refused: [{}, [{}], [undefined], { applicationData: new Uint8Array() }, 'tls', NOW],
};
const handshake = {
  channelBindings,
  channelBindingsUnavailable: { undefinedIsAbsent: safer, refused: ['', true, Number.NaN] },
  peerAddress: {
    undefinedIsAbsent: 'tickets that name addresses are refused then',
    refused: ['127.0.0.1', {}, { type: 2 }, { type: Number.NaN, address: Uint8Array.of(1) }],
  },
  signal: { undefinedIsAbsent: 'the deadline ends it then', refused: [true, 5, {}] },
};
const environment: Row = { undefinedIsAbsent: 'it is then the process’s', refused: NO_OBJECTS };
const name: Row = { undefinedIsAbsent: 'it is then the system’s', refused: ['', 5, {}] };
const acceptorRow: Row = { refused: [{}, 'acceptor', Number.NaN] };
const layers: Row = { refused: [[], ['None'], ['privacy'], [undefined], 'integrity', 4] };

/** The options of an authenticator but its acceptor. */
const authenticatorRows = {
  optional: { undefinedIsAbsent: safer, refused: NO_FLAGS },
  authorize: { refused: NO_FUNCTIONS },
  sessions: {
    undefinedIsAbsent: 'each request needs a ticket then',
    refused: [...NO_OBJECTS, {}, { open() {} }, { keys: [] }, { open() {}, end() {} }],
  },
  exchanges: { undefinedIsAbsent: 'the connection keeps them then', refused: NO_OBJECTS },
  requireTls: { refused: NO_FLAGS },
  challenges: {
    undefinedIsAbsent: 'only Negotiate is offered then',
    refused: ['Basic', [''], ['Negotiate'], ['negotiate x'], ['Basic\r\nX: y'], [undefined]],
  },
  offerAgain: { undefinedIsAbsent: tells, refused: NO_FLAGS },
  passPreflight: { refused: NO_FLAGS },
  allowedOrigins: { refused: ['*', [''], [undefined], {}] },
  proxy: { undefinedIsAbsent: tells, refused: NO_FLAGS },
  sharedConnections: { undefinedIsAbsent: safer, refused: [true, 'Trust', 'shared', {}] },
  localNames: { undefinedIsAbsent: 'there are no local names then', refused: NO_OBJECTS },
  onAccepted: hook,
  onRefused: hook,
  onChallenge: hook,
  onChallenged: hook,
  onAbandoned: hook,
  onWarning: hook,
  clock,
  random,
  deadline: seconds,
  timer: { undefinedIsAbsent: 'it is then the runtime’s', refused: [ASYNC, 5] },
};

const adapterRows = {
  ...authenticatorRows,
  acceptor: acceptorRow,
  keytab: { refused: [{}, '', { entries: null }, 5, []] },
  service: { refused: [5, {}, true] },
  replayCache: { refused: [{}, '', true, () => true] },
  config: { refused: ['', 5, []] },
  iakerb: {
    refused: [
      'yes',
      1,
      [],
      { kdc: 'https://kdc' },
      { kdc: undefined },
      { realms: [] },
      { realm: 'A' },
    ],
  },
  lateFallback: { refused: NO_FLAGS },
  unauthorized: hook,
  forbidden: hook,
  unavailable: hook,
};

const trustProxy: Row = {
  undefinedIsAbsent: safer,
  refused: [1, 'true', ['proxy'], [], ['10.0.0.0/40'], {}],
};

/** What adapters on Request and Response add to them. */
const webRows = {
  ...adapterRows,
  channelBindings: { ...channelBindings, undefinedIsAbsent: 'there are none to check' },
  trustProxy,
};

/** What adapters on node:http add to them. */
const nodeRows = {
  ...adapterRows,
  channelBindings: { undefinedIsAbsent: safer, refused: ['None', 'tls-unique', false, ASYNC] },
  certificate: { refused: ['', [], [''], {}, true, Number.NaN] },
  trustProxy,
};

const parties = await makeParties();
const { acceptor, credential, keytab, ticket } = parties;
const { kdc } = createRealm();

/** Options for a service that can start, unless they name another acceptor. */
function withService(options: object): object {
  return 'acceptor' in options || 'keytab' in options ? options : { acceptor, ...options };
}

const entries: readonly Entry[] = [
  entry(
    'createAcceptor',
    ACCEPTOR_OPTIONS,
    (o) => createAcceptor({ credential, ...(o as object) }),
    {
      credential: { refused: [{}, keytab, 'HTTP', false] },
      mechanisms: { refused: ['1.2.840.113554.1.2.2', ['*'], [undefined], [Number.NaN]] },
      iakerb: {
        refused: [
          {},
          true,
          { kdc: 'https://kdc' },
          { kdc, realms: [] },
          { kdc, realms: ['*'] },
          { kdc, realms: undefined },
          { kdc, realm: ['A.TEST'] },
          { kdc, deadline: Number.NaN },
          { kdc, maxRelays: 0 },
          { kdc, ratePerSource: Number.NaN },
          { kdc, ratePerSource: '20' },
          { kdc, ratePerSource: true },
        ],
      },
      lateFallback: { refused: NO_FLAGS },
      replayCache: { refused: [{}, true, () => true] },
      clock,
      random,
      maxSkew: { refused: [...NO_NUMBERS, 0.5] },
      channelBindingPolicy: { refused: ['Required', 'on', true, Number.NaN, ['required']] },
      permittedEnctypes: enctypes,
      ticketEnctypes: enctypes,
      sessionEnctypes: enctypes,
      subkeyEnctypes: enctypes,
      onWeakEnctype: hook,
      requiredFlags: { refused: [...NO_NUMBERS, 'integrity', 0x10000] },
      checkAddresses: { refused: NO_FLAGS },
      pacPolicy: { refused: ['Required', true, Number.NaN] },
      kdcKey: { refused: [new Uint8Array(32), 'secret', {}] },
      requireKdcSignatures: { refused: NO_FLAGS },
      requiredIndicators: { refused: ['otp', [], [''], [undefined], Number.NaN] },
      allowAnonymous: { undefinedIsAbsent: safer, refused: NO_FLAGS },
      clientRealms: { refused: ['*', ['*'], ['A.TEST', '*'], [], [undefined], [''], ASYNC, {}] },
      checkTransited: { refused: [ASYNC, true, {}] },
      deadline: seconds,
      timer: { undefinedIsAbsent: 'it is then the runtime’s', refused: [ASYNC, 5] },
      trace: hook,
    },
  ),
  entry('begin', HANDSHAKE_OPTIONS, (o) => acceptor.begin(o), {
    ...handshake,
    reassemble: { undefinedIsAbsent: safer, refused: NO_FLAGS },
  }),
  entry('resume', HANDSHAKE_OPTIONS, (o) => acceptor.resume(acceptor.begin().export(), o), {
    ...handshake,
    reassemble: { undefinedIsAbsent: safer, refused: NO_FLAGS },
  }),
  entry('accept', ACCEPT_OPTIONS, (o) => acceptor.begin().accept(new Uint8Array(), o), {
    signal: handshake.signal,
  }),
  entry(
    'acquireCredential',
    CREDENTIAL_OPTIONS,
    (o) => acquireCredential({ keytab, ...(o as object) }),
    {
      keytab: { refused: [{}, 'FILE:/etc/krb5.keytab', { entries: [null] }, Number.NaN] },
      service: { refused: [[], ['*', 'host@'], ['host@', '*'], [undefined], {}, Number.NaN, true] },
      crypto,
      maxKeytabAge: { refused: [Number.NaN, '5', -1, 5n] },
      onWarning: hook,
      clock,
    },
  ),
  entry('MemoryReplayCache', MEMORY_REPLAY_CACHE_OPTIONS, (o) => new MemoryReplayCache(o), {
    clock,
    random,
    maxEntries: count,
  }),
  entry('FileReplayCache', FILE_REPLAY_CACHE_OPTIONS, (o) => FileReplayCache.open(o), {
    clock,
    maxEntries: count,
    onWarning: hook,
    directory: { refused: ['', 5, true] },
    durable: { refused: NO_FLAGS },
  }),
  entry(
    'RedisReplayCache',
    REDIS_REPLAY_CACHE_OPTIONS,
    (o) => new RedisReplayCache({ eval: async () => '' }, o),
    {
      prefix: { undefinedIsAbsent: 'all servers have the same', refused: ['', 5] },
      secret: { refused: ['text', new Uint8Array(15)] },
      clock,
      onWarning: hook,
    },
  ),
  entry('openReplayCache', REPLAY_CACHE_NAME_OPTIONS, (o) => openReplayCache('memory:', o), {
    clock,
    maxEntries: count,
    durable: { refused: NO_FLAGS },
    onWarning: hook,
    defaultName: name,
    environment,
  }),
  entry(
    'importSecurityContext',
    IMPORT_OPTIONS,
    (o) => importSecurityContext(new Uint8Array(), o),
    {
      crypto,
      random,
    },
  ),
  entry('negotiate', NEGOTIATE_OPTIONS, (o) => negotiate(acceptor, undefined, o), {
    ...handshake,
    state: { undefinedIsAbsent: 'the client starts over', refused: [{}, true] },
  }),
  entry(
    'createAuthenticator',
    AUTHENTICATOR_OPTIONS,
    (o) => createAuthenticator({ acceptor, ...(o as object) }),
    {
      acceptor: acceptorRow,
      ...authenticatorRows,
    },
  ),
  entry('kerberos of ./node', KERBEROS_OPTIONS, (o) => kerberos(withService(o)), nodeRows),
  ...(
    [
      ['kerberos of ./hono', (o: object) => honoKerberos(withService(o))],
      ['withKerberos', (o: object) => withKerberos(() => new Response(), withService(o))],
    ] as const
  ).map(([label, call]) => entry(label, WEB_OPTIONS, call as (o: never) => unknown, webRows)),
  entry('kerberos of ./koa', NODE_ADAPTER_OPTIONS, (o) => koaKerberos(withService(o)), nodeRows),
  entry(
    'kerberos of ./fastify',
    NODE_ADAPTER_OPTIONS,
    (o) => fastify().register(fastifyKerberos, withService(o)).ready(),
    nodeRows,
  ),
  entry(
    'kerberos of ./express',
    KERBEROS_OPTIONS,
    (o) => expressKerberos(withService(o)),
    nodeRows,
  ),
  entry(
    'sessions',
    SESSION_OPTIONS,
    (o) => createAuthenticator({ acceptor, sessions: { keys: [SECRET], ...(o as object) } }),
    {
      keys: { refused: [[], SECRET, [''], [undefined], [new Uint8Array(32)], 'text', {}] },
      cookie: { undefinedIsAbsent: safer, refused: [...NO_OBJECTS, { secure: 'no' }] },
      maxAge: { refused: [...NO_NUMBERS, 0, 'long'] },
      renewAfter: { undefinedIsAbsent: 'sessions end sooner', refused: [...NO_NUMBERS, 0, ''] },
      groups: {
        undefinedIsAbsent: 'authorize sees all groups then, as with a ticket',
        refused: ['', 'All', ['admins'], [undefined], true, {}],
      },
      store: { refused: [...NO_OBJECTS, {}, { get() {}, set() {} }] },
      onWarning: hook,
    },
  ),
  entry(
    'sessions.cookie',
    COOKIE_OPTIONS,
    (cookie) => createAuthenticator({ acceptor, sessions: { keys: [SECRET], cookie } }),
    {
      name: { undefinedIsAbsent: safer, refused: ['', 'a b', 'a=b', 'a;b', 5, '__Secure-é'] },
      path: { undefinedIsAbsent: safer, refused: ['', 'app', '/;Domain=x', '/\n', 5] },
      domain: { refused: ['', '.a', 'a b', 'a;b', '*', 5, {}] },
      sameSite: { undefinedIsAbsent: safer, refused: ['Lax', '', true] },
      secure: { undefinedIsAbsent: safer, refused: NO_FLAGS },
    },
  ),
  entry(
    'storedExchanges',
    STORED_EXCHANGES_OPTIONS,
    (o) =>
      storedExchanges({ store: { set() {}, take: () => null }, keys: [SECRET], ...(o as object) }),
    { ...exchanges, store: { refused: [...NO_OBJECTS, { set: () => {} }] } },
  ),
  entry(
    'redisExchanges',
    REDIS_EXCHANGES_OPTIONS,
    (o) => redisExchanges({ eval: async () => '' }, { keys: [SECRET], ...(o as object) }),
    { ...exchanges, prefix: { undefinedIsAbsent: 'all servers have the same', refused: ['', 5] } },
  ),
  entry(
    'postgresExchanges',
    POSTGRES_EXCHANGES_OPTIONS,
    (o) => postgresExchanges(NO_DATABASE, { keys: [SECRET], ...(o as object) }),
    { ...exchanges, table: tableName },
  ),
  entry(
    'PostgresReplayCache',
    POSTGRES_REPLAY_CACHE_OPTIONS,
    (o) => new PostgresReplayCache(NO_DATABASE, o),
    {
      table: tableName,
      unlogged: { undefinedIsAbsent: safer, refused: NO_FLAGS },
      secret: { refused: ['text', new Uint8Array(15)] },
      clock,
      onWarning: hook,
    },
  ),
  entry(
    'httpAuthenticator',
    HTTP_OPTIONS,
    (o) => httpAuthenticator({ acceptor, ...(o as object) }),
    {
      acceptor: acceptorRow,
      channelBindings: { undefinedIsAbsent: safer, refused: ['None', 'tls-unique', false, ASYNC] },
      certificate: { refused: ['', [], [''], {}, true, Number.NaN] },
      proxyKeepsConnectionsApart: { undefinedIsAbsent: safer, refused: NO_FLAGS },
      onFailure: hook,
      onAccepted: hook,
      onChallenge: hook,
      onChallenged: hook,
      onAbandoned: hook,
      onWarning: hook,
    },
  ),
  entry(
    'createSaslServer',
    SASL_SERVER_OPTIONS,
    (o) => createSaslServer({ acceptor, ...(o as object) }),
    {
      acceptor: acceptorRow,
      mechanisms: { refused: [[], ['PLAIN'], ['gssapi'], [undefined], 'GSSAPI', {}] },
      service: { refused: ['', 'ldap/host', 'ldap@host', ' ', 5, ['ldap'], true] },
      layers,
      maxBuffer: { refused: [...NO_NUMBERS, 0, 1023, 0x100_0000, 4096.5] },
      authorize: { refused: NO_FUNCTIONS },
    },
  ),
  entry('begin', SASL_EXCHANGE_OPTIONS, (o) => createSaslServer({ acceptor }).begin('GSSAPI', o), {
    ...handshake,
    layers,
    successData: { undefinedIsAbsent: safer, refused: NO_FLAGS },
  }),
  entry('saslSocket', SASL_SOCKET_OPTIONS, (o) => saslSocket(new PassThrough(), NO_SESSION, o), {
    head: { undefinedIsAbsent: 'nothing has arrived then', refused: ['', [], {}, 5] },
  }),
  entry('createGssServer', SERVER_OPTIONS, (o) => createGssServer({ acceptor, ...(o as object) }), {
    acceptor: acceptorRow,
    onEvent: hook,
    exportContext: { undefinedIsAbsent: 'it decides nothing', refused: NO_FLAGS },
    requireAuthentication: { refused: NO_FLAGS },
    limits: { undefinedIsAbsent: 'there are bounds then', refused: NO_OBJECTS },
  }),
  entry('limits', LIMIT_OPTIONS, (limits) => createGssServer({ acceptor, limits }), {
    idleTimeout: seconds,
    handshakeTimeout: seconds,
    maxTokenSize: seconds,
    maxConnections: { refused: NO_COUNTS },
    maxConnectionsPerSource: { refused: NO_COUNTS },
    maxPenalty: { refused: NO_NUMBERS },
    maxBufferedBytes: seconds,
  }),
  entry('startWorkers', WORKERS_OPTIONS, startNone, {
    count: { refused: NO_COUNTS },
    port: { refused: [...NO_NUMBERS, 65_536] },
    onEnd: hook,
  }),
  ...[keytabFile, loadKeytab].map((read) =>
    entry(read.name, KEYTAB_FILE_OPTIONS, (o) => read('/nowhere/at.all', o), {
      environment,
      defaultName: name,
      crypto,
      onWarning: hook,
    }),
  ),
  entry('parseKeytab', PARSE_KEYTAB_OPTIONS, (o) => parseKeytab(new Uint8Array(), o), { crypto }),
  entry(
    'mintTicket',
    MINT_OPTIONS,
    (o) => mintTicket({ keytab, client: 'alice', ...(o as object) }),
    rowsOfTests(MINT_OPTIONS, ['kvno'], { keytab: [{}, 'FILE:'], client: ['', 5] }),
  ),
  entry(
    'createInitiator',
    INITIATOR_OPTIONS,
    (o) => createInitiator({ ticket, ...(o as object) }),
    rowsOfTests(INITIATOR_OPTIONS, ['subkeyEnctype'], { ticket: [true, 5] }),
  ),
  entry(
    'spnego',
    SPNEGO_OPTIONS,
    (spnego) => createInitiator({ ticket, spnego }),
    rowsOfTests(SPNEGO_OPTIONS, [], {}),
  ),
  entry(
    'testKeytab',
    TEST_KEYTAB_OPTIONS,
    (o) => testKeytab('HTTP/a@A', o),
    rowsOfTests(TEST_KEYTAB_OPTIONS, [], {}),
  ),
  entry(
    'client',
    USER_OPTIONS,
    (o) => mintTicket({ keytab, client: { name: 'alice', ...(o as object) } }),
    rowsOfTests(USER_OPTIONS, [], { name: ['', 5] }),
  ),
  entry('createRealm', REALM_OPTIONS, createRealm, rowsOfTests(REALM_OPTIONS, [], {})),
  entry(
    'users',
    REALM_USER_OPTIONS,
    (o) => createRealm({ users: [{ name: 'alice', ...(o as object) }] }),
    rowsOfTests(REALM_USER_OPTIONS, [], { name: ['', 5] }),
  ),
  entry(
    'startRealm',
    START_REALM_OPTIONS,
    // No realm is started: what is not tried is wrong as well, and comes last.
    (o) =>
      startRealm({ ...(o as object), ...('port' in o ? { address: '10.0.0.1' } : { port: -1 }) }),
    rowsOfTests(START_REALM_OPTIONS, [], {}),
  ),
  entry(
    'requestTicket',
    REQUEST_TICKET_OPTIONS,
    (o) => requestTicket({ kdc, client: 'alice@A', service: 'HTTP/a', ...(o as object) }),
    rowsOfTests(REQUEST_TICKET_OPTIONS, [], { kdc: [5, {}], client: ['', 5], service: ['', 5] }),
  ),
  entry(
    'createSignOnFetch',
    SIGN_ON_FETCH_OPTIONS,
    (o) => createSignOnFetch({ keytab, user: 'alice', ...(o as object) }),
    rowsOfTests(SIGN_ON_FETCH_OPTIONS, ['subkeyEnctype'], {}),
  ),
  entry(
    'createSaslClient',
    SASL_CLIENT_OPTIONS,
    (o) => createSaslClient('GSSAPI', { ticket, ...(o as object) }),
    rowsOfTests(SASL_CLIENT_OPTIONS, ['subkeyEnctype'], { ticket: [true, 5] }),
  ),
  entry(
    'checkReplayCache',
    CHECK_REPLAY_CACHE_OPTIONS,
    (o) => checkReplayCache(() => new MemoryReplayCache(), o),
    rowsOfTests(CHECK_REPLAY_CACHE_OPTIONS, [], {}),
  ),
];

/** What is not tried is wrong as well, and comes last: no process is started. */
function startNone(options: object): Promise<unknown> {
  const port = 'port' in options || 'count' in options ? 0 : -1;
  return startWorkers({ count: 1, ...options, port, ...options });
}

/** Of entries for tests, which let nobody in: names and kinds only. */
function rowsOfTests<T>(
  rules: OptionRules<T>,
  nullable: readonly string[],
  required: Readonly<Record<string, readonly unknown[]>>,
): Readonly<Record<keyof T, Row>> {
  const rows = Object.keys(rules).map((option) => {
    const row: Row = {
      ...(nullable.includes(option) && { nullable: true as const }),
      ...(required[option] === undefined && { undefinedIsAbsent: 'it is for tests' }),
      refused: required[option] ?? [Symbol('none')],
    };
    return [option, row];
  });
  return Object.fromEntries(rows) as Readonly<Record<keyof T, Row>>;
}

/** Entries that are called here with the very object: the others have what they need beside it. */
const INHERITING = ['begin', 'resume', 'accept', 'negotiate', 'MemoryReplayCache', 'limits'];

/** What it throws, or rejects with. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

async function expectRefusal(call: () => unknown, option: string): Promise<void> {
  const error = await failureOf(call);
  const { message = '', minor } = (error ?? {}) as Partial<GssError>;
  const shown = `${error}, ${minor}`;
  expect(error instanceof TypeError || error instanceof RangeError || minor, shown).toBeTruthy();
  expect(`${message} ${minor?.message}`.toLowerCase(), shown).toContain(option.toLowerCase());
}

describe.each(entries)('$label', ({ label, rules, call, rows }) => {
  it('has a row for each option', () => {
    expect(Object.keys(rows).sort()).toEqual(Object.keys(rules).sort());
  });

  it.each(Object.entries(rows))('refuses the slips of %s', async (option, row) => {
    const slips = [...row.refused, Promise.resolve(), ...(row.nullable ? [] : [null])];
    for (const slip of slips) await expectRefusal(() => call({ [option]: slip }), option);
    const isRefused = await failureOf(() => call({ [option]: undefined }));
    if (row.undefinedIsAbsent === undefined) {
      await expectRefusal(() => call({ [option]: undefined }), option);
    } else {
      // Whatever it fails with is not about the option.
      expect(String(isRefused)).not.toContain(`${option}: expected`);
    }
  });

  it('refuses names that are misspelt, each with the nearest', async () => {
    for (const option of Object.keys(rows)) {
      for (const misspelt of [`${option}s`, option.toUpperCase(), option.slice(1)]) {
        if (Object.hasOwn(rules, misspelt)) continue;
        const error = await failureOf(() => call({ [misspelt]: undefined }));
        expect(error, misspelt).toBeInstanceOf(TypeError);
        expect((error as Error).message).toContain(`expected no option "${misspelt}"`);
      }
    }
  });

  it('refuses what is no object with options, and sees what an object inherits', async () => {
    for (const [option, { refused }] of Object.entries(rows)) {
      const inherited = Object.create({ [option]: refused[0] }) as Record<string, unknown>;
      if (INHERITING.includes(label)) await expectRefusal(() => call(inherited), option);
    }
    for (const slip of INHERITING.includes(label) ? [null, Promise.resolve({}), [], 'text'] : []) {
      expect(await failureOf(() => call(slip as never))).toBeInstanceOf(TypeError);
    }
    expect(Object.keys(rows).length).toBeGreaterThan(0);
  });
});

/** Answers that are no yes. */
const ANSWERS: readonly (readonly [string, () => unknown])[] = [
  ['false', () => false],
  ['undefined', () => undefined],
  ['null', () => null],
  ['NaN', () => Number.NaN],
  ['1', () => 1],
  ['text', () => 'yes'],
  ['a promise of false', () => Promise.resolve(false)],
  ['a promise of undefined', () => Promise.resolve()],
  ['a rejection', () => Promise.reject(new Error('no'))],
  ['a thenable that throws', () => thenable(() => raise())],
  ['a throw', () => raise()],
  ['a throw of nothing', () => raise(undefined)],
];

function raise(error: unknown = new Error('no')): never {
  throw error;
}

function thenable(then: () => never): object {
  return Object.defineProperty({}, 'then', { value: then });
}

const EVIL: Parameters<typeof makeParties>[0] = {
  ticket: {
    client: 'eve@EVIL.TEST',
    transited: { type: 1, contents: new TextEncoder().encode('B.TEST') },
  },
};

/**
 * Functions of an acceptor that decide: what they answer is judged when a client comes. `good`: the
 * answers of {@link ANSWERS} that they may give.
 */
const CALLBACKS: Readonly<
  Record<
    string,
    {
      readonly options: (answer: () => unknown) => Partial<Record<keyof AcceptorOptions, unknown>>;
      readonly parties?: Parameters<typeof makeParties>[0];
      readonly good?: readonly string[];
      /** What the failure says; the option's name if absent. */
      readonly says?: string;
    }
  >
> = {
  checkTransited: { options: (answer) => ({ checkTransited: answer }), parties: EVIL },
  clientRealms: { options: (answer) => ({ clientRealms: answer }) },
  replayCache: {
    options: (answer) => ({ replayCache: { checkAndStore: answer } }),
    says: 'replay',
  },
  clock: { options: (answer) => ({ clock: answer }), good: ['1'] },
  random: {
    options: (answer) => ({ random: answer, replayCache: { checkAndStore: () => true } }),
  },
};

describe.each(Object.entries(CALLBACKS))('the function %s', (option, callback) => {
  it.each(ANSWERS)('refuses by %s', async (answer, give) => {
    const options = callback.options(give) as Partial<AcceptorOptions>;
    const { initiator, begin } = await makeParties({ ...callback.parties, acceptor: options });
    const result = await begin().accept(initiator.begin());
    expect(result.status).toBe('failed');
    // A clock may say that it is 1970: then the client's is wrong.
    if (!callback.good?.includes(answer)) {
      expect(textOf(result).toLowerCase()).toContain((callback.says ?? option).toLowerCase());
    }
  });
});

function textOf(result: AcceptResult): string {
  if (result.status !== 'failed') return '';
  const { minor } = result.error;
  return `${minor?.message} ${minor?.hint}`;
}

describe('the functions that are tried', () => {
  /** Those that are told something, and what they cannot refuse by answering. */
  const TOLD = ['onWeakEnctype', 'timer', 'trace'];

  it('are all that an acceptor takes', () => {
    const functions = Object.entries(ACCEPTOR_OPTIONS)
      .filter(([option, rule]) => takesFunction(option, rule))
      .map(([option]) => option);
    const tried = [...Object.keys(CALLBACKS).filter((one) => one !== 'replayCache'), ...TOLD];
    expect(functions.sort()).toEqual(tried.sort());
  });

  function takesFunction(option: string, rule: { check(value: unknown, name: string): void }) {
    try {
      rule.check(() => true, option);
      return true;
    } catch {
      return false;
    }
  }

  it('may be a timer that fails: the client is refused', async () => {
    const replayCache = { checkAndStore: () => new Promise<boolean>(() => {}) };
    for (const timer of [() => raise(), () => undefined, () => Number.NaN]) {
      const { initiator, begin } = await makeParties({
        acceptor: { replayCache: { checkAndStore: async () => true }, timer: timer as never },
      });
      const { status } = await begin().accept(initiator.begin());
      expect(status).toBe('failed');
    }
    // One that works ends the waiting.
    const timer = (callback: () => void) => {
      queueMicrotask(callback);
      return () => {};
    };
    const { initiator, begin } = await makeParties({ acceptor: { replayCache, timer } });
    expect((await begin().accept(initiator.begin())).status).toBe('failed');
  });

  it('may give a keytab: what is none is refused when the credential is acquired', async () => {
    for (const [, give] of ANSWERS) {
      const error = await failureOf(() => acquireCredential({ keytab: give as never }));
      expect(error).toMatchObject({ name: 'GssError', code: 'GSS_S_NO_CRED' });
    }
  });

  it('may give a keytab once: then the last one serves, and no other key opens', async () => {
    const stranger = makeKeytab({ seed: 99 });
    for (const [, give] of ANSWERS) {
      let asked = false;
      const provider = () => {
        if (asked) return give() as never;
        asked = true;
        return keytab;
      };
      const following = await acquireCredential({ keytab: provider, onWarning: () => {} });
      for (const [keys, status] of [
        [stranger, 'failed'],
        [keytab, 'complete'],
      ] as const) {
        const other = await makeParties({ keytab: keys });
        const guard = createAcceptor({ credential: following, clock: () => NOW });
        expect((await guard.begin().accept(other.initiator.begin())).status).toBe(status);
      }
    }
  });
});

describe('rejections that nobody waited for', () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  afterAll(() => process.off('unhandledRejection', note));

  it('end no process', async () => {
    for (const callback of Object.values(CALLBACKS)) {
      const give = (): unknown => Promise.reject(new Error('no'));
      const options = callback.options(give) as Partial<AcceptorOptions>;
      const { initiator, begin } = await makeParties({ ...callback.parties, acceptor: options });
      await begin().accept(initiator.begin());
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });
});

describe('the hook of challenges', () => {
  const takers = entries.filter(({ rules }) => Object.hasOwn(rules, 'onChallenge'));

  it.each(takers)('has two names, and $label refuses both at once', async ({ call, rules }) => {
    expect(Object.hasOwn(rules, 'onChallenged')).toBe(true);
    const hook = (): void => {};
    for (const one of [{ onChallenge: hook }, { onChallenged: hook }]) {
      // Whatever it fails with is not about the hook.
      expect(String(await failureOf(() => call(one)))).not.toContain('onChallenge');
    }
    const error = await failureOf(() => call({ onChallenge: hook, onChallenged: hook }));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toBe(
      'onChallenged: expected no such option beside onChallenge, the same hook',
    );
  });

  it('is taken by all that sign clients on over HTTP', () => {
    const kinds = ['node', 'express', 'fastify', 'koa', 'hono'];
    const adapters = kinds.map((kind) => `kerberos of ./${kind}`);
    expect(takers.map(({ label }) => label).sort()).toEqual(
      ['createAuthenticator', 'httpAuthenticator', 'withKerberos', ...adapters].sort(),
    );
  });
});
