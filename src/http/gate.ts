/** What adapters share: an authenticator whose acceptor is made of the adapter's own options. */
import { GssError } from '../gss/status.ts';
import { ACCEPTOR_OPTIONS } from '../krb5/settings.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions, isPlainObject, isThenable } from '../options.ts';
import type {
  Authenticated,
  Authentication,
  AuthenticationRequest,
  Denied,
  Guest,
  HeaderField,
  Unavailable,
} from './authentication.ts';
import { PolicyAuthenticator } from './authenticator.ts';
import type { AuthenticatorOptions } from './options.ts';
import { AUTHENTICATOR_OPTIONS } from './options.ts';
import { hooksOrWarnings } from './outcome/unheard.ts';
import type { Service, ServiceOptions } from './service.ts';
import { SERVICE_OPTIONS } from './service.ts';
import type { SessionRequest } from './session/keeper.ts';

/** The options that every adapter takes. */
export interface SignOnOptions<R extends AuthenticationRequest = AuthenticationRequest>
  extends ServiceOptions,
    Omit<AuthenticatorOptions<R>, 'acceptor'> {}

/** A denied request, after its answer. */
export interface Answered<T> {
  readonly outcome: 'answered';
  /** What the function returned that answered it. */
  readonly answer: T;
}

/** An authenticator that opens its service by itself. */
export class Gate<R extends AuthenticationRequest> {
  readonly #service: Service;
  readonly #authenticator: PolicyAuthenticator<R>;

  /** @throws TypeError, RangeError for an invalid option. */
  constructor(options: SignOnOptions<R>, service: Service) {
    raiseHeaderLimitOfBun();
    const {
      acceptor,
      keytab,
      service: name,
      replayCache,
      config,
      iakerb,
      lateFallback,
      ...policy
    } = options;
    const { localNames = service.config } = policy;
    this.#service = service;
    this.#authenticator = new PolicyAuthenticator<R>({
      ...policy,
      ...hooksOrWarnings(policy),
      acceptor: service.acceptor,
      ...(localNames !== undefined && { localNames }),
    });
  }

  /** Counts and publishes a request that the server refused by itself. @param error - Has been explained. */
  refusedByServer(error: GssError, peer: HostAddress | undefined): void {
    this.#service.acceptor.observer?.refused(error, {}, peer);
  }

  /** A gate of the same service with another policy. */
  with(options: SignOnOptions<R>): Gate<R> {
    return new Gate(options, this.#service);
  }

  /** Resolves once the keys of the service were read. @throws {@link GssError} if that fails. */
  ready(): Promise<void> {
    return this.#service.open();
  }

  /**
   * Authenticates a request, and has it answered if it is denied: with 503 where the service cannot start. The
   * hooks are told of a denial after its answer, which they cannot delay. Never rejects because of a client.
   *
   * @param answer - Answers a denied request. What it throws is thrown here.
   */
  async admit<T>(
    request: R,
    answer: (denied: Denied) => T | Promise<T>,
  ): Promise<Authenticated | Guest | Answered<T>> {
    const judged = this.#service.opened
      ? this.#authenticator.judge(request)
      : this.#judgeOnceOpen(request);
    const result = isThenable(judged) ? await judged : judged;
    try {
      if (!isDenied(result)) return result;
      return { outcome: 'answered', answer: await answer(result) };
    } finally {
      this.#authenticator.report(result, request);
    }
  }

  async #judgeOnceOpen(request: R): Promise<Authentication> {
    try {
      await this.#service.openInTime();
    } catch (cause) {
      const fault =
        cause instanceof GssError
          ? cause
          : new GssError('GSS_S_NO_CRED', { reason: 'fault.program', cause });
      const result = await this.#authenticator.judge({ ...request, fault });
      return result.outcome === 'challenged' ? closed(fault) : result;
    }
    return await this.#authenticator.judge(request);
  }

  /** As {@link Authenticator.logout}. */
  logout(request: SessionRequest): Promise<readonly HeaderField[]> {
    return this.#authenticator.logout(request);
  }
}

/**
 * {@link checkOptions} for the options of an adapter.
 *
 * @throws TypeError also for an option of acceptors alone, with the place where it belongs.
 */
export function checkAdapterOptions<T extends object>(
  label: string,
  options: T,
  rules: OptionRules<T>,
): void {
  const misplaced = Object.keys(ACCEPTOR_OPTIONS).find(
    (name) => !Object.hasOwn(rules, name) && isPlainObject(options) && Object.hasOwn(options, name),
  );
  if (misplaced !== undefined) {
    throw new TypeError(
      `${label}: ${misplaced} is an option of acceptors: pass { acceptor: createAcceptor({ credential, ` +
        `${misplaced} }) } in place of keytab and service`,
    );
  }
  checkOptions(label, options, rules);
}

/** Whether a request must not reach the application. */
function isDenied(result: Authentication): result is Denied {
  return result.outcome !== 'authenticated' && result.outcome !== 'guest';
}

/**
 * Makes space for the tickets of users in many groups under Bun. Its limit of 16 kB is one for the whole
 * process: Bun.serve asks for it at each request, node:http when a server begins to listen. A limit that
 * `bun --max-http-header-size` or the application has chosen is left alone, and so are other runtimes.
 */
export function raiseHeaderLimitOfBun(): void {
  const runtime = Reflect.get(globalThis, 'process') as Partial<Runtime> | undefined;
  if (runtime?.versions?.bun === undefined) return;
  const http = runtime.getBuiltinModule?.('node:http');
  if (http?.maxHeaderSize === DEFAULT_LIMIT) http.maxHeaderSize = NEEDED_HEADER_SIZE;
}

interface Runtime {
  readonly versions: { readonly bun?: string };
  getBuiltinModule(name: 'node:http'): { maxHeaderSize: number };
}

/** A challenge would make clients send tickets that nobody can read. */
function closed(error: GssError): Unavailable {
  return {
    outcome: 'unavailable',
    status: 503,
    error,
    headers: [['Retry-After', String(RETRY_AFTER)]],
    retryAfter: RETRY_AFTER,
  };
}

/** Bytes: Windows' MaxTokenSize, 48000, in base64, and space for the other headers. */
export const NEEDED_HEADER_SIZE = 81_920;
const DEFAULT_LIMIT = 16_384;
const RETRY_AFTER = 5;
const { acceptor: _, ...POLICY_OPTIONS } = AUTHENTICATOR_OPTIONS;

/** The rules of {@link SignOnOptions}. */
export const SIGN_ON_OPTIONS: OptionRules<SignOnOptions> = {
  ...POLICY_OPTIONS,
  ...SERVICE_OPTIONS,
};
