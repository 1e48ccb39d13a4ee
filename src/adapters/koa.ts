/** Entry `krb5-acceptor/koa`: single sign-on for Koa. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Denied, HeaderField } from '../http/authentication.ts';
import { checkAdapterOptions } from '../http/gate.ts';
import { pageFor } from '../http/pages.ts';
import type { NodeAdapterOptions } from '../node/adapter-options.ts';
import { NODE_ADAPTER_OPTIONS } from '../node/adapter-options.ts';
import { addHeaders, beginDenial, denialAnswer, Site } from '../node/site.ts';
import type { OptionRules } from '../options.ts';
import type { KerberosClient } from './client.ts';
import { clientOf } from './client.ts';

export type { NodeAdapterOptions } from '../node/adapter-options.ts';
export type { KerberosClient } from './client.ts';

/** The part of Koa's context that the middleware uses, so that types of Koa itself are not needed. */
export interface KoaContext {
  /** The request of Node.js. */
  readonly req: IncomingMessage;
  /** The response of Node.js. */
  readonly res: ServerResponse;
  /** Gets {@link KoaState.kerberos}. */
  // biome-ignore lint/suspicious/noExplicitAny: an application's own type of state, as in Koa.
  readonly state: any;
  /** The status of the response. */
  status: number;
  /** The body of the response. */
  body: unknown;
}

/** The state of a request that has passed: `new Koa<KoaState>()`. */
export interface KoaState {
  /** The client that signed on; undefined for guests and CORS preflights. */
  kerberos?: KerberosClient | undefined;
}

/**
 * Answers a denied request by setting `ctx.body`. The status and the headers are set. `denied.error` is for
 * the operator; a client must not see it.
 */
// biome-ignore lint/suspicious/noExplicitAny: the type of the context is the application's.
export type KoaPage = (ctx: any, denied: Denied) => unknown;

/** Options of {@link kerberos}. */
export interface KoaOptions extends NodeAdapterOptions<KoaPage> {}

/** Middleware; made by {@link kerberos}. */
export interface KoaKerberos {
  /** Lets requests of known clients pass, with `ctx.state.kerberos`, and answers all others. */
  (ctx: KoaContext, next: () => Promise<unknown>): Promise<void>;
  /** Ends the session of a request: adds the headers that do so to the response. */
  logout(ctx: KoaContext): Promise<void>;
  /**
   * Resolves once the keys of the service have been read. It rejects with a {@link GssError} if that
   * failed; the operator is warned, and requests are answered with 503. Another attempt is made some
   * seconds later.
   */
  readonly ready: Promise<void>;
}

/**
 * Makes middleware that authenticates requests with Negotiate; the client is `ctx.state.kerberos`. The limit on
 * headers of the server is raised for large tickets with its first request, unless it was chosen.
 *
 * @param options - Who the server is (`keytab`, `service`) and who may enter. The call begins to read the
 *   keytab.
 * @throws TypeError, RangeError for an invalid option. {@link KerberosError} for a malformed keytab or
 *   krb5.conf given as contents.
 *
 * @example
 * ```ts
 * import Koa from 'koa';
 * import { kerberos } from 'krb5-acceptor/koa';
 *
 * const app = new Koa();
 * app.use(kerberos({ keytab: '/etc/krb5.keytab', service: 'HTTP@www.example.com' }));
 * app.use((ctx) => {
 *   ctx.body = `Hello ${ctx.state.kerberos?.principal}`;
 * });
 * app.listen(8080);
 * ```
 */
export function kerberos(options: KoaOptions = {}): KoaKerberos {
  checkAdapterOptions('kerberos', options, NODE_ADAPTER_OPTIONS as OptionRules<KoaOptions>);
  const { unauthorized, forbidden, unavailable, ...signOnOptions } = options;
  const site = new Site(signOnOptions);
  site.ready().catch(() => {});
  const middleware = async (ctx: KoaContext, next: () => Promise<unknown>): Promise<void> => {
    const result = await site.admit(ctx.req, ctx.res, async (denied) => {
      beginDenial(ctx.res, denied);
      ctx.status = denied.status;
      const page = pageFor(options, denied);
      if (page !== undefined) return void (await page(ctx, denied));
      const { headers, body } = denialAnswer(ctx.req, denied);
      addHeaders(ctx.res, headers);
      ctx.body = body;
    });
    if (result.outcome === 'answered') return;
    ctx.state.kerberos = clientOf(result);
    try {
      await next();
    } catch (error) {
      throw withProof(error, result.headers);
    }
  };
  return Object.defineProperty(
    Object.assign(middleware, { logout: ({ req, res }: KoaContext) => site.logout(req, res) }),
    'ready',
    { get: () => site.ready() },
  ) as KoaKerberos;
}

/** Koa removes all headers from the answer to an error, except those of the error. */
function withProof(error: unknown, headers: readonly HeaderField[]): unknown {
  if (!(error instanceof Error) || !Object.isExtensible(error) || headers.length === 0)
    return error;
  const given = Reflect.get(error, 'headers') as Readonly<Record<string, unknown>> | undefined;
  const proof: Record<string, string[]> = {};
  for (const [name, value] of headers) proof[name] = [...(proof[name] ?? []), value];
  Reflect.set(error, 'headers', { ...proof, ...given });
  return error;
}
