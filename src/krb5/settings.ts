/** What an acceptor is given, and what one exchange is. */
import type { ApPolicy } from '../ap/accept.ts';
import type { ClientRealms, TransitedCheck } from '../ap/client-policy.ts';
import type { Patience, StopSignal, WaitSettings } from '../ap/patience.ts';
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

/**
 * Options of an acceptor. Those that decide about access may be absent but must not be `undefined`: an
 * unset variable would otherwise silently mean the default.
 */
export interface AcceptorOptions {
  /** The keys of the service, from {@link acquireCredential}. Several acceptors may share one. */
  readonly credential: AcceptorCredential;
  /** Mechanisms to accept: Kerberos, SPNEGO (which negotiates Kerberos); both if absent. */
  readonly mechanisms?: readonly Oid[];
  /** A {@link MemoryReplayCache} of its own if absent. */
  readonly replayCache?: ReplayCache;
  /** The time that tickets and authenticators are compared with; the clock of the machine if absent. */
  readonly clock?: Clock;
  /** The source of subkeys, sequence numbers and confounders; the secure one of the runtime if absent. */
  readonly random?: RandomSource;
  /** Seconds that clocks may differ; 300 if absent (RFC 4120 §8.2). */
  readonly maxSkew?: number;
  /** `when-supported` if absent. It matters only for exchanges that are given bindings. */
  readonly channelBindingPolicy?: ChannelBindingPolicy;
  /**
   * Enctypes that tickets, session keys and subkeys may have, the most preferred first; if absent,
   * those of the keytab's provider, the weak ones last. The default provider has no weak ones: whoever
   * makes one that has (`withLegacyEnctypes`) has allowed them, for all three.
   */
  readonly permittedEnctypes?: readonly number[];
  /**
   * Instead of `permittedEnctypes`, for the keys that open tickets: those of the keytab. With
   * `sessionEnctypes` and `subkeyEnctypes` alone it is as MIT krb5's
   * gss_krb5_set_allowable_enctypes, which says nothing of them.
   */
  readonly ticketEnctypes?: readonly number[];
  /** Instead of `permittedEnctypes`, for session keys, which the KDC chooses. */
  readonly sessionEnctypes?: readonly number[];
  /** Instead of `permittedEnctypes`, for subkeys: the initiator's, and ours, which is chosen by it. */
  readonly subkeyEnctypes?: readonly number[];
  /**
   * Called for each context with an enctype that is no longer safe, before the client is admitted. If
   * it throws, the client is refused, as is right for an audit record that cannot be written. A promise
   * is not awaited, and its rejection is a warning.
   */
  readonly onWeakEnctype?: (report: WeakEnctypeReport) => void;
  /**
   * `ContextFlag` bits that the initiator must have asked for, of those that it may ask for, such as
   * `ContextFlag.mutual | ContextFlag.integrity`; none if absent.
   */
  readonly requiredFlags?: number;
  /** Whether a ticket that names addresses must come from one of them; false if absent. */
  readonly checkAddresses?: boolean;
  /** What to do with the PAC of a ticket; `when-valid` if absent. */
  readonly pacPolicy?: PacPolicy;
  /**
   * The KDC's own key, of krbtgt, for the few who may have it: with it the signatures of a PAC that
   * only the KDC can check are verified too (MS-PAC §2.8.2 to §2.8.4), and must be good.
   */
  readonly kdcKey?: EncryptionKey;
  /**
   * With `kdcKey`: whether the PAC must have a ticket signature and a full one (extended KDC
   * signature), as Active Directory makes them since CVE-2022-37967; false if absent: they must be
   * good where they are there. It requires a PAC: `pacPolicy` is `required` then.
   */
  readonly requireKdcSignatures?: boolean;
  /**
   * Authentication indicators (RFC 8129) of which the ticket must have at least one, vouched for by
   * the KDC, as MIT krb5's `require_auth` for a service; any way to authenticate if absent.
   */
  readonly requiredIndicators?: readonly string[];
  /**
   * Whether anonymous clients (RFC 8062), which no KDC has authenticated, are admitted; false if absent.
   * The name of such a client is `WELLKNOWN/ANONYMOUS`, and the context has
   * `ContextFlag.anonymous`.
   */
  readonly allowAnonymous?: boolean;
  /**
   * From which realms clients may come, the service's own included: a list, or a function that must
   * return exactly `true`. If absent, any realm that the service's KDC vouches for. A realm in which
   * the service has a key of its own is vouched for by that key only, whether the list names it or
   * not: who holds the key of one realm could otherwise present clients of the other. A function
   * alone may allow that.
   */
  readonly clientRealms?: ClientRealms;
  /**
   * Judges the realms that a ticket crossed, unless its KDC has checked them. If absent, they must lie
   * on the hierarchical path between the two realms' names (RFC 4120 §2.7). `acceptorPolicy` has one
   * that follows `[capaths]`.
   */
  readonly checkTransited?: TransitedCheck;
  /**
   * Seconds that an exchange waits for the replay cache, or for the keytab's function; 5 if absent.
   * The exchange then fails with `KRB5_RC_IO` or `KRB5_KT_IOERR`.
   */
  readonly deadline?: number;
  /** What the deadline is measured with; the runtime's `setTimeout` if absent. */
  readonly timer?: Timer;
}

/**
 * The acceptor's requirements on the PAC and on other data that the KDC vouches for.
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
  /** A source for one context: the same one for all only where the application gave it. */
  readonly randomOfContext: () => RandomSource;
  readonly channelBindingPolicy: ChannelBindingPolicy;
  readonly checkAddresses: boolean;
  /** `ContextFlag` bits. */
  readonly requiredFlags: number;
  readonly waits: WaitSettings;
  readonly onWeakEnctype: AcceptorOptions['onWeakEnctype'];
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
      readonly outputToken?: Uint8Array;
    };

/** One exchange: the acceptor's settings, the options it was begun with, and its waiting. */
export interface Exchange {
  readonly settings: AcceptorSettings;
  readonly options: HandshakeOptions;
  readonly patience: Patience;
}

/**
 * A mechanism as a pair of functions over {@link HandshakeState}.
 *
 * A step that fails leaves the state to its caller, who disposes of it; a step that succeeds wipes
 * what the next state or the context does not take over.
 */
export interface MechanismSteps {
  /** Its OIDs: the right one first, then the wrong ones that it is also known by. */
  readonly oids: readonly [Oid, ...Oid[]];
  /** First octets of the tokens that begin it without the header of RFC 2743 §3.1. */
  readonly bareTags: readonly number[];
  /** Takes the first token. */
  begin(first: FirstToken, exchange: Exchange): Step | Promise<Step>;
  /** Takes a later token. @param state - One that this mechanism has returned. */
  step(state: HandshakeState, token: Uint8Array, exchange: Exchange): Step | Promise<Step>;
}

const ENCTYPES = definite(listOf(wholeNumber(1, 0x7fff_ffff)));

export const ACCEPTOR_OPTIONS: OptionRules<AcceptorOptions> = {
  credential: required(
    objectWith('what `await acquireCredential(...)` gives', 'candidates', 'explain', 'refresh'),
  ),
  mechanisms: definite(
    listOf(
      range(
        'Kerberos or SPNEGO',
        (value) => value === Mechanism.spnego || isKrb5Mechanism(value as Oid),
      ),
    ),
  ),
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
  clientRealms: definite(
    either(
      promptCallback,
      // A realm is no pattern: '*' would be one that nobody is of.
      nonEmpty(
        listOf(range('a realm', (value) => typeof value === 'string' && /^[^*]+$/.test(value))),
      ),
    ),
  ),
  checkTransited: definite(promptCallback),
  deadline: definite(seconds()),
  timer: promptCallback,
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
