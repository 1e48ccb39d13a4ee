/** The security layer on a connection of Node.js. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createConnection, createServer } from 'node:net';
import { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { saslSocket } from '../../src/node/index.ts';
import type { SaslSession } from '../../src/sasl/index.ts';
import type { SaslPartiesOptions } from '../sasl/support.ts';
import { meet } from '../sasl/support.ts';

const open: { destroy(): unknown }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

/** Both ends of a TCP connection, the client's with and without its layer. */
async function connect(options: SaslPartiesOptions = {}, head = false) {
  const { client, server } = await meet(options);
  const listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const socket = createConnection({
    port: (listener.address() as AddressInfo).port,
    allowHalfOpen: true,
  });
  const [peer] = await accepted;
  listener.close();
  open.push(socket, peer);
  const early = head ? { head: client.wrap(Buffer.from('early ')) } : {};
  const stream = saslSocket(peer, server, early);
  open.push(stream);
  return { socket, peer, stream, client, server };
}

function isDisposed({ context }: SaslSession): boolean {
  try {
    context.wrapSizeLimit(100);
    return false;
  } catch {
    return true;
  }
}

describe.each(['none', 'integrity', 'confidentiality'] as const)('with %s', (layer) => {
  it('carries a megabyte each way, and ends', async () => {
    const { socket, stream, client, server } = await connect({ client: { layer } });
    const message = Buffer.alloc(1_000_000).map((_, i) => i * 3);
    socket.end(client.wrap(message));
    const [received, sent] = await Promise.all([
      buffer(stream),
      buffer(socket).then((bytes) => Buffer.concat(client.unwrap(bytes))),
      (async () => {
        stream.write(message.subarray(0, 999_999));
        stream.end(message.subarray(999_999));
      })(),
    ]);
    expect(received.equals(message)).toBe(true);
    expect(sent.equals(message)).toBe(true);
    if (!stream.closed) await once(stream, 'close');
    expect(isDisposed(server)).toBe(true);
  });
});

it('takes what arrived with the last response first', async () => {
  const { socket, stream, client } = await connect({}, true);
  socket.end(client.wrap(Buffer.from('late')));
  expect((await buffer(stream)).toString()).toBe('early late');
});

it('writes text', async () => {
  const { socket, stream, client } = await connect();
  stream.end('grüß dich');
  const frames = await buffer(socket);
  expect(Buffer.concat(client.unwrap(frames)).toString()).toBe('grüß dich');
});

it('a refused frame destroys both, and disposes of the session', async () => {
  const { socket, peer, stream, client, server } = await connect();
  const frames = client.wrap(Buffer.from('attack'));
  frames[40]! ^= 1;
  socket.on('error', () => {});
  const failed = once(stream, 'error');
  socket.write(frames);
  const [error] = (await failed) as [Error];
  expect(error).toMatchObject({ code: 'GSS_S_BAD_MIC' });
  expect(peer.destroyed).toBe(true);
  expect(isDisposed(server)).toBe(true);
});

it('an end within a frame is an error', async () => {
  const { socket, stream, client } = await connect();
  socket.end(client.wrap(Buffer.from('cut')).subarray(0, 20));
  await expect(buffer(stream)).rejects.toThrow('ended within a frame');
});

it('a connection that is cut closes the stream', async () => {
  const { socket, stream } = await connect();
  const failed = once(stream, 'error');
  socket.resetAndDestroy();
  expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
  expect(stream.destroyed).toBe(true);
});

it.each(['closed', 'ended'])('a connection that was %s before it got its layer', async (how) => {
  const { client, server } = await meet();
  const listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const socket = createConnection((listener.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = await accepted;
  listener.close();
  open.push(socket, peer);
  socket.end();
  await once(peer.resume(), 'end');
  if (how === 'closed') await once(peer.destroy(), 'close');
  const stream = saslSocket(peer, server, { head: client.wrap(Buffer.from('early')) });
  open.push(stream);
  if (how === 'ended') expect((await buffer(stream)).toString()).toBe('early');
  else if (!stream.closed) await once(stream, 'close');
  stream.destroy();
  if (!stream.closed) await once(stream, 'close');
  expect(isDisposed(server)).toBe(true);
});

it('a slow reader makes the peer wait', async () => {
  const { socket, stream, client } = await connect();
  const message = Buffer.alloc(1_000_000);
  let sent = 0;
  const send = (): void => {
    // Bounded: were nobody to wait, this would end, too.
    for (let i = 0; i < 64; i++) {
      sent++;
      if (!socket.write(client.wrap(message))) return;
    }
  };
  socket.on('drain', send);
  stream.pause();
  stream.once('readable', () => {});
  send();
  await once(stream, 'readable');
  await new Promise((resolve) => setTimeout(resolve, 50));
  const waiting = sent;
  expect(stream.readableLength).toBeLessThan(1_000_000);
  stream.destroy();
  expect(waiting).toBeLessThan(64);
});

describe('arguments', () => {
  it('are a stream and a session', async () => {
    const { server } = await meet();
    expect(() => saslSocket({} as Duplex, server)).toThrow('socket: expected');
    expect(() => saslSocket(new Duplex(), {} as SaslSession)).toThrow('session: expected');
  });
});
