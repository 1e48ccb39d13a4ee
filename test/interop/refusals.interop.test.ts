import { beforeAll, describe, expect, it } from 'vitest';
import type { SampleFrame } from '../support/frames.ts';
import { Frame, RawClient } from '../support/frames.ts';
import type { GssClientOptions } from '../support/gss-client.ts';
import { exchanges, runGssClient } from '../support/gss-client.ts';
import type { Alteration } from '../support/interceptor.ts';
import { Interceptor } from '../support/interceptor.ts';
import type { User } from '../support/realm.ts';
import { have, kinit } from '../support/realm.ts';
import type { Server, ServerOptions } from '../support/server.ts';
import { MIT_SERVER, OUR_SERVER, startServer } from '../support/server.ts';

const FAILURE = 'Unspecified GSS failure.  Minor code may provide more information';
const REALM = 'EXAMPLE.TEST';
const HOUR = 3600;

interface Refusal {
  readonly what: string;
  readonly keytab: string;
  readonly acceptor: string;
  readonly service: string;
  readonly server: string;
  readonly client: string;
  readonly code: number;
}

// What the operator is told, what the client is told, and the code of RFC 4120 §7.5.9 that it is told with.
const KEY_REFUSALS: readonly Refusal[] = [
  {
    what: 'a wrong key',
    keytab: 'wrong-key',
    acceptor: 'rekeyed@localhost',
    service: 'rekeyed',
    server: `Request ticket server rekeyed/localhost@${REALM} kvno 1 enctype aes256-cts found in keytab but cannot decrypt ticket`,
    client: 'Decrypt integrity check failed',
    code: 31,
  },
  {
    what: 'a keytab older than the ticket',
    keytab: 'stale-kvno',
    acceptor: 'rotated@localhost',
    service: 'rotated',
    server: `Request ticket server rotated/localhost@${REALM} kvno 3 not found in keytab; keytab is likely out of date`,
    client: 'Key version is not available',
    code: 44,
  },
  {
    what: 'a ticket older than the keytab',
    keytab: 'future-kvno',
    acceptor: 'future@localhost',
    service: 'future',
    server: `Request ticket server future/localhost@${REALM} kvno 2 not found in keytab; ticket is likely out of date`,
    client: 'Key version is not available',
    code: 44,
  },
  {
    what: 'a keytab without the enctype of the ticket',
    keytab: 'wrong-enctype',
    acceptor: 'narrowed@localhost',
    service: 'narrowed',
    server: `Request ticket server narrowed/localhost@${REALM} kvno 1 found in keytab but not with enctype aes256-cts`,
    client: 'Key version is not available',
    code: 44,
  },
  {
    what: 'a ticket for another service of the keytab',
    keytab: 'service',
    acceptor: 'host@localhost',
    service: 'HTTP',
    server: `Request ticket server HTTP/localhost@${REALM} found in keytab but does not match server principal host/localhost@`,
    client: "The ticket isn't for us",
    code: 35,
  },
  {
    what: 'a ticket for a service that is not in the keytab',
    keytab: 'service',
    acceptor: 'host@localhost',
    service: 'absent',
    server: `Request ticket server absent/localhost@${REALM} not found in keytab (ticket kvno 1)`,
    client: "The ticket isn't for us",
    code: 35,
  },
];

describe.runIf(have('gss-client')).each([
  ['gss-server', OUR_SERVER],
  // The expectations are those of MIT's server: it has to meet them too.
  ["MIT's gss-server", MIT_SERVER],
])('%s refuses', (_name, command) => {
  it.each(KEY_REFUSALS)('$what', async (refusal) => {
    const user = await kinit();
    const { keytab, acceptor } = refusal;
    const options = { command, keytab, service: acceptor, flags: ['-once'] };
    const server = await startServer(options);
    await using interceptor = await Interceptor.start(server.port);
    const { service } = refusal;
    const result = await runGssClient({ port: interceptor.port, user, service });
    await server.ended();
    expect(server.stdout).toContain(`GSS-API error accepting context: ${FAILURE}\n`);
    expect(server.stdout).toContain(`GSS-API error accepting context: ${refusal.server}\n`);
    expect(result.stdout).toContain(`GSS-API error initializing context: ${refusal.client}\n`);
    expect(errorCode(interceptor.fromServer)).toBe(refusal.code);
  });
});

describe.runIf(have('gss-client'))('a refused client', () => {
  let user: User;

  beforeAll(async () => {
    user = await (await kinit()).fetchTickets('host');
  });

  it.each([
    { what: 'an expired ticket', clockOffset: 2 * HOUR, text: 'Ticket expired', code: 32 },
    { what: 'a ticket not yet valid', clockOffset: -HOUR, text: 'Ticket not yet valid', code: 33 },
    { what: 'a clock too far behind', clockOffset: 600, text: 'Clock skew too great', code: 37 },
  ])('has $what', async ({ clockOffset, text, code }) => {
    await using server = await startServer({ clockOffset });
    await using interceptor = await Interceptor.start(server.port);
    const result = await runGssClient({ port: interceptor.port, user });
    expect(result.stdout).toContain(`GSS-API error initializing context: ${text}\n`);
    expect(errorCode(interceptor.fromServer)).toBe(code);
    await server.untilPrinted(`GSS-API error accepting context: ${text}\n`);
    await server.untilWarned('hint: ');
  });

  it.each([60, 200, 290])('is served although the clocks are %i s apart', async (clockOffset) => {
    await using server = await startServer({ clockOffset });
    const result = await runGssClient({ port: server.port, user });
    expect(exchanges(result)).toEqual({ signed: 1, unsigned: 0 });
  });

  it('replays what another one sent', async () => {
    await using server = await startServer();
    await using interceptor = await Interceptor.start(server.port);
    await runGssClient({ port: interceptor.port, user });
    await server.mark();
    const replayer = new RawClient(server.port);
    replayer.send(...interceptor.fromClient);
    await replayer.untilClosed();
    expect(errorCode(replayer.frames())).toBe(34);
    await server.untilPrinted('GSS-API error accepting context: Request is a replay\n');
    expect(server.output()).not.toContain('Accepted connection');
    await expectServed(server);
  });

  it.each([
    { where: 'ticket', at: 0.4 },
    { where: 'authenticator', at: 0.99 },
  ])('altered the $where', async ({ at }) => {
    const alter = onToken((token) => flip(token, Math.floor(token.length * at)));
    const { server, interceptor, result } = await intercepted(alter);
    await using _server = server;
    await using _interceptor = interceptor;
    const text = 'Decrypt integrity check failed';
    expect(result.stdout).toContain(`GSS-API error initializing context: ${text}\n`);
    expect(errorCode(interceptor.fromServer)).toBe(31);
    await server.untilPrinted('GSS-API error accepting context: ');
    await expectServed(server);
  });

  it.each([
    { what: 'cut its token short', mutate: (token: Buffer) => token.subarray(0, -1) },
    { what: 'sent half a token', mutate: (token: Buffer) => token.subarray(0, 300) },
    { what: 'added a byte', mutate: (token: Buffer) => Buffer.concat([token, Buffer.of(0)]) },
    { what: 'sent garbage', mutate: (token: Buffer) => Buffer.alloc(token.length, 0xa5) },
  ])('$what', async ({ mutate }) => {
    const { server, interceptor, result } = await intercepted(onToken(mutate));
    await using _server = server;
    await using _interceptor = interceptor;
    expect(interceptor.fromServer).toEqual([]);
    expect(exchanges(result)).toEqual({ signed: 0, unsigned: 0 });
    await server.untilPrinted('GSS-API error accepting context: Invalid token was supplied\n');
    await expectServed(server);
  });

  it.each([
    { what: 'NTLM', token: Buffer.from('4e544c4d53535000010000000782', 'hex') },
    { what: 'IAKERB', token: Buffer.from('600d06062b0601050205050130003000', 'hex') },
    { what: 'another mechanism', token: Buffer.from('600906052b0601040101ff', 'hex') },
  ])('speaks $what', async ({ token }) => {
    await using server = await startServer({ flags: ['-mech', 'krb5'] });
    const client = new RawClient(server.port);
    client.send({ flags: Frame.noop | Frame.contextNext, data: Buffer.alloc(0) });
    client.send({ flags: Frame.context, data: token });
    await client.untilClosed();
    expect(client.frames()).toEqual([]);
    await server.untilPrinted('GSS-API error accepting context: ');
    await expectServed(server);
  });

  it('speaks SPNEGO to a server of Kerberos V5 only', async () => {
    await using server = await startServer({ flags: ['-mech', 'krb5'] });
    const result = await runGssClient({ port: server.port, user, flags: ['-spnego'] });
    expect(exchanges(result)).toEqual({ signed: 0, unsigned: 0 });
    await server.untilPrinted('GSS-API error accepting context: ');
    await server.untilWarned('hint: the client uses SPNEGO');
    await expectServed(server);
  });

  it.each([
    { flags: [], text: 'Decrypt integrity check failed' },
    { flags: ['-nx'], text: '' },
  ])('altered a wrapped message ($flags)', async ({ flags, text }) => {
    const alter = onMessage((frame) => [{ ...frame, data: flip(frame.data, -1) }]);
    const { server, interceptor, result } = await intercepted(alter, { flags });
    await using _server = server;
    await using _interceptor = interceptor;
    expect(exchanges(result)).toEqual({ signed: 0, unsigned: 0 });
    const major = 'A token had an invalid Message Integrity Check (MIC)';
    await server.untilPrinted(`GSS-API error unsealing message: ${major}\n`);
    await server.untilPrinted(`GSS-API error unsealing message: ${text}`);
    await expectServed(server);
  });

  it.each([
    { flags: [], text: 'The token was a duplicate of an earlier token' },
    { flags: ['-seq'], text: 'The token was a duplicate of an earlier token' },
    { flags: ['-seq', '-noreplay'], text: 'A later token has already been processed' },
  ])('sent a wrapped message twice ($flags)', async ({ flags, text }) => {
    const { server, interceptor } = await intercepted(
      onMessage((frame) => [frame, frame]),
      { flags },
    );
    await using _server = server;
    await using _interceptor = interceptor;
    await server.untilPrinted(`GSS-API error unsealing message: ${text}\n`);
    expect(server.stdout.split('Received message: "testmsg"\n')).toHaveLength(2);
    await expectServed(server);
  });

  it('sent a wrapped message twice, and had asked that nobody looks (-noreplay)', async () => {
    const twice = onMessage((frame) => [frame, frame]);
    const { server, interceptor } = await intercepted(twice, { flags: ['-noreplay'] });
    await using _server = server;
    await using _interceptor = interceptor;
    // The client leaves at the second answer, which it did not expect.
    await server.untilPrinted(/(Received message: "testmsg"\n){2}/);
    expect(server.stdout).not.toContain('GSS-API error');
  });

  async function intercepted(
    alter: Alteration,
    client: Partial<GssClientOptions> = {},
    options: ServerOptions = {},
  ): Promise<{
    server: Server;
    interceptor: Interceptor;
    result: Awaited<ReturnType<typeof runGssClient>>;
  }> {
    const server = await startServer(options);
    const interceptor = await Interceptor.start(server.port, alter);
    const flags = ['-krb5', ...(client.flags ?? [])];
    const result = await runGssClient({ ...client, flags, port: interceptor.port, user });
    return { server, interceptor, result };
  }

  async function expectServed(server: Server): Promise<void> {
    const result = await runGssClient({ port: server.port, user });
    expect(exchanges(result)).toEqual({ signed: 1, unsigned: 0 });
  }
});

/** Alters the first context token. */
function onToken(mutate: (token: Buffer) => Uint8Array): Alteration {
  return (frame) =>
    frame.flags === Frame.context ? [{ ...frame, data: mutate(Buffer.from(frame.data)) }] : [frame];
}

function onMessage(replace: (frame: SampleFrame) => readonly SampleFrame[]): Alteration {
  return (frame) => (((frame.flags ?? 0) & Frame.data) === 0 ? [frame] : replace(frame));
}

function flip(bytes: Uint8Array, index: number): Uint8Array {
  const altered = Buffer.from(bytes);
  const at = index < 0 ? altered.length + index : index;
  altered[at] = (altered[at] ?? 0) ^ 1;
  return altered;
}

/** error-code [6] of the KRB-ERROR in the server's context token (RFC 4121 §4.1: TOK_ID 03 00). */
function errorCode(frames: readonly SampleFrame[]): number | undefined {
  const token = Buffer.from(frames.find((frame) => frame.flags === Frame.context)?.data ?? []);
  const message = token.indexOf(Buffer.from('03007e', 'hex'));
  const code = token.indexOf(Buffer.from('a6030201', 'hex'), message);
  return message < 0 || code < 0 ? undefined : token[code + 4];
}
