/** Entry `krb5-acceptor/hono`: single sign-on for Hono, in every runtime that Hono supports. */
import type { Context, MiddlewareHandler } from 'hono';
import type { Denied } from '../http/authentication.ts';
import { checkAdapterOptions } from '../http/gate.ts';
import type { Closing } from '../http/outcome/gone-signals.ts';
import { GoneSignals } from '../http/outcome/gone-signals.ts';
import type { OptionRules } from '../options.ts';
import type { KerberosClient } from './client.ts';
import { clientOf } from './client.ts';
import type { ConnectionFacts, WebSignOnOptions } from './web.ts';
import { addressOf, Lease, showDenial, WEB_OPTIONS, WebSite, withHeaders } from './web.ts';

export type { KerberosClient } from './client.ts';
export type { WebAuthenticationRequest, WebSignOnOptions } from './web.ts';

declare module 'hono' {
  interface ContextVariableMap {
    /** The client that signed on; undefined for guests and CORS preflights. */
    kerberos: KerberosClient | undefined;
  }
}

/** Answers a denied request, as a handler of Hono does. Its headers are added; its status is set. */
export type HonoPage = (c: Context, denied: Denied) => Response | Promise<Response>;

/** Options of {@link kerberos}. */
export interface HonoOptions extends WebSignOnOptions<HonoPage> {}

/** Middleware; made by {@link kerberos}. */
export interface HonoKerberos extends MiddlewareHandler {
  /** Ends the session of a request: adds the headers that do so to the response. */
  logout(c: Context): Promise<void>;
  /**
   * Reads the keys of the service, as the first request does too. It rejects with a {@link GssError} if that
   * fails; the operator is warned, and requests are answered with 503. Another attempt is made some seconds later.
   */
  readonly ready: Promise<void>;
}

/**
 * Makes middleware that authenticates requests with Negotiate; the client is `c.get('kerberos')`.
 *
 * On `@hono/node-server` an exchange may take several requests of a connection; elsewhere connections are not
 * known, and such an exchange is refused.
 *
 * @param options - Who the server is and who may enter. The keytab is read with the first request; await
 *   `ready` to learn of an unusable one earlier.
 * @throws TypeError, RangeError for an invalid option. {@link KerberosError} for a malformed keytab or
 *   krb5.conf given as contents.
 *
 * @example
 * ```ts
 * import { Hono } from 'hono';
 * import { kerberos } from 'krb5-acceptor/hono';
 *
 * const app = new Hono();
 * app.use(kerberos({ keytab: '/etc/krb5.keytab', service: 'HTTP@www.example.com' }));
 * app.get('/', (c) => c.text(`Hello ${c.get('kerberos')?.principal}`));
 * export default app;
 * ```
 */
export function kerberos(options: HonoOptions): HonoKerberos {
  checkAdapterOptions('kerberos', options, WEB_OPTIONS as OptionRules<HonoOptions>);
  const site = new WebSite(options);
  const gone = new GoneSignals();
  const middleware: MiddlewareHandler = async (c, next) => {
    const request = c.req.raw;
    const result = await site.admit(request, connectionOf(c.env, request, gone), (denied) =>
      showDenial(denied, request, (page: HonoPage) => page(c, denied), options),
    );
    if (result.outcome === 'answered') return result.answer;
    const { context, headers } = result;
    const lease = new Lease(context, request);
    const client = clientOf(result, () => lease.context);
    c.set('kerberos', client);
    try {
      await next();
    } catch (error) {
      lease.end();
      throw error;
    }
    const response = lease.until(withHeaders(c.res, headers));
    if (response === c.res) return undefined;
    // Otherwise Hono would merge the headers of the response that this one replaces.
    c.res = undefined;
    c.res = response;
    return undefined;
  };
  const logout = async (c: Context): Promise<void> => {
    for (const [name, value] of await site.logout(c.req.raw)) {
      c.header(name, value, { append: true });
    }
  };
  return Object.defineProperty(Object.assign(middleware, { logout }), 'ready', {
    get: () => site.ready(),
  }) as HonoKerberos;
}

/** The part of a socket of Node.js that is used. */
interface Socket extends Closing {
  readonly remoteAddress?: string;
}

/** `@hono/node-server` gives the request of Node.js as `env.incoming`. */
function connectionOf(env: unknown, request: Request, gone: GoneSignals): ConnectionFacts {
  const { incoming } = (env ?? {}) as {
    readonly incoming?: { readonly httpVersionMajor?: number; readonly socket?: Socket };
  };
  const socket = incoming?.socket;
  if (socket === undefined || incoming?.httpVersionMajor !== 1) {
    return { address: socket?.remoteAddress ?? addressOf(env, request) };
  }
  return { connection: socket, signal: gone.of(socket), address: socket.remoteAddress };
}
