/**
 * Entry `krb5-acceptor/fetch`: single sign-on for handlers of `Request` and `Response`, for example of
 * `Deno.serve`, `Bun.serve`, edge workers, Next and SvelteKit.
 */
import type { SecurityContext } from '../context/context.ts';
import type { Denied, Guest, HeaderField } from '../http/authentication.ts';
import { checkAdapterOptions } from '../http/gate.ts';
import type { Identity } from '../http/identity.ts';
import type { OptionRules } from '../options.ts';
import type { WebSignOnOptions } from './web.ts';
import { addressOf, Lease, showDenial, WEB_OPTIONS, WebSite, withHeaders } from './web.ts';

export type { WebAuthenticationRequest, WebSignOnOptions } from './web.ts';

/** The client of a request. */
export interface FetchClient {
  /** The client's identity; undefined for guests and CORS preflights. */
  readonly identity: Identity | undefined;
  /** Whether the request came with a ticket of its own, or in a session; undefined for guests. */
  readonly via: 'ticket' | 'session' | undefined;
  /**
   * The context of the ticket, for `wrap`, `unwrap` and the delegated credential. It is disposed of when the
   * body of the response has been sent, or the client goes away.
   */
  readonly context: SecurityContext | undefined;
  /** The headers that are added to the response. */
  readonly headers: readonly HeaderField[];
}

/** Answers a denied request. Its headers are added; a status of success is replaced by that of the denial. */
export type FetchPage = (request: Request, denied: Denied) => Response | Promise<Response>;

/** Options of {@link withKerberos}. */
export interface FetchOptions extends WebSignOnOptions<FetchPage> {}

/** A handler that knows its clients. @param rest - What the server passes after the request. */
export type KerberosHandler<Rest extends readonly unknown[]> = (
  request: Request,
  client: FetchClient,
  ...rest: Rest
) => Response | Promise<Response>;

/** A handler for the server; made by {@link withKerberos}. */
export interface FetchKerberos<Rest extends readonly unknown[]> {
  /** Calls the handler for clients that may enter, and answers all others. */
  (request: Request, ...rest: Rest): Promise<Response>;
  /** Ends the session of a request. @returns The headers to be added to the response. */
  logout(request: Request): Promise<readonly HeaderField[]>;
  /**
   * Reads the keys of the service, as the first request does too. It rejects with a {@link GssError} if that
   * fails; the operator is warned, and requests are answered with 503. Another attempt is made some seconds later.
   */
  readonly ready: Promise<void>;
}

/**
 * Wraps a handler: it is called for clients that authenticated with Negotiate.
 *
 * A `Request` does not show its connection: a client whose first choice is not Kerberos, and that needs several
 * requests, is refused.
 *
 * @param handler - Gets the client after the request. The headers of the client are added to its response.
 * @param options - Who the server is and who may enter. The keytab is read with the first request; await
 *   `ready` to learn of an unusable one earlier.
 * @throws TypeError, RangeError for an invalid option. {@link KerberosError} for a malformed keytab or
 *   krb5.conf given as contents.
 *
 * @example
 * ```ts
 * import { withKerberos } from 'krb5-acceptor/fetch';
 *
 * export default {
 *   fetch: withKerberos((_request, { identity }) => new Response(`Hello ${identity?.principal}`), {
 *     keytab: '/etc/krb5.keytab',
 *     service: 'HTTP@www.example.com',
 *   }),
 * };
 * ```
 */
export function withKerberos<Rest extends readonly unknown[] = []>(
  handler: KerberosHandler<Rest>,
  options: FetchOptions,
): FetchKerberos<Rest> {
  checkAdapterOptions('withKerberos', options, WEB_OPTIONS as OptionRules<FetchOptions>);
  if (typeof handler !== 'function') throw new TypeError('handler: expected a function');
  const site = new WebSite(options);
  const answer = async (request: Request, ...rest: Rest): Promise<Response> => {
    const connection = { address: addressOf(rest[0], request) };
    const result = await site.admit(request, connection, (denied) =>
      showDenial(denied, request, (page: FetchPage) => page(request, denied), options),
    );
    if (result.outcome === 'answered') return result.answer;
    if (result.outcome === 'guest') {
      return withHeaders(await handler(request, guest(result), ...rest), result.headers);
    }
    const { identity, via, context, headers } = result;
    const lease = new Lease(context, request);
    const client: FetchClient = {
      identity,
      via,
      headers,
      get context() {
        return lease.context;
      },
    };
    try {
      return lease.until(withHeaders(await handler(request, client, ...rest), headers));
    } catch (error) {
      lease.end();
      throw error;
    }
  };
  return Object.defineProperty(
    Object.assign(answer, { logout: (request: Request) => site.logout(request) }),
    'ready',
    { get: () => site.ready() },
  ) as FetchKerberos<Rest>;
}

function guest({ headers }: Guest): FetchClient {
  return { identity: undefined, via: undefined, context: undefined, headers };
}
