/** The common part of the adapters on `Request` and `Response`, which load in every runtime. */
import type { SecurityContext } from '../context/context.ts';
import { KerberosError } from '../errors.ts';
import type { ChannelBindings } from '../gss/channel-bindings.ts';
import { bindingsOf } from '../gss/channel-bindings.ts';
import { GssError } from '../gss/status.ts';
import { dropPromise } from '../hooks.ts';
import { answerDenied } from '../http/answer.ts';
import type {
  Authenticated,
  AuthenticationRequest,
  Denied,
  Guest,
  HeaderField,
} from '../http/authentication.ts';
import { disposeOf } from '../http/authentication.ts';
import type { ClientReader, TrustProxy } from '../http/forwarded.ts';
import { clientReader, TRUST_PROXY } from '../http/forwarded.ts';
import type { Answered, SignOnOptions } from '../http/gate.ts';
import { Gate, SIGN_ON_OPTIONS } from '../http/gate.ts';
import type { DenialPages } from '../http/pages.ts';
import { PAGE_OPTIONS, pageFor } from '../http/pages.ts';
import { Service } from '../http/service.ts';
import type { OptionRules } from '../options.ts';
import { either, kind, promptCallback } from '../options.ts';
import { describeThrown } from '../text.ts';
import { printWarning } from '../warning.ts';
import { edgeFiles } from './edge-files.ts';

/** The request as hooks get it: {@link WebAuthenticationRequest.request} is the server's own object. */
export interface WebAuthenticationRequest extends AuthenticationRequest {
  /** The request as the runtime has it. */
  readonly request: Request;
}

/** The options of the adapters on `Request` and `Response`, with pages of the form `P`. */
export interface WebSignOnOptions<P>
  extends SignOnOptions<WebAuthenticationRequest>,
    DenialPages<P> {
  /**
   * The channel bindings of the server, such as `tlsServerEndPoint(certificate)`, or a function that returns
   * those of a request: a `Request` does not show its connection. If absent, bindings are not checked. If
   * the function throws, the request is refused.
   */
  readonly channelBindings?:
    | ChannelBindings
    | readonly ChannelBindings[]
    | ((request: Request) => ChannelBindings | readonly ChannelBindings[] | undefined);
  /** The proxies whose headers about the client are trusted; none if absent. */
  readonly trustProxy?: TrustProxy;
}

/** What a framework knows about the connection of a request. */
export type ConnectionFacts = Pick<AuthenticationRequest, 'connection' | 'signal'> & {
  /** The address of the other end, as text. */
  readonly address?: string | undefined;
};

/** Authenticates the requests of a server. */
export class WebSite<P> {
  readonly #gate: Gate<WebAuthenticationRequest>;
  readonly #channelBindings: WebSignOnOptions<P>['channelBindings'];
  readonly #clientOf: ClientReader;
  readonly #credentials: 'authorization' | 'proxy-authorization';

  /** @throws TypeError, RangeError for an invalid option. */
  constructor(options: WebSignOnOptions<P>) {
    const { channelBindings, trustProxy, unauthorized, forbidden, unavailable, ...gate } = options;
    this.#channelBindings = channelBindings;
    this.#clientOf = clientReader(trustProxy);
    this.#credentials = options.proxy === true ? 'proxy-authorization' : 'authorization';
    this.#gate = new Gate(gate, new Service(gate, edgeFiles));
  }

  /** Opens the keytab. @throws {@link GssError} if that fails. */
  ready(): Promise<void> {
    return this.#gate.ready();
  }

  /** As {@link Gate.admit}. */
  async admit(
    request: Request,
    connection: ConnectionFacts,
    answer: (denied: Denied) => Promise<Response>,
  ): Promise<Authenticated | Guest | Answered<Response>> {
    return await this.#gate.admit(this.#read(request, connection), answer);
  }

  /** Ends the session of a request. */
  logout(request: Request): Promise<readonly HeaderField[]> {
    return this.#gate.logout(this.#read(request));
  }

  #read(request: Request, facts: ConnectionFacts = {}): WebAuthenticationRequest {
    const { headers, method, url } = request;
    const { address, ...connection } = facts;
    const authorization = headers.get(this.#credentials);
    const direct = { secure: url.startsWith('https:'), peerAddress: address };
    return {
      request,
      authorization,
      method,
      cookie: headers.get('cookie'),
      host: headers.get('host') ?? hostOf(url),
      accessControlRequestMethod: headers.get('access-control-request-method'),
      upgrade: headers.get('upgrade'),
      origin: headers.get('origin'),
      ...connection,
      ...this.#clientOf(direct, (name) => headers.get(name)),
      ...(authorization !== null && this.#bindings(request)),
    };
  }

  #bindings(request: Request): Pick<AuthenticationRequest, 'channelBindings' | 'fault'> {
    const given = this.#channelBindings;
    if (given === undefined) return {};
    if (typeof given !== 'function') return { channelBindings: given };
    let answer: ReturnType<typeof given>;
    try {
      answer = given(request);
      if (answer === undefined) return {};
      bindingsOf(answer);
      return { channelBindings: answer };
    } catch (cause) {
      dropPromise(answer);
      const minor = new KerberosError('KRB_ERR_GENERIC', {
        reason: 'fault.callback',
        detail: { callback: 'channelBindings', problem: describeThrown(cause) },
        message: 'There are no channel bindings',
        cause,
        hint: 'the option channelBindings threw, or did not return channel bindings',
      });
      return { fault: new GssError('GSS_S_FAILURE', { minor }) };
    }
  }
}

/**
 * The address of a request's client.
 *
 * @param given - What the server passes beside the request: the `info` of `Deno.serve`, the server of `Bun.serve`.
 */
export function addressOf(given: unknown, request: Request): string | undefined {
  const { remoteAddr, requestIP } = (given ?? {}) as Partial<Given>;
  const ofBun = () =>
    typeof requestIP === 'function' ? (given as Given).requestIP(request)?.address : undefined;
  const address: unknown = remoteAddr?.hostname ?? ofBun();
  return typeof address === 'string' ? address : undefined;
}

interface Given {
  readonly remoteAddr: { readonly hostname?: string };
  requestIP(request: Request): { readonly address: string } | null;
}

/** Over HTTP/2 some runtimes have the host in the URL only. */
function hostOf(url: string): string | null {
  return /^https?:\/\/([^/?#]*)/.exec(url)?.[1] ?? null;
}

/**
 * The answer to a denied request: the application's page, or a plain one if it has none, or if that fails.
 *
 * @param show - Calls the page.
 */
export async function showDenial<P>(
  denied: Denied,
  request: Request,
  show: (page: P) => Response | Promise<Response>,
  pages: DenialPages<P>,
): Promise<Response> {
  const page = pageFor(pages, denied);
  try {
    if (page !== undefined) {
      const response = await show(page);
      // A page that forgets its status must not look like a success.
      const status = response.ok ? denied.status : response.status;
      return withHeaders(response, denied.headers, status);
    }
  } catch (error) {
    const text = `a page for ${denied.status} failed: ${describeThrown(error)}`;
    printWarning(text, 'KRB5_ACCEPTOR_PAGE');
  }
  const { status, headers, body } = answerDenied(denied, request.headers.get('accept'));
  const all = new Headers();
  for (const [name, value] of headers) all.append(name, value);
  return new Response(body, { status, headers: all });
}

/**
 * A response with further headers. It is a copy: the headers may be immutable, and an application may answer
 * with the same object again, which must not collect the headers of several clients.
 */
export function withHeaders(
  response: Response,
  fields: readonly HeaderField[],
  status: number = response.status,
): Response {
  if (fields.length === 0 && status === response.status) return response;
  // An upgrade, or an error of the network, cannot be copied.
  const copy =
    response.status < 200
      ? response
      : new Response(response.body, {
          status,
          statusText: status === response.status ? response.statusText : '',
          headers: response.headers,
        });
  for (const [name, value] of fields) copy.headers.append(name, value);
  return copy;
}

/** The time for which an application may use a context: until its response ends. */
export class Lease {
  readonly #context: SecurityContext | undefined;
  readonly #request: Request;
  #used = false;

  constructor(context: SecurityContext | undefined, request: Request) {
    this.#context = context;
    this.#request = request;
  }

  /** The context, which is in use from now on. */
  get context(): SecurityContext | undefined {
    if (!this.#used && this.#context !== undefined) {
      this.#used = true;
      const { signal } = this.#request;
      // A signal that was aborted before calls nobody.
      if (signal?.aborted === true) this.end();
      else signal?.addEventListener('abort', () => this.end());
    }
    return this.#context;
  }

  /** Disposes of the context. */
  end(): void {
    disposeOf(this.#context);
  }

  /**
   * Ends the time at once if the application has not asked for the context, otherwise with the response's
   * body.
   */
  until(response: Response): Response {
    if (!this.#used || response.body === null) {
      this.end();
      return response;
    }
    const reader = response.body.getReader();
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          this.end();
          controller.close();
        } catch (error) {
          this.end();
          controller.error(error);
        }
      },
      cancel: async (reason) => {
        this.end();
        await reader.cancel(reason);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(body, { status, statusText, headers });
  }
}

/** The rules of {@link WebSignOnOptions}. */
export const WEB_OPTIONS: OptionRules<WebSignOnOptions<unknown>> = {
  ...(SIGN_ON_OPTIONS as OptionRules<SignOnOptions<WebAuthenticationRequest>>),
  ...PAGE_OPTIONS,
  channelBindings: either(
    promptCallback,
    kind('channel bindings', (value) => {
      try {
        bindingsOf(value as ChannelBindings);
        return true;
      } catch {
        return false;
      }
    }),
  ),
  trustProxy: TRUST_PROXY,
};
