/** Single sign-on for servers of node:http, node:https and node:http2. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Authenticated, Denied, Guest } from '../http/authentication.ts';
import { checkAdapterOptions } from '../http/gate.ts';
import type { DenialPages } from '../http/pages.ts';
import { PAGE_OPTIONS, pageFor } from '../http/pages.ts';
import type { OptionRules } from '../options.ts';
import { describeThrown } from '../text.ts';
import { printWarning } from '../warning.ts';
import type { HttpRequest, HttpResponse } from './http-request.ts';
import { followTraceVariable } from './observe/trace-file.ts';
import type { NodeSignOnOptions } from './site.ts';
import { beginDenial, endDenial, NODE_SIGN_ON_OPTIONS, Site } from './site.ts';
import { answerUpgrade } from './upgrade.ts';

/** Options of {@link kerberos}. */
export interface KerberosOptions extends NodeSignOnOptions, DenialPages<DenialPage> {}

/**
 * Ends the response to a denied request. `denied.error` is for the operator; a client must not see it. If
 * the function throws or rejects, the client gets a plain answer.
 */
export type DenialPage = (request: HttpRequest, response: HttpResponse, denied: Denied) => unknown;

/** Authenticates requests; made by {@link kerberos}. */
export interface Kerberos {
  /**
   * Authenticates a request.
   *
   * @returns Who the client is, or a guest without an identity: a client without credentials if `optional`
   *   is set, or a CORS preflight. The headers that belong to it are set, and its context is disposed of
   *   when the response ends. Undefined if the request has been answered. Never rejects because of a client.
   */
  (request: HttpRequest, response: HttpResponse): Promise<Authenticated | Guest | undefined>;
  /**
   * Authenticates a request for another protocol, with the arguments of the event `upgrade`.
   *
   * @returns As for a request. The caller sends `headers` with its answer 101; the context is disposed of
   *   when the connection closes. Undefined if the request was answered and the connection ends.
   */
  authenticateUpgrade(
    request: IncomingMessage,
    socket: Duplex,
  ): Promise<Authenticated | Guest | undefined>;
  /** Ends the session of a request: adds the headers that do so to the response. */
  logout(request: HttpRequest, response: HttpResponse): Promise<void>;
  /**
   * Resolves once the keys of the service have been read. It rejects with a {@link GssError} if that
   * failed; the operator is warned, and requests are answered with 503. Another attempt is made some
   * seconds later.
   */
  readonly ready: Promise<void>;
}

/**
 * Makes a function that authenticates the requests of a server with Negotiate, and answers those of clients
 * that must not pass.
 *
 * @param options - Who the server is (`keytab`, `service`) and who may enter. The call begins to read the
 *   keytab.
 * @throws TypeError, RangeError for an invalid option. {@link KerberosError} for a malformed keytab or
 *   krb5.conf given as contents.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { kerberos } from 'krb5-acceptor/node';
 *
 * const signOn = kerberos({ keytab: '/etc/krb5.keytab', service: 'HTTP@www.example.com' });
 * createServer({ maxHeaderSize: 81_920 }, async (request, response) => {
 *   const client = await signOn(request, response);
 *   if (client !== undefined) response.end(`Hello ${client.identity?.principal}`);
 * }).listen(8080);
 * ```
 */
export function kerberos(options: KerberosOptions = {}): Kerberos {
  checkAdapterOptions('kerberos', options, KERBEROS_OPTIONS);
  followTraceVariable();
  const { unauthorized, forbidden, unavailable, ...signOnOptions } = options;
  const site = new Site(signOnOptions);
  site.ready().catch(() => {});
  const authenticate = async (request: HttpRequest, response: HttpResponse) => {
    const result = await site.admit(request, response, (denied) => {
      beginDenial(response, denied);
      return showPage(pageFor(options, denied), request, response, denied);
    });
    return result.outcome === 'answered' ? undefined : result;
  };
  return Object.defineProperty(
    Object.assign(authenticate, {
      authenticateUpgrade: (request: IncomingMessage, socket: Duplex) =>
        answerUpgrade(site, request, socket),
      logout: (request: HttpRequest, response: HttpResponse) => site.logout(request, response),
    }),
    'ready',
    { get: () => site.ready() },
  ) as Kerberos;
}

async function showPage(
  page: DenialPage | undefined,
  request: HttpRequest,
  response: HttpResponse,
  denied: Denied,
): Promise<void> {
  try {
    if (page !== undefined) return void (await page(request, response, denied));
  } catch (error) {
    printWarning(`a page for ${denied.status} failed: ${describeThrown(error)}`, PAGE_WARNING);
  }
  if (!response.headersSent) endDenial(request, response, denied);
  else response.end();
}

const PAGE_WARNING = 'KRB5_ACCEPTOR_PAGE';

/** The rules of {@link KerberosOptions}. */
export const KERBEROS_OPTIONS: OptionRules<KerberosOptions> = {
  ...NODE_SIGN_ON_OPTIONS,
  ...PAGE_OPTIONS,
};
