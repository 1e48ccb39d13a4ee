/** The state of an established context: plain values that `export.ts` writes and reads. */
import type { VouchedData } from '../ap/vouched-data.ts';
import type { GssName } from '../gss/name.ts';
import type { AuthorizationData } from '../messages/authorization-data.ts';
import type { ProtectionState } from '../tokens/protection.ts';
import type { SequenceWindow } from '../tokens/sequence.ts';
import type { DelegatedCredential } from './delegated-credential.ts';

/** Facts of the ticket that established a context (RFC 4120 §5.3). Times have whole seconds. */
export interface TicketInfo {
  /** The service's principal with its realm, as in the keytab. */
  readonly server: string;
  /** Version of the key that opened the ticket. */
  readonly kvno: number;
  /** Enctype of that key. */
  readonly enctype: number;
  /** Enctype of the session key. */
  readonly sessionEnctype: number;
  /** `TicketFlag` bits. */
  readonly flags: number;
  /** When the initiator authenticated to its KDC. */
  readonly authTime: Date;
  /** When the ticket becomes valid; {@link authTime} if absent. */
  readonly startTime?: Date;
  /** When the ticket expires. */
  readonly endTime: Date;
  /** Until when the ticket can be renewed; absent if it cannot. */
  readonly renewTill?: Date;
}

/** An established context. Its names are mechanism names. */
export interface ContextState extends ProtectionState {
  /** The authenticated client. */
  readonly initiator: GssName;
  /** The service that the ticket is for. */
  readonly acceptor: GssName;
  /** Facts of the ticket that established the context. */
  readonly ticket: TicketInfo;
  /** The ticket's own authorization data, not the authenticator's. */
  readonly authorizationData: AuthorizationData;
  /** The parts of the authorization data that were verified. */
  readonly vouched: VouchedData;
  /** The numbers that this side received. */
  readonly window: SequenceWindow;
  /** Owned by the caller; not part of an exported context. */
  readonly delegatedCredential?: DelegatedCredential;
}
