/** Requests for another protocol, such as WebSocket: they have a socket, and no response object. */
import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { answerDenied } from '../http/answer.ts';
import type { Authenticated, Denied, Guest } from '../http/authentication.ts';
import { systemTimer } from '../time.ts';
import type { Site } from './site.ts';
import { disposeAfter } from './site.ts';

/** See `Kerberos.authenticateUpgrade`. */
export async function answerUpgrade(
  site: Site,
  request: IncomingMessage,
  socket: Duplex,
): Promise<Authenticated | Guest | undefined> {
  // The server no longer listens for errors of the socket, which would end the process.
  const ignore = (): void => {};
  socket.on('error', ignore);
  const result = await site.admitUpgrade(request, (denied) => deny(request, socket, denied));
  if (result.outcome === 'answered') return undefined;
  if (result.context !== undefined) disposeAfter(socket, result.context, socket.destroyed);
  if (socket.destroyed) return undefined;
  socket.off('error', ignore);
  return result;
}

function deny({ headers: { accept } }: IncomingMessage, socket: Duplex, denied: Denied): void {
  const { status, headers, body } = answerDenied(denied, accept);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  // A client that does not read must not keep the connection open.
  const cancel = systemTimer(() => socket.destroy(), LINGER);
  socket.once('close', cancel);
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

// Milliseconds.
const LINGER = 5000;
