/** The options of an authenticator. */
import type { Acceptor } from '../acceptor.ts';
import type { LocalNameConfig } from '../config/local-name.ts';
import type { GssError } from '../gss/status.ts';
import type { RequestFacts } from '../observe/observer.ts';
import type { OptionRules } from '../options.ts';
import {
  callback,
  definite,
  flag,
  isPlainObject,
  kind,
  listOf,
  objectWith,
  oneOf,
  promptCallback,
  required,
  seconds,
  text,
} from '../options.ts';
import type { RandomSource } from '../random.ts';
import type { Clock, Timer } from '../time.ts';
import type { Authenticated, AuthenticationRequest } from './authentication.ts';
import type { ExchangeKeeper } from './exchanges.ts';
import type { Identity } from './identity.ts';
import type { SessionKeeper } from './session/keeper.ts';
import type { SessionOptions } from './session/options.ts';

/** Options of {@link createAuthenticator}. */
export interface AuthenticatorOptions<R extends AuthenticationRequest = AuthenticationRequest> {
  /** The acceptor for all requests. The caller owns it and disposes of it. */
  readonly acceptor: Acceptor;
  /**
   * Whether requests without credentials pass as guests; default false. A guest gets no challenge, and a
   * browser sends no ticket without one.
   */
  readonly optional?: boolean;
  /**
   * Decides whether an authenticated client may enter, for each request, also in a session. Only the result
   * `true` admits the client; any other result refuses it with 403. An exception, a rejection or a missed
   * deadline refuses it with 503. If absent, every authenticated client is admitted.
   */
  readonly authorize?: (identity: Identity) => boolean | Promise<boolean>;
  /**
   * Sessions, which spare clients a ticket for each request: their keys and further options, or a
   * keeper of the application's own; none if absent.
   */
  readonly sessions?: SessionOptions | SessionKeeper;
  /** Where exchanges of several requests wait; by default by the connection of the request. */
  readonly exchanges?: ExchangeKeeper<R>;
  /**
   * Whether to refuse requests over plain HTTP with 403, before their credentials are read; default
   * false, with one warning if credentials come over plain HTTP.
   */
  readonly requireTls?: boolean;
  /** Further challenges to offer beside `Negotiate`, such as `Basic realm="x"`; none if absent. */
  readonly challenges?: readonly string[];
  /**
   * Whether to offer Negotiate again after a failed attempt, upon which browsers ask for a password;
   * default true. If false, a failed attempt is answered with the further challenges only, and with 403
   * if there are none.
   */
  readonly offerAgain?: boolean;
  /** Whether CORS preflights, which never have credentials, pass as guests; default true. */
  readonly passPreflight?: boolean;
  /**
   * Origins of pages that may open WebSockets, as `https://app.example.com`, beside that of the host that the
   * request names, which must be one of https if the request came over TLS. Browsers sign on for the pages of any
   * site, so other origins are refused with 403.
   */
  readonly allowedOrigins?: readonly string[];
  /** Whether this server is a proxy: 407 and `Proxy-Authenticate`; default false. */
  readonly proxy?: boolean;
  /**
   * Whether an exchange of several requests is refused if a header reveals a proxy (`refuse`, the
   * default), which may send requests of several clients over one connection; or the proxy is known to
   * give each client connections of its own (`trust`).
   */
  readonly sharedConnections?: 'refuse' | 'trust';
  /**
   * A krb5.conf, whose `auth_to_local` gives {@link Identity.localName}. If absent, adapters take their
   * `config`, and without one there are no local names.
   */
  readonly localNames?: LocalNameConfig;
  /** Called for each authenticated request. Like the other hooks, it has no influence on the outcome. */
  readonly onAccepted?: (accepted: Authenticated, request: R) => void;
  /**
   * Called with the reason of each refusal and fault, and also when a client leaves or starts over in the
   * middle of an exchange: one that preferred NTLM and was asked for Kerberos, or one in DCE style whose
   * third leg did not come; see `Handshake.abandonment`. `facts` are those of the ticket, as far as it was
   * read: client, service, kvno, enctype. If absent, adapters have the runtime print the first refusal of
   * each reason as a warning.
   */
  readonly onRefused?: (error: GssError, request: R, facts: RequestFacts) => void;
  /**
   * Called for each request that is challenged for credentials. `why` says what is remarkable about it:
   * see {@link Challenged.why}. If absent, adapters print the first client that sent an empty token.
   */
  readonly onChallenge?: (request: R, why?: GssError) => void;
  /** The same hook as {@link onChallenge} under its first name; giving both is a TypeError. */
  readonly onChallenged?: (request: R, why?: GssError) => void;
  /**
   * Called when a client that was challenged closes its connection without having sent credentials: one
   * without a ticket, one that does not trust the site, or a program that knows no Kerberos. The error's
   * reason is `negotiate.abandoned`. Connections over HTTP/2 are not watched. If absent, adapters print the
   * first one.
   */
  readonly onAbandoned?: (error: GssError, request: R) => void;
  /**
   * Called once if credentials come over plain HTTP, and once if the PAC of a ticket does not verify; by adapters for each setting of a krb5.conf that they
   * read and that is not used; by those on Node's servers as that of `httpAuthenticator`: `error` is the reason why the server refused a request by itself. The runtime
   * prints the warning if absent.
   */
  readonly onWarning?: (message: string, error?: GssError) => void;
  /** The clock of the machine if absent. */
  readonly clock?: Clock;
  /** The source of the nonces and ids of sessions; the secure one of the runtime if absent. */
  readonly random?: RandomSource;
  /** Seconds that a request waits for one result of the application; 5 if absent. */
  readonly deadline?: number;
  /** Starts the timer of the deadline; the timer of the runtime if absent. */
  readonly timer?: Timer;
}

export const AUTHENTICATOR_OPTIONS: OptionRules<AuthenticatorOptions> = {
  acceptor: required(objectWith('the result of createAcceptor', 'begin')),
  optional: flag,
  authorize: definite(callback),
  sessions: kind('{ keys } or a session keeper', isSessions),
  exchanges: objectWith('an exchange keeper', 'take', 'keep'),
  requireTls: definite(flag),
  challenges: listOf(
    kind('a challenge, such as Basic realm="x", other than Negotiate', isFurtherChallenge),
  ),
  offerAgain: flag,
  passPreflight: definite(flag),
  allowedOrigins: definite(listOf(text)),
  proxy: flag,
  sharedConnections: oneOf('refuse', 'trust'),
  localNames: objectWith('the result of parseKerberosConfig'),
  onAccepted: callback,
  onRefused: callback,
  onChallenge: callback,
  onChallenged: callback,
  onAbandoned: callback,
  onWarning: callback,
  clock: promptCallback,
  random: promptCallback,
  deadline: definite(seconds()),
  timer: promptCallback,
};

/** The hook of challenges with the name that the application gave it. @throws TypeError if it has both. */
export function challengeHookOf<Hook>({
  onChallenge,
  onChallenged,
}: ChallengeHooks<Hook>): readonly [name: string, hook: Hook | undefined] {
  if (onChallenge === undefined) return ['onChallenged', onChallenged];
  if (onChallenged === undefined) return ['onChallenge', onChallenge];
  throw new TypeError('onChallenged: expected no such option beside onChallenge, the same hook');
}

interface ChallengeHooks<Hook> {
  readonly onChallenge?: Hook;
  readonly onChallenged?: Hook;
}

/** The constructor of `Sessions` checks the options. */
function isSessions(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  const methods = ['open', 'begin', 'end'].map((name): unknown => Reflect.get(value, name));
  const isKeeper = methods.every((method) => typeof method === 'function');
  return isKeeper || methods.every((method) => method === undefined);
}

/** RFC 9110 §11.6.1: a scheme and parameters; printable ASCII, so that it is one header. */
function isFurtherChallenge(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: [\x20-\x7e]+)?$/.test(value) &&
    !/^negotiate\b/i.test(value)
  );
}
