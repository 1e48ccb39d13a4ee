/** HTTP authentication (RFC 4559) for servers of node:http, node:https and what stands on them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { maxHeaderSize } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import process from 'node:process';
import type { Acceptor, Handshake } from '../acceptor.ts';
import type { SecurityContext } from '../gss/context.ts';
import type { HandshakeOptions } from '../gss/settings.ts';
import { GssError } from '../gss/status.ts';
import { tell } from '../hooks.ts';
import type { NegotiateResult } from '../http/negotiate.ts';
import { negotiate } from '../http/negotiate.ts';
import { parseHostAddress } from './peer-address.ts';
import type { TlsBindingType } from './tls-bindings.ts';
import { channelBindingsOf } from './tls-bindings.ts';

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

export interface HttpAuthenticatorOptions {
  readonly acceptor: Acceptor;
  /**
   * What a client over TLS binds its exchange to; `tls-server-end-point` if absent. What follows
   * from it is the acceptor's `channelBindingPolicy`. Behind a proxy that has the certificate, a
   * function that returns that certificate's bindings, or `none`.
   */
  readonly channelBindings?:
    | TlsBindingType
    | 'none'
    | ((request: HttpRequest) => HandshakeOptions['channelBindings']);
  /**
   * The proxy before this server gives each client connections of its own. Otherwise an exchange
   * of several requests, which would need that, is refused where a header tells of a proxy.
   */
  readonly proxyKeepsConnectionsApart?: boolean;
  /**
   * Told why a client was refused, for the log; the client has been answered. What it throws, or
   * rejects with, is a warning of the process.
   */
  readonly onFailure?: (error: GssError, request: HttpRequest) => void;
  /** Told once if headers are limited to less than a ticket may need; else Node prints it. */
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
 */
export function httpAuthenticator(options: HttpAuthenticatorOptions): HttpAuthenticate {
  const { acceptor, onFailure } = options;
  const unfinished = new WeakMap<Socket, Handshake>();
  let checked = false;
  return async (request, response) => {
    if (!checked) checkHeaderLimit(request, options.onWarning ?? printWarning);
    checked = true;
    const { socket } = request;
    const state = unfinished.get(socket);
    unfinished.delete(socket);
    const channelBindings = bindingsOf(request, options);
    const peerAddress = parseHostAddress(socket.remoteAddress);
    const result = await negotiate(acceptor, request.headers.authorization, {
      ...(state !== undefined && { state }),
      ...(channelBindings !== undefined && { channelBindings }),
      ...(peerAddress !== undefined && { peerAddress }),
    });
    if (result.status === 200) {
      setHeaders(response, result.headers);
      return result.context;
    }
    const refusal = refuseShared(result, request, options);
    if (refusal.status === 401 && refusal.state !== undefined) {
      unfinished.set(socket, refusal.state);
    }
    setHeaders(response, refusal.headers);
    response.statusCode = refusal.status;
    response.setHeader('Content-Type', 'text/plain');
    response.end(refusal.status === 401 ? 'Unauthorized\n' : 'Bad Request\n');
    // The client has its answer, whatever becomes of the log.
    if (refusal.error !== undefined) tell('onFailure', onFailure, refusal.error, request);
    return undefined;
  };
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
  const error = new GssError(
    'GSS_S_UNAVAILABLE',
    'the client needs several requests on a connection of its own to authenticate',
    {
      hint: http2
        ? 'over HTTP/2 requests do not follow one another: offer HTTP/1.1, or let clients prefer Kerberos'
        : `the header ${proxy} tells of a proxy: set proxyKeepsConnectionsApart if it gives each ` +
          'client connections of its own, or let clients prefer Kerberos',
    },
  );
  return { status: 401, headers: { 'WWW-Authenticate': 'Negotiate' }, error };
}

function bindingsOf(
  request: HttpRequest,
  { channelBindings = 'tls-server-end-point' }: HttpAuthenticatorOptions,
): HandshakeOptions['channelBindings'] {
  if (typeof channelBindings === 'function') return channelBindings(request);
  return channelBindings === 'none'
    ? undefined
    : channelBindingsOf(request.socket, channelBindings);
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
  );
}

type Warn = (message: string) => void;

function printWarning(message: string): void {
  process.emitWarning(message, { code: 'KRB5_ACCEPTOR_MAX_HEADER_SIZE' });
}

const PROXY_HEADERS = ['via', 'forwarded', 'x-forwarded-for'] as const;
// Windows' MaxTokenSize of 48000 bytes in base64, and room for the other headers.
const NEEDED_HEADER_SIZE = 81_920;
