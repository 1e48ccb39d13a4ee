/** Tells the application and the acceptor's counters what became of each request. */
import type { Acceptor } from '../../acceptor.ts';
import { explain, loadTexts } from '../../errors.ts';
import { GssError } from '../../gss/status.ts';
import { tell } from '../../hooks.ts';
import type { RequestFacts } from '../../observe/observer.ts';
import type { Authentication, AuthenticationRequest, Challenged } from '../authentication.ts';
import type { AuthenticatorOptions } from '../options.ts';
import { challengeHookOf } from '../options.ts';

type Hooks<R extends AuthenticationRequest> = Pick<
  AuthenticatorOptions<R>,
  'onAccepted' | 'onChallenge' | 'onChallenged' | 'onRefused' | 'onAbandoned' | 'sharedConnections'
>;

export class Reporter<R extends AuthenticationRequest> {
  readonly #acceptor: Partial<Pick<Acceptor, 'observer'>>;
  readonly #hooks: Hooks<R>;
  readonly #challengeHook: ReturnType<typeof challengeHookOf<Hooks<R>['onChallenge']>>;
  /** Connections whose client was asked for credentials and has sent none yet, with the request. */
  readonly #asked = new WeakMap<object, R>();

  /**
   * @param acceptor - One of the application's own may have no observer.
   * @throws TypeError if the hook of challenges is given under both of its names.
   */
  constructor(acceptor: Partial<Pick<Acceptor, 'observer'>>, hooks: Hooks<R>) {
    this.#acceptor = acceptor;
    this.#hooks = hooks;
    this.#challengeHook = challengeHookOf(hooks);
  }

  report(result: Authentication, request: R): void {
    const { onAccepted, onRefused } = this.#hooks;
    const { connection, authorization, peerAddress } = request;
    if (connection !== undefined && !isBlank(authorization)) this.#asked.delete(connection);
    switch (result.outcome) {
      case 'authenticated':
        tell('onAccepted', onAccepted, result, request);
        return;
      case 'challenged':
        this.#challenged(result, request);
        return;
      case 'guest':
        return;
      default: {
        const { facts = {} } = result as { readonly facts?: RequestFacts };
        this.#acceptor.observer?.refused(result.error, facts, peerAddress);
        tell('onRefused', onRefused, result.error, request, facts);
      }
    }
  }

  /** An exchange was not continued, and was counted. @param why - The probable reason. */
  reportLeft(why: GssError | undefined, request: R): void {
    const { onRefused } = this.#hooks;
    if (why === undefined || onRefused === undefined) return;
    const report = (): void => tell('onRefused', onRefused, why, request, {});
    const loading = loadTexts();
    if (loading === undefined) report();
    else void loading.then(report);
  }

  #challenged({ why }: Challenged, request: R): void {
    // The acceptor itself counts the challenges that continue an exchange.
    if (isBlank(request.authorization) || why?.reason === 'token.empty') {
      this.#acceptor.observer?.challenged(why, request.peerAddress);
      this.#expectAnswer(request);
    }
    const [name, hook] = this.#challengeHook;
    tell(name, hook, request, why);
  }

  /** Waits for the end of the connection: browsers without a ticket, and programs, do not answer. */
  #expectAnswer(request: R): void {
    const { connection, proxyHeader } = request;
    // The connection of a proxy serves many clients, and its end says nothing about any of them.
    if (proxyHeader !== undefined && this.#hooks.sharedConnections !== 'trust') return;
    const { signal = request.closed?.() } = request;
    if (connection === undefined || signal === undefined || this.#asked.has(connection)) return;
    this.#asked.set(connection, request);
    const onGone = (): void => {
      signal.removeEventListener('abort', onGone);
      const asked = this.#asked.get(connection);
      if (asked === undefined) return;
      this.#asked.delete(connection);
      void this.#abandoned(asked);
    };
    signal.addEventListener('abort', onGone);
    if (signal.aborted) onGone();
  }

  async #abandoned(request: R): Promise<void> {
    const error = await explain(
      new GssError('GSS_S_FAILURE', {
        reason: 'negotiate.abandoned',
        message: 'the client was asked for Kerberos and did not come back on its connection',
      }),
    );
    this.#acceptor.observer?.abandoned(error, request.peerAddress);
    tell('onAbandoned', this.#hooks.onAbandoned, error, request);
  }
}

/** With the texts and remedies of its error, if it has one. */
export function explained(result: Authentication): Authentication | Promise<Authentication> {
  const error = errorOf(result);
  return error === undefined ? result : explain(error).then(() => result);
}

function errorOf(result: Authentication): GssError | undefined {
  if (result.outcome === 'authenticated' || result.outcome === 'guest') return undefined;
  return result.outcome === 'challenged' ? result.why : result.error;
}

function isBlank(text: string | null | undefined): boolean {
  return text === undefined || text === null || text.trim() === '';
}
