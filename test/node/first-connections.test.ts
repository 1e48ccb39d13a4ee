import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { connect, createServer as createTcpServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { FirstConnections } from '../../src/node/first-connections.ts';

const CHANNEL = 'net.server.socket';

async function connectTo(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  for (let time = 0; time < 2; time++) {
    const arrives = once(server, 'connection');
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await arrives;
  }
  // The channel is told after the event.
  await new Promise((resolve) => setImmediate(resolve));
}

it('watches each server of HTTP to which somebody connects once, until it ends', async () => {
  const watched: object[] = [];
  const ended: object[] = [];
  const first = new FirstConnections((server) => {
    watched.push(server);
    return () => void ended.push(server);
  });
  expect(diagnostics.hasSubscribers(CHANNEL)).toBe(true);
  const servers = [createServer(), createServer()];
  await Promise.all(servers.map(connectTo));
  await connectTo(createTcpServer());
  expect(new Set(watched)).toEqual(new Set(servers));
  expect(watched).toHaveLength(2);
  expect(ended).toEqual([]);
  first.end();
  expect(ended).toEqual(watched);
  expect(diagnostics.hasSubscribers(CHANNEL)).toBe(false);
  first.end();
  await connectTo(createServer());
  expect(watched).toHaveLength(2);
});
