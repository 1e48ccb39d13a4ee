/** HTTP authentication (RFC 4559) for node:http, node:https, node:http2 and frameworks on them. */
import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { Acceptor, Handshake } from '../acceptor.ts';
import type { SecurityContext } from '../context/context.ts';
import { GssError } from '../gss/status.ts';
import { tell } from '../hooks.ts';
import type { NegotiateOptions, NegotiateResult } from '../http/negotiate.ts';
import { negotiate } from '../http/negotiate.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import { parseHostAddress } from '../messages/host-address.ts';
import type { OptionRules } from '../options.ts';
import {
  callback,
  checkOptions,
  definite,
  either,
  flag,
  objectWith,
  oneOf,
  promptCallback,
  required,
} from '../options.ts';
import { printWarning } from '../warning.ts';
import type { Certificate, RequestBindings } from './http-bindings.ts';
import { requestBindings } from './http-bindings.ts';
import type { TlsBindingType } from './tls-bindings.ts';

/** A request of node:http, node:https or node:http2. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;
/** The response of such a request. */
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** Options of {@link httpAuthenticator}. */
export interface HttpAuthenticatorOptions {
  /** The acceptor for all requests; it stays the caller's, to be disposed of by the caller. */
  readonly acceptor: Acceptor;
  /**
   * The channel bindings that clients over TLS use; default `tls-server-end-point`. The acceptor's
   * `channelBindingPolicy` decides what follows from them. A function returns the bindings of a
   * request, or undefined if it has none; if it throws, the request is refused. `none` ignores
   * channel bindings.
   */
  readonly channelBindings?:
    | TlsBindingType
    | 'none'
    | ((request: HttpRequest) => HandshakeOptions['channelBindings']);
  /**
   * The certificate that clients see, for `tls-server-end-point`, if the connection does not reveal
   * it: that of a proxy, or this server's own under Bun. A list permits any of its certificates.
   */
  readonly certificate?: Certificate | readonly Certificate[];
  /**
   * The proxy in front of this server gives each client connections of its own; default false. An
   * exchange of several requests needs that, and is otherwise refused if a header reveals a proxy.
   */
  readonly proxyKeepsConnectionsApart?: boolean;
  /**
   * Called for the log with the reason for each refusal, after the client was answered. Also called
   * when a client that was asked for Kerberos, but prefers NTLM, closes its connection or starts over.
   * An exception of the callback, or a rejection, becomes a warning of the process.
   */
  readonly onFailure?: (error: GssError, request: HttpRequest) => void;
  /**
   * Called once if the server's limit on headers is too small for large tickets, and once for each
   * reason why connections over TLS have no channel bindings. If absent, Node prints the warning.
   */
  readonly onWarning?: (message: string) => void;
}

/**
 * Authenticates the client of a request.
 *
 * @returns The client's context, which the caller disposes of after use. The caller answers the
 *   request; the header that proves the server's identity is already set. Undefined if the client
 *   must authenticate, continue to authenticate, or was refused: then the request has been answered
 *   (401, 400 or 503). Never rejects because of a client.
 */
export type HttpAuthenticate = (
  request: HttpRequest,
  response: HttpResponse,
) => Promise<SecurityContext | undefined>;

/**
 * Makes a function that authenticates requests with Negotiate: Kerberos, bare or in SPNEGO.
 *
 * ```ts
 * const authenticate = httpAuthenticator({ acceptor });
 * createServer({ maxHeaderSize: 81_920 }, async (request, response) => {
 *   using context = await authenticate(request, response);
 *   if (context !== undefined) response.end(`Hello ${context.initiator}\n`);
 * });
 * ```
 *
 * Each request is authenticated by itself. A connection has state only during an exchange that needs
 * another request, as SPNEGO does if Kerberos is not the client's first choice.
 *
 * @throws TypeError, RangeError for an invalid option.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { acquireCredential, createAcceptor } from 'krb5-acceptor';
 * import { httpAuthenticator, keytabFile } from 'krb5-acceptor/node';
 *
 * const credential = await acquireCredential({ keytab: keytabFile(), service: 'HTTP@' });
 * const authenticate = httpAuthenticator({ acceptor: createAcceptor({ credential }) });
 * createServer({ maxHeaderSize: 81_920 }, async (request, response) => {
 *   const context = await authenticate(request, response);
 *   if (context !== undefined) response.end(`Hello ${context.initiator}`);
 * }).listen(8080);
 * ```
 */
export function httpAuthenticator(options: HttpAuthenticatorOptions): HttpAuthenticate {
  checkOptions('httpAuthenticator', options, HTTP_OPTIONS);
  const { acceptor, onFailure, onWarning } = options;
  const warn = warnWith(onWarning);
  const bindingsOf = requestBindings<HttpRequest>(options, (message) =>
    warn(message, 'KRB5_ACCEPTOR_NO_CHANNEL_BINDINGS'),
  );
  const connections = new WeakMap<Socket, Connection>();
  const reportForeignChoice = ({ handshake: { foreignChoice }, request }: Unfinished) => {
    if (foreignChoice !== undefined) tell('onFailure', onFailure, foreignChoice, request);
  };
  let checked = false;
  return async (request, response) => {
    if (!checked) checkHeaderLimit(request, warn);
    checked = true;
    const connection = connectionOf(request, response, connections, reportForeignChoice);
    const begun = connection.unfinished;
    connection.unfinished = undefined;
    const result = await negotiateRequest(acceptor, request, bindingsOf(request), {
      ...(begun !== undefined && { state: begun.handshake }),
      signal: connection.signal,
    });
    // foreignChoice is still set if the client did not continue this exchange.
    if (begun !== undefined) reportForeignChoice(begun);
    if (result.status === 200) {
      setHeaders(response, result.headers);
      return result.context;
    }
    const refusal = refuseShared(result, request, options);
    if (refusal.status === 401 && refusal.state !== undefined) {
      connection.unfinished = { handshake: refusal.state, request };
    }
    answer(response, refusal);
    // After the answer, so that a failing callback cannot keep it from the client.
    if (refusal.error !== undefined) tell('onFailure', onFailure, refusal.error, request);
    return undefined;
  };
}

async function negotiateRequest(
  acceptor: Acceptor,
  request: HttpRequest,
  { refusal, ...bindings }: RequestBindings,
  options: NegotiateOptions,
): Promise<NegotiateResult> {
  const { authorization } = request.headers;
  if (refusal !== undefined && authorization !== undefined) {
    return { status: 503, headers: {}, error: refusal };
  }
  const peerAddress = parseHostAddress(request.socket.remoteAddress);
  return await negotiate(acceptor, authorization, {
    ...options,
    ...bindings,
    ...(peerAddress !== undefined && { peerAddress }),
  });
}

function answer(response: HttpResponse, { status, headers }: Refusal): void {
  setHeaders(response, headers);
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain');
  response.end(`${STATUS_CODES[status]}\n`);
}

/** The state of a connection, until the client closes it. */
class Connection {
  /** An exchange that needs another request, with its latest request. */
  unfinished: Unfinished | undefined;
  readonly #gone = new AbortController();

  /**
   * @param closing - Emits `close` when the client goes away.
   * @param onGone - Called with the exchange that the client leaves unfinished.
   */
  constructor(closing: EventEmitter, onGone: (unfinished: Unfinished) => void) {
    closing.once('close', () => {
      this.#gone.abort(CLIENT_GONE);
      if (this.unfinished === undefined) return;
      this.unfinished.handshake.abort(CLIENT_GONE);
      onGone(this.unfinished);
    });
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }
}

interface Unfinished {
  readonly handshake: Handshake;
  readonly request: HttpRequest;
}

function connectionOf(
  request: HttpRequest,
  response: HttpResponse,
  connections: WeakMap<Socket, Connection>,
  onGone: (unfinished: Unfinished) => void,
): Connection {
  // Requests over HTTP/2 are independent: no exchange spans two of them.
  if (request.httpVersionMajor > 1) return new Connection(response, onGone);
  let connection = connections.get(request.socket);
  if (connection === undefined) {
    connection = new Connection(request.socket, onGone);
    connections.set(request.socket, connection);
  }
  return connection;
}

type Refusal = Exclude<NegotiateResult, { status: 200 }>;

/** Refuses an exchange of several requests on a connection that several clients may share. */
function refuseShared(
  result: Refusal,
  request: HttpRequest,
  { proxyKeepsConnectionsApart }: HttpAuthenticatorOptions,
): Refusal {
  if (result.status !== 401 || result.state === undefined) return result;
  const http2 = request.httpVersionMajor > 1;
  const proxy = PROXY_HEADERS.find((name) => request.headers[name] !== undefined);
  if (!http2 && (proxy === undefined || proxyKeepsConnectionsApart === true)) return result;
  const choice = result.state.foreignChoice?.minor;
  result.state.abort();
  const cause = http2
    ? 'requests over HTTP/2 are independent: offer HTTP/1.1, or let clients prefer Kerberos'
    : `the header ${proxy} reveals a proxy: set proxyKeepsConnectionsApart if it gives each ` +
      'client connections of its own, or let clients prefer Kerberos';
  const error = new GssError('GSS_S_UNAVAILABLE', {
    message: 'the client needs several requests on a connection of its own to authenticate',
    hint: choice === undefined ? cause : `${cause}; ${choice.hint}`,
    ...(choice !== undefined && { minor: choice }),
  });
  return { status: 401, headers: { 'WWW-Authenticate': 'Negotiate' }, error };
}

function setHeaders(response: HttpResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}

/** Node answers longer headers with 431 before this module sees the request. */
function checkHeaderLimit({ socket, httpVersionMajor }: HttpRequest, warn: Warn): void {
  if (httpVersionMajor > 1) return;
  const { server } = socket as { server?: { maxHeaderSize?: number } };
  const limit = server?.maxHeaderSize ?? maxHeaderSize;
  if (limit >= NEEDED_HEADER_SIZE) return;
  tell(
    'onWarning',
    warn,
    `headers are limited to ${limit} bytes, but clients in many groups send tickets of up to ` +
      `64000 bytes: pass { maxHeaderSize: ${NEEDED_HEADER_SIZE} } to createServer`,
    'KRB5_ACCEPTOR_MAX_HEADER_SIZE',
  );
}

type Warn = (message: string, code: string) => void;

function warnWith(onWarning: HttpAuthenticatorOptions['onWarning']): Warn {
  return (message, code) => {
    if (onWarning === undefined) printWarning(message, code);
    else tell('onWarning', onWarning, message);
  };
}

const CLIENT_GONE: unknown = new Error('the client closed its connection');
// Proxies set these headers, clients do not; a client that does is only refused.
const PROXY_HEADERS = [
  'via',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
] as const;
// Windows' MaxTokenSize, 48000 bytes, in base64, and space for the other headers.
const NEEDED_HEADER_SIZE = 81_920;

export const HTTP_OPTIONS: OptionRules<HttpAuthenticatorOptions> = {
  acceptor: required(objectWith('what createAcceptor gives', 'begin')),
  channelBindings: either(promptCallback, oneOf('tls-server-end-point', 'tls-exporter', 'none')),
  // requestBindings checks its kind.
  certificate: definite({ presence: 'optional', check: () => {} }),
  proxyKeepsConnectionsApart: flag,
  onFailure: callback,
  onWarning: callback,
};
