/** All that a context is, as plain values: what export writes and import reads. */

import type { VouchedData } from '../ap/vouched-data.ts';
import type { GssName } from '../gss/name.ts';
import type { AuthorizationData } from '../messages/authorization-data.ts';
import type { ProtectionState } from '../tokens/protection.ts';
import type { SequenceWindow } from '../tokens/sequence.ts';
import type { DelegatedCredential } from './delegated-credential.ts';

/** What the ticket said (RFC 4120 §5.3). */
export interface TicketInfo {
  /** The service's principal, as in the keytab. */
  readonly server: string;
  /** Version of the key that opened the ticket. */
  readonly kvno: number;
  /** Enctype of that key. */
  readonly enctype: number;
  /** Enctype of the session key. */
  readonly sessionEnctype: number;
  /** `TicketFlag` bits. */
  readonly flags: number;
  readonly authTime: Date;
  readonly startTime?: Date;
  readonly endTime: Date;
  readonly renewTill?: Date;
}

/** An established context. Its names are mechanism names. */
export interface ContextState extends ProtectionState {
  readonly initiator: GssName;
  readonly acceptor: GssName;
  readonly ticket: TicketInfo;
  readonly authorizationData: AuthorizationData;
  readonly vouched: VouchedData;
  readonly window: SequenceWindow;
  /** Not exported: it is the caller's own, beside the context. */
  readonly delegatedCredential?: DelegatedCredential;
}
