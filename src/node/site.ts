/** The common part of `kerberos()` and the adapters for frameworks on node:http. */
import type { EventEmitter } from 'node:events';
import type { Http2ServerResponse } from 'node:http2';
import type { Answer } from '../http/answer.ts';
import { answerDenied } from '../http/answer.ts';
import type { Authenticated, Denied, Guest, HeaderField } from '../http/authentication.ts';
import { disposeOf } from '../http/authentication.ts';
import { TRUST_PROXY } from '../http/forwarded.ts';
import type { Answered, SignOnOptions } from '../http/gate.ts';
import { Gate, SIGN_ON_OPTIONS } from '../http/gate.ts';
import { Service } from '../http/service.ts';
import type { OptionRules } from '../options.ts';
import { definite, either, oneOf, promptCallback } from '../options.ts';
import { Departures } from './departures.ts';
import { nodeFiles } from './files/service-files.ts';
import type { Refused, Warn } from './header-limit.ts';
import { attendServer, serverOf, warnWith, watchFirstRefusals } from './header-limit.ts';
import type {
  HttpRequest,
  HttpResponse,
  NodeAuthenticationRequest,
  RequestReader,
  RequestReaderOptions,
} from './http-request.ts';
import { requestReader } from './http-request.ts';

/** The options of all adapters on Node's servers, without the pages, whose form is the framework's. */
export interface NodeSignOnOptions
  extends SignOnOptions<NodeAuthenticationRequest>,
    RequestReaderOptions {}

/** Authenticates the requests of a server, and helps to answer them. */
export class Site {
  readonly #options: NodeSignOnOptions;
  readonly #gate: Gate<NodeAuthenticationRequest>;
  readonly #read: RequestReader;
  readonly #warn: Warn;
  readonly #departures = new Departures();
  /** Until the first request comes. */
  #first: ReturnType<typeof watchFirstRefusals> | undefined;

  /**
   * @param of - A site of the same service: this one differs in its policy only.
   * @throws TypeError, RangeError for an invalid option.
   */
  constructor(options: NodeSignOnOptions, of?: Site) {
    const { channelBindings, certificate, trustProxy, ...gate } = options;
    this.#options = options;
    this.#warn = of === undefined ? warnWith(options.onWarning) : of.#warn;
    this.#read =
      of === undefined
        ? requestReader(options, (text) => this.#warn(text, 'KRB5_ACCEPTOR_NO_CHANNEL_BINDINGS'))
        : of.#read;
    this.#gate =
      of === undefined ? new Gate(gate, new Service(gate, nodeFiles)) : of.#gate.with(gate);
    if (of === undefined) this.#first = watchFirstRefusals(this.#warn, this.#refused);
  }

  /** A site of the same service with another policy. */
  with(policy: Partial<NodeSignOnOptions>): Site {
    return new Site({ ...this.#options, ...policy }, this);
  }

  /** Opens the keytab. @throws {@link GssError} if that fails. */
  ready(): Promise<void> {
    return this.#gate.ready();
  }

  /** Adjusts the limits of a server before its first request. */
  attend(server: object): boolean {
    this.#endFirst();
    return attendServer(server, this.#warn, this.#refused);
  }

  #endFirst(): void {
    this.#first?.end();
    this.#first = undefined;
  }

  readonly #refused: Refused = (error, peer) => this.#gate.refusedByServer(error, peer);

  /**
   * As {@link Gate.admit}. Adds the server's proof to the response of an admitted client, and disposes of the
   * context when that ends. A request that the application has answered meanwhile, as for a time limit of its
   * own, counts as answered.
   */
  async admit(
    request: HttpRequest,
    response: HttpResponse,
    answer: (denied: Denied) => void | Promise<void>,
  ): Promise<Authenticated | Guest | Answered<void>> {
    this.#endFirst();
    const server = serverOf(request);
    const raised = server !== undefined && this.attend(server);
    const result = await this.#gate.admit(this.#facts(request, raised), (denied) => {
      if (response.headersSent) return undefined;
      const begins = denied.outcome === 'challenged' && request.headers.authorization === undefined;
      if (!raised || !begins) return answer(denied);
      // This connection was opened before the limit was raised: the client must use a new one.
      return answer({ ...denied, headers: [...denied.headers, ['Connection', 'close']] });
    });
    if (result.outcome === 'answered') return result;
    const { context, headers } = result;
    if (response.headersSent) {
      disposeOf(context);
      return { outcome: 'answered', answer: undefined };
    }
    addHeaders(response, headers);
    if (context !== undefined) disposeAfter(response, context, isOver(response));
    return result;
  }

  /** @param ends - Whether a challenge will end the connection. */
  #facts(request: HttpRequest, ends: boolean): NodeAuthenticationRequest {
    const facts = this.#read(request);
    const { socket, httpVersionMajor, headers } = request;
    if (httpVersionMajor > 1) return facts;
    if (facts.authorization !== undefined) {
      this.#departures.comeBack(socket);
      return facts;
    }
    if (!ends && headers.connection?.toLowerCase() !== 'close') return facts;
    const { signal: _, ...rest } = facts;
    return { ...rest, closed: () => this.#departures.leave(socket) };
  }

  /** As {@link admit}, for another protocol. */
  admitUpgrade(
    request: HttpRequest,
    answer: (denied: Denied) => void,
  ): Promise<Authenticated | Guest | Answered<void>> {
    const server = serverOf(request);
    if (server !== undefined) this.attend(server);
    return this.#gate.admit(this.#read(request, 'upgrade'), answer);
  }

  /** Ends the session of a request: adds the headers that do so to the response. */
  async logout(request: HttpRequest, response: HttpResponse): Promise<void> {
    addHeaders(response, await this.#gate.logout(this.#read(request)));
  }
}

/** Disposes of a context once one of these events comes. */
export function disposeAfter(
  ending: Pick<EventEmitter, 'on'>,
  context: NonNullable<Authenticated['context']>,
  over: boolean,
): void {
  const dispose = (): void => disposeOf(context);
  if (over) dispose();
  ending.on('close', dispose);
  // Some runtimes emit no close for a response that was sent.
  ending.on('finish', dispose);
}

/** Sets the status and the headers of a denial; the body is the caller's. */
export function beginDenial(response: HttpResponse, { status, headers }: Denied): void {
  response.statusCode = status;
  addHeaders(response, headers);
}

/** Answers a denial: text, or JSON for a client that prefers it. */
export function endDenial(request: HttpRequest, response: HttpResponse, denied: Denied): void {
  const { headers, body } = denialAnswer(request, denied);
  addHeaders(response, headers);
  response.end(body);
}

/** The body of a denial and its `Content-Type`, without the headers of {@link beginDenial}. */
export function denialAnswer(request: HttpRequest, denied: Denied): Answer {
  return answerDenied({ ...denied, headers: [] }, request.headers.accept);
}

/** Appends: the application may have set a header of the same name. */
export function addHeaders(response: HttpResponse, headers: readonly HeaderField[]): void {
  for (const [name, value] of headers) {
    const before = response.getHeader(name);
    // The response may have one header of this name only: the last value wins.
    if (before === undefined || SINGLE.has(name.toLowerCase())) response.setHeader(name, value);
    else response.setHeader(name, [...[before].flat().map(String), value]);
  }
}

/** Whether a response emits no event of its end any more. Over HTTP/2 its stream knows. */
function isOver(response: HttpResponse): boolean {
  const { destroyed, stream } = response as Partial<Pick<Http2ServerResponse, 'stream'>> & {
    readonly destroyed?: boolean;
  };
  return response.writableEnded || destroyed === true || stream?.destroyed === true;
}

const SINGLE: ReadonlySet<string> = new Set(['connection', 'content-type', 'retry-after']);

/** The rules of {@link NodeSignOnOptions}. */
export const NODE_SIGN_ON_OPTIONS: OptionRules<NodeSignOnOptions> = {
  ...(SIGN_ON_OPTIONS as OptionRules<SignOnOptions<NodeAuthenticationRequest>>),
  channelBindings: either(promptCallback, oneOf('tls-server-end-point', 'tls-exporter', 'none')),
  // requestBindings checks its kind.
  certificate: definite({ presence: 'optional', check: () => {} }),
  trustProxy: TRUST_PROXY,
};
