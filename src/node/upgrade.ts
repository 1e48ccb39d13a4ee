/** Requests for another protocol, such as WebSocket: they have a socket, and no response object. */
import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { GssError } from '../gss/status.ts';
import { answerDenied } from '../http/answer.ts';
import type { Authenticated, Denied, Guest } from '../http/authentication.ts';
import { systemTimer } from '../time.ts';
import type { Site } from './site.ts';
import { disposeAfter } from './site.ts';

/** See `Kerberos.authenticateUpgrade`. */
export async function answerUpgrade(
  site: Site,
  allowedOrigins: readonly string[],
  request: IncomingMessage,
  socket: Duplex,
): Promise<Authenticated | Guest | undefined> {
  // The server no longer listens for errors of the socket, which would end the process.
  const ignore = (): void => {};
  socket.on('error', ignore);
  if (!isOfOrigin(request, site.isSecure(request), allowedOrigins)) {
    const error = foreignOrigin();
    deny(request, socket, { outcome: 'refused', status: 403, error, headers: [] });
    site.reportUpgrade(error, request);
    return undefined;
  }
  const result = await site.admitUpgrade(request, (denied) => deny(request, socket, denied));
  if (result.outcome === 'answered') return undefined;
  if (result.context !== undefined) disposeAfter(socket, result.context, socket.destroyed);
  if (socket.destroyed) return undefined;
  socket.off('error', ignore);
  return result;
}

/**
 * A browser signs on, and sends cookies, for the pages of any site that open a WebSocket, and lets them
 * read the answers: only the server can refuse them. Clients other than browsers send no Origin.
 */
function isOfOrigin(
  { headers }: IncomingMessage,
  secure: boolean,
  allowed: readonly string[],
): boolean {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const { protocol, host: of } = new URL(origin);
  // To TLS, a page over plain HTTP is one of another site: anyone on its way can have written it.
  return of === host?.toLowerCase() && !(secure && protocol !== 'https:');
}

function foreignOrigin(): GssError {
  return new GssError('GSS_S_UNAUTHORIZED', {
    reason: 'http.other-origin',
    message: 'a page of another site opens a WebSocket',
    hint: 'if that site may do so, or a proxy changes Host, name its origin in allowedOrigins',
  });
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
