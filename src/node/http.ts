/** HTTP authentication (RFC 4559) for node:http, node:https, node:http2 and frameworks on them. */
import http, { STATUS_CODES } from 'node:http';
import type { Acceptor } from '../acceptor.ts';
import type { SecurityContext } from '../context/context.ts';
import type { GssError } from '../gss/status.ts';
import { tell } from '../hooks.ts';
import type { Denied, HeaderField } from '../http/authentication.ts';
import { disposeOf } from '../http/authentication.ts';
import { PolicyAuthenticator } from '../http/authenticator.ts';
import { exchangesByConnection } from '../http/exchanges.ts';
import { NEEDED_HEADER_SIZE } from '../http/gate.ts';
import { challengeHookOf } from '../http/options.ts';
import { hooksOrWarnings } from '../http/outcome/unheard.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import type { RequestFacts } from '../observe/observer.ts';
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
import type { Refused, Warn } from './header-limit.ts';
import {
  serverOf,
  warnOfLimit,
  warnWith,
  watchFirstRefusals,
  watchRefusals,
} from './header-limit.ts';
import type { Certificate } from './http-bindings.ts';
import type { HttpRequest, HttpResponse, NodeAuthenticationRequest } from './http-request.ts';
import { requestReader } from './http-request.ts';
import { followTraceVariable } from './observe/trace-file.ts';
import type { TlsBindingType } from './tls-bindings.ts';

export type { HttpRequest, HttpResponse } from './http-request.ts';

/** Options of {@link httpAuthenticator}. */
export interface HttpAuthenticatorOptions {
  /** The acceptor for all requests. The caller owns it and disposes of it. */
  readonly acceptor: Acceptor;
  /**
   * The channel bindings that clients over TLS use; default `tls-server-end-point`. The acceptor's
   * `channelBindingPolicy` decides how they are enforced. A function returns the bindings of a
   * request, or undefined if it has none; if it throws, the request is refused. `none` ignores channel
   * bindings.
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
   * when a client closes its connection or starts over in the middle of an exchange, as one does that
   * prefers NTLM and is asked for Kerberos.
   * `facts` are those of the ticket, as far as it was read. An exception of the callback, or a rejection,
   * becomes a warning of the process. If absent, Node prints the first refusal of each reason as a warning.
   */
  readonly onFailure?: (error: GssError, request: HttpRequest, facts: RequestFacts) => void;
  /** Called for each authenticated request, with the context that the function returns. */
  readonly onAccepted?: (context: SecurityContext, request: HttpRequest) => void;
  /** Called for each request that is asked for credentials; see `AuthenticatorOptions.onChallenge`. */
  readonly onChallenge?: (request: HttpRequest, why?: GssError) => void;
  /** The same hook as {@link onChallenge} under its first name; giving both is a TypeError. */
  readonly onChallenged?: (request: HttpRequest, why?: GssError) => void;
  /**
   * Called when a challenged client leaves without credentials; see `AuthenticatorOptions.onAbandoned`. If
   * absent, Node prints the first one as a warning.
   */
  readonly onAbandoned?: (error: GssError, request: HttpRequest) => void;
  /**
   * Called once if the server's limit on headers is too small for large tickets, once for each reason why
   * connections over TLS have no channel bindings, and at most once a second for requests that the server
   * refused by itself with 431 or 400; `error` is then the reason. If absent, Node prints the warning, those
   * about refused requests only once.
   */
  readonly onWarning?: (message: string, error?: GssError) => void;
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
 * Each request is authenticated separately. A connection has state only during an exchange that needs
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
  followTraceVariable();
  const { acceptor, onFailure, onWarning, proxyKeepsConnectionsApart = false } = options;
  const { onAccepted, onAbandoned } = options;
  const [challengeName, onChallenge] = challengeHookOf(options);
  const sharedConnections = proxyKeepsConnectionsApart ? 'trust' : 'refuse';
  const warn = warnWith(onWarning);
  const read = requestReader(options, (message) =>
    warn(message, 'KRB5_ACCEPTOR_NO_CHANNEL_BINDINGS'),
  );
  const authenticator = new PolicyAuthenticator<NodeAuthenticationRequest>({
    acceptor,
    passPreflight: false,
    sharedConnections,
    ...(onWarning !== undefined && { onWarning }),
    exchanges: exchangesByConnection(sharedConnections, 'set proxyKeepsConnectionsApart'),
    onAccepted: ({ context }, { request }) => tell('onAccepted', onAccepted, context!, request),
    ...hooksOrWarnings<NodeAuthenticationRequest>(
      {
        onRefused:
          onFailure &&
          ((error, { request }, facts) => tell('onFailure', onFailure, error, request, facts)),
        onChallenge:
          onChallenge && (({ request }, why) => tell(challengeName, onChallenge, request, why)),
        onAbandoned:
          onAbandoned && ((error, { request }) => tell('onAbandoned', onAbandoned, error, request)),
      },
      'onFailure',
    ),
  });
  const countRefusal: Refused = (error, peer) => acceptor.observer?.refused(error, {}, peer);
  let first: ReturnType<typeof watchFirstRefusals> | undefined = watchFirstRefusals(
    warn,
    countRefusal,
  );
  return async (request, response) => {
    if (first !== undefined) checkHeaderLimit(request, warn);
    first?.end();
    first = undefined;
    watchRefusals(serverOf(request), warn, countRefusal);
    // This function has no option requireTls, so it gives no warning about it.
    const { secure: _, ...source } = read(request);
    const result = await authenticator.judge(source);
    // The application may have answered meanwhile, as for a time limit of its own.
    const isAnswered = response.headersSent;
    if (result.outcome === 'authenticated' && !isAnswered) {
      setHeaders(response, result.headers);
      authenticator.report(result, source);
      return result.context;
    }
    if (result.outcome === 'authenticated') disposeOf(result.context);
    // No request is a guest: one without credentials is challenged.
    else if (result.outcome !== 'guest' && !isAnswered) answer(response, result);
    // After the answer, so that a failing callback cannot keep it from the client.
    authenticator.report(result, source);
    return undefined;
  };
}

function answer(response: HttpResponse, { status, headers }: Denied): void {
  setHeaders(response, headers);
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain');
  response.end(`${STATUS_CODES[status]}\n`);
}

function setHeaders(response: HttpResponse, headers: readonly HeaderField[]): void {
  for (const [name, value] of headers) response.setHeader(name, value);
}

/** Node answers longer headers with 431 before this module sees the request. */
function checkHeaderLimit({ socket, httpVersionMajor }: HttpRequest, warn: Warn): void {
  if (httpVersionMajor > 1) return;
  const { server } = socket as { server?: { maxHeaderSize?: number } };
  const limit = server?.maxHeaderSize ?? http.maxHeaderSize;
  if (limit >= NEEDED_HEADER_SIZE) return;
  warnOfLimit(limit, warn);
}

export const HTTP_OPTIONS: OptionRules<HttpAuthenticatorOptions> = {
  acceptor: required(objectWith('the result of createAcceptor', 'begin')),
  channelBindings: either(promptCallback, oneOf('tls-server-end-point', 'tls-exporter', 'none')),
  // requestBindings checks its kind.
  certificate: definite({ presence: 'optional', check: () => {} }),
  proxyKeepsConnectionsApart: flag,
  onFailure: callback,
  onAccepted: callback,
  onChallenge: callback,
  onChallenged: callback,
  onAbandoned: callback,
  onWarning: callback,
};
