import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createConnection, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

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

/** Waits until something accepts connections there. @throws Error after `timeout` milliseconds. */
export async function untilListening(port: number, timeout = 10_000): Promise<void> {
  const deadline = Date.now() + timeout;
  for (;;) {
    const socket = createConnection(port, 'localhost');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (Date.now() > deadline) {
        throw new Error(`nothing listens on port ${port}`, { cause: error });
      }
    } finally {
      socket.destroy();
    }
    await sleep(25);
  }
}
