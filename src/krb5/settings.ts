/** The options of an acceptor and of an exchange, and the interface of a mechanism. */
import type { ApAttempt, ApPolicy } from '../ap/accept.ts';
import type { ClientRealms, TransitedCheck } from '../ap/client-policy.ts';
import type { StopSignal, WaitSettings } from '../ap/patience.ts';
import type { ReplayCache } from '../ap/replay-cache.ts';
import type { PacPolicy, VouchedDataPolicy } from '../ap/vouched-data.ts';
import type { SecurityContext } from '../context/context.ts';
import type { WeakEnctypeReport } from '../context/context-facts.ts';
import { EncryptionKey } from '../crypto/key.ts';
import type { ChannelBindingPolicy, ChannelBindings } from '../gss/channel-bindings.ts';
import { bindingsOf } from '../gss/channel-bindings.ts';
import type { FirstToken } from '../gss/framing.ts';
import { isKrb5Mechanism, Mechanism } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import type { GssError } from '../gss/status.ts';
import { INITIATOR_FLAG_BITS, INITIATOR_FLAGS } from '../gss/status.ts';
import type { HandshakeState, Step } from '../handshake-state.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { Observer, RequestFacts } from '../observe/observer.ts';
import type { OptionRules } from '../options.ts';
import {
  bytes,
  callback,
  definite,
  either,
  flag,
  kind,
  listOf,
  nonEmpty,
  objectWith,
  oneOf,
  optionsOf,
  promptCallback,
  range,
  required,
  seconds,
  text,
  wholeNumber,
} from '../options.ts';
import type { RandomSource } from '../random.ts';
import type { Clock, Timer } from '../time.ts';
import type { AcceptorCredential } from './credential.ts';
import type { IakerbOptions, RelaySettings } from './relay-settings.ts';
import { IAKERB_OPTIONS, REALMS } from './relay-settings.ts';

/**
 * Options of an acceptor. Those that decide about access may be absent but must not be `undefined`: an
 * unset variable would otherwise silently mean the default.
 */
export interface AcceptorOptions {
  /** The keys of the service, from {@link acquireCredential}. Several acceptors may share one. */
  readonly credential: AcceptorCredential;
  /**
   * Mechanisms to accept: Kerberos, SPNEGO (which negotiates the others), and IAKERB, which needs the option
   * `iakerb`. If absent, Kerberos, SPNEGO and, with `iakerb`, IAKERB.
   */
  readonly mechanisms?: readonly Oid[];
  /**
   * Relays messages between clients that cannot reach a KDC and the KDC (IAKERB). If absent, nothing is
   * relayed. It makes the server a way into the realm for everybody who can reach the server: see
   * SECURITY.md.
   */
  readonly iakerb?: IakerbOptions;
  /**
   * Whether SPNEGO goes on with the next mechanism where one fails, such as Kerberos with an expired ticket
   * or IAKERB without a KDC, if the initiator can do so too (MS-SPNG: Late Fallback); false if absent, as in
   * Windows. It needs `iakerb`: without, there is no other mechanism.
   */
  readonly lateFallback?: boolean;
  /** A {@link MemoryReplayCache} of its own if absent. */
  readonly replayCache?: ReplayCache;
  /** The time that tickets and authenticators are compared with; the clock of the machine if absent. */
  readonly clock?: Clock;
  /** The source of subkeys, sequence numbers and confounders; the secure one of the runtime if absent. */
  readonly random?: RandomSource;
  /** Seconds that clocks may differ; 300 if absent (RFC 4120 §8.2). */
  readonly maxSkew?: number;
  /** `when-supported` if absent, which affects only exchanges with `channelBindings`. */
  readonly channelBindingPolicy?: ChannelBindingPolicy;
  /**
   * Enctypes that tickets, session keys and subkeys may have, the most preferred first; if absent,
   * those of the keytab's provider, the weak ones last. The default provider has no weak ones; a
   * provider of `withLegacyEnctypes` permits its own for all three.
   */
  readonly permittedEnctypes?: readonly number[];
  /**
   * Replaces `permittedEnctypes` for the keys that open tickets, which are those of the keytab. MIT
   * krb5's gss_krb5_set_allowable_enctypes does not restrict them: to have the same effect, set
   * `sessionEnctypes` and `subkeyEnctypes` only.
   */
  readonly ticketEnctypes?: readonly number[];
  /** Replaces `permittedEnctypes` for session keys, which the KDC chooses. */
  readonly sessionEnctypes?: readonly number[];
  /** Replaces `permittedEnctypes` for the subkeys of the initiator and of the acceptor. */
  readonly subkeyEnctypes?: readonly number[];
  /**
   * Called for each context with a weak enctype, before the client is admitted. If it throws, for
   * example because an audit record cannot be written, the client is refused. A promise that it returns
   * is not awaited; its rejection becomes a warning.
   */
  readonly onWeakEnctype?: (report: WeakEnctypeReport) => void;
  /**
   * The `ContextFlag` bits that the initiator must request, such as
   * `ContextFlag.mutual | ContextFlag.integrity`; none if absent. Only bits that an initiator can
   * request are permitted.
   */
  readonly requiredFlags?: number;
  /** Whether a ticket that names addresses must come from one of them; false if absent. */
  readonly checkAddresses?: boolean;
  /** What to do with the PAC of a ticket; `when-valid` if absent. */
  readonly pacPolicy?: PacPolicy;
  /**
   * The KDC's own key, of krbtgt, which few services may have. With it, the PAC signatures that only
   * the KDC can verify (MS-PAC §2.8.2 to §2.8.4) are verified too, and must be valid.
   */
  readonly kdcKey?: EncryptionKey;
  /**
   * With `kdcKey`: whether the PAC must have a ticket signature and a full PAC signature, as Active
   * Directory makes them since CVE-2022-37967. If absent or false, they may be missing but not invalid.
   * True implies `pacPolicy: 'required'`.
   */
  readonly requireKdcSignatures?: boolean;
  /**
   * Authentication indicators (RFC 8129) of which the ticket must have at least one, signed by the KDC,
   * as MIT krb5's `require_auth` of a service; if absent, indicators are not checked.
   */
  readonly requiredIndicators?: readonly string[];
  /**
   * Whether to admit anonymous clients (RFC 8062), which no KDC has authenticated; false if absent. The
   * name of such a client is `WELLKNOWN/ANONYMOUS`, and the context has `ContextFlag.anonymous`.
   */
  readonly allowAnonymous?: boolean;
  /**
   * The permitted realms of clients: a list, which must name the service's own realm too, or a function
   * that must return exactly `true`. If absent, every realm for which the service's KDC issues tickets.
   *
   * If the service has keys of several realms, a ticket under the key of one realm may not name a client
   * of another one of them, even if the list names that realm: otherwise anyone with the key of one
   * realm could impersonate the clients of the others. Only a function can permit it.
   */
  readonly clientRealms?: ClientRealms;
  /**
   * Checks the realms that a ticket transited, unless its KDC has checked them. If absent, they must be
   * on the hierarchical path between the names of the two realms (RFC 4120 §2.7). `acceptorPolicy`
   * returns a check that follows `[capaths]`.
   */
  readonly checkTransited?: TransitedCheck;
  /**
   * Seconds that an exchange waits for the replay cache, or for the keytab's function; 5 if absent.
   * The exchange then fails with `KRB5_RC_IO` or `KRB5_KT_IOERR`.
   */
  readonly deadline?: number;
  /** Measures the deadline; the runtime's `setTimeout` if absent. */
  readonly timer?: Timer;
  /**
   * Called with each step of each exchange as a sentence, such as `AP-REQ ticket: alice@EXAMPLE.COM ->
   * HTTP/www.example.com@EXAMPLE.COM`; without secrets, and without a line feed. For the search for a
   * fault, like `KRB5_TRACE` of MIT krb5.
   */
  readonly trace?: (message: string) => void;
}

/**
 * The acceptor's requirements on the PAC and on other data signed by the KDC.
 *
 * @throws RangeError for options that contradict each other.
 */
export function vouchedDataPolicy(options: AcceptorOptions): VouchedDataPolicy {
  const { pacPolicy, kdcKey, requireKdcSignatures = false, requiredIndicators = [] } = options;
  if (requireKdcSignatures && kdcKey === undefined) {
    throw new RangeError('requireKdcSignatures: expected a kdcKey beside it, got none');
  }
  if (requireKdcSignatures && pacPolicy !== undefined && pacPolicy !== 'required') {
    throw new RangeError(
      `pacPolicy: expected required where requireKdcSignatures is set, got ${pacPolicy}`,
    );
  }
  return {
    pacPolicy: pacPolicy ?? (requireKdcSignatures ? 'required' : 'when-valid'),
    kdcKey,
    requireKdcSignatures,
    requiredIndicators: [...requiredIndicators],
  };
}

/** Options of one exchange. */
export interface HandshakeOptions {
  /** The bindings of the channel; a list if any of several is acceptable. */
  readonly channelBindings?: ChannelBindings | readonly ChannelBindings[];
  /**
   * The reason why the channel's bindings are not available, which a refusal names if they are
   * required.
   */
  readonly channelBindingsUnavailable?: string;
  /** The initiator's address; used if `checkAddresses` is set. */
  readonly peerAddress?: HostAddress;
  /**
   * Whether to reassemble tokens that arrive in pieces because the application protocol cannot carry a
   * long one at once (MS-SPNG §3.1.5.4). If absent, a piece of a token is a defective token.
   */
  readonly reassemble?: boolean;
  /**
   * Ends the waiting for the replay cache or the keytab, for example because the initiator has
   * disconnected. The exchange then fails and its keys are wiped.
   */
  readonly signal?: StopSignal;
}

/** Options of one call of `accept`. */
export type AcceptOptions = Pick<HandshakeOptions, 'signal'>;

/** The options with their defaults. */
export interface AcceptorSettings extends ApPolicy, VouchedDataPolicy {
  readonly credential: AcceptorCredential;
  readonly mechanisms: readonly Oid[];
  /** undefined: nothing is relayed. */
  readonly relay: RelaySettings | undefined;
  readonly lateFallback: boolean;
  /** Returns the source for one context: a new one, or that of the application for all contexts. */
  readonly randomOfContext: () => RandomSource;
  readonly channelBindingPolicy: ChannelBindingPolicy;
  readonly checkAddresses: boolean;
  /** `ContextFlag` bits. */
  readonly requiredFlags: number;
  readonly waits: WaitSettings;
  readonly onWeakEnctype: AcceptorOptions['onWeakEnctype'];
  readonly observer: Observer;
}

/**
 * The outcome of GSS_Accept_sec_context (RFC 2743 §2.2.2). Send the output token to the initiator
 * whatever the status: the token of a failure gives it the error code.
 *
 * - `complete`: the context is established.
 * - `continue`: the initiator must send another token to the same exchange.
 * - `failed`: the exchange is over, and its keys are wiped.
 */
export type AcceptResult =
  | {
      /** Decides which of the other members are there. */
      readonly status: 'complete';
      /** Belongs to the caller, who disposes of it. */
      readonly context: SecurityContext;
      /**
       * The bytes for the initiator, which belong to the caller; absent if the mechanism has no reply,
       * as Kerberos without mutual authentication.
       */
      readonly outputToken?: Uint8Array;
    }
  | { readonly status: 'continue'; readonly outputToken: Uint8Array }
  | {
      readonly status: 'failed';
      /** The reason, for the operator only: `code`, `minor` and `hint`. */
      readonly error: GssError;
      /** What is known of the client and its ticket, for the log. */
      readonly request?: RequestFacts;
      readonly outputToken?: Uint8Array;
    };

/** One exchange: the acceptor's settings, the options it was begun with, and what it has learned. */
export interface Exchange extends ApAttempt {
  readonly settings: AcceptorSettings;
  readonly options: HandshakeOptions;
  /** What is known of the client's request; set when it is refused. */
  request: RequestFacts;
}

/**
 * A mechanism as a pair of functions over {@link HandshakeState}.
 *
 * A step that fails leaves the state to its caller, who disposes of it; a step that succeeds wipes
 * what the next state or the context does not take over.
 */
export interface MechanismSteps {
  /** Its OIDs: the registered one first, then the wrong ones that some initiators use for it. */
  readonly oids: readonly [Oid, ...Oid[]];
  /** First octets of the tokens that begin it without the header of RFC 2743 §3.1. */
  readonly bareTags: readonly number[];
  /** Takes the first token. */
  begin(first: FirstToken, exchange: Exchange): Step | Promise<Step>;
  /** Takes a later token. @param state - A state that this mechanism has returned. */
  step(state: HandshakeState, token: Uint8Array, exchange: Exchange): Step | Promise<Step>;
}

const ENCTYPES = definite(listOf(wholeNumber(1, 0x7fff_ffff)));

export const ACCEPTOR_OPTIONS: OptionRules<AcceptorOptions> = {
  credential: required(
    objectWith('the result of `await acquireCredential(...)`', 'candidates', 'explain', 'refresh'),
  ),
  mechanisms: definite(
    listOf(
      range(
        'Kerberos, SPNEGO or IAKERB',
        (value) =>
          value === Mechanism.spnego || value === Mechanism.iakerb || isKrb5Mechanism(value as Oid),
      ),
    ),
  ),
  iakerb: definite(optionsOf(IAKERB_OPTIONS)),
  lateFallback: definite(flag),
  replayCache: definite(objectWith('a replay cache', 'checkAndStore')),
  clock: promptCallback,
  random: promptCallback,
  maxSkew: definite(
    range('whole seconds', (value) => Number.isSafeInteger(value) && (value as number) >= 0),
  ),
  channelBindingPolicy: definite(oneOf('off', 'when-supported', 'required')),
  permittedEnctypes: ENCTYPES,
  ticketEnctypes: ENCTYPES,
  sessionEnctypes: ENCTYPES,
  subkeyEnctypes: ENCTYPES,
  requiredFlags: definite(
    range(
      `bits of ${INITIATOR_FLAGS.map((name) => `ContextFlag.${name}`).join(', ')}`,
      (value) => (Number(value) & INITIATOR_FLAG_BITS) === value,
    ),
  ),
  onWeakEnctype: callback,
  checkAddresses: definite(flag),
  pacPolicy: definite(oneOf('off', 'when-valid', 'required')),
  kdcKey: definite(kind('an EncryptionKey', (value) => value instanceof EncryptionKey)),
  requireKdcSignatures: definite(flag),
  requiredIndicators: definite(nonEmpty(listOf(text))),
  allowAnonymous: flag,
  clientRealms: definite(either(promptCallback, nonEmpty(REALMS))),
  checkTransited: definite(promptCallback),
  deadline: definite(seconds()),
  timer: promptCallback,
  trace: callback,
};

const SIGNAL = objectWith('an AbortSignal', 'addEventListener', 'removeEventListener');

export const ACCEPT_OPTIONS: OptionRules<AcceptOptions> = { signal: SIGNAL };

export const HANDSHAKE_OPTIONS: OptionRules<HandshakeOptions> = {
  channelBindings: {
    presence: 'optional',
    check: (value) => void bindingsOf(value as ChannelBindings),
  },
  channelBindingsUnavailable: text,
  peerAddress: optionsOf<HostAddress>({
    type: required(wholeNumber(-0x8000_0000, 0x7fff_ffff)),
    address: required(bytes),
  }),
  reassemble: flag,
  signal: SIGNAL,
};
