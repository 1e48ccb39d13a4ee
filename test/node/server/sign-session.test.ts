import { mkdtempSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';
import net, { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Acceptor } from '../../../src/acceptor.ts';
import { importSecurityContext } from '../../../src/context/import.ts';
import { GssError } from '../../../src/gss/status.ts';
import type { AcceptResult, HandshakeOptions } from '../../../src/krb5/settings.ts';
import type { ConnectionEvent } from '../../../src/node/server/events.ts';
import { createGssServer } from '../../../src/node/server/gss-server.ts';
import { SignSession } from '../../../src/node/server/sign-session.ts';
import type { TokenChannel } from '../../../src/node/server/token-channel.ts';
import { ChannelError } from '../../../src/node/server/token-channel.ts';
import { encodeFrame } from '../../../src/node/server/token-frame.ts';
import { createInitiator } from '../../../src/testing/initiator.ts';
import { mintTicket } from '../../../src/testing/mint.ts';
import { KEYTAB, SampleClient, TestServer, testAcceptor } from './sample-client.ts';

const EMPTY = new Uint8Array(0);
// What a disposed context says.
const NO_CONTEXT = expect.objectContaining({ code: 'GSS_S_NO_CONTEXT' });

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

function firstToken(): Uint8Array {
  return createInitiator({ ticket: mintTicket({ keytab: KEYTAB, client: 'alice' }) }).begin();
}

/** An acceptor whose results somebody else sees, and may hold up, before the server does. */
async function watchedAcceptor(
  watch: (result: AcceptResult) => AcceptResult | Promise<AcceptResult>,
): Promise<Acceptor> {
  const good = await testAcceptor();
  return {
    begin: (options: HandshakeOptions) => {
      const handshake = good.begin(options);
      return {
        accept: async (token: Uint8Array) => watch(await handshake.accept(token)),
        abort: () => handshake.abort(),
      };
    },
  } as unknown as Acceptor;
}

describe('an answer of the acceptor that comes after the client has gone', () => {
  /** Lets the client go while the acceptor works, and then the acceptor be done with it. */
  async function answerLate(
    answer: (result: AcceptResult) => AcceptResult | Promise<AcceptResult>,
  ): Promise<{ readonly types: string[]; readonly result: AcceptResult }> {
    let working: (result: AcceptResult) => void = () => {};
    const begun = new Promise<AcceptResult>((resolve) => {
      working = resolve;
    });
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const acceptor = await watchedAcceptor(async (result) => {
      working(result);
      await gate;
      return answer(result);
    });
    await using server = await TestServer.start({ acceptor });
    const client = new SampleClient(server.port);
    client.send(0x11, EMPTY);
    client.send(0x02, firstToken());
    const result = await begun;
    client.socket.resetAndDestroy();
    await server.until('close');
    const types = server.types();
    release();
    await nextTurn();
    // What comes late is no event any more.
    expect(server.types()).toEqual(types);
    return { types, result };
  }

  const GONE = ['open', 'context-token-received', 'channel-error', 'close'];

  it('takes its keys with it', async () => {
    const delegated = { dispose: vi.fn() };
    const { types, result } = await answerLate((late) => {
      Object.assign((late as { context: object }).context, { delegatedCredential: delegated });
      return late;
    });
    expect(types).toEqual(GONE);
    if (result.status !== 'complete') throw new Error('not complete');
    expect(() => result.context.getMic(EMPTY)).toThrow(NO_CONTEXT);
    expect(delegated.dispose).toHaveBeenCalledTimes(1);
  });

  it('may be a refusal or a fault, and is ignored', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    try {
      const error = new GssError('GSS_S_FAILURE', { reason: 'fault.program' });
      expect((await answerLate(() => ({ status: 'failed', error }))).types).toEqual(GONE);
      const fault = () => Promise.reject(new Error('replay store is down'));
      expect((await answerLate(fault)).types).toEqual(GONE);
      await nextTurn();
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });
});

describe('a session', () => {
  it('whose client is gone before its last token is sent takes its keys with it', async () => {
    const delegated = { dispose: vi.fn() };
    let served: Socket | undefined;
    let completed: AcceptResult | undefined;
    const acceptor = await watchedAcceptor((result) => {
      completed = result;
      Object.assign((result as { context: object }).context, { delegatedCredential: delegated });
      // What is written from now on fails; that the socket is closed is known a turn later.
      served?.destroy();
      return result;
    });
    const server = createGssServer({ acceptor });
    const listener = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    try {
      const over = new Promise<void>((resolve) => {
        listener.on('connection', (socket) => {
          served = socket;
          void server.serve(socket).then(resolve);
        });
      });
      const client = new SampleClient((listener.address() as AddressInfo).port);
      client.send(0x11, EMPTY);
      client.send(0x02, firstToken());
      await over;
    } finally {
      listener.close();
    }
    if (completed?.status !== 'complete') throw new Error('not complete');
    const { context } = completed;
    expect(() => context.getMic(EMPTY)).toThrow(NO_CONTEXT);
    expect(delegated.dispose).toHaveBeenCalledTimes(1);
  });

  it('whose client is gone before its turn withdraws its call', async () => {
    const withdraw = vi.fn();
    const failure = { reason: 'aborted' } as const;
    const channel = {
      framing: 'v1',
      closed: Promise.resolve(undefined),
      receive: async () => ({ flags: 0, data: firstToken() }),
      whileOpen: () => Promise.reject(new ChannelError(failure)),
    } as unknown as TokenChannel;
    const events: ConnectionEvent[] = [];
    await new SignSession(channel, {
      acceptor: await testAcceptor(),
      requireAuthentication: true,
      exportContext: false,
      importContext: importSecurityContext,
      handshakeTimeout: 60_000,
      maxContextToken: 1,
      maxToken: 1,
      inTurn: () => withdraw,
      onEvent: (event) => events.push(event),
    }).run();
    expect(events.at(-1)).toMatchObject({ type: 'channel-error', failure });
    expect(withdraw).toHaveBeenCalledTimes(1);
  });

  it('whose context cannot be moved ends with a fault, or the error of GSS-API', async () => {
    const errors = [
      new RangeError('out of memory'),
      new GssError('GSS_S_UNAVAILABLE', { reason: 'fault.program' }),
    ];
    const contexts: { getMic(message: Uint8Array): Uint8Array }[] = [];
    const acceptor = await watchedAcceptor((result) => {
      if (result.status !== 'complete') throw new Error('not complete');
      contexts.push(result.context);
      vi.spyOn(result.context, 'export').mockImplementation(() => {
        throw errors[contexts.length - 1];
      });
      return result;
    });
    await using server = await TestServer.start({ acceptor });
    for (const last of ['fault', 'gss-error']) {
      const client = new SampleClient(server.port, 'v1');
      await client.authenticate();
      expect(await client.receive()).toBeUndefined();
      await server.until('close');
      expect(server.types().slice(-3)).toEqual(['accepted', last, 'close']);
      server.events.length = 0;
    }
    for (const context of contexts) expect(() => context.getMic(EMPTY)).toThrow(NO_CONTEXT);
  });

  it('of the guide’s client is not finished by whatever ends it, only by its own end', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port, 'v1');
    await client.authenticate();
    await server.server.close(0);
    await server.until('close');
    expect(server.types()).not.toContain('finished');
    expect(server.types().slice(-2)).toEqual(['channel-error', 'close']);
    expect(await server.until('channel-error')).toMatchObject({ failure: { reason: 'aborted' } });
  });

  it('of the guide’s client that ends within a token is not finished either', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port, 'v1');
    const context = await client.authenticate();
    client.socket.end(encodeFrame('v1', 0, context.wrap(EMPTY)).subarray(0, 7));
    expect(await server.until('channel-error')).toMatchObject({
      failure: { reason: 'ended', truncation: { part: 'data', read: 3 } },
    });
    await server.until('close');
    expect(server.types()).not.toContain('finished');
  });

  it('of a client that resets the connection ends with the system’s error', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port);
    await client.authenticate();
    await server.until('accepted');
    client.socket.resetAndDestroy();
    expect(await server.until('channel-error')).toMatchObject({
      failure: { reason: 'read-error', part: 'flags', error: { code: 'ECONNRESET' } },
    });
  });

  it('of a client on a Unix socket has no address to compare with the ticket’s', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sign-session-'));
    const begin = vi.fn(() => ({
      accept: async () => ({
        status: 'failed',
        error: new GssError('GSS_S_FAILURE', { reason: 'fault.program' }),
      }),
      abort: () => {},
    }));
    const server = createGssServer({ acceptor: { begin } as unknown as Acceptor });
    const listener = createServer({ allowHalfOpen: true });
    try {
      const path = join(folder, 'socket');
      await new Promise<void>((resolve) => listener.listen(path, resolve));
      const served = new Promise<void>((resolve) => {
        listener.on('connection', (socket) => void server.serve(socket).then(resolve));
      });
      const client = createConnection(path);
      client.write(encodeFrame('v2', 0x11, EMPTY));
      client.write(encodeFrame('v2', 0x02, firstToken()));
      client.resume();
      await served;
      expect(begin.mock.calls).toEqual([[{}]]);
    } finally {
      listener.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a listener', () => {
  it('that cannot accept reports the error and continues', async () => {
    const made = vi.spyOn(net, 'createServer');
    syncBuiltinESMExports();
    await using server = new TestServer({ acceptor: await testAcceptor() });
    // On all addresses.
    const { port } = await server.server.listen(0);
    const error = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });
    made.mock.results[0]!.value.emit('error', error);
    expect(server.events).toEqual([{ type: 'listener-error', error }]);
    const client = new SampleClient(port);
    await client.authenticate();
    expect(await server.until('accepted')).toMatchObject({
      connection: { remoteAddress: '127.0.0.1' },
    });
  });
});

describe('a message that is refused', () => {
  it('has the numbers, its text and its remedies, also the first one of a process', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port);
    const context = await client.authenticate();
    const token = context.wrap(Uint8Array.of(1));
    client.send(0xe4, token);
    client.send(0xe4, token);
    const { error, stage } = await server.until('gss-error');
    expect(stage).toBe('unsealing message');
    expect(error.reason).toBe('message.duplicate');
    const { expected, received } = error.detail;
    expect(BigInt(expected as string)).toBe(BigInt(received as string) + 1n);
    expect(error.text).toContain(`its number is ${received}, and ${expected} was expected`);
    expect(error.remedies[0]).toContain('look for what sends the same message again');
    expect(error.remedies[1]).toContain('in their order');
    await client.closed;
  });
});
