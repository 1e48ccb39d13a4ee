/**
 * Entry `krb5-acceptor/express`: single sign-on for Express, and for everything else with
 * `(request, response, next)`: connect, Nest, Socket.IO's engine.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticated, Denied, Guest } from '../http/authentication.ts';
import { checkAdapterOptions } from '../http/gate.ts';
import { pageFor } from '../http/pages.ts';
import type { NodeAdapterOptions } from '../node/adapter-options.ts';
import { NODE_ADAPTER_OPTIONS } from '../node/adapter-options.ts';
import { addHeaders, beginDenial, endDenial, Site } from '../node/site.ts';
import { answerUpgrade } from '../node/upgrade.ts';
import type { OptionRules } from '../options.ts';
import type { KerberosClient } from './client.ts';
import { clientOf } from './client.ts';

export type { NodeAdapterOptions } from '../node/adapter-options.ts';
export type { KerberosClient } from './client.ts';

declare global {
  namespace Express {
    interface Request {
      /** The client that signed on; undefined for guests and CORS preflights. */
      kerberos?: KerberosClient | undefined;
    }
  }
}

/** A request that the middleware has let pass. */
export interface ExpressRequest extends IncomingMessage {
  /** The client that signed on; undefined for guests and CORS preflights. */
  kerberos?: KerberosClient | undefined;
}

/** Options of {@link kerberos}. */
export interface ExpressOptions extends NodeAdapterOptions<ExpressPage> {}

/**
 * Answers a denied request: ends the response, or hands over with `next(error)`. In an application of
 * Express it has Express's own types: `(request, response) => response.render('sign-on')`. `denied.error`
 * is for the operator; a client must not see it.
 */
// biome-ignore lint/suspicious/noExplicitAny: the types of requests and responses are the framework's.
export type ExpressPage = (request: any, response: any, next: Next, denied: Denied) => unknown;

/** Continues with the next handler, or with the error handler. */
export type Next = (error?: unknown) => void;

/** Middleware; made by {@link kerberos}. */
export interface ExpressKerberos {
  /** Lets requests of known clients pass, with `request.kerberos`, and answers all others. */
  (request: IncomingMessage, response: ServerResponse, next: Next): void;
  /** Ends the session of a request: adds the headers that do so to the response. */
  logout(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /**
   * Resolves once the keys of the service have been read. It rejects with a {@link GssError} if that
   * failed; the operator is warned, and requests are answered with 503. Another attempt is made some
   * seconds later.
   */
  readonly ready: Promise<void>;
}

/**
 * Makes middleware that authenticates requests with Negotiate.
 *
 * The client is `request.kerberos`, and `request.user` where nothing else has set that. The limit on headers
 * of the server is raised for large tickets with its first request, unless it was chosen.
 *
 * @param options - Who the server is (`keytab`, `service`) and who may enter. The call begins to read the
 *   keytab.
 * @throws TypeError, RangeError for an invalid option. {@link KerberosError} for a malformed keytab or
 *   krb5.conf given as contents.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { kerberos } from 'krb5-acceptor/express';
 *
 * const app = express();
 * app.use(kerberos({ keytab: '/etc/krb5.keytab', service: 'HTTP@www.example.com' }));
 * app.get('/', (request, response) => {
 *   response.send(`Hello ${request.kerberos?.principal}`);
 * });
 * app.listen(8080);
 * ```
 */
export function kerberos(options: ExpressOptions = {}): ExpressKerberos {
  checkAdapterOptions('kerberos', options, NODE_ADAPTER_OPTIONS as OptionRules<ExpressOptions>);
  const { unauthorized, forbidden, unavailable, ...signOnOptions } = options;
  const site = new Site(signOnOptions);
  site.ready().catch(() => {});
  /** @returns Whether the request may pass. */
  const judge = async (request: IncomingMessage, response: ServerResponse, next: Next) => {
    // The engine of Socket.IO has no whole response for an upgrade.
    if (!('statusCode' in response)) {
      const admitted = await answerUpgrade(site, request, request.socket);
      if (admitted === undefined) return false;
      addHeaders(response, admitted.headers);
      give(request, admitted);
      return true;
    }
    const result = await site.admit(request, response, async (denied) => {
      beginDenial(response, denied);
      const page = pageFor(options, denied);
      if (page === undefined) endDenial(request, response, denied);
      else await page(request, response, next, denied);
    });
    if (result.outcome === 'answered') return false;
    give(request, result);
    return true;
  };
  const middleware = (request: IncomingMessage, response: ServerResponse, next: Next): void => {
    judge(request, response, next).then((passes) => {
      if (passes) next();
    }, next);
  };
  return Object.defineProperty(
    Object.assign(middleware, {
      logout: (request: IncomingMessage, response: ServerResponse) =>
        site.logout(request, response),
    }),
    'ready',
    { get: () => site.ready() },
  ) as ExpressKerberos;
}

/** Shows the client to the application. */
function give(request: ExpressRequest & { user?: unknown }, admitted: Authenticated | Guest): void {
  const client = clientOf(admitted);
  // An earlier middleware may have set it for a request that is a guest of this one.
  if (client === undefined) delete request.kerberos;
  else request.kerberos = client;
  request.user ??= client;
}
