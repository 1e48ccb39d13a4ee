/**
 * What every server with single sign-on must do, whatever its framework and its runtime: one table of
 * cases. `servers/` has the programs; each serves the paths that `servers/README.md` lists.
 */
import assert from 'node:assert/strict';
import { encodeUtf8 } from '../../src/bytes.ts';
import { decodeBase64 } from '../../src/http/base64.ts';
import type { Keytab } from '../../src/index.ts';
import { tlsServerEndPoint } from '../../src/index.ts';
import { until } from '../support/until.ts';
import type { Answer, Connection } from './connection.ts';
import { openHttp1, openHttp2 } from './connection.ts';
import type { SignOn } from './user.ts';
import {
  ADMINS,
  DOMAIN,
  makeServiceKeytab,
  NTLM_TOKEN,
  negotiateHeader,
  tokenOf,
  User,
} from './user.ts';

/** A server that runs. */
export interface Target {
  /** `http://localhost:8080`, without a path. */
  readonly url: string;
  /** The keytab that the server was given. */
  readonly keytab: Keytab;
  /** What the server has printed for its operator so far; refusals are lines `refused: ...`. */
  readonly log: () => string;
}

/** What a server can do beyond what each must. */
export interface Capabilities {
  /** It knows its connections: an exchange may take several requests on one. Else it refuses those. */
  readonly legs: boolean;
  /** The requests of one HTTP/2 connection; needs https. */
  readonly http2?: boolean;
  /** It knows the certificate of its TLS connections; needs https. */
  readonly bindings?: boolean;
  /** It takes headers of 80 kB: a ticket with 1 500 groups is accepted. */
  readonly largeHeaders?: boolean;
  /** The framework gives back the context (`/wrap`, `/slow`, `/contexts`). */
  readonly contexts?: boolean;
  /** With `contexts`: it learns that a client has gone away, while the application works on the answer. */
  readonly departures?: boolean;
  /** It serves `/sessions`. */
  readonly sessions?: boolean;
}

/** A row of the table. */
export interface Case {
  /** What the server does. */
  readonly name: string;
  /** Rejects with an AssertionError if it does not. */
  readonly run: () => Promise<void>;
}

/** The rows that apply to a server. They may run in any order, but one after the other. */
export function conformance(target: Target, can: Capabilities): readonly Case[] {
  const site = new Site(target, can);
  const rows = [
    ...SIGN_ON,
    ...REFUSALS,
    ...POLICY,
    ...BODIES,
    ...MANY,
    ...(can.legs ? LEGS : NO_LEGS),
    ...(can.largeHeaders === true ? LARGE_HEADERS : []),
    ...(can.http2 === true ? STREAMS : PIPELINES),
    ...(can.bindings === true ? BINDINGS : []),
    ...(can.contexts === true
      ? [...CONTEXTS, can.departures === true ? DEPARTURE : NO_DEPARTURE]
      : []),
    ...(can.sessions === true ? SESSIONS : []),
  ];
  return rows.map(([name, run]) => ({
    name,
    run: async () => {
      try {
        await run(site);
      } finally {
        site.closeAll();
      }
    },
  }));
}

type Row = readonly [name: string, run: (site: Site) => Promise<void>];

/** The server as the rows use it. */
class Site {
  readonly #target: Target;
  readonly #http2: boolean;
  readonly #open: Connection[] = [];

  constructor(target: Target, can: Capabilities) {
    this.#target = target;
    this.#http2 = can.http2 === true;
  }

  user(name: string, groups?: readonly number[]): User {
    return new User(this.#target.keytab, name, groups);
  }

  async connect(): Promise<Connection> {
    const connection = await (this.#http2 ? openHttp2 : openHttp1)(this.#target.url);
    this.#open.push(connection);
    return connection;
  }

  /** One request on a connection of its own. */
  async ask(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return (await this.connect()).send({ path, headers });
  }

  /** Signs a user on, and verifies the server's proof. */
  async welcome(path: string, signOn: SignOn, connection?: Connection): Promise<Answer> {
    const { authorization } = signOn;
    const through = connection ?? (await this.connect());
    const answer = await through.send({ path, headers: { authorization } });
    signOn.verify(answer);
    return answer;
  }

  /** Waits for a line of the operator's log that was not there when this was called. */
  logged(pattern: RegExp): () => Promise<void> {
    const before = this.#target.log().length;
    const added = () => this.#target.log().slice(before);
    return async () => {
      await until(
        () => pattern.test(added()),
        () => `no ${pattern}: ${added()}`,
      );
    };
  }

  closeAll(): void {
    for (const connection of this.#open.splice(0)) connection.close();
  }
}

const SIGN_ON: readonly Row[] = [
  [
    'challenges a request without credentials',
    async (site) => {
      const answer = await site.ask('/');
      assert.equal(answer.status, 401);
      assert.deepEqual(answer.headers.get('www-authenticate'), ['Negotiate']);
      assert.ok(!answer.body.includes('Hello'));
    },
  ],
  [
    'signs on with SPNEGO, and proves its identity',
    async (site) => {
      const answer = await site.welcome('/', site.user('alice').signOn());
      assert.equal(answer.status, 200);
      assert.equal(answer.body, 'Hello alice@EXAMPLE.TEST');
    },
  ],
  [
    'signs on with a bare token of Kerberos, and proves its identity',
    async (site) => {
      const answer = await site.welcome('/', site.user('alice').signOn({ as: 'bare' }));
      assert.equal(answer.status, 200);
      assert.equal(answer.body, 'Hello alice@EXAMPLE.TEST');
    },
  ],
  [
    'sends its proof with whatever the application answers',
    async (site) => {
      const answer = await site.welcome('/missing', site.user('alice').signOn());
      assert.equal(answer.status, 404);
      assert.equal(answer.body, 'no such page, alice@EXAMPLE.TEST');
    },
  ],
  [
    'gives the application the identity of the ticket, and nothing else of it',
    async (site) => {
      const { body } = await site.welcome('/whoami', site.user('alice', [ADMINS, 1601]).signOn());
      const identity = JSON.parse(body) as Record<string, unknown>;
      assert.equal(identity.principal, 'alice@EXAMPLE.TEST');
      assert.equal(identity.name, 'alice');
      assert.equal(identity.realm, 'EXAMPLE.TEST');
      assert.equal(identity.sid, `${DOMAIN}-1105`);
      const groups = new Set(identity.groups as string[]);
      assert.ok(groups.has(`${DOMAIN}-${ADMINS}`) && groups.has(`${DOMAIN}-1601`));
      assert.ok(!('context' in identity) && !('headers' in identity), body);
    },
  ],
  [
    'does not let the next request of a kept connection in',
    async (site) => {
      const connection = await site.connect();
      const first = await site.welcome('/', site.user('alice').signOn(), connection);
      assert.equal(first.status, 200);
      const next = await connection.send({ path: '/' });
      assert.equal(next.status, 401);
      assert.ok(!next.body.includes('alice'));
      const other = await site.welcome('/', site.user('bob').signOn(), connection);
      assert.equal(other.body, 'Hello bob@EXAMPLE.TEST');
    },
  ],
];

const REFUSALS: readonly Row[] = [
  [
    'refuses a replay, and tells the operator',
    async (site) => {
      const signOn = site.user('alice').signOn();
      assert.equal((await site.welcome('/', signOn)).status, 200);
      const logged = site.logged(/refused: .*KRB_AP_ERR_REPEAT/);
      const again = await site.ask('/', { authorization: signOn.authorization });
      assert.equal(again.status, 401);
      assert.ok(!again.body.includes('alice'));
      await logged();
    },
  ],
  [
    'refuses NTLM, and tells the operator what to look for',
    async (site) => {
      const logged = site.logged(/refused: .*NTLM_RECEIVED.*SPN/);
      const answer = await site.ask('/', { authorization: negotiateHeader(NTLM_TOKEN) });
      assert.equal(answer.status, 401);
      await logged();
    },
  ],
  [
    'refuses what is not base64',
    async (site) => {
      const logged = site.logged(/refused: .*not base64/);
      assert.equal((await site.ask('/', { authorization: 'Negotiate !' })).status, 400);
      await logged();
    },
  ],
  [
    'refuses other schemes, and names them to the operator',
    async (site) => {
      const logged = site.logged(/refused: .*the client authenticates with Bearer/);
      const answer = await site.ask('/', { authorization: 'Bearer x' });
      assert.equal(answer.status, 401);
      assert.deepEqual(answer.headers.get('www-authenticate'), ['Negotiate']);
      await logged();
    },
  ],
  [
    'refuses a ticket of another key',
    async (site) => {
      const stranger = new User(makeServiceKeytab(), 'mallory');
      const { authorization } = stranger.signOn();
      const answer = await site.ask('/', { authorization });
      assert.equal(answer.status, 401);
      assert.ok(!answer.body.includes('mallory'));
    },
  ],
  [
    'answers 503 while its replay cache fails, and keeps the reason for the operator',
    async (site) => {
      const logged = site.logged(/refused: .*KRB5_RC_IO.*disk full/);
      const { authorization } = site.user('alice').signOn();
      const answer = await site.ask('/down', { authorization });
      assert.equal(answer.status, 503);
      assert.match(answer.headers.get('retry-after')?.[0] ?? '', /^\d+$/);
      assert.equal(answer.headers.get('www-authenticate'), undefined);
      assert.ok(!answer.body.includes('disk'));
      await logged();
    },
  ],
];

const POLICY: readonly Row[] = [
  [
    'lets members of a group in, and answers others 403',
    async (site) => {
      const admin = await site.welcome('/admins', site.user('root', [ADMINS]).signOn());
      assert.equal(admin.status, 200);
      assert.equal(admin.body, 'Hello root@EXAMPLE.TEST');
      for (const groups of [[1601], undefined]) {
        const signOn = site.user('alice', groups).signOn();
        const { authorization } = signOn;
        const answer = await site.ask('/admins', { authorization });
        assert.equal(answer.status, 403);
        assert.ok(!answer.body.includes('Hello'));
      }
    },
  ],
  [
    'lets guests pass where sign-on is optional, and knows those who sign on',
    async (site) => {
      const guest = await site.ask('/guests');
      assert.equal(guest.status, 200);
      assert.equal(guest.body, 'Hello guest');
      const alice = await site.welcome('/guests', site.user('alice').signOn());
      assert.equal(alice.body, 'Hello alice@EXAMPLE.TEST');
      const broken = await site.ask('/guests', { authorization: negotiateHeader(NTLM_TOKEN) });
      assert.equal(broken.status, 401);
    },
  ],
  [
    'lets preflights of CORS pass, without an identity',
    async (site) => {
      const preflight = { Origin: 'https://app.test', 'Access-Control-Request-Method': 'POST' };
      const connection = await site.connect();
      const answer = await connection.send({ path: '/', method: 'OPTIONS', headers: preflight });
      assert.ok(answer.status < 300, `status ${answer.status}`);
      assert.ok(!answer.body.includes('@'));
      const plain = await connection.send({ path: '/', method: 'OPTIONS' });
      assert.equal(plain.status, 401);
    },
  ],
  [
    'shows pages of the application for 401, 403 and 503, with its own headers on them',
    async (site) => {
      const challenged = await site.ask('/pages');
      assert.equal(challenged.status, 401);
      assert.equal(challenged.body, 'page: unauthorized');
      assert.deepEqual(challenged.headers.get('www-authenticate'), ['Negotiate']);
      const signOn = site.user('alice').signOn();
      const forbidden = await site.welcome('/pages', signOn);
      assert.equal(forbidden.status, 403);
      assert.equal(forbidden.body, 'page: forbidden');
      const { authorization } = site.user('alice').signOn();
      const down = await site.ask('/pages/down', { authorization });
      assert.equal(down.status, 503);
      assert.equal(down.body, 'page: unavailable');
      assert.match(down.headers.get('retry-after')?.[0] ?? '', /^\d+$/);
    },
  ],
  [
    'answers in JSON where the client asks for it',
    async (site) => {
      const answer = await site.ask('/', { Accept: 'application/json' });
      assert.equal(answer.status, 401);
      assert.match(answer.headers.get('content-type')?.[0] ?? '', /^application\/problem\+json\b/);
      const { title, status } = JSON.parse(answer.body) as Record<string, unknown>;
      assert.deepEqual([title, status], ['Unauthorized', 401]);
      const page = await site.ask('/', { Accept: 'text/html,application/json;q=0.9,*/*;q=0.8' });
      assert.match(page.headers.get('content-type')?.[0] ?? '', /^text\/plain\b/);
    },
  ],
];

const BODIES: readonly Row[] = [
  [
    'takes a body of 200 kB with a token, and refuses it without one',
    async (site) => {
      const body = new Uint8Array(200_000).fill(0x61);
      const connection = await site.connect();
      const signOn = site.user('alice').signOn();
      const { authorization } = signOn;
      const upload = { path: '/upload', method: 'POST', body };
      const sent = await connection.send({ ...upload, headers: { authorization } });
      signOn.verify(sent);
      assert.equal(sent.body, 'alice@EXAMPLE.TEST sent 200000 bytes');
      const refused = await (await site.connect()).send(upload);
      assert.equal(refused.status, 401);
      assert.ok(!refused.body.includes('sent'));
    },
  ],
];

const MANY: readonly Row[] = [
  [
    'keeps 40 users at once apart',
    async (site) => {
      const names = Array.from({ length: 40 }, (_, i) => `user${i}`);
      const bodies = await Promise.all(
        names.map(async (name) => (await site.welcome('/', site.user(name).signOn())).body),
      );
      assert.deepEqual(
        bodies,
        names.map((name) => `Hello ${name}@EXAMPLE.TEST`),
      );
    },
  ],
];

const LEGS: readonly Row[] = [
  [
    'carries SPNEGO that prefers NTLM through three requests of one connection',
    async (site) => {
      const connection = await site.connect();
      const signOn = site.user('alice').signOn({ as: 'ntlm-first' });
      const first = await connection.send({
        path: '/',
        headers: { authorization: signOn.authorization },
      });
      assert.equal(first.status, 401);
      const second = await connection.send({
        path: '/',
        headers: { authorization: signOn.next(first)! },
      });
      assert.equal(second.status, 401);
      const last = await connection.send({
        path: '/',
        headers: { authorization: signOn.next(second)! },
      });
      assert.equal(last.status, 200);
      assert.equal(last.body, 'Hello alice@EXAMPLE.TEST');
      assert.equal((await connection.send({ path: '/' })).status, 401);
    },
  ],
  [
    'does not continue an exchange of another connection',
    async (site) => {
      const signOn = site.user('alice').signOn({ as: 'ntlm-first' });
      const first = await site.ask('/', { authorization: signOn.authorization });
      assert.equal(first.status, 401);
      const logged = site.logged(/refused: .*another connection/);
      const elsewhere = await site.ask('/', { authorization: signOn.next(first)! });
      assert.equal(elsewhere.status, 401);
      assert.ok(!elsewhere.body.includes('alice'));
      await logged();
    },
  ],
];

const NO_LEGS: readonly Row[] = [
  [
    'refuses an exchange of several requests, and tells the operator why',
    async (site) => {
      const signOn = site.user('alice').signOn({ as: 'ntlm-first' });
      const logged = site.logged(/refused: .*several requests.*(HTTP\/1\.1|connection)/);
      const answer = await site.ask('/', { authorization: signOn.authorization });
      assert.equal(answer.status, 401);
      assert.equal(tokenOf(answer), undefined);
      await logged();
    },
  ],
];

const LARGE_HEADERS: readonly Row[] = [
  [
    'accepts a ticket with 1 500 groups',
    async (site) => {
      const groups = Array.from({ length: 1500 }, (_, i) => 2000 + i);
      const signOn = site.user('alice', groups).signOn();
      assert.ok(signOn.authorization.length > 13_000);
      const answer = await site.welcome('/', signOn);
      assert.equal(answer.status, 200);
    },
  ],
];

const PIPELINES: readonly Row[] = [
  [
    'keeps the users of pipelined requests on one connection apart',
    async (site) => {
      const connection = await site.connect();
      await meetInParallel(site, connection);
    },
  ],
];

const STREAMS: readonly Row[] = [
  [
    'keeps the users of parallel streams on one connection apart',
    async (site) => {
      const connection = await site.connect();
      await meetInParallel(site, connection);
    },
  ],
];

async function meetInParallel(site: Site, connection: Connection): Promise<void> {
  const names = ['alice', 'bob', undefined, 'carol', 'dave', undefined, 'erin'];
  const signOns = names.map((name) => (name === undefined ? undefined : site.user(name).signOn()));
  const answers = await Promise.all(
    signOns.map((signOn) =>
      connection.send({
        path: '/',
        headers: signOn === undefined ? {} : { authorization: signOn.authorization },
      }),
    ),
  );
  for (const [i, name] of names.entries()) {
    const answer = answers[i]!;
    signOns[i]?.verify(answer);
    assert.equal(answer.status, name === undefined ? 401 : 200);
    if (name !== undefined) assert.equal(answer.body, `Hello ${name}@EXAMPLE.TEST`);
  }
}

const BINDINGS: readonly Row[] = [
  [
    'accepts a client that is bound to its connection, and none that is bound to another',
    async (site) => {
      const connection = await site.connect();
      const own = tlsServerEndPoint(connection.certificate!)!;
      const bound = site.user('alice').signOn({ channelBindings: own });
      assert.equal((await site.welcome('/', bound, connection)).status, 200);
      const channelBindings = { applicationData: encodeUtf8('tls-server-end-point:elsewhere') };
      const { authorization } = site.user('alice').signOn({ channelBindings });
      const relayed = await connection.send({ path: '/', headers: { authorization } });
      assert.equal(relayed.status, 401);
    },
  ],
];

const CONTEXTS: readonly Row[] = [
  [
    'gives the application the context, and disposes of it after the answer',
    async (site) => {
      const { alive } = await countContexts(site);
      const signOn = site.user('alice').signOn();
      const connection = await site.connect();
      const { authorization } = signOn;
      const answer = await connection.send({ path: '/wrap', headers: { authorization } });
      const context = signOn.verify(answer);
      const { message } = context.unwrap(decodeBase64(answer.body)!);
      assert.equal(new TextDecoder().decode(message), 'for alice@EXAMPLE.TEST only');
      await untilAlive(site, alive);
    },
  ],
];

const DEPARTURE: Row = [
  'disposes of the context where the client goes away before the answer',
  async (site) => {
    const before = await leaveBeforeAnswer(site);
    await untilAlive(site, before);
  },
];

const NO_DEPARTURE: Row = [
  'leaves the context to the garbage collector where the client goes away, and serves the next one',
  async (site) => {
    const before = await leaveBeforeAnswer(site);
    assert.equal((await site.welcome('/', site.user('bob').signOn())).status, 200);
    const { alive } = await countContexts(site);
    assert.equal(alive, before + 1);
  },
];

/** @returns How many contexts there were before. */
async function leaveBeforeAnswer(site: Site): Promise<number> {
  const before = await countContexts(site);
  const connection = await site.connect();
  const logged = site.logged(/slow: alice@EXAMPLE.TEST waits/);
  const { authorization } = site.user('alice').signOn();
  connection.send({ path: '/slow', headers: { authorization } }).catch(() => {});
  await logged();
  const { alive } = await countContexts(site);
  assert.equal(alive, before.alive + 1);
  connection.close();
  return before.alive;
}

async function countContexts(
  site: Site,
): Promise<{ readonly seen: number; readonly alive: number }> {
  const { body } = await site.ask('/contexts');
  return JSON.parse(body) as { readonly seen: number; readonly alive: number };
}

async function untilAlive(site: Site, expected: number): Promise<void> {
  let alive = -1;
  const isSo = async () => {
    const counts = await countContexts(site);
    assert.ok(counts.seen > 0);
    alive = counts.alive;
    return alive === expected;
  };
  await until(isSo, () => `${alive} contexts are alive instead of ${expected}`);
}

const SESSIONS: readonly Row[] = [
  [
    'gives a session, which stands for the ticket until it is logged out or altered',
    async (site) => {
      const signedOn = await site.welcome('/sessions', site.user('alice').signOn());
      const [cookie = ''] = signedOn.headers.get('set-cookie') ?? [];
      assert.match(cookie, /; *HttpOnly/i);
      assert.match(cookie, /; *SameSite=/i);
      const pair = cookie.split(';')[0]!;
      const back = await site.ask('/sessions', { Cookie: pair });
      assert.equal(back.status, 200);
      assert.equal(back.body, 'Hello alice@EXAMPLE.TEST by session');
      const altered = `${pair.slice(0, -2)}${pair.endsWith('AA') ? 'BB' : 'AA'}`;
      assert.equal((await site.ask('/sessions', { Cookie: altered })).status, 401);
      assert.equal((await site.ask('/', { Cookie: pair })).status, 401);
    },
  ],
];
