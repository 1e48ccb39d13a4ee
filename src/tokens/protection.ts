/** What protects the messages of an established context; one implementation for each token format. */
import type { EncryptionKey } from '../crypto/key.ts';
import { KerberosError } from '../errors.ts';
import type { Oid } from '../gss/oid.ts';
import { GssError } from '../gss/status.ts';
import type { RandomSource } from '../random.ts';
import type { SequenceCounter } from './sequence.ts';

export type Role = 'initiator' | 'acceptor';

/** Keys and numbers of an established context. */
export interface ProtectionState {
  readonly role: Role;
  readonly mechanism: Oid;
  /** `ContextFlag` bits. */
  readonly flags: number;
  /** The initiator's subkey, or the ticket's session key where it sent none. */
  readonly initiatorKey: EncryptionKey;
  /** The subkey of the AP-REP, if there is one: it then protects all that this side sends. */
  readonly acceptorSubkey?: EncryptionKey;
  /** The number of the next token that this side sends. */
  readonly sendSequence: SequenceCounter;
  readonly random: RandomSource;
}

/** A message that verified, with the number of its token (64 bits in two halves). */
export interface OpenedMessage {
  /** In a buffer of its own. */
  readonly message: Uint8Array;
  readonly confidential: boolean;
  readonly sequenceHigh: number;
  readonly sequenceLow: number;
}

/** The number of a token whose MIC verified. */
export type VerifiedMic = Pick<OpenedMessage, 'sequenceHigh' | 'sequenceLow'>;

/** RFC 2743 §2.3 on bytes; each wrap and getMic uses up one sequence number. */
export interface MessageProtection {
  wrap(message: Uint8Array, confidential: boolean): Uint8Array;
  /** @throws GssError GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC. */
  unwrap(token: Uint8Array): OpenedMessage;
  getMic(message: Uint8Array): Uint8Array;
  /** @throws GssError GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC. */
  verifyMic(message: Uint8Array, token: Uint8Array): VerifiedMic;
  /**
   * Returns only for a token with which the peer deletes the context.
   *
   * @throws GssError GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC.
   */
  verifyDelete(token: Uint8Array): void;
  /** The longest message whose token is not longer than `tokenSize`; 0 if there is none. */
  wrapSizeLimit(tokenSize: number, confidential: boolean): number;
}

export function peerOf(role: Role): Role {
  return role === 'initiator' ? 'acceptor' : 'initiator';
}

/** For a token that is none. */
export function defectiveToken(message: string): GssError {
  return new GssError('GSS_S_DEFECTIVE_TOKEN', { message, reporter: 'context' });
}

/** For a token that the peer has not made, or not of this message. */
export function badMic(message?: string): GssError {
  return new GssError('GSS_S_BAD_MIC', message);
}

/** What was thrown, as GSS_S_BAD_MIC if it is that something did not decrypt. */
export function asBadMic(error: unknown): unknown {
  return error instanceof KerberosError && error.code === 'KRB_AP_ERR_BAD_INTEGRITY'
    ? new GssError('GSS_S_BAD_MIC', { minor: error })
    : error;
}
