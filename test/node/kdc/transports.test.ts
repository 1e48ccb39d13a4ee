import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { KerberosError } from '../../../src/errors.ts';
import { kdcAsker } from '../../../src/node/kdc/ask-kdc.ts';
import { Stop, Transports } from '../../../src/node/kdc/transports.ts';
import { kdcError, startFakeKdc } from '../../support/fake-kdc.ts';

const MESSAGE = Uint8Array.of(0x6a, 1, 2, 3);
const ANSWER = kdcError(0);
const FOREVER = 60_000;

function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCP|UDP/.test(name)).length;
}

/** Waits some turns of the event loop, at most, without a timer. */
async function turnsUntil(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5000 && !isSo(); turn++) await new Promise(setImmediate);
}

describe('Transports', () => {
  it('tries the next address beside one that is silent', async () => {
    await using silent = await startFakeKdc(() => undefined);
    const { port } = silent;
    const other = await bound('127.0.0.2', port);
    other.on('message', (_, from) => other.send(ANSWER, from.port, from.address));
    const stop = new Stop();
    const transports = new Transports(async () => ['127.0.0.1', '127.0.0.2']);
    const answer = await transports.send({ host: 'kdc', port }, 'udp', MESSAGE, 20, stop);
    expect(answer).toEqual(ANSWER);
    expect(silent.requests).toHaveLength(1);
    stop.stop();
    other.close();
  });

  it('tries the next address at once after one where nobody listens', async () => {
    await using kdc = await startFakeKdc(() => ANSWER);
    const transports = new Transports(async () => ['127.0.0.3', '127.0.0.1']);
    for (const transport of ['udp', 'tcp'] as const) {
      const server = { host: 'kdc', port: kdc.port };
      const stop = new Stop();
      expect(await transports.send(server, transport, MESSAGE, FOREVER, stop)).toEqual(ANSWER);
      stop.stop();
    }
  });

  it('opens nothing, and lets nobody wait, for what is stopped before its turn', async () => {
    await using silent = await startFakeKdc(() => undefined);
    const { port } = silent;
    await turnsUntil(() => sockets() === 2);
    const transports = new Transports();
    const leaving = new Stop();
    const send = (stop: Stop) =>
      transports.send({ host: '127.0.0.1', port }, 'udp', MESSAGE, FOREVER, stop);
    const sent = Array.from({ length: 300 }, () => send(leaving));
    leaving.stop();
    const results = await Promise.allSettled(sent);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    const stop = new Stop();
    const further = expect(send(stop)).rejects.toMatchObject({ message: 'no answer' });
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    expect(sockets()).toBe(3);
    stop.stop();
    await further;
  });

  it('fails if DNS has no address, or has not answered when it is stopped', async () => {
    const server = { host: 'kdc', port: 88 };
    const none = new Transports(async () => []);
    const failure = { message: 'no answer of DNS' };
    await expect(none.send(server, 'udp', MESSAGE, 20, new Stop())).rejects.toMatchObject(failure);
    const silent = new Transports(() => new Promise(() => {}));
    const stop = new Stop();
    const sent = silent.send(server, 'udp', MESSAGE, 20, stop);
    stop.stop();
    await expect(sent).rejects.toMatchObject(failure);
  });

  it('takes no datagram from anybody but the server', async () => {
    const [server, neighbour, stranger] = await Promise.all([
      bound('127.0.0.1'),
      bound('127.0.0.1'),
      bound('127.0.0.2'),
    ]);
    const stop = new Stop();
    const { port } = server.address();
    const sent = new Transports().send({ host: '127.0.0.1', port }, 'udp', MESSAGE, FOREVER, stop);
    const [, from] = (await once(server, 'message')) as [Uint8Array, { readonly port: number }];
    for (const socket of [neighbour, stranger]) {
      await new Promise((resolve) => {
        socket.send(Uint8Array.of(0x6b, 0), from.port, '127.0.0.1', resolve);
      });
    }
    server.send(ANSWER, from.port, '127.0.0.1');
    expect(await sent).toEqual(ANSWER);
    stop.stop();
    for (const socket of [server, neighbour, stranger]) socket.close();
  });
});

async function bound(address: string, port = 0): Promise<Socket> {
  const socket = createSocket('udp4').bind(port, address);
  await once(socket, 'listening');
  return socket;
}

describe('after a relay no socket and no timer is left', () => {
  it.each([
    ['an answer over UDP', () => ANSWER, 'answered'],
    [
      'an answer over TCP',
      (transport: string) => (transport === 'tcp' ? ANSWER : kdcError(0, 52)),
      'answered',
    ],
    ['an answer that is none', () => Uint8Array.of(1), 'failed'],
    ['silence until the caller leaves', () => undefined, 'failed'],
  ] as const)('%s', async (name, answer, outcome) => {
    await using kdc = await startFakeKdc(answer);
    // Closed sockets are gone some turns later: then there are those of this KDC.
    await turnsUntil(() => sockets() === 2);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const leaving = new AbortController();
      const asked = ask(kdc.port, leaving.signal);
      if (name.startsWith('silence')) {
        await turnsUntil(() => kdc.requests.length === 1);
        leaving.abort();
      }
      expect(await asked).toBe(outcome);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
    await turnsUntil(() => sockets() === 2);
    expect(sockets()).toBe(2);
  });
});

it('the sockets for other addresses of a server are closed after an answer', async () => {
  await using silent = await startFakeKdc(() => undefined);
  const { port } = silent;
  const other = await bound('127.0.0.2', port);
  other.on('message', (_, from) => other.send(ANSWER, from.port, from.address));
  await turnsUntil(() => sockets() === 3);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const asker = kdcAsker(async () => [{ host: 'kdc', port, transport: 'udp' }], {
      addressesOf: async () => ['127.0.0.1', '127.0.0.2'],
    });
    const asked = asker('EXAMPLE.TEST', MESSAGE, new AbortController().signal);
    await turnsUntil(() => silent.requests.length === 1);
    vi.advanceTimersByTime(1000);
    expect((await asked).bytes).toEqual(ANSWER);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
  await turnsUntil(() => sockets() === 3);
  expect(sockets()).toBe(3);
  other.close();
});

function ask(port: number, signal: AbortSignal): Promise<unknown> {
  const asker = kdcAsker(async () => [{ host: '127.0.0.1', port }]);
  return asker('EXAMPLE.TEST', MESSAGE, signal).then(
    () => 'answered',
    (error: unknown) => (error instanceof KerberosError ? 'failed' : error),
  );
}
