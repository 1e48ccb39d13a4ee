/** The protection of an established context's messages; one implementation for each token format. */
import type { EncryptionKey } from '../crypto/key.ts';
import { KerberosError, loadTexts } from '../errors.ts';
import type { Oid } from '../gss/oid.ts';
import { GssError } from '../gss/status.ts';
import type { RandomSource } from '../random.ts';
import type { SequenceCounter } from './sequence.ts';

/** The side of the context that this process is. */
export type Role = 'initiator' | 'acceptor';

/** The keys and the sequence number that protect the messages of an established context. */
export interface ProtectionState {
  /** This side. */
  readonly role: Role;
  /** The OID that the context was established under; it frames the tokens of RFC 1964. */
  readonly mechanism: Oid;
  /** `ContextFlag` bits. */
  readonly flags: number;
  /** The initiator's subkey, or the ticket's session key if the initiator sent no subkey. */
  readonly initiatorKey: EncryptionKey;
  /** The subkey of the AP-REP; if present, it protects everything that this side sends. */
  readonly acceptorSubkey?: EncryptionKey;
  /** The number of the next token that this side sends. */
  readonly sendSequence: SequenceCounter;
  /** The source of confounders. */
  readonly random: RandomSource;
}

/** A verified message and the sequence number of its token (64 bits in two halves). */
export interface OpenedMessage {
  /** In a buffer of its own. */
  readonly message: Uint8Array;
  /** Whether the message was encrypted. */
  readonly confidential: boolean;
  /** Unsigned, 32 bits; 0 for tokens of RFC 1964, whose numbers have 32 bits. */
  readonly sequenceHigh: number;
  /** Unsigned, 32 bits. */
  readonly sequenceLow: number;
}

/** The sequence number of a token that verified. */
export type VerifiedMic = Pick<OpenedMessage, 'sequenceHigh' | 'sequenceLow'>;

/**
 * The calls of RFC 2743 §2.3 on contiguous bytes. Each wrap and getMic consumes a sequence number.
 * Input is not modified and not kept; every result is a new buffer.
 */
export interface MessageProtection {
  /** @throws GssError GSS_S_UNAVAILABLE if this side cannot encrypt (RC4 without an AP-REP). */
  wrap(message: Uint8Array, confidential: boolean): Uint8Array;
  /** @throws GssError GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC. */
  unwrap(token: Uint8Array): OpenedMessage;
  /** @returns A MIC token, which does not contain the message. */
  getMic(message: Uint8Array): Uint8Array;
  /** @throws GssError GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC. */
  verifyMic(message: Uint8Array, token: Uint8Array): VerifiedMic;
  /**
   * Verifies a token with which the peer deletes the context.
   *
   * @throws GssError GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC.
   */
  verifyDelete(token: Uint8Array): void;
  /** @returns The length of the longest message whose token fits into `tokenSize` bytes, or 0. */
  wrapSizeLimit(tokenSize: number, confidential: boolean): number;
}

/** The other side of the context. */
export function peerOf(role: Role): Role {
  return role === 'initiator' ? 'acceptor' : 'initiator';
}

/** The error for bytes that are not a token of the expected kind. */
export function defectiveToken(message: string): GssError {
  return withTexts(
    new GssError('GSS_S_DEFECTIVE_TOKEN', {
      reason: 'message.malformed',
      detail: { problem: message },
      message,
      reporter: 'context',
    }),
  );
}

/** The error for a token that another party made, or that the peer made for another message. */
export function badMic(): GssError {
  return withTexts(new GssError('GSS_S_BAD_MIC', { reason: 'message.altered' }));
}

/** The error for a token that this side has sent itself. */
export function reflectedToken(message: string): GssError {
  return withTexts(new GssError('GSS_S_BAD_MIC', { reason: 'message.wrong-direction', message }));
}

/** These errors are thrown at once: the texts are there for those after the first. */
function withTexts(error: GssError): GssError {
  void loadTexts();
  return error;
}

/**
 * GSS_S_BAD_MIC for a decryption failure. Any other error, such as that of a crypto provider, is not the
 * peer's fault and is returned as it is.
 */
export function asBadMic(error: unknown): unknown {
  return error instanceof KerberosError && error.code === 'KRB_AP_ERR_BAD_INTEGRITY'
    ? withTexts(new GssError('GSS_S_BAD_MIC', { reason: 'message.altered', minor: error }))
    : error;
}
