/** Authenticates requests with Negotiate (RFC 4559) under a policy; the caller answers them. */
import type { Acceptor } from '../acceptor.ts';
import type { Deadline } from '../ap/patience.ts';
import type { SecurityContext } from '../context/context.ts';
import { explain, isOwnFault, KerberosError } from '../errors.ts';
import { GssError } from '../gss/status.ts';
import { tell } from '../hooks.ts';
import { checkOptions, isThenable } from '../options.ts';
import { systemRandom } from '../random.ts';
import { describeThrown } from '../text.ts';
import type { Clock } from '../time.ts';
import { checkedClock, systemClock, systemTimer } from '../time.ts';
import { printWarning } from '../warning.ts';
import type {
  Authenticated,
  Authentication,
  AuthenticationRequest,
  Denied,
  Guest,
  HeaderField,
} from './authentication.ts';
import {
  checkRequest,
  disposeOf,
  handshakeOptionsOf,
  isBlank,
  opensForeignSocket,
} from './authentication.ts';
import { Challenger, otherOrigin, plainHttp } from './challenger.ts';
import type { ExchangeKeeper, UnfinishedExchange } from './exchanges.ts';
import { exchangesByConnection } from './exchanges.ts';
import type { Identity } from './identity.ts';
import { identityOf } from './identity.ts';
import { mechanismOf, negotiateWith } from './negotiate.ts';
import type { AuthenticatorOptions } from './options.ts';
import { AUTHENTICATOR_OPTIONS } from './options.ts';
import { factsOf } from './outcome/facts.ts';
import { explained, Reporter } from './outcome/reporter.ts';
import { Questions } from './questions.ts';
import type { OpenSession, SessionKeeper, SessionRequest } from './session/keeper.ts';
import { Sessions } from './session/sessions.ts';

/** Authenticates requests; made by {@link createAuthenticator}. */
export interface Authenticator<R extends AuthenticationRequest = AuthenticationRequest> {
  /**
   * Authenticates one request separately: the result does not apply to the next request on the same
   * connection.
   *
   * @returns The outcome. The promise never rejects because of a client or of a fault.
   * @throws TypeError for a request of another shape.
   */
  authenticate(request: R): Promise<Authentication>;
  /**
   * Ends the session of a request: deletes it from the store, if there is one.
   *
   * @returns The headers that make the client delete the session's cookie; none without sessions.
   * @throws {@link GssError} if the store fails; the session is then still valid.
   */
  logout(request?: SessionRequest): Promise<readonly HeaderField[]>;
}

/**
 * Makes an authenticator: the policy of a site, for any HTTP server. It reads a request's headers and
 * says what to do; the caller answers. Adapters for frameworks are built on it.
 *
 * A connection has state only during an exchange that needs another request, as SPNEGO does if Kerberos
 * is not the client's first choice.
 *
 * @throws TypeError, RangeError for an invalid option.
 *
 * @example
 * ```ts
 * import type { Acceptor } from 'krb5-acceptor';
 * import { createAuthenticator } from 'krb5-acceptor/http';
 *
 * export function greeter(acceptor: Acceptor) {
 *   const authenticator = createAuthenticator({ acceptor, offerAgain: false });
 *   return async (request: Request): Promise<Response> => {
 *     const authorization = request.headers.get('authorization');
 *     const result = await authenticator.authenticate({ authorization });
 *     const headers = new Headers(result.headers.map(([name, value]) => [name, value]));
 *     if (result.outcome === 'guest') return new Response(null, { status: 204, headers });
 *     if (result.outcome !== 'authenticated') return new Response('', { ...result, headers });
 *     result.context?.dispose();
 *     return new Response(`Hello ${result.identity.name}`, { headers });
 *   };
 * }
 * ```
 */
export function createAuthenticator<R extends AuthenticationRequest = AuthenticationRequest>(
  options: AuthenticatorOptions<R>,
): Authenticator<R> {
  checkOptions<object>('createAuthenticator', options, AUTHENTICATOR_OPTIONS);
  return new PolicyAuthenticator(options);
}

/** The result of {@link createAuthenticator}. Adapters of this package call its two halves separately. */
export class PolicyAuthenticator<R extends AuthenticationRequest> implements Authenticator<R> {
  readonly #acceptor: Acceptor;
  readonly #options: AuthenticatorOptions<R>;
  readonly #challenger: Challenger;
  readonly #exchanges: ExchangeKeeper<R>;
  readonly #sessions: SessionKeeper | undefined;
  readonly #clock: Clock;
  readonly #questions: Questions;
  readonly #reporter: Reporter<R>;
  readonly #warned = new Set<string>();

  constructor(options: AuthenticatorOptions<R>) {
    this.#acceptor = options.acceptor;
    this.#reporter = new Reporter(options.acceptor, options);
    this.#options = { ...options };
    this.#challenger = new Challenger(options);
    this.#exchanges =
      options.exchanges ?? exchangesByConnection(options.sharedConnections ?? 'refuse');
    this.#clock = checkedClock(options.clock ?? systemClock);
    const { timer = systemTimer, deadline = DEFAULT_DEADLINE } = options;
    this.#questions = new Questions({ timer, deadline });
    this.#sessions = sessionsOf(options, { timer, deadline });
  }

  async authenticate(request: R): Promise<Authentication> {
    const result = await this.judge(request);
    this.report(result, request);
    return result;
  }

  /**
   * Authenticates without calling the hooks, which {@link report} does.
   *
   * @returns A promise only if something was awaited: a request in a session needs none, and the promises
   *   would take longer than its check.
   */
  judge(request: R): Authentication | Promise<Authentication> {
    checkRequest(request);
    try {
      const result = this.#judge(request);
      return isThenable(result)
        ? result.then(explained, (error: unknown) => explained(this.#failure(error)))
        : explained(result);
    } catch (error) {
      return explained(this.#failure(error));
    }
  }

  /** Calls the hooks for a result. An adapter calls it after it has answered. */
  report(result: Authentication, request: R): void {
    this.#reporter.report(result, request);
  }

  async logout(request: SessionRequest = {}): Promise<readonly HeaderField[]> {
    const sessions = this.#sessions;
    if (sessions === undefined) return [];
    try {
      return await this.#questions.ask('sessions', () => sessions.end(request), undefined);
    } catch (error) {
      throw asFault(error);
    }
  }

  #judge(request: R): Authentication | Promise<Authentication> {
    const { optional = false, requireTls = false, allowedOrigins = [] } = this.#options;
    if (opensForeignSocket(request, allowedOrigins)) return this.#challenger.forbid(otherOrigin());
    const hasCredentials = !isBlank(request.authorization);
    if (!hasCredentials && this.#mayPass(request)) return GUEST;
    if (requireTls && request.secure !== true) {
      return optional && !hasCredentials ? GUEST : this.#challenger.forbid(plainHttp(request));
    }
    const taken = this.#questions.ask(
      'exchanges',
      () => this.#exchanges.take(request, this.#acceptor),
      request.signal,
      (late) => late?.handshake.abort(),
    );
    return isThenable(taken)
      ? taken.then((begun) => this.#judgeWith(request, begun))
      : this.#judgeWith(request, taken);
  }

  /** @param begun - The exchange that the request may continue. */
  #judgeWith(
    request: R,
    begun: UnfinishedExchange<R> | undefined,
  ): Authentication | Promise<Authentication> {
    if (!isBlank(request.authorization)) {
      const answering = this.#negotiate(request, begun);
      const headers = begun?.headers;
      return headers === undefined
        ? answering
        : answering.then((answer) => ({ ...answer, headers: [...answer.headers, ...headers] }));
    }
    if (begun !== undefined) this.#abandon(begun, request);
    const sessions = this.#sessions;
    if (sessions === undefined || isBlank(request.cookie)) return this.#withoutClient();
    const now = new Date(this.#clock());
    const opened = this.#questions.ask(
      'sessions',
      () => sessions.open(request, now),
      request.signal,
    );
    return isThenable(opened)
      ? opened.then((session) => this.#resume(session, request))
      : this.#resume(opened, request);
  }

  #withoutClient(): Authentication {
    return this.#options.optional === true ? GUEST : this.#challenger.challenge();
  }

  /** A CORS preflight (Fetch §4.8) has no credentials, and fails unless it is answered without them. */
  #mayPass({ method, accessControlRequestMethod }: R): boolean {
    const { passPreflight = true } = this.#options;
    return passPreflight && method === 'OPTIONS' && !isBlank(accessControlRequestMethod);
  }

  /** @param session - The client's session, if it has one that is valid. */
  #resume(
    session: OpenSession | undefined,
    request: R,
  ): Authentication | Promise<Authenticated | Denied> {
    if (session === undefined) return this.#withoutClient();
    const { identity, headers } = session;
    const client = { outcome: 'authenticated', identity, via: 'session', headers } as const;
    const { authorize } = this.#options;
    if (authorize === undefined) return client;
    return this.#authorize(authorize, identity, request.signal).then((refusal) =>
      refusal === undefined
        ? client
        : this.#challenger.forbid(refusal, [], factsOf(identity, undefined)),
    );
  }

  async #negotiate(request: R, begun: UnfinishedExchange<R> | undefined): Promise<Authentication> {
    if (request.fault !== undefined) {
      if (begun !== undefined) this.#abandon(begun, request);
      return this.#challenger.unavailable(request.fault);
    }
    if (request.secure === false) this.#warnOnce(PLAIN_HTTP, 'KRB5_ACCEPTOR_PLAIN_HTTP');
    const result = await negotiateWith(
      this.#acceptor,
      request.authorization,
      begun?.handshake,
      handshakeOptionsOf(request),
    );
    if (begun !== undefined) this.#reportLeft(begun, request);
    if (result.status === 200) return await this.#accept(request, result.context, result.headers);
    if (result.status !== 401 || result.state === undefined) return this.#challenger.deny(result);
    const cookies = await this.#keep({ handshake: result.state, request });
    return this.#challenger.proceed(result.headers, cookies, result.state.foreignChoice);
  }

  async #keep(exchange: UnfinishedExchange<R> & { readonly request: R }) {
    const abandoned = (left: UnfinishedExchange<R>) => this.#abandon(left, exchange.request);
    try {
      return await this.#questions.ask(
        'exchanges',
        () => this.#exchanges.keep(exchange, abandoned),
        exchange.request.signal,
      );
    } catch (error) {
      exchange.handshake.abort();
      throw error;
    }
  }

  async #accept(
    request: R,
    context: SecurityContext,
    proof: Readonly<Record<string, string>>,
  ): Promise<Authentication> {
    const headers = this.#challenger.fields(proof);
    if (context.pacError !== undefined) void this.#warnOfPac(context.pacError);
    try {
      const { localNames, authorize } = this.#options;
      const mechanism = mechanismOf(request.authorization ?? '');
      const identity = identityOf(context, { mechanism, ...(localNames && { localNames }) });
      const refusal = authorize && (await this.#authorize(authorize, identity, request.signal));
      if (refusal !== undefined) {
        disposeOf(context);
        return this.#challenger.forbid(refusal, headers, factsOf(identity, context));
      }
      const sessions = this.#sessions;
      if (sessions !== undefined) {
        const now = new Date(this.#clock());
        const begin = () => sessions.begin(identity, context.ticket.server, request, now);
        headers.push(...(await this.#questions.ask('sessions', begin, request.signal)));
      }
      return {
        outcome: 'authenticated',
        identity,
        via: 'ticket',
        context,
        headers,
      };
    } catch (error) {
      disposeOf(context);
      throw error;
    }
  }

  /** @returns The reason to refuse the client; undefined if it may enter. */
  async #authorize(
    authorize: NonNullable<AuthenticatorOptions<R>['authorize']>,
    identity: Identity,
    signal: R['signal'],
  ): Promise<GssError | undefined> {
    const verdict: unknown = await this.#questions.ask(
      'authorize',
      () => authorize(identity),
      signal,
    );
    if (verdict === true) return undefined;
    return new GssError('GSS_S_UNAUTHORIZED', {
      reason: 'policy.authorize',
      message: `${identity.principal} is authenticated, but not authorised`,
      detail: {
        client: identity.principal,
        answer: verdict === null ? 'null' : verdict === false ? 'false' : typeof verdict,
      },
    });
  }

  /** The outcome for an error that interrupted the authentication. */
  readonly #failure = (error: unknown): Denied => {
    if (error instanceof GssError && !(error.minor && isOwnFault(error.minor.code))) {
      return this.#challenger.refuse(error);
    }
    if (error instanceof KerberosError && !isOwnFault(error.code)) {
      return this.#challenger.refuse(new GssError('GSS_S_FAILURE', { minor: error }));
    }
    return this.#challenger.unavailable(asFault(error));
  };

  /** Ends an exchange that the client did not continue. */
  #abandon(begun: UnfinishedExchange<R>, request: R): void {
    begun.handshake.abort();
    this.#reportLeft(begun, request);
  }

  /** Reports why the client probably did not continue, if it did not. */
  #reportLeft({ handshake, request: latest }: UnfinishedExchange<R>, now: R): void {
    this.#reporter.reportLeft(handshake.whyLeft ?? handshake.foreignChoice, latest ?? now);
  }

  async #warnOfPac(error: KerberosError): Promise<void> {
    const { text, remedies } = await explain(error);
    const why = [text, ...remedies].join('; ');
    const message = `the PAC of a ticket is not used, so that groups are not known: ${why}`;
    this.#warnOnce(message, 'KRB5_ACCEPTOR_PAC');
  }

  #warnOnce(message: string, code: string): void {
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    const { onWarning } = this.#options;
    if (onWarning === undefined) printWarning(message, code);
    else tell('onWarning', onWarning, message);
  }
}

function sessionsOf(
  {
    acceptor,
    sessions,
    random = systemRandom,
  }: Pick<AuthenticatorOptions, 'acceptor' | 'sessions' | 'random'>,
  { timer, deadline }: Deadline,
): SessionKeeper | undefined {
  if (sessions === undefined || 'open' in sessions) return sessions;
  const accepts = (service: string) => acceptor.credential.acceptsService(service);
  return new Sessions(sessions, { random, timer, deadline, accepts });
}

function asFault(error: unknown): GssError {
  if (error instanceof GssError) return error;
  const minor =
    error instanceof KerberosError
      ? error
      : new KerberosError('KRB_ERR_GENERIC', {
          reason: 'fault.program',
          message: 'The request could not be authenticated',
          hint: describeThrown(error),
          cause: error,
        });
  return new GssError('GSS_S_FAILURE', { minor });
}

const GUEST: Guest = Object.freeze({ outcome: 'guest', headers: Object.freeze([]) });
const PLAIN_HTTP =
  'credentials come over plain HTTP, where anyone on the path can use them or alter the response: ' +
  'serve https and set requireTls (krb5-forward-auth: -require-tls)';
const DEFAULT_DEADLINE = 5;
