/** The options and results of an initiator for tests. */

import type { SecurityContext } from '../context/context.ts';
import type { ChannelBindings } from '../gss/channel-bindings.ts';
import { Mechanism } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import type { Authenticator } from '../messages/ap-req.ts';
import type { OptionRules } from '../options.ts';
import {
  bytes,
  flag,
  listOf,
  nonEmpty,
  objectWith,
  optionsOf,
  promptCallback,
  range,
  required,
  text,
} from '../options.ts';
import type { RandomSource } from '../random.ts';
import type { NegHints } from '../spnego/neg-token.ts';
import type { Clock } from '../time.ts';
import type { MintedTicket } from './mint.ts';

/** Options of {@link createInitiator}. */
export interface InitiatorOptions {
  /** The ticket to present. */
  readonly ticket: MintedTicket;
  /** `ContextFlag` bits; mutual, replay, sequence, confidentiality and integrity if absent. */
  readonly flags?: number;
  /** The OID that frames the token and that the context reports; that of Kerberos if absent. */
  readonly mechanism?: Oid;
  /** If absent, the initiator sends no bindings. */
  readonly channelBindings?: ChannelBindings;
  /** An encoded KRB-CRED to send as delegated credential (RFC 4121 §4.1.1). */
  readonly delegation?: Uint8Array;
  /** Enctype of the initiator's subkey: that of the session key if absent; no subkey if null. */
  readonly subkeyEnctype?: number | null;
  /** The initial sequence number, 0..2^32-1; random if absent. */
  readonly sequenceNumber?: number;
  /** Fields that replace those of the authenticator, to test refusals. */
  readonly authenticator?: Partial<Authenticator>;
  /**
   * Wraps the tokens in SPNEGO (RFC 4178), as browsers do: true for the list of MIT krb5, or options.
   * Bare Kerberos tokens if absent or false.
   */
  readonly spnego?: boolean | SpnegoOptions;
  /** The machine's clock if absent. */
  readonly clock?: Clock;
  /** The runtime's secure source if absent. */
  readonly random?: RandomSource;
}

/** SPNEGO as the initiator speaks it: the option `spnego` of {@link createInitiator}. */
export interface SpnegoOptions {
  /**
   * The mechanisms to offer, the most preferred first; `OfferedMechanisms.mit` if absent. The initiator
   * implements Kerberos only, under each of its OIDs. It offers others as a real client that has them
   * would, and gives them up when the acceptor chooses Kerberos.
   */
  readonly mechanisms?: readonly Oid[];
  /** Sends the first token of the first mechanism along with the list; true if absent. */
  readonly optimistic?: boolean;
  /** That token, where the first mechanism is not Kerberos; a plausible one of NTLM or NegoEx if absent. */
  readonly mechToken?: Uint8Array;
  /** Hints beside the list (MS-SPNG §2.2.1), which acceptors must ignore. */
  readonly negHints?: NegHints;
  /** Sends an empty token first, which asks the acceptor for its list (MS-SPNG §3.2.5.2). */
  readonly askFirst?: boolean;
  /** Sends a MIC of the list in the last message of the initiator even where nothing requires it. */
  readonly sendMic?: boolean;
}

/** Lists of mechanisms that real clients offer, for {@link SpnegoOptions}. */
export const OfferedMechanisms: {
  /** MIT krb5 and what is built on it: curl, Chromium and Firefox on Linux. */
  readonly mit: readonly Oid[];
  /** Windows with a Kerberos ticket: Edge, Chrome, Firefox, PowerShell. */
  readonly windows: readonly Oid[];
  /** Windows that prefers NTLM: Kerberos then takes three legs. */
  readonly windowsNtlm: readonly Oid[];
  /** Windows that prefers NegoEx: Kerberos then takes three legs. */
  readonly windowsNegoEx: readonly Oid[];
} = {
  mit: [Mechanism.krb5],
  windows: [Mechanism.msKrb5, Mechanism.krb5, Mechanism.negoex, Mechanism.ntlmssp],
  windowsNtlm: [Mechanism.ntlmssp, Mechanism.msKrb5, Mechanism.krb5, Mechanism.negoex],
  windowsNegoEx: [Mechanism.negoex, Mechanism.msKrb5, Mechanism.krb5, Mechanism.ntlmssp],
};

/** The initiator's result for a token of the acceptor. */
export type InitiatorResult =
  | {
      /** The exchange has further legs: send the token, and pass on what the acceptor answers. */
      readonly status: 'continue';
      readonly outputToken: Uint8Array;
    }
  | {
      /** The acceptor has proved its identity. */
      readonly status: 'complete';
      /** The initiator's context. The caller must dispose of it. */
      readonly context: SecurityContext;
      /** The last token; it must be sent if present. */
      readonly outputToken?: Uint8Array;
    };

const number = range('a whole number', Number.isSafeInteger);
const object = objectWith('an object');

/** The rules of {@link SpnegoOptions}. */
export const SPNEGO_OPTIONS: OptionRules<SpnegoOptions> = {
  mechanisms: nonEmpty(listOf(text)),
  optimistic: flag,
  mechToken: bytes,
  negHints: object,
  askFirst: flag,
  sendMic: flag,
};

const spnegoOptions = optionsOf(SPNEGO_OPTIONS);

/** The rules of {@link InitiatorOptions}. */
export const INITIATOR_OPTIONS: OptionRules<InitiatorOptions> = {
  ticket: required(objectWith('a ticket of mintTicket')),
  flags: number,
  mechanism: text,
  // Not checked further: a test may send anything.
  channelBindings: object,
  delegation: bytes,
  subkeyEnctype: range(
    'a whole number or null',
    (value) => value === null || Number.isSafeInteger(value),
  ),
  sequenceNumber: number,
  spnego: {
    presence: 'optional',
    check: (value, name) =>
      typeof value === 'boolean' ? undefined : spnegoOptions.check(value, name),
  },
  authenticator: object,
  clock: promptCallback,
  random: promptCallback,
};
