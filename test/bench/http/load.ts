/** Clients of an HTTP server that ask for one page after another, each on a connection of its own. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createConnection } from 'node:net';

/** Connections that are kept alive. */
export class Load {
  readonly #sockets: readonly Socket[];

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
  }

  static async connect(port: number, connections: number): Promise<Load> {
    const sockets = Array.from({ length: connections }, () =>
      createConnection({ port, host: '127.0.0.1', noDelay: true }),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    return new Load(sockets);
  }

  /** Sends the requests, each as soon as a connection is free. @throws Error unless all get 200. */
  async send(requests: readonly Buffer[]): Promise<void> {
    let next = 0;
    const take = () => requests[next++];
    await Promise.all(this.#sockets.map((socket) => sendOn(socket, take)));
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** A request for the page of the bench. */
export function requestWith(...headers: readonly string[]): Buffer {
  const lines = ['GET / HTTP/1.1', 'Host: 127.0.0.1', ...headers, '', ''];
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

/** The answer to one request, with its headers. */
export async function ask(port: number, request: Buffer): Promise<string> {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
  let answer = '';
  await sendOn(socket, requestsOf(request), (text) => {
    answer = text;
  });
  socket.destroy();
  return answer;
}

function requestsOf(request: Buffer): () => Buffer | undefined {
  const list = [request];
  return () => list.pop();
}

/** One request after another until there are no more. */
function sendOn(
  socket: Socket,
  take: () => Buffer | undefined,
  onAnswer?: (text: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const next = () => {
      const request = take();
      if (request !== undefined) return void socket.write(request);
      socket.removeAllListeners();
      resolve();
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0 || text.length < end + 4 + lengthOf(text, end)) return;
      if (!text.startsWith('HTTP/1.1 200 ')) return reject(new Error(text));
      onAnswer?.(text);
      text = '';
      next();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`the server closed a connection after: ${text}`)));
    next();
  });
}

function lengthOf(text: string, end: number): number {
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1];
  if (length === undefined) throw new Error(`an answer without Content-Length: ${text}`);
  return Number(length);
}
