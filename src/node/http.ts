/** HTTP authentication (RFC 4559) for servers of node:http, node:https and what stands on them. */
import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { Acceptor, Handshake } from '../acceptor.ts';
import type { SecurityContext } from '../context/context.ts';
import { GssError } from '../gss/status.ts';
import { tell } from '../hooks.ts';
import type { NegotiateResult } from '../http/negotiate.ts';
import { negotiate } from '../http/negotiate.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
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
import type { Certificate } from './http-bindings.ts';
import { requestBindings } from './http-bindings.ts';
import { parseHostAddress } from './peer-address.ts';
import type { TlsBindingType } from './tls-bindings.ts';

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

export interface HttpAuthenticatorOptions {
  readonly acceptor: Acceptor;
  /**
   * What a client over TLS binds its exchange to; `tls-server-end-point` if absent. What follows
   * from it is the acceptor's `channelBindingPolicy`. A function returns a request's bindings;
   * `none` looks at none.
   */
  readonly channelBindings?:
    | TlsBindingType
    | 'none'
    | ((request: HttpRequest) => HandshakeOptions['channelBindings']);
  /**
   * The certificate that clients see, for `tls-server-end-point`, where the connection does not tell:
   * that of a proxy, or this server's own under Bun. Several where it may be any of these. A string
   * is PEM, bytes are PEM or DER; of a chain in PEM the first counts.
   */
  readonly certificate?: Certificate | readonly Certificate[];
  /**
   * The proxy before this server gives each client connections of its own. Otherwise an exchange
   * of several requests, which would need that, is refused where a header tells of a proxy.
   */
  readonly proxyKeepsConnectionsApart?: boolean;
  /**
   * Told why a client was refused, for the log; and once its connection ends or it starts over, that a
   * client was asked for Kerberos and would rather have used NTLM. The client has been answered. What
   * it throws, or rejects with, is a warning of the process.
   */
  readonly onFailure?: (error: GssError, request: HttpRequest) => void;
  /**
   * Told once if headers are limited to less than a ticket may need, and once for each reason for
   * which connections over TLS have no channel bindings; else Node prints it.
   */
  readonly onWarning?: (message: string) => void;
}

/**
 * Authenticates the client of a request.
 *
 * @returns Its context, to be disposed of after use: the request is still to be answered, and a
 *   header that proves the server's identity is already set. Undefined if the client has to
 *   authenticate (further) or was refused: that has been answered.
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
 * Each request is authenticated by itself. Nothing is remembered of a connection but an exchange
 * that needs another request, as SPNEGO does if Kerberos is not the client's first choice.
 *
 * @throws TypeError, RangeError for options that make no sense.
 */
export function httpAuthenticator(options: HttpAuthenticatorOptions): HttpAuthenticate {
  checkOptions('httpAuthenticator', options, HTTP_OPTIONS);
  const { acceptor, onFailure, onWarning } = options;
  const warn: Warn = (message, code) => {
    if (onWarning === undefined) printWarning(message, code);
    else tell('onWarning', onWarning, message);
  };
  const bindingsOf = requestBindings<HttpRequest>(options, (message) =>
    warn(message, 'KRB5_ACCEPTOR_NO_CHANNEL_BINDINGS'),
  );
  const connections = new WeakMap<Socket, Connection>();
  const tellOfChoice = ({ handshake: { foreignChoice }, request }: Unfinished) => {
    if (foreignChoice !== undefined) tell('onFailure', onFailure, foreignChoice, request);
  };
  let checked = false;
  return async (request, response) => {
    if (!checked) checkHeaderLimit(request, warn);
    checked = true;
    const connection = connectionOf(request, response, connections, tellOfChoice);
    const begun = connection.unfinished;
    connection.unfinished = undefined;
    const { authorization } = request.headers;
    const { refusal: unbound, ...bindings } = bindingsOf(request);
    const peerAddress = parseHostAddress(request.socket.remoteAddress);
    const result =
      unbound !== undefined && authorization !== undefined
        ? { status: 503 as const, headers: {}, error: unbound }
        : await negotiate(acceptor, authorization, {
            ...(begun !== undefined && { state: begun.handshake }),
            ...bindings,
            signal: connection.signal,
            ...(peerAddress !== undefined && { peerAddress }),
          });
    // It has one still if the client has not gone on with it.
    if (begun !== undefined) tellOfChoice(begun);
    if (result.status === 200) {
      setHeaders(response, result.headers);
      return result.context;
    }
    const refusal = refuseShared(result, request, options);
    if (refusal.status === 401 && refusal.state !== undefined) {
      connection.unfinished = { handshake: refusal.state, request };
    }
    setHeaders(response, refusal.headers);
    response.statusCode = refusal.status;
    response.setHeader('Content-Type', 'text/plain');
    response.end(`${STATUS_CODES[refusal.status]}\n`);
    // The client has its answer, whatever becomes of the log.
    if (refusal.error !== undefined) tell('onFailure', onFailure, refusal.error, request);
    return undefined;
  };
}

/** What is remembered of a connection, until the client goes away. */
class Connection {
  /** An exchange that needs another request, and the request that it last came with. */
  unfinished: Unfinished | undefined;
  readonly #gone = new AbortController();

  /**
   * @param closing - Emits `close` when the client goes away.
   * @param onGone - Told of the exchange that it leaves.
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
  // Requests over HTTP/2 end one by one, and have no exchange in common.
  if (request.httpVersionMajor > 1) return new Connection(response, onGone);
  let connection = connections.get(request.socket);
  if (connection === undefined) {
    connection = new Connection(request.socket, onGone);
    connections.set(request.socket, connection);
  }
  return connection;
}

type Refusal = Exclude<NegotiateResult, { status: 200 }>;

/** A connection that several clients may share cannot carry an exchange of several requests. */
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
    ? 'over HTTP/2 requests do not follow one another: offer HTTP/1.1, or let clients prefer Kerberos'
    : `the header ${proxy} tells of a proxy: set proxyKeepsConnectionsApart if it gives each ` +
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

/** Node refuses longer headers with 431 before anybody here could say why. */
function checkHeaderLimit({ socket, httpVersionMajor }: HttpRequest, warn: Warn): void {
  if (httpVersionMajor > 1) return;
  const { server } = socket as { server?: { maxHeaderSize?: number } };
  const limit = server?.maxHeaderSize ?? maxHeaderSize;
  if (limit >= NEEDED_HEADER_SIZE) return;
  tell(
    'onWarning',
    warn,
    `headers are limited to ${limit} bytes, and clients in many groups send tickets of up to ` +
      `64000: give createServer { maxHeaderSize: ${NEEDED_HEADER_SIZE} }`,
    'KRB5_ACCEPTOR_MAX_HEADER_SIZE',
  );
}

type Warn = (message: string, code: string) => void;

const CLIENT_GONE: unknown = new Error('the client closed its connection');
// Each is set by some proxy's usual configuration, none by clients: one that does is only refused.
const PROXY_HEADERS = [
  'via',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
] as const;
// Windows' MaxTokenSize of 48000 bytes in base64, and room for the other headers.
const NEEDED_HEADER_SIZE = 81_920;

export const HTTP_OPTIONS: OptionRules<HttpAuthenticatorOptions> = {
  acceptor: required(objectWith('what createAcceptor gives', 'begin')),
  channelBindings: either(promptCallback, oneOf('tls-server-end-point', 'tls-exporter', 'none')),
  // What it is, it says itself.
  certificate: definite({ presence: 'optional', check: () => {} }),
  proxyKeepsConnectionsApart: flag,
  onFailure: callback,
  onWarning: callback,
};
