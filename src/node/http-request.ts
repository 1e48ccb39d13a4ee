/** A request of node:http, node:https or node:http2, as an authenticator sees it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { AuthenticationRequest } from '../http/authentication.ts';
import type { ClientFacts, TrustProxy } from '../http/forwarded.ts';
import { clientReader, PROXY_HEADERS } from '../http/forwarded.ts';
import type { Closing } from '../http/outcome/gone-signals.ts';
import { GoneSignals } from '../http/outcome/gone-signals.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import type { Mutable } from '../messages/message.ts';
import type { Certificate } from './http-bindings.ts';
import { requestBindings } from './http-bindings.ts';
import type { TlsBindingType } from './tls-bindings.ts';

/** A request of node:http, node:https or node:http2. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;
/** The response of such a request. */
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** The request as hooks get it: {@link NodeAuthenticationRequest.request} is the server's own object. */
export interface NodeAuthenticationRequest extends AuthenticationRequest {
  /** The request as Node.js has it. */
  readonly request: HttpRequest;
}

/** Options about the data read from requests and their connections. */
export interface RequestReaderOptions {
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
  /** The proxies whose headers about the client are trusted; none if absent. */
  readonly trustProxy?: TrustProxy;
}

/** Reads a request. `upgrade`: its connection ends if it is refused. */
export type RequestReader = (
  request: HttpRequest,
  upgrade?: 'upgrade',
) => NodeAuthenticationRequest;

/**
 * @param options - With `proxy`, credentials are those for a proxy.
 * @param warn - Called once for each reason why connections over TLS have no channel bindings.
 * @throws TypeError, RangeError for an invalid option.
 */
export function requestReader(
  options: RequestReaderOptions & { readonly proxy?: boolean },
  warn: (message: string) => void,
): RequestReader {
  const bindingsOf = requestBindings<HttpRequest>(options, warn);
  const readClient = clientReader(options.trustProxy);
  const credentials = options.proxy === true ? 'proxy-authorization' : 'authorization';
  const gone = new GoneSignals();
  const seen = new WeakSet<object>();
  // The same for each request of a connection, but for those that a proxy forwards.
  const directly = new WeakMap<object, ClientFacts>();
  const clientOf = (headers: HttpRequest['headers'], socket: HttpRequest['socket']) => {
    const isForwarded = PROXY_HEADERS.some((name) => headers[name] !== undefined);
    const known = isForwarded ? undefined : directly.get(socket);
    if (known !== undefined) return known;
    const direct = { secure: isEncrypted(socket), peerAddress: socket.remoteAddress };
    const client = readClient(direct, (name) => textOf(headers[name]));
    if (!isForwarded) directly.set(socket, client);
    return client;
  };
  return (request, upgrade) => {
    const { headers, method, socket } = request;
    const { cookie, host = headers[':authority'] } = headers;
    const authorization = fieldsOf(request, credentials);
    const asked = headers['access-control-request-method'];
    // RFC 8441 §4.
    const { origin, upgrade: protocol = headers[':protocol'] } = headers;
    const facts: Mutable<NodeAuthenticationRequest> = {
      request,
      authorization,
      closed: () => gone.of(closingOf(request)),
      ...connectionOf(request, upgrade),
      ...clientOf(headers, socket),
    };
    if (cookie !== undefined) facts.cookie = cookie;
    if (host !== undefined) facts.host = String(host);
    if (method !== undefined) facts.method = method;
    if (protocol !== undefined) facts.upgrade = String(protocol);
    if (origin !== undefined) facts.origin = String(origin);
    if (asked !== undefined) facts.accessControlRequestMethod = String(asked);
    // The first request of a TLS connection shows the certificate that later sessions may resume.
    const isKnown = !isEncrypted(socket) || seen.has(socket);
    // A request without credentials, as in a session, needs neither bindings nor a signal.
    if (authorization === undefined && isKnown) return facts;
    seen.add(socket);
    facts.signal = gone.of(closingOf(request));
    const { channelBindings, channelBindingsUnavailable, refusal } = bindingsOf(request);
    if (channelBindings !== undefined) facts.channelBindings = channelBindings;
    if (channelBindingsUnavailable !== undefined) {
      facts.channelBindingsUnavailable = channelBindingsUnavailable;
    }
    if (refusal !== undefined) facts.fault = refusal;
    return facts;
  };
}

function isEncrypted(socket: HttpRequest['socket']): boolean {
  return (socket as { readonly encrypted?: boolean }).encrypted === true;
}

/**
 * The credentials of a request. Of several fields Node.js keeps the first, and a proxy may have looked at another:
 * as a list (RFC 9110 §5.3), as a Request of the web has them, they are none that can be accepted.
 */
function fieldsOf(
  { headers, rawHeaders = [] }: HttpRequest,
  name: 'authorization' | 'proxy-authorization',
): string | undefined {
  const first = headers[name];
  if (first === undefined) return undefined;
  const values = rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]!.toLowerCase() === name,
  );
  return values.length > 1 ? values.join(', ') : first;
}

/** Node.js joins most headers itself. */
function textOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value.join(', ') : value;
}

function connectionOf(
  { httpVersionMajor, socket }: HttpRequest,
  upgrade: 'upgrade' | undefined,
): Pick<AuthenticationRequest, 'connection' | 'connectionUnavailable'> {
  if (httpVersionMajor > 1) return { connectionUnavailable: INDEPENDENT };
  if (upgrade !== undefined) return { connectionUnavailable: ENDS };
  return { connection: socket };
}

/** The object that emits `close` when the client goes away: the connection, or the stream of HTTP/2. */
function closingOf(request: HttpRequest): Closing {
  return request.httpVersionMajor > 1 ? (request as Http2ServerRequest).stream : request.socket;
}

const INDEPENDENT = 'requests over HTTP/2 are independent';
const ENDS = 'an upgrade that is refused ends its connection';
