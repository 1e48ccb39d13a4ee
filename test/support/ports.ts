import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createConnection, createServer } from 'node:net';
import { until } from './until.ts';

/** Nobody listens there (tcpmux): one of {@link freePort} may be taken by somebody else a moment later. */
export const CLOSED_PORT = 1;

/** A port that was free for TCP and UDP on the loopback address a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = createSocket('udp4');
    const bound = new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind(port, '127.0.0.1', () => resolve(true));
    });
    const free = await bound;
    socket.close();
    server.close();
    await once(server, 'close');
    if (free) {
      return port;
    }
  }
}

/** Whether something accepts connections there. */
export async function isListening(port: number): Promise<boolean> {
  const socket = createConnection(port, 'localhost');
  return await once(socket, 'connect')
    .then(
      () => true,
      () => false,
    )
    .finally(() => socket.destroy());
}

/** Waits until something accepts connections there. */
export async function untilListening(port: number): Promise<void> {
  await until(
    () => isListening(port),
    () => `nothing listens on port ${port}`,
  );
}
