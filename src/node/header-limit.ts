/**
 * Node.js refuses some requests before the application sees them: with 431 if the headers exceed its limit,
 * as the ticket of a user in many groups does; with 400 if they are malformed.
 */
import type { IncomingMessage, Server as NodeServer } from 'node:http';
import http, { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import process from 'node:process';
import { explain } from '../errors.ts';
import { GssError } from '../gss/status.ts';
import { tell } from '../hooks.ts';
import { NEEDED_HEADER_SIZE } from '../http/gate.ts';
import { parseHostAddress, plainAddress } from '../messages/host-address.ts';
import type { HostAddress } from '../messages/primitives.ts';
import { printWarning } from '../warning.ts';
import { FirstConnections } from './first-connections.ts';
import { EventRate } from './server/event-rate.ts';

/** A server of Node.js; `maxHeaderSize` is that of its options, undefined if they have none. */
interface Server extends NodeServer {
  maxHeaderSize?: number | undefined;
}

/** Warns the operator. @param code - As for `printWarning`. @param error - Of a request that was refused. */
export type Warn = (message: string, code: string, error?: GssError) => void;

/**
 * Called for each request that the server refuses by itself.
 *
 * @param error - Has been explained.
 * @param peer - The client's address.
 */
export type Refused = (error: GssError, peer: HostAddress | undefined) => void;

/**
 * Makes a server of node:http or node:https accept large tickets, and reports to the operator the requests
 * that it refuses by itself. Only the first call for a server has an effect.
 *
 * @returns Whether this call raised the limit: connections that are already open keep the lower one.
 */
export function attendServer(
  server: Partial<Server> | undefined,
  warn: Warn,
  refused: Refused,
): boolean {
  if (server === undefined || ATTENDED.has(server)) return false;
  ATTENDED.add(server);
  reportRefusals(server as Server, warn, refused);
  const limit = server.maxHeaderSize ?? http.maxHeaderSize;
  if (limit >= NEEDED_HEADER_SIZE) return false;
  // A limit that the application has chosen is left alone.
  if (server.maxHeaderSize === undefined && !isBun()) {
    server.maxHeaderSize = NEEDED_HEADER_SIZE;
    return true;
  }
  warnOfLimit(limit, warn);
  return false;
}

/** The server of a request over HTTP/1.1. Over HTTP/2 the headers of a request may have 64 kB. */
export function serverOf({
  socket,
  httpVersionMajor,
}: RequestOfServer): Partial<Server> | undefined {
  if (httpVersionMajor > 1) return undefined;
  return (socket as { readonly server?: Partial<Server> }).server;
}

type RequestOfServer = Pick<IncomingMessage, 'httpVersionMajor'> & { readonly socket: Socket };

/** Warns of a limit that is too low for large tickets. */
export function warnOfLimit(limit: number, warn: Warn): void {
  warn(
    `headers are limited to ${limit} bytes, but clients in many groups send tickets of up to ` +
      `64000 bytes: pass { maxHeaderSize: ${NEEDED_HEADER_SIZE} } to createServer`,
    'KRB5_ACCEPTOR_MAX_HEADER_SIZE',
  );
}

/** The warnings of a server: for the hook `onWarning`, or else printed, but a flood of them only once. */
export function warnWith(
  onWarning: ((message: string, error?: GssError) => void) | undefined,
): Warn {
  let told = false;
  return (message, kind, error) => {
    if (onWarning !== undefined) return tell('onWarning', onWarning, message, error);
    if (kind !== REFUSED) return printWarning(message, kind);
    if (!told) printWarning(`${message}. Further ones are only counted; see onWarning`, kind);
    told = true;
  };
}

/** Bun reads the limit only when the server begins to listen. */
function isBun(): boolean {
  return process.versions.bun !== undefined;
}

interface ClientError extends Error {
  readonly code?: string;
  readonly reason?: string;
}

interface Refusal {
  readonly cause: ClientError;
  readonly error: GssError;
  readonly peer: string;
  readonly size: number;
}

/**
 * Reports the requests that servers of this process refuse before the first one has come to a sign-on, which
 * knows its server only then: it may be any of them.
 *
 * @returns The caller holds it, and ends it with its first request.
 */
export function watchFirstRefusals(warn: Warn, refused: Refused): FirstConnections {
  return new FirstConnections((server) =>
    reportRefusals(server, warn, refused, () => !ATTENDED.has(server)),
  );
}

/** Reports the requests that a server refuses by itself. Only the first call for a server has an effect. */
export function watchRefusals(
  server: Partial<Server> | undefined,
  warn: Warn,
  refused: Refused,
): void {
  if (server === undefined || ATTENDED.has(server)) return;
  ATTENDED.add(server);
  reportRefusals(server as Server, warn, refused);
}

/** @returns Ends it. */
function reportRefusals(
  server: Server,
  warn: Warn,
  refused: Refused,
  isOurs: () => boolean = () => true,
): () => void {
  if (typeof server.on !== 'function') return () => {};
  const rate = new EventRate<Refusal>(({ cause, error, peer, size }, more) => {
    const why =
      cause.code === OVERFLOW
        ? `431: its headers are longer than ${server.maxHeaderSize ?? http.maxHeaderSize} bytes`
        : `400: ${cause.reason ?? cause.code}`;
    const others = more === 0 ? '' : `; ${more} more in the last second`;
    // The remedies of a request that is too long are alternatives, and the first is not always possible.
    const cures = error.remedies.slice(0, cause.code === OVERFLOW ? MAX_CURES : 1);
    warn(
      `the server refused a request of ${peer} with ${why} (${size} bytes came on its connection)${others}; ` +
        cures.join('; or '),
      REFUSED,
      error,
    );
  });
  const report = async (cause: ClientError, socket: Socket): Promise<void> => {
    const peer = plainAddress(socket.remoteAddress) ?? 'an unknown address';
    const { bytesRead: size } = socket;
    const address = parseHostAddress(socket.remoteAddress);
    const error = await explain(errorOf(cause, server, socket));
    refused(error, address);
    rate.push({ cause, error, peer, size });
  };
  return onClientError(server, (error, socket) => {
    if (error.code?.startsWith('HPE_') && isOurs()) void report(error, socket);
  });
}

type ClientErrorListener = (error: ClientError, socket: Socket) => void;

/** One listener for all sign-ons of a server: of more than ten, Node.js warns as of a leak. @returns Ends it. */
function onClientError(server: Server, report: ClientErrorListener): () => void {
  const attached = ATTACHED.get(server) ?? attach(server);
  attached.reports.add(report);
  return () => {
    if (attached.reports.delete(report) && attached.reports.size === 0) attached.detach();
  };
}

interface Attached {
  readonly reports: Set<ClientErrorListener>;
  readonly detach: () => void;
}

function attach(server: Server): Attached {
  const reports = new Set<ClientErrorListener>();
  const listener = (error: Error, stream: unknown): void => {
    const socket = stream as Socket;
    for (const report of reports) report(error, socket);
    // A server with a listener must answer itself: without one of the application, this answers as Node.js
    // does.
    if (server.listenerCount('clientError') === 1) answerAsNode(error, socket);
  };
  server.on('clientError', listener);
  const detach = (): void => {
    ATTACHED.delete(server);
    server.off('clientError', listener);
  };
  const attached = { reports, detach };
  ATTACHED.set(server, attached);
  return attached;
}

function errorOf({ code, reason }: ClientError, server: Server, socket: Socket): GssError {
  const { bytesRead: bytes } = socket;
  if (code !== OVERFLOW) {
    const problem = reason ?? code ?? 'unknown';
    return new GssError('GSS_S_DEFECTIVE_TOKEN', {
      reason: 'http.header-malformed',
      message: `the server refused a request with 400: ${problem}`,
      detail: { problem },
    });
  }
  const limit = server.maxHeaderSize ?? http.maxHeaderSize;
  return new GssError('GSS_S_DEFECTIVE_TOKEN', {
    reason: 'http.header-too-long',
    message: `the server refused a request with 431: its headers are longer than ${limit} bytes`,
    detail: { bytes, limit },
  });
}

/** Like `socketOnError` of Node.js, it writes nothing into a response that has begun. */
function answerAsNode(error: ClientError, socket: Socket): void {
  const { _httpMessage: response } = socket as {
    readonly _httpMessage?: { readonly _headerSent: boolean };
  } & Socket;
  if (socket.writable && response?._headerSent !== true) {
    const status = STATUSES[error.code ?? ''] ?? 400;
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
  }
  socket.destroy(error);
}

const REFUSED = 'KRB5_ACCEPTOR_REQUEST_REFUSED';
const OVERFLOW = 'HPE_HEADER_OVERFLOW';
const MAX_CURES = 3;
const STATUSES: Readonly<Record<string, number>> = {
  [OVERFLOW]: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
const ATTENDED = new WeakSet<object>();
const ATTACHED = new WeakMap<Server, Attached>();
