import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Acceptor } from '../../../src/acceptor.ts';
import { concatBytes, encodeUtf8 } from '../../../src/bytes.ts';
import { encodeFrame } from '../../../src/node/server/token-frame.ts';
import { isServed, SampleClient, TestServer, testAcceptor } from './sample-client.ts';

const EMPTY = new Uint8Array(0);
const MESSAGE = encodeUtf8('hello');

/** From here on the time-outs of the server pass when the test says so. */
function fakeTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Lets the sockets of this process do what they can do. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

describe('a client that is silent or slow', () => {
  it('is dropped after the idle time, and disturbs no other client until then', async () => {
    fakeTimers();
    await using server = await TestServer.start({ limits: { idleTimeout: 1.5 } });
    const silent = new SampleClient(server.port);
    await server.until('open');
    vi.advanceTimersByTime(1499);
    expect(await isServed(server.port)).toBe(true);
    expect(server.types()).not.toContain('channel-error');
    vi.advanceTimersByTime(1);
    await silent.closed;
    expect(await server.until('channel-error')).toMatchObject({
      failure: {
        reason: 'timeout',
        limit: '1.5 seconds without a token',
        truncation: { part: 'flags', read: 0 },
      },
      connection: { id: 1 },
    });
  });

  it('gets no more time for a trickle of bytes', async () => {
    fakeTimers();
    await using server = await TestServer.start({ limits: { idleTimeout: 0.3 } });
    const slow = new SampleClient(server.port);
    // In one segment: the server has all of it when it has the first token.
    slow.socket.write(concatBytes(encodeFrame('v2', 0x01, EMPTY), Uint8Array.of(4, 0, 0, 1, 0, 0)));
    await server.until('accepted-unauthenticated');
    for (let time = 0; time < 300; time += 50) {
      expect(server.types()).not.toContain('channel-error');
      slow.socket.write(Uint8Array.of(0));
      await turns(20);
      vi.advanceTimersByTime(50);
    }
    await slow.closed;
    expect(await server.until('channel-error')).toMatchObject({
      failure: { reason: 'timeout', truncation: { part: 'data', expected: 256 } },
    });
  });

  it('must have its context in time, however many tokens it sends', async () => {
    await using server = await TestServer.start({ limits: { handshakeTimeout: 0.2 } });
    const slow = new SampleClient(server.port);
    slow.send(0x11, EMPTY);
    await slow.closed;
    expect(await server.until('channel-error')).toMatchObject({
      failure: { reason: 'timeout', limit: '0.2 seconds without a context' },
    });
  });

  it('is not timed out of the handshake after it', async () => {
    fakeTimers();
    await using server = await TestServer.start({ limits: { handshakeTimeout: 1 } });
    const client = new SampleClient(server.port);
    const context = await client.authenticate();
    vi.advanceTimersByTime(1100);
    expect(await client.sign(context, MESSAGE)).toBe(true);
    client.close();
  });
});

describe('a client that is gone', () => {
  it.each([
    ['before a word', EMPTY, { part: 'flags', read: 0, expected: 1 }],
    ['in a length', Uint8Array.of(1, 0, 0), { part: 'length', read: 2, expected: 4 }],
    ['in a v1 length', Uint8Array.of(0, 0, 0), { part: 'length', read: 2, expected: 3 }],
    ['in the data', Uint8Array.of(1, 0, 0, 2, 88, 9, 9), { part: 'data', read: 2, expected: 600 }],
  ])('%s is told of', async (_name, bytes, truncation) => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port);
    client.socket.end(bytes);
    expect(await server.until('channel-error')).toMatchObject({
      failure: { reason: 'ended', truncation },
    });
    await client.closed;
    expect(await isServed(server.port)).toBe(true);
  });

  it('without closing the connection does not affect other clients', async () => {
    await using server = await TestServer.start();
    for (let i = 0; i < 20; i++) {
      const client = new SampleClient(server.port);
      const context = await client.authenticate();
      for (let n = 0; n < 20; n++) client.send(0xe4, context.wrap(MESSAGE));
      client.socket.resetAndDestroy();
    }
    expect(await isServed(server.port)).toBe(true);
    expect(server.types()).not.toContain('fault');
  });
});

describe('a client that floods', () => {
  it('with tiny messages leaves others their turn', async () => {
    await using server = await TestServer.start();
    const flooding = new SampleClient(server.port);
    flooding.send(0x01, EMPTY);
    const flood = concatBytes(...Array.from({ length: 50_000 }, () => encodeFrame('v2', 4, EMPTY)));
    flooding.socket.write(flood);
    await server.until('message');
    expect(await isServed(server.port)).toBe(true);
    const messages = server.types().filter((type) => type === 'message').length;
    expect(messages).toBeLessThan(50_000);
    flooding.close();
  });

  it('and reads no answers is no longer read from', async () => {
    fakeTimers();
    await using server = await TestServer.start({ limits: { idleTimeout: 1 } });
    const deaf = new SampleClient(server.port);
    await deaf.authenticate();
    deaf.socket.pause();
    const token = encodeFrame('v2', 0x84, EMPTY);
    const burst = concatBytes(...Array.from({ length: 20_000 }, () => token));
    // Until the buffers between the two are full, and the server waits in a send.
    let quiet = 0;
    const pump = (): void => {
      quiet = 0;
      while (deaf.socket.write(burst) && !deaf.socket.destroyed);
    };
    deaf.socket.on('drain', pump);
    pump();
    for (let seen = 0; quiet < 200; quiet++) {
      await turns(1);
      const { length } = server.events;
      if (length > seen) quiet = 0;
      seen = length;
    }
    vi.advanceTimersByTime(1000);
    const { failure } = await server.until('channel-error');
    expect(failure).toEqual({
      reason: 'timeout',
      limit: '1 seconds without the peer reading',
    });
    deaf.close();
    expect(await isServed(server.port)).toBe(true);
  });
});

describe('limits', () => {
  it.each([
    ['a context token of 4 GiB', [0x11, 0, 0, 0, 0, 2, 255, 255, 255, 255], 4_294_967_295, 262_144],
    ['a v1 context token of 16 MiB', [0, 255, 255, 255], 16_777_215, 262_144],
    ['a first token with data', [0x11, 0, 5, 0, 0], 327_680, 262_144],
    ['a message of nobody known', [1, 0, 0, 0, 0, 4, 1, 0, 0, 1], 16_777_217, 262_144],
  ])('refuse %s', async (_name, bytes, length, limit) => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port);
    client.socket.write(Uint8Array.from(bytes));
    expect(await client.receive()).toBeUndefined();
    expect(await server.until('channel-error')).toMatchObject({
      failure: {
        reason: 'too-long',
        text: `a token of ${length} bytes was announced, the limit is ${limit}`,
      },
    });
  });

  it('are wider for authenticated clients, and have an end', async () => {
    await using server = await TestServer.start();
    const client = new SampleClient(server.port);
    await client.authenticate();
    client.socket.write(Uint8Array.of(4, 1, 0, 0, 1));
    expect(await client.receive()).toBeUndefined();
    expect(await server.until('channel-error')).toMatchObject({
      failure: {
        reason: 'too-long',
        text: 'a token of 16777217 bytes was announced, the limit is 16777216',
      },
    });
  });

  it('hold a client that never authenticates to the time of the handshake', async () => {
    await using server = await TestServer.start({ limits: { handshakeTimeout: 0.3 } });
    const client = new SampleClient(server.port);
    client.send(0x01, EMPTY);
    const talk = setInterval(() => client.send(4, Uint8Array.of(0x68, 0x69)), 50);
    await client.closed;
    clearInterval(talk);
    expect(await server.until('channel-error')).toMatchObject({ failure: { reason: 'timeout' } });
  });

  it('close connections above the limit, and accept the next after one ends', async () => {
    await using server = await TestServer.start({ limits: { maxConnections: 2 } });
    const first = new SampleClient(server.port);
    const second = new SampleClient(server.port);
    const contexts = await Promise.all([first.authenticate(), second.authenticate()]);
    const third = new SampleClient(server.port);
    expect(await third.receive()).toBeUndefined();
    expect(await server.until('overload')).toEqual({
      type: 'overload',
      remoteAddress: '127.0.0.1',
      limit: 2,
    });
    expect(await first.sign(contexts[0], MESSAGE)).toBe(true);
    second.send(0x01, EMPTY);
    await second.closed;
    await server.until('close');
    expect(await isServed(server.port)).toBe(true);
  });
});

describe('many silent connections', () => {
  async function crowd(server: TestServer, count: number): Promise<SampleClient[]> {
    const silent = Array.from({ length: count }, () => new SampleClient(server.port));
    await Promise.all(silent.map(({ socket }) => once(socket, 'connect')));
    await server.untilCount('open', count);
    return silent;
  }

  it('keep out no client of another address, nor of their own', async () => {
    await using server = await TestServer.start({ limits: { maxConnections: 64 } });
    const silent = await crowd(server, 96);
    expect(server.server.connections).toBeLessThanOrEqual(64);
    expect(await isServed(server.port, '127.0.0.2')).toBe(true);
    expect(await isServed(server.port)).toBe(true);
    // The oldest gave way, and the server says so, but not of each.
    await silent[0]!.closed;
    expect(await server.until('overload')).toEqual({
      type: 'overload',
      remoteAddress: '127.0.0.1',
      limit: 48,
      of: 'source',
      displaced: true,
    });
    expect(server.types().filter((type) => type === 'overload').length).toBeLessThan(10);
    for (const client of silent) client.close();
  });

  it('cost no authenticated client its connection', async () => {
    await using server = await TestServer.start({ limits: { maxConnections: 8 } });
    const client = new SampleClient(server.port);
    const context = await client.authenticate();
    const silent = await crowd(server, 15).catch(() => []);
    expect(await client.sign(context, MESSAGE)).toBe(true);
    for (const one of silent) one.close();
  });

  it('are failures of their source, reported once', async () => {
    await using server = await TestServer.start({ limits: { maxPenalty: 3 } });
    for (let i = 0; i < 6; i++) {
      const client = new SampleClient(server.port);
      client.socket.end();
      await client.closed;
    }
    const penalty = await server.until('penalty');
    expect(penalty).toEqual({ type: 'penalty', remoteAddress: '127.0.0.1', seconds: 1 });
    expect(server.types().filter((type) => type === 'penalty')).toHaveLength(1);
    expect(await isServed(server.port)).toBe(true);
  });

  it('are not counted for clients that may be unauthenticated', async () => {
    await using server = await TestServer.start({ limits: { maxPenalty: 3 } });
    for (let i = 0; i < 6; i++) {
      const client = new SampleClient(server.port);
      client.send(0x01, EMPTY);
      client.send(0x01, EMPTY);
      await client.closed;
    }
    expect(await isServed(server.port)).toBe(true);
    expect(server.types()).not.toContain('penalty');
  });

  it('are not counted for a finished client that does not close: it can be displaced', async () => {
    await using server = await TestServer.start({ limits: { maxConnections: 1 } });
    const done = new SampleClient(server.port);
    await done.authenticate();
    done.socket.pause();
    done.send(0x01, EMPTY);
    await server.until('finished');
    expect(await isServed(server.port)).toBe(true);
    expect(server.types()).not.toContain('penalty');
    done.close();
  });
});

describe('a client that does not authenticate', () => {
  it('is refused if it must authenticate, and no other client is', async () => {
    await using server = await TestServer.start({ requireAuthentication: true });
    const client = new SampleClient(server.port);
    client.send(0x01, EMPTY);
    client.send(0x04, MESSAGE);
    expect(await client.receive()).toBeUndefined();
    await server.until('close');
    expect(server.types()).toEqual(['open', 'unauthenticated-refused', 'close']);
    expect(await isServed(server.port)).toBe(true);
  });
});

describe('a fault', () => {
  it('of the acceptor ends its connection only', async () => {
    let begun = 0;
    const good = await testAcceptor();
    const acceptor = {
      begin: () => {
        begun++;
        if (begun > 1) return good.begin();
        return { accept: () => Promise.reject(new Error('replay store is down')), abort: () => {} };
      },
    } as unknown as Acceptor;
    await using server = await TestServer.start({ acceptor });
    const client = new SampleClient(server.port);
    client.send(0x11, EMPTY);
    client.send(0x02, MESSAGE);
    expect(await client.receive()).toBeUndefined();
    expect((await server.until('fault')).error).toMatchObject({ message: 'replay store is down' });
    expect(await isServed(server.port)).toBe(true);
  });

  it('of the callback does not affect the client', async () => {
    let thrown = 0;
    await using server = await TestServer.start({
      onEvent: () => {
        if (thrown++ < 3) throw new Error('callback');
      },
    });
    const client = new SampleClient(server.port);
    client.send(0x01, EMPTY);
    client.send(0x01, EMPTY);
    expect(await client.receive()).toBeUndefined();
    await server.until('close');
    expect(server.types()).toEqual(['open', 'accepted-unauthenticated', 'finished', 'close']);
    expect(thrown).toBeGreaterThanOrEqual(3);
    expect(await isServed(server.port)).toBe(true);
  });
});

describe('an exchange of several tokens', () => {
  it('alternates tokens until it is complete', async () => {
    const answers = [
      { status: 'continue', outputToken: Uint8Array.of(1) },
      { status: 'continue', outputToken: Uint8Array.of(2) },
      { status: 'failed', error: new Error('GssError'), outputToken: Uint8Array.of(3) },
    ];
    const acceptor = {
      begin: () => ({ accept: async () => answers.shift(), abort: () => {} }),
    } as unknown as Acceptor;
    await using server = await TestServer.start({ acceptor });
    const client = new SampleClient(server.port);
    client.send(0x11, EMPTY);
    for (const answer of [1, 2, 3]) {
      client.send(0x02, Uint8Array.of(0));
      expect(await client.receive()).toEqual({ flags: 0x02, data: Uint8Array.of(answer) });
    }
    expect(await client.receive()).toBeUndefined();
    await server.until('close');
    const steps = server.events.filter((event) => event.type === 'context-step');
    expect(steps.map((event) => event.complete)).toEqual([false, false]);
    expect(server.types().slice(-3)).toEqual(['context-token-sending', 'gss-error', 'close']);
  });
});
