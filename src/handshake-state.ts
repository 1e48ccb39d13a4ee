/** The state of an exchange between two tokens, as plain data, and the outcome of each token. */
import type { ContextState } from './context/state.ts';
import type { EncryptionKey } from './crypto/key.ts';
import type { Oid } from './gss/oid.ts';
import type { GssError } from './gss/status.ts';

/**
 * The state of an exchange that waits for a token. `handshake-export.ts` turns it into bytes and
 * back; {@link disposeState} wipes the keys in it.
 */
export type HandshakeState =
  | FirstTokenState
  | RelayingState
  | DceThirdLegState
  | NegotiatingState
  | MicOwedState
  | ExportedState;

/** Any state but one that has still to be restored. */
export type ReadyState = Exclude<HandshakeState, ExportedState>;

/** No mechanism has begun. */
export interface FirstTokenState {
  readonly at: 'first-token';
  /** Whether the acceptor has listed its mechanisms (MS-SPNG §3.2.5.2), which it does once. */
  readonly hinted: boolean;
}

/** IAKERB has relayed a message to a KDC, and waits for the next one or for the AP-REQ. */
export interface RelayingState {
  readonly at: 'relaying';
  /** All tokens so far, of both sides in turn, as they were sent. Copies. */
  readonly transcript: readonly Uint8Array[];
  /** Messages that were relayed, and questions for the realm. */
  readonly hops: number;
}

/** Kerberos in DCE style waits for the initiator's own AP-REP (MS-KILE §3.4.5.2). */
export interface DceThirdLegState {
  readonly at: 'dce-third-leg';
  readonly context: ContextState;
  /** The ticket's session key; a copy that this state owns. */
  readonly sessionKey: EncryptionKey;
}

/** SPNEGO has chosen a mechanism, whose context is not established yet. */
export interface NegotiatingState {
  readonly at: 'negotiating';
  /** The mechanism, by the OID that the initiator offered. */
  readonly oid: Oid;
  /**
   * The MechTypeList in DER as it came, over which the MICs are made. A copy. With Late Fallback, all lists of
   * both sides so far, one after another.
   */
  readonly mechTypeList: Uint8Array;
  /** Whether both sides must send a mechListMIC (RFC 4178 §5). */
  readonly micRequired: boolean;
  /** Set if both sides know Late Fallback (MS-SPNG §3.1.5.1). */
  readonly late?: LateFallback | undefined;
  /** The chosen mechanism's own state; neither `negotiating` nor `mic-owed`. */
  readonly inner: HandshakeState;
  /** Set while the initiator, which preferred a mechanism that we lack, has not sent a token of ours. */
  readonly foreignChoice?: GssError | undefined;
}

/** What remains to be tried in a negotiation. */
export interface LateFallback {
  /** OIDs that both sides have, of mechanisms that were not tried, the initiator's preference first. */
  readonly left: readonly Oid[];
  /** Why the last mechanism failed; until the initiator has sent a token of another one. */
  readonly failure?: GssError | undefined;
}

/** What a negotiation holds beside the state of the chosen mechanism. */
export type Negotiated = Pick<NegotiatingState, 'oid' | 'mechTypeList' | 'micRequired' | 'late'>;

/** SPNEGO has sent its mechListMIC and waits for that of the initiator (RFC 4178 §5). */
export interface MicOwedState {
  readonly at: 'mic-owed';
  /** As in {@link NegotiatingState}. */
  readonly mechTypeList: Uint8Array;
  readonly context: ContextState;
}

/** An exchange that came from elsewhere as bytes: `handshake-import.ts` restores its state. */
export interface ExportedState {
  readonly at: 'exported';
  /** Secret, and owned by this state. */
  readonly bytes: Uint8Array;
}

/**
 * The outcome of a token. The output token is for the peer; if there is none, the property is absent or
 * undefined. The keys of a complete context are the caller's.
 */
export type Step =
  | {
      readonly status: 'complete';
      readonly context: ContextState;
      readonly outputToken?: Uint8Array | undefined;
    }
  | { readonly status: 'continue'; readonly outputToken: Uint8Array; readonly next: HandshakeState }
  | { readonly status: 'failed'; readonly error: GssError; readonly outputToken?: Uint8Array };

export const FIRST_TOKEN: FirstTokenState = { at: 'first-token', hinted: false };

/** Wipes the keys that a state holds. May be called again. */
export function disposeState(state: HandshakeState): void {
  switch (state.at) {
    case 'first-token':
    case 'relaying':
      return;
    case 'dce-third-leg':
      state.sessionKey.dispose();
      disposeContext(state.context);
      return;
    case 'negotiating':
      disposeState(state.inner);
      return;
    case 'mic-owed':
      disposeContext(state.context);
      return;
    case 'exported':
      state.bytes.fill(0);
      return;
    default:
      state satisfies never;
  }
}

/** Wipes the keys of a context that nobody will use, and those delegated with it. */
export function disposeContext(context: ContextState): void {
  context.initiatorKey.dispose();
  context.acceptorSubkey?.dispose();
  context.delegatedCredential?.dispose();
}
