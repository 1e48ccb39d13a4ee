/** What ends in silence for the application has an event with a reason: a hook, a channel, a counter. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import tls from '../../fixtures/tls/server.json' with { type: 'json' };
import { encodeBase64 } from '../../src/http/base64.ts';
import type { Acceptor, GssError } from '../../src/index.ts';
import {
  acquireCredential,
  ChannelName,
  ContextFlag,
  createAcceptor,
  Mechanism,
} from '../../src/index.ts';
import type { HttpRequest, HttpResponse } from '../../src/node/http.ts';
import { httpAuthenticator } from '../../src/node/http.ts';
import { kerberos } from '../../src/node/kerberos.ts';
import { encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import { makeServiceKeytab, User } from '../conformance/user.ts';
import type { Listening } from '../support/channels.ts';
import { listen } from '../support/channels.ts';
import { collectWarnings } from '../support/warnings.ts';

const keytab = makeServiceKeytab();
/** A user in so many groups that its ticket alone has more than 16 kB in base64. */
const CROWDED = new User(
  keytab,
  'carol',
  Array.from({ length: 1600 }, (_, index) => 1000 + index),
);
const DCE = ContextFlag.dceStyle | ContextFlag.mutual | ContextFlag.integrity;
const PEER = { 'client.address': '127.0.0.1' };

type Protocol = 'http' | 'https';
type Api = 'kerberos' | 'httpAuthenticator';
type SignOn = (request: HttpRequest, response: HttpResponse) => Promise<unknown>;

/** A real server, all that its operator can be told, and raw connections to it. */
async function serve(protocol: Protocol, api: Api) {
  const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });
  const told: string[] = [];
  const signOn = makeSignOn(api, acceptor, told);
  const listener = async (request: HttpRequest, response: HttpResponse): Promise<void> => {
    if ((await signOn(request, response)) !== undefined) response.end('Hello');
  };
  const limit = { maxHeaderSize: 16_384 };
  const server =
    protocol === 'http'
      ? createServer(limit, listener)
      : createTlsServer({ ...limit, cert: tls.certificate, key: tls.key }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const open = async (): Promise<Duplex> => {
    const target = { port, host: '127.0.0.1' };
    const socket =
      protocol === 'http' ? connect(target) : connectTls({ ...target, rejectUnauthorized: false });
    await once(socket, protocol === 'http' ? 'connect' : 'secureConnect');
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  return { acceptor, told, open };
}

function makeSignOn(api: Api, acceptor: Acceptor, told: string[]): SignOn {
  const hooks = {
    onAccepted: () => void told.push('accepted'),
    onAbandoned: ({ reason }: GssError) => void told.push(`abandoned ${reason}`),
    onWarning: (_: string, error?: GssError) => {
      if (error !== undefined) told.push(`warned ${error.reason}`);
    },
  };
  const onRefused = ({ reason, remedies }: GssError): void => {
    told.push(`refused ${reason}`);
    expect(remedies.length).toBeGreaterThan(0);
  };
  const onChallenge = (_: unknown, why?: GssError) => void told.push(`challenged ${why?.reason}`);
  // The hook has two names.
  return api === 'kerberos'
    ? kerberos({ acceptor, onRefused, onChallenge, ...hooks })
    : httpAuthenticator({ acceptor, onFailure: onRefused, onChallenged: onChallenge, ...hooks });
}

/** What was published for a reason; the connections of other tests may end meanwhile. */
async function published({ messages }: Listening, reason: string) {
  const found = () => messages.filter(({ attributes }) => attributes['error.type'] === reason);
  await expect.poll(() => found()).not.toEqual([]);
  return found();
}

/** Sends the head of a request and reads the beginning of the answer. */
async function ask(socket: Duplex, ...headers: readonly string[]): Promise<string> {
  const head = ['GET / HTTP/1.1', 'Host: localhost', ...headers, '', ''].join('\r\n');
  socket.write(head);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString('latin1');
}

describe.each<[Protocol, Api]>([
  ['http', 'kerberos'],
  ['https', 'kerberos'],
  ['http', 'httpAuthenticator'],
  ['https', 'httpAuthenticator'],
])('over %s, %s tells of', (protocol, api) => {
  it('a client that was told to use Kerberos, and closes its connection', async () => {
    using challenged = listen(ChannelName.challenge);
    using refused = listen(ChannelName.refuse);
    const { acceptor, told, open } = await serve(protocol, api);
    const socket = await open();
    expect(await ask(socket)).toMatch(/^HTTP\/1\.1 401 /);
    socket.destroy();
    await expect.poll(() => told).toHaveLength(2);
    expect(told).toEqual(['challenged undefined', 'abandoned negotiate.abandoned']);
    expect(challenged.messages).toEqual([{ attributes: PEER }]);
    const [gone] = await published(refused, 'negotiate.abandoned');
    expect(gone).toMatchObject({ attributes: PEER });
    expect((gone!.error as GssError).remedies.length).toBeGreaterThan(0);
    expect(acceptor.statistics).toMatchObject({
      challenged: 1,
      abandoned: 1,
      refusals: { 'negotiate.abandoned': 1 },
    });
  });

  it('no such client if it comes back with a ticket', async () => {
    const { acceptor, told, open } = await serve(protocol, api);
    const socket = await open();
    await ask(socket);
    const { authorization } = new User(keytab, 'alice').signOn();
    expect(await ask(socket, `Authorization: ${authorization}`)).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
    const another = await open();
    await ask(another);
    another.destroy();
    // The end of the later connection is told after that of the earlier one.
    await expect.poll(() => told.at(-1)).toMatch(/^abandoned/);
    expect(told.slice(0, 3)).toEqual(['challenged undefined', 'accepted', 'challenged undefined']);
    expect(acceptor.statistics).toMatchObject({ accepted: 1, challenged: 2, abandoned: 1 });
  });

  it('an empty Negotiate, and that nothing follows', async () => {
    using challenged = listen(ChannelName.challenge);
    const { acceptor, told, open } = await serve(protocol, api);
    const socket = await open();
    expect(await ask(socket, 'Authorization: Negotiate')).toMatch(/^HTTP\/1\.1 401 /);
    socket.destroy();
    await expect.poll(() => told).toHaveLength(2);
    expect(told).toEqual(['challenged token.empty', 'abandoned negotiate.abandoned']);
    await expect.poll(() => challenged.messages).toHaveLength(1);
    expect(challenged.messages[0]).toMatchObject({
      attributes: { ...PEER, 'error.type': 'token.empty' },
    });
    expect(acceptor.statistics.challenges).toEqual({ 'token.empty': 1 });
  });

  it('a client that would use NTLM, and goes away when it is asked for Kerberos', async () => {
    using refused = listen(ChannelName.refuse);
    const { acceptor, told, open } = await serve(protocol, api);
    const socket = await open();
    const { authorization } = new User(keytab, 'alice').signOn({ as: 'ntlm-first' });
    expect(await ask(socket, `Authorization: ${authorization}`)).toMatch(/Negotiate oRQ/);
    socket.destroy();
    await expect.poll(() => told).toHaveLength(2);
    expect(told).toEqual(['challenged negotiate.ntlm', 'refused negotiate.ntlm']);
    expect(await published(refused, 'negotiate.ntlm')).toMatchObject([{ attributes: PEER }]);
    expect(acceptor.statistics).toMatchObject({
      abandoned: 1,
      refusals: { 'negotiate.ntlm': 1 },
      challenges: { 'negotiate.ntlm': 1 },
    });
    expect(acceptor.report().foreignOffers).toMatchObject([{ address: '127.0.0.1', ntlm: 1 }]);
  });

  it.each([
    ['dce.third-leg-missing', false],
    ['negotiate.abandoned', true],
  ])('a client that leaves in the middle of an exchange: %s', async (reason, proposes) => {
    using refused = listen(ChannelName.refuse);
    const { acceptor, told, open } = await serve(protocol, api);
    const socket = await open();
    const token = proposes
      ? encodeNegTokenInit({ mechTypes: [Mechanism.krb5] })
      : createInitiator({ ticket: mintTicket({ keytab, client: 'alice' }), flags: DCE }).begin();
    const authorization = `Authorization: Negotiate ${encodeBase64(token)}`;
    expect(await ask(socket, authorization)).toMatch(/^HTTP\/1\.1 401 .*Negotiate \S/s);
    socket.destroy();
    await expect.poll(() => told).toHaveLength(2);
    expect(told).toEqual(['challenged undefined', `refused ${reason}`]);
    expect(await published(refused, reason)).toMatchObject([{ attributes: PEER }]);
    expect(acceptor.statistics).toMatchObject({ abandoned: 1, refusals: { [reason]: 1 } });
  });

  it('a client in DCE style that sends another first token instead of its third leg', async () => {
    const { acceptor, told, open } = await serve(protocol, api);
    const socket = await open();
    const ticket = mintTicket({ keytab, client: 'alice' });
    const token = encodeBase64(createInitiator({ ticket, flags: DCE }).begin());
    await ask(socket, `Authorization: Negotiate ${token}`);
    const { authorization } = new User(keytab, 'alice').signOn();
    expect(await ask(socket, `Authorization: ${authorization}`)).toMatch(/^HTTP\/1\.1 200 /);
    await expect.poll(() => told).toHaveLength(3);
    expect([...told].sort()).toEqual([
      'accepted',
      'challenged undefined',
      'refused dce.third-leg-missing',
    ]);
    expect(acceptor.statistics).toMatchObject({ accepted: 1, abandoned: 1 });
  });

  it('a ticket that is too long for the server, which answers 431 by itself', async () => {
    using refused = listen(ChannelName.refuse);
    const { acceptor, told, open } = await serve(protocol, api);
    const first = await open();
    await ask(first);
    const { authorization } = CROWDED.signOn();
    expect(authorization.length).toBeGreaterThan(16_384);
    const socket = await open();
    expect(await ask(socket, `Authorization: ${authorization}`)).toMatch(/^HTTP\/1\.1 431 /);
    await expect.poll(() => told).toContain('warned http.header-too-long');
    const [event] = await published(refused, 'http.header-too-long');
    expect(event).toMatchObject({ attributes: PEER, error: { detail: { limit: 16_384 } } });
    expect((event!.error as GssError).remedies[0]).toContain('maxHeaderSize');
    expect(acceptor.statistics).toMatchObject({
      refused: 1,
      refusals: { 'http.header-too-long': 1 },
    });
  });

  it('requests that the server refuses by itself before the first one has come through', async () => {
    const { acceptor, told, open } = await serve(protocol, api);
    const { authorization } = CROWDED.signOn();
    const long = await open();
    expect(await ask(long, `Authorization: ${authorization}`)).toMatch(/^HTTP\/1\.1 431 /);
    await expect.poll(() => told).toEqual(['warned http.header-too-long']);
    const folded = await open();
    const header = ['Authorization: Negotiate YII', ' folded'];
    expect(await ask(folded, ...header)).toMatch(/^HTTP\/1\.1 400 /);
    // The server is known from now on, and nothing is told twice.
    await ask(await open());
    const again = await open();
    expect(await ask(again, `Authorization: ${authorization}`)).toMatch(/^HTTP\/1\.1 431 /);
    await expect
      .poll(() => acceptor.statistics.refusals)
      .toEqual({ 'http.header-too-long': 2, 'http.header-malformed': 1 });
  });

  it('a header that no server reads, which is answered with 400', async () => {
    using refused = listen(ChannelName.refuse);
    const { acceptor, told, open } = await serve(protocol, api);
    const first = await open();
    await ask(first);
    const socket = await open();
    const cut = ['Authorization: Negotiate YII', '\u0001 broken'];
    expect(await ask(socket, ...cut)).toMatch(/^HTTP\/1\.1 400 /);
    await expect.poll(() => told).toContain('warned http.header-malformed');
    expect(await published(refused, 'http.header-malformed')).toMatchObject([{ attributes: PEER }]);
    expect(acceptor.statistics.refusals).toEqual({ 'http.header-malformed': 1 });
  });
});

/** A server whose limit of headers is Node's own. */
async function listenWith(hooks: object) {
  const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });
  const signOn = kerberos({ acceptor, ...hooks });
  const server = createServer(
    { maxHeaderSize: 16_384 },
    (request, response) => void signOn(request, response),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { acceptor, port };
}

describe('without hooks', () => {
  /** The lines that the operator of a server sees on standard error, by code. */
  async function lines(hooks: object, ...asked: readonly (readonly string[])[]) {
    using warnings = collectWarnings();
    const { acceptor, port } = await listenWith(hooks);
    for (const headers of asked) {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      await ask(socket, ...headers);
      socket.destroy();
      await once(socket, 'close');
    }
    const count = acceptor.statistics;
    await expect.poll(() => acceptor.statistics.abandoned).toBe(count.challenged);
    await expect.poll(() => warnings.seen()).not.toEqual([]);
    const seen = await warnings.seen();
    return seen.flatMap(({ code, message }) => (code === 'KRB5_ACCEPTOR_DENIED' ? [message] : []));
  }

  const NTLM = `Authorization: Negotiate ${encodeBase64(Buffer.from('NTLMSSP\0\u0001'))}`;
  const EMPTY = 'Authorization: Negotiate';

  it('the first client of each reason is printed, with what to do', async () => {
    const printed = await lines({}, [], [], [NTLM], [NTLM], [EMPTY], [EMPTY]);
    expect(printed).toEqual([
      expect.stringMatching(
        /^a client was not let in: the client was asked for a token and did not send it: .*klist.* \(further ones for this reason are only counted, see onAbandoned\)$/,
      ),
      expect.stringMatching(
        /^a client was not let in: the client sent NTLM instead of Kerberos: .*setspn -S .*, see onRefused\)$/,
      ),
      expect.stringMatching(
        /^a client was not let in: the client sent an empty token: .*kinit.*, see onChallenge\)$/,
      ),
    ]);
  });

  it('a hook has its own, and the others are still printed', async () => {
    const printed = await lines({ onRefused: () => {}, onChallenged: () => {} }, [NTLM], [EMPTY]);
    expect(printed).toEqual([expect.stringContaining('see onAbandoned')]);
  });
});

it('names size, limit and every cure in the one line that is printed of a 431 by default', async () => {
  using warnings = collectWarnings();
  const { port } = await listenWith({});
  const statusOf = async (...headers: readonly string[]): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return (await ask(socket, ...headers)).slice(9, 12);
  };
  expect(await statusOf()).toBe('401');
  const { authorization } = CROWDED.signOn();
  expect(await statusOf(`Authorization: ${authorization}`)).toBe('431');
  const told = async () => {
    const seen = await warnings.seen();
    return seen.filter(({ code }) => code === 'KRB5_ACCEPTOR_REQUEST_REFUSED');
  };
  await expect.poll(told).toHaveLength(1);
  const lines = await told();
  const { message } = lines[0]!;
  expect(message).toMatch(/^the server refused a request of 127\.0\.0\.1 with 431: .* 16384 bytes/);
  for (const cure of [
    '{ maxHeaderSize: 81920 }',
    '--max-http-header-size=81920',
    'make tickets smaller',
    'NA-Service',
    'large_client_header_buffers',
  ]) {
    expect(message).toContain(cure);
  }
  expect(message).not.toContain('\n');
});
