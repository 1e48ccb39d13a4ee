/** The credentials of a request, and the outcome of their check. */
import type { SecurityContext } from '../context/context.ts';
import type { GssError } from '../gss/status.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import type { Mutable } from '../messages/message.ts';
import type { RequestFacts } from '../observe/observer.ts';
import type { Identity } from './identity.ts';

/** A header of a response. Names may repeat: append each, and replace none. */
export type HeaderField = readonly [name: string, value: string];

/** What an authenticator needs of a request. Adapters may add fields of their own, for the hooks. */
export interface AuthenticationRequest
  extends Pick<HandshakeOptions, 'channelBindings' | 'channelBindingsUnavailable' | 'peerAddress'> {
  /** The header `Authorization`; for a proxy, `Proxy-Authorization`. */
  readonly authorization: string | null | undefined;
  /** The header `Cookie`. */
  readonly cookie?: string | null;
  /** The header `Host`, or `:authority` of HTTP/2, as received: sessions are bound to it. */
  readonly host?: string | null;
  /** The request's method. */
  readonly method?: string;
  /** The header `Access-Control-Request-Method`, which makes an `OPTIONS` request a CORS preflight. */
  readonly accessControlRequestMethod?: string | null;
  /**
   * The header `Upgrade`, or `:protocol` of HTTP/2: a request that has it, and an `origin`, comes of a page
   * that opens a WebSocket.
   */
  readonly upgrade?: string | null;
  /** The header `Origin`. */
  readonly origin?: string | null;
  /** Whether the request came over TLS; if absent, it is unknown and does not count as TLS. */
  readonly secure?: boolean;
  /**
   * An object that identifies the client's connection and lives as long as it. Exchanges of several
   * requests are kept under this object; without it they are refused.
   */
  readonly connection?: object;
  /** Why there is no {@link connection}, for the operator. */
  readonly connectionUnavailable?: string;
  /** The name of a header that reveals a proxy, which may share a connection among clients. */
  readonly proxyHeader?: string;
  /** Aborted when the client's connection closes, which ends all waiting and an unfinished exchange. */
  readonly signal?: HandshakeOptions['signal'];
  /**
   * Returns a signal that is aborted when the client's connection closes. Called only if there is no
   * {@link signal} and the client is challenged, to notice one that does not answer.
   */
  readonly closed?: () => HandshakeOptions['signal'];
  /** The reason why the server cannot judge credentials in this request, which it answers with 503. */
  readonly fault?: GssError;
}

/** The client is known. The caller disposes of the context; a session has none. */
export interface Authenticated {
  /** Distinguishes this outcome from the others. */
  readonly outcome: 'authenticated';
  /** Who the client is. */
  readonly identity: Identity;
  /** Whether the request came with a ticket of its own, or in a session that one began. */
  readonly via: 'ticket' | 'session';
  /** The context of a ticket, to be disposed of by the caller. */
  readonly context?: SecurityContext;
  /** Headers to add to the response, whatever its status: the server's proof, and a session's cookie. */
  readonly headers: readonly HeaderField[];
}

/** The request may pass without an identity: it has no credentials, and none are required. */
export interface Guest {
  /** Distinguishes this outcome from the others. */
  readonly outcome: 'guest';
  /** Always undefined, so that callers can write `result.identity?.principal`. */
  readonly identity?: undefined;
  /** Always undefined. */
  readonly context?: undefined;
  /** Headers to add to the response. */
  readonly headers: readonly HeaderField[];
}

/** The client must authenticate, or continue to authenticate. */
export interface Challenged {
  /** Distinguishes this outcome from the others. */
  readonly outcome: 'challenged';
  /** 401 from a server, 407 from a proxy. */
  readonly status: 401 | 407;
  /** Headers to add to the response. */
  readonly headers: readonly HeaderField[];
  /**
   * What is remarkable about the request, for the operator only: `token.empty` for a `Negotiate` without
   * a token, `negotiate.ntlm` for a client that prefers NTLM to Kerberos.
   */
  readonly why?: GssError;
}

/** The client was refused. The error is for the operator: a client must not see it. */
export interface Refused {
  /** Distinguishes this outcome from the others. */
  readonly outcome: 'refused';
  /** 403 if another attempt cannot succeed: the client is known but not authorised. */
  readonly status: 401 | 403 | 407;
  /** The reason. */
  readonly error: GssError;
  /** Headers to add to the response. */
  readonly headers: readonly HeaderField[];
  /** For the operator: what the request shows, as far as it was read. Absent without a token. */
  readonly facts?: RequestFacts;
}

/** The header of the request is malformed. */
export interface Malformed {
  /** Distinguishes this outcome from the others. */
  readonly outcome: 'malformed';
  /** Bad Request. */
  readonly status: 400;
  /** The reason. */
  readonly error: GssError;
  /** Headers to add to the response. */
  readonly headers: readonly HeaderField[];
}

/** The service is at fault; the client's credentials may be valid. */
export interface Unavailable {
  /** Distinguishes this outcome from the others. */
  readonly outcome: 'unavailable';
  /** Service Unavailable. */
  readonly status: 503;
  /** The reason. */
  readonly error: GssError;
  /** Headers to add to the response, including `Retry-After`. */
  readonly headers: readonly HeaderField[];
  /** Seconds. */
  readonly retryAfter?: number;
  /** As that of {@link Refused}. */
  readonly facts?: RequestFacts;
}

/** A request that must not reach the application: it is answered with a status. */
export type Denied = Challenged | Refused | Malformed | Unavailable;

/** The outcome of a request. Only the first two kinds may reach the application. */
export type Authentication = Authenticated | Guest | Denied;

/** @throws TypeError for a header that is no text. */
export function checkRequest({ authorization, cookie, host }: AuthenticationRequest): void {
  checkText('authorization', authorization);
  checkText('cookie', cookie);
  checkText('host', host);
}

/** The options of the exchange that a request begins. */
export function handshakeOptionsOf(request: AuthenticationRequest): HandshakeOptions {
  const { channelBindings, channelBindingsUnavailable, peerAddress, signal } = request;
  const options: Mutable<HandshakeOptions> = {};
  if (channelBindings !== undefined) options.channelBindings = channelBindings;
  if (channelBindingsUnavailable !== undefined) {
    options.channelBindingsUnavailable = channelBindingsUnavailable;
  }
  if (peerAddress !== undefined) options.peerAddress = peerAddress;
  if (signal !== undefined) options.signal = signal;
  return options;
}

function checkText(name: string, value: unknown): void {
  if (value === undefined || value === null || typeof value === 'string') return;
  throw new TypeError(`${name}: expected the text of one header, got ${typeof value}`);
}

/** Whether a header is absent, or has nothing but white space. */
export function isBlank(text: string | null | undefined): text is '' | null | undefined {
  return text === undefined || text === null || text.trim() === '';
}

/**
 * A browser signs on, and sends cookies, for the pages of any site that open a WebSocket, and lets them read the
 * answers: only the server can refuse them. Clients other than browsers send no Origin.
 */
export function opensForeignSocket(
  { upgrade, origin, host, secure }: AuthenticationRequest,
  allowed: readonly string[],
): boolean {
  if (isBlank(upgrade) || isBlank(origin) || allowed.includes(origin)) return false;
  const parts = /^(https?):\/\/([^/?#@\\]+)$/i.exec(origin);
  if (parts === null) return true;
  const [, scheme, of] = parts as unknown as [string, string, string];
  // To TLS, a page over plain HTTP is one of another site: anyone on its way can have written it.
  if (secure === true && scheme.toLowerCase() !== 'https') return true;
  return of.toLowerCase() !== host?.toLowerCase();
}

/** Wipes the keys of a context, and of the credential that it delegates. */
export function disposeOf(context: SecurityContext | undefined): void {
  context?.delegatedCredential?.dispose();
  context?.dispose();
}
