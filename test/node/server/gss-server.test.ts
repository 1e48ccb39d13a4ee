import { createConnection, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/bytes.ts';
import { Mechanism } from '../../../src/gss/mechanism.ts';
import type { GssServerOptions } from '../../../src/node/server/gss-server.ts';
import { createGssServer } from '../../../src/node/server/gss-server.ts';
import { encodeFrame } from '../../../src/node/server/token-frame.ts';
import { encodeNegTokenInit } from '../../../src/spnego/neg-token.ts';
import { collectWarnings } from '../../support/warnings.ts';
import { SampleClient, TestServer, testAcceptor } from './sample-client.ts';

const EMPTY = new Uint8Array(0);
const MESSAGE = encodeUtf8('hello');

describe('createGssServer', () => {
  it('serves a v2 client, with events in order', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port);
    const context = await client.authenticate();
    expect(await client.sign(context, MESSAGE)).toBe(true);
    client.send(0x64, context.wrap(MESSAGE));
    expect(await client.receive()).toEqual({ flags: 0x01, data: EMPTY });
    client.send(0x01, EMPTY);
    await client.closed;
    await server.until('close');
    expect(server.types()).toEqual([
      'open',
      'context-token-received',
      'context-token-sending',
      'context-step',
      'accepted',
      'message-token',
      'message',
      'message-token',
      'message',
      'finished',
      'close',
    ]);
    expect(await server.until('accepted')).toMatchObject({
      framing: 'v2',
      context: { initiator: { text: 'alice@EXAMPLE.COM' } },
      connection: { id: 1, remoteAddress: '127.0.0.1' },
    });
    expect(await server.until('message')).toMatchObject({ message: MESSAGE, notEncrypted: false });
  });

  it('serves a v1 client: context moved three times, every message unwrapped and signed', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port, 'v1');
    const context = await client.authenticate();
    expect(await client.sign(context, MESSAGE)).toBe(true);
    client.send(0, context.wrap(MESSAGE, { confidential: false }));
    const reply = await client.receive();
    expect(context.verifyMic(MESSAGE, reply!.data).sequence).toBe('ok');
    client.socket.end();
    await server.until('close');
    const types = server.types();
    expect(types.filter((type) => type === 'exported')).toHaveLength(3);
    expect(types.filter((type) => type === 'imported')).toHaveLength(3);
    expect(types.lastIndexOf('imported')).toBeLessThan(types.indexOf('message-token'));
    expect(types.slice(-2)).toEqual(['finished', 'close']);
    const messages = server.events.filter((event) => event.type === 'message');
    expect(messages.map((event) => event.notEncrypted)).toEqual([false, true]);
    expect((await server.until('accepted')).framing).toBe('v1');
  });

  it('moves the context of a v2 client only when asked', async () => {
    await using server = await TestServer.start({ exportContext: true });
    const client = new SampleClient(server.port);
    const context = await client.authenticate();
    expect(await client.sign(context, MESSAGE)).toBe(true);
    expect((await server.until('exported')).bytes).toBeGreaterThan(100);
    expect(server.types().filter((type) => type === 'imported')).toHaveLength(3);
  });

  it('answers an unauthenticated client, and refuses it services that need a context', async () => {
    await using server = await TestServer.start();
    const plain = new SampleClient(server.port);
    plain.send(0x01, EMPTY);
    plain.send(0x04, MESSAGE);
    expect(await plain.receive()).toEqual({ flags: 0x01, data: EMPTY });
    expect(await server.until('message')).toMatchObject({ message: MESSAGE });
    for (const flags of [0x24, 0x44, 0x84]) {
      const client = new SampleClient(server.port);
      client.send(0x01, EMPTY);
      client.send(flags, MESSAGE);
      expect(await client.receive()).toBeUndefined();
    }
    const requests = server.events.filter((event) => event.type === 'unauthenticated-request');
    expect(requests).toHaveLength(3);
  });

  it('takes the flagless frames of gss-client -v1 -na', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port);
    client.send(0x01, EMPTY);
    client.socket.write(encodeFrame('v1', 0, MESSAGE));
    expect(await client.receive()).toEqual({ flags: 0x01, data: EMPTY });
    client.socket.end();
    expect(await server.until('channel-error')).toMatchObject({
      failure: { reason: 'ended', truncation: { part: 'flags', read: 0 } },
    });
  });

  it('refuses a first token that is not a NOOP', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port);
    client.send(0x04, MESSAGE);
    expect(await client.receive()).toBeUndefined();
    expect(await server.until('noop-expected')).toMatchObject({ flags: 4 });
  });

  it('reports a client that wanted NTLM and left when it was asked for Kerberos', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port);
    const mechTypes = [Mechanism.ntlmssp, Mechanism.krb5];
    client.send(0x11, EMPTY);
    client.send(0x02, encodeNegTokenInit({ mechTypes }));
    expect((await client.receive())?.flags).toBe(0x02);
    client.socket.end();
    expect(await server.until('abandoned')).toMatchObject({
      error: { code: 'GSS_S_BAD_MECH', minor: { code: 'NTLM_RECEIVED' } },
    });
    await server.until('close');
    expect(server.types().slice(-3)).toEqual(['abandoned', 'channel-error', 'close']);
  });

  it('sends nothing back for an altered message, and for a repeated one', async () => {
    await using server = await TestServer.start();
    const altering = new SampleClient(server.port);
    const token = (await altering.authenticate()).wrap(MESSAGE);
    token[token.length - 1]! ^= 1;
    altering.send(0xe4, token);
    expect(await altering.receive()).toBeUndefined();
    expect(await server.until('gss-error')).toMatchObject({
      stage: 'unsealing message',
      error: { code: 'GSS_S_BAD_MIC' },
    });
    server.events.length = 0;
    const repeating = new SampleClient(server.port);
    const once = (await repeating.authenticate()).wrap(MESSAGE);
    repeating.send(0xe4, once);
    repeating.send(0xe4, once);
    expect((await repeating.receive())?.flags).toBe(0x08);
    expect(await repeating.receive()).toBeUndefined();
    expect(await server.until('gss-error')).toMatchObject({
      stage: 'unsealing message',
      error: { code: 'GSS_S_DUPLICATE_TOKEN' },
    });
  });

  it('sends a refused client the reason, even if it continues to send', async () => {
    await using server = await TestServer.start();
    const replayed = new SampleClient(server.port);
    const sent: Buffer[] = [];
    const { write } = replayed.socket;
    replayed.socket.write = ((bytes: Uint8Array) => {
      sent.push(Buffer.from(bytes));
      return write.call(replayed.socket, bytes);
    }) as typeof write;
    await replayed.authenticate();
    const client = new SampleClient(server.port);
    // The whole exchange at once, and much more behind it.
    client.socket.write(Buffer.concat(sent));
    client.socket.write(new Uint8Array(500_000));
    const reply = await client.receive();
    // RFC 4121 §4.1: 03 00 is a KRB-ERROR.
    expect(Buffer.from(reply!.data).indexOf(Uint8Array.of(3, 0, 0x7e))).toBeGreaterThan(0);
    expect(await client.receive()).toBeUndefined();
    expect(await server.until('gss-error')).toMatchObject({
      stage: 'accepting context',
      error: { code: 'GSS_S_FAILURE', minor: { code: 'KRB_AP_ERR_REPEAT' } },
    });
  });

  it('answers a client that has closed its side after its last token', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port);
    const context = await client.authenticate();
    client.send(0xe4, context.wrap(MESSAGE));
    client.send(0xe4, context.wrap(MESSAGE));
    client.send(0x01, EMPTY);
    client.socket.end();
    for (let i = 0; i < 2; i++) {
      const reply = await client.receive();
      expect(context.verifyMic(MESSAGE, reply!.data).sequence).toBe('ok');
    }
    await client.closed;
    await server.until('finished');
  });

  it('serves 200 clients at once', async () => {
    await using server = await TestServer.start();
    const clients = Array.from({ length: 200 }, () => new SampleClient(server.port));
    const results = await Promise.all(
      clients.map(async (client) => {
        const context = await client.authenticate();
        return client.sign(context, MESSAGE);
      }),
    );
    expect(results.filter(Boolean)).toHaveLength(200);
    expect(server.server.connections).toBe(200);
    for (const client of clients) client.send(0x01, EMPTY);
    await Promise.all(clients.map((client) => client.closed));
    expect(server.types().filter((type) => type === 'finished')).toHaveLength(200);
  });

  it('serves a connection that another program accepted', async () => {
    const events: string[] = [];
    const server = createGssServer({
      acceptor: await testAcceptor(),
      onEvent: (event) => events.push(event.type),
    });
    let served: Promise<void> | undefined;
    const listener = createServer({ allowHalfOpen: true }, (socket) => {
      served = server.serve(socket);
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const address = listener.address() as { port: number };
    const client = new SampleClient(address.port);
    expect(await client.sign(await client.authenticate(), MESSAGE)).toBe(true);
    client.send(0x01, EMPTY);
    await client.closed;
    await served;
    expect(events.at(-1)).toBe('close');
    expect(server.connections).toBe(0);
    listener.close();
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
  ])('serves though onEvent %s at every event', async (_, fail) => {
    using warnings = collectWarnings();
    const types: string[] = [];
    const server = createGssServer({
      acceptor: await testAcceptor(),
      limits: { maxConnections: 1 },
      onEvent: (event) => {
        types.push(event.type);
        return fail();
      },
    });
    const { port } = await server.listen(0, '127.0.0.1');
    const client = new SampleClient(port);
    expect(await client.sign(await client.authenticate(), MESSAGE)).toBe(true);
    // One too many: that event comes from the listener, where nobody catches.
    await new SampleClient(port).closed;
    client.send(0x01, EMPTY);
    await client.closed;
    await server.close();
    expect(types).toContain('overload');
    expect(types.at(-1)).toBe('close');
    expect(await warnings.seen()).toEqual([
      {
        code: 'KRB5_ACCEPTOR_HOOK',
        message: expect.stringMatching(/^onEvent failed: disk full\./),
      },
    ]);
  });

  it('rejects with the system error if it cannot listen', async () => {
    await using first = await TestServer.start();
    const second = createGssServer({ acceptor: await testAcceptor() });
    await expect(second.listen(first.port, '127.0.0.1')).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    expect(second.address).toBeUndefined();
    await second.close();
  });

  it('refuses unknown options, and values that would silently mean no', async () => {
    const acceptor = await testAcceptor();
    const refusals: [object, string][] = [
      [{ requireAuthentification: true }, 'requireAuthentication'],
      [{ requireAuthentication: undefined }, 'requireAuthentication'],
      [{ requireAuthentication: 'no' }, 'requireAuthentication: expected true or false'],
      [{ limits: { maxConnectionsPerHost: 5 } }, 'maxConnectionsPerHost'],
      [{ limits: { maxConnectionsPerSource: Number.NaN } }, 'limits.maxConnectionsPerSource'],
      [{ limits: { maxPenalty: -1 } }, 'limits.maxPenalty: expected a number from 0 to 2147483'],
      [{ acceptor: Promise.resolve(acceptor) }, 'acceptor'],
    ];
    for (const [options, message] of refusals) {
      expect(() => createGssServer({ acceptor, ...options } as GssServerOptions)).toThrow(message);
    }
  });

  it('refuses invalid limits', async () => {
    const acceptor = await testAcceptor();
    expect(() => createGssServer({ acceptor, limits: { idleTimeout: 0 } })).toThrow(
      'idleTimeout: expected a number above 0 and at most 2147483, got 0',
    );
    expect(() => createGssServer({ acceptor, limits: { handshakeTimeout: 1e9 } })).toThrow(
      RangeError,
    );
    expect(() => createGssServer({ acceptor, limits: { maxTokenSize: Number.NaN } })).toThrow(
      RangeError,
    );
  });
});

describe('closing', () => {
  it('refuses new clients at once, and lets a running one finish', async () => {
    const server = await TestServer.start();
    const { port } = server;
    const client = new SampleClient(port);
    const context = await client.authenticate();
    const closed = server.server.close(20_000);
    await expect(
      new Promise((resolve, reject) => {
        createConnection(port, '127.0.0.1').on('connect', resolve).on('error', reject);
      }),
    ).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await client.sign(context, MESSAGE)).toBe(true);
    client.send(0x01, EMPTY);
    await closed;
    expect(server.types().at(-1)).toBe('close');
  });

  it('drops the remaining connections after the grace time', async () => {
    const server = await TestServer.start();
    const silent = new SampleClient(server.port);
    await server.until('open');
    await server.server.close(50);
    await silent.closed;
    expect(await server.until('channel-error')).toMatchObject({ failure: { reason: 'aborted' } });
  });

  it('may be asked for before it listens, and twice', async () => {
    const server = createGssServer({ acceptor: await testAcceptor() });
    await server.close();
    await server.listen(0, '127.0.0.1');
    await Promise.all([server.close(), server.close(0)]);
    expect(server.address).toBeUndefined();
  });
});
