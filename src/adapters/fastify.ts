/** Entry `krb5-acceptor/fastify`: single sign-on as a plugin of Fastify. */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Denied } from '../http/authentication.ts';
import { checkAdapterOptions } from '../http/gate.ts';
import { pageFor } from '../http/pages.ts';
import type { NodeAdapterOptions } from '../node/adapter-options.ts';
import { NODE_ADAPTER_OPTIONS } from '../node/adapter-options.ts';
import { beginDenial, denialAnswer, Site } from '../node/site.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions } from '../options.ts';
import type { KerberosClient } from './client.ts';
import { clientOf } from './client.ts';

export type { NodeAdapterOptions } from '../node/adapter-options.ts';
export type { KerberosClient } from './client.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The client that signed on; undefined for guests, CORS preflights and routes without sign-on. */
    kerberos: KerberosClient | undefined;
  }
  interface FastifyReply {
    /** Ends the session of the request: adds the headers that do so to the response. */
    kerberosLogout(): Promise<void>;
  }
  interface FastifyContextConfig {
    /** False: the route needs no sign-on. An object: its own options, instead of the plugin's. */
    kerberos?: false | FastifyRouteOptions;
  }
}

/**
 * Answers a denied request: returns the payload, as a handler does. The status and the headers are set.
 * `denied.error` is for the operator; a client must not see it.
 */
export type FastifyPage = (request: FastifyRequest, reply: FastifyReply, denied: Denied) => unknown;

/** Options of the plugin {@link kerberos}. */
export interface FastifyKerberosOptions extends NodeAdapterOptions<FastifyPage> {}

/** The options that a route may set; the identity of the server belongs to the plugin. */
export type FastifyRouteOptions = Pick<
  FastifyKerberosOptions,
  'optional' | 'authorize' | 'unauthorized' | 'forbidden' | 'unavailable'
>;

/**
 * A plugin that authenticates the requests of all routes, those of other plugins too, with Negotiate; the client is
 * `request.kerberos`. A route has options of its own in `config.kerberos`. Registering fails if the keytab cannot
 * be read. The limit on headers of the server is raised for large tickets, unless it was chosen.
 *
 * @throws TypeError, RangeError for an invalid option; {@link GssError}, {@link KerberosError} for an unusable
 *   keytab. All of them reject what `register` returns.
 *
 * @example
 * ```ts
 * import fastify from 'fastify';
 * import { kerberos } from 'krb5-acceptor/fastify';
 *
 * const app = fastify();
 * await app.register(kerberos, { keytab: '/etc/krb5.keytab', service: 'HTTP@www.example.com' });
 * app.get('/', (request) => `Hello ${request.kerberos?.principal}`);
 * app.get('/health', { config: { kerberos: false } }, () => 'ok');
 * await app.listen({ port: 8080 });
 * ```
 */
export const kerberos: FastifyPluginAsync<FastifyKerberosOptions> = Object.assign(register, {
  // As fastify-plugin does: hooks and decorators apply to the instance that registers the plugin.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'krb5-acceptor',
  [Symbol.for('plugin-meta')]: { name: 'krb5-acceptor', fastify: '>=5' },
});

async function register(app: FastifyInstance, options: FastifyKerberosOptions): Promise<void> {
  checkAdapterOptions(
    'kerberos',
    options,
    NODE_ADAPTER_OPTIONS as OptionRules<FastifyKerberosOptions>,
  );
  const { unauthorized, forbidden, unavailable, ...signOnOptions } = options;
  const site = new Site(signOnOptions);
  await site.ready();
  site.attend(app.server);
  const ofRoutes = new WeakMap<FastifyRouteOptions, Site>();
  app.decorateRequest('kerberos', undefined);
  app.decorateReply('kerberosLogout', function (this: FastifyReply) {
    return site.logout(this.request.raw, this.raw);
  });
  const siteOf = (own: FastifyRouteOptions | undefined): Site => {
    if (own === undefined) return site;
    const known = ofRoutes.get(own);
    if (known !== undefined) return known;
    checkOptions('config.kerberos', own, ROUTE_OPTIONS);
    const { optional, authorize } = own;
    const policy = {
      ...(optional !== undefined && { optional }),
      ...(authorize !== undefined && { authorize }),
    };
    const made = site.with(policy);
    ofRoutes.set(own, made);
    return made;
  };
  // A route with invalid options fails when it is added. One that was added before the plugin was loaded fails
  // with each request: Fastify does not tell of it.
  app.addHook('onRoute', ({ config }) => {
    const own = config?.kerberos;
    if (own !== false) siteOf(own);
  });
  app.addHook('onRequest', async (request, reply) => {
    const { kerberos: own } = request.routeOptions.config;
    if (own === false) return;
    const of = siteOf(own);
    const result = await of.admit(request.raw, reply.raw, async (denied) => {
      beginDenial(reply.raw, denied);
      reply.code(denied.status);
      const page = pageFor({ ...options, ...own }, denied);
      if (page !== undefined) {
        const payload = await page(request, reply, denied);
        if (!reply.sent) reply.send(payload);
        return;
      }
      const { headers, body } = denialAnswer(request.raw, denied);
      for (const [name, value] of headers) reply.header(name, value);
      reply.send(body);
    });
    if (result.outcome === 'answered') return reply;
    request.kerberos = clientOf(result);
    return;
  });
}

const { optional, authorize, unauthorized, forbidden, unavailable } = NODE_ADAPTER_OPTIONS;
const ROUTE_OPTIONS: OptionRules<FastifyRouteOptions> = {
  optional,
  authorize,
  unauthorized,
  forbidden,
  unavailable,
};
