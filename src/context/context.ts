/// <reference lib="esnext.disposable" preserve="true" />
/** Established contexts: who is there, and the messages that pass (RFC 2743 §2.2 and §2.3). */
import type { Writer } from '../bytes.ts';
import { concatBytes, plainBytes } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import type { KerberosError } from '../errors.ts';
import type { GssName } from '../gss/name.ts';
import type { Oid } from '../gss/oid.ts';
import { GssError } from '../gss/status.ts';
import type { AuthorizationData } from '../messages/authorization-data.ts';
import type { Pac } from '../pac/pac.ts';
import type { Clock } from '../time.ts';
import { systemClock } from '../time.ts';
import { CfxProtection } from '../tokens/cfx.ts';
import { CfxIov } from '../tokens/cfx-iov.ts';
import type { IovBuffer, IovLengths, IovProtection } from '../tokens/iov.ts';
import { iovLengths, unwrapIov, wrapAead, wrapIov } from '../tokens/iov.ts';
import type { MessageProtection, ProtectionState } from '../tokens/protection.ts';
import { Rfc1964Protection } from '../tokens/rfc1964.ts';
import { Rfc1964Iov } from '../tokens/rfc1964-iov.ts';
import type { SequenceStatus } from '../tokens/sequence.ts';
import type { DelegatedCredential } from './delegated-credential.ts';
import type { ImportOptions } from './export.ts';
import { decodeContext, encodeContext } from './export.ts';
import { writePendingContext } from './pending-context.ts';
import type { ContextState, TicketInfo } from './state.ts';

/** A message that {@link SecurityContext.unwrap} opened. */
export interface UnwrappedMessage {
  /** In a buffer of its own. */
  readonly message: Uint8Array;
  /** Whether it came encrypted. */
  readonly confidential: boolean;
  /** Quality of protection; always 0, the default (RFC 4121 §4.2.2). */
  readonly qop: number;
  readonly sequence: SequenceStatus;
}

/** What {@link SecurityContext.verifyMic} found of a MIC that is good. */
export type MicStatus = Pick<UnwrappedMessage, 'qop' | 'sequence'>;

export interface WrapOptions {
  /** Encrypt as well as sign; true if absent. */
  readonly confidential?: boolean;
}

/** RFC 4401 §2: which key the pseudo-random function works with. */
export type PrfKey = 'full' | 'partial';

/**
 * An established security context.
 *
 * Calls are synchronous. After {@link dispose} or {@link export} each of them throws
 * {@link GssError} GSS_S_NO_CONTEXT.
 */
export class SecurityContext {
  readonly initiator: GssName;
  readonly acceptor: GssName;
  readonly mechanism: Oid;
  /** `ContextFlag` bits. */
  readonly flags: number;
  /** Enctype of the key that protects messages. */
  readonly enctype: number;
  /** When the ticket ends. */
  readonly expiresAt: Date;
  readonly ticket: TicketInfo;
  /** The ticket's PAC, verified; absent if there is none, or see {@link pacError}. */
  readonly pac?: Pac;
  /** Why the PAC that the ticket has is not shown. */
  readonly pacError?: KerberosError;
  /** How the initiator authenticated to its KDC (RFC 8129); verified. */
  readonly authenticationIndicators: readonly string[];
  /** What the initiator delegated. The caller's to dispose of; it is not exported. */
  readonly delegatedCredential?: DelegatedCredential;
  readonly #state: ContextState;
  readonly #protection: MessageProtection;
  #iov: IovProtection | undefined;
  #open = true;

  /** @internal */
  constructor(state: ContextState) {
    this.initiator = state.initiator;
    this.acceptor = state.acceptor;
    this.mechanism = state.mechanism;
    this.flags = state.flags;
    this.enctype = (state.acceptorSubkey ?? state.initiatorKey).enctype;
    this.expiresAt = state.ticket.endTime;
    this.ticket = state.ticket;
    const { pac, pacError, authenticationIndicators } = state.vouched;
    if (pac !== undefined) this.pac = pac;
    if (pacError !== undefined) this.pacError = pacError;
    this.authenticationIndicators = authenticationIndicators;
    if (state.delegatedCredential !== undefined) {
      this.delegatedCredential = state.delegatedCredential;
    }
    this.#state = state;
    this.#protection = protectionOf(state);
  }

  /**
   * The ticket's own: what the KDC says of the initiator, and not what the initiator says of itself
   * in its authenticator. A copy each time: what was verified in
   * it, {@link pac} and what {@link export} carries on, is nobody's to alter.
   */
  get authorizationData(): AuthorizationData {
    return this.#state.authorizationData.map(({ type, data }) => ({ type, data: data.slice() }));
  }

  /**
   * GSS_Wrap (RFC 2743 §2.3.3).
   *
   * @returns A token in a buffer of its own, longer than the message by a constant.
   */
  wrap(message: Uint8Array, options: WrapOptions = {}): Uint8Array {
    return this.#use().wrap(plainBytes(message, 'message'), options.confidential ?? true);
  }

  /**
   * GSS_Unwrap (RFC 2743 §2.3.4).
   *
   * A repeated or disordered token is no error: `sequence` says so, and the caller decides.
   *
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC.
   */
  unwrap(token: Uint8Array): UnwrappedMessage {
    const opened = this.#use().unwrap(plainBytes(token, 'token'));
    const sequence = this.#state.window.check(opened.sequenceHigh, opened.sequenceLow);
    return { message: opened.message, confidential: opened.confidential, qop: 0, sequence };
  }

  /** GSS_GetMIC (RFC 2743 §2.3.1): a token that goes beside the message. */
  getMic(message: Uint8Array): Uint8Array {
    return this.#use().getMic(plainBytes(message, 'message'));
  }

  /**
   * GSS_VerifyMIC (RFC 2743 §2.3.2). Returns only if the MIC is the message's.
   *
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC.
   */
  verifyMic(message: Uint8Array, mic: Uint8Array): MicStatus {
    const verified = this.#use().verifyMic(plainBytes(message, 'message'), plainBytes(mic, 'mic'));
    const { sequenceHigh, sequenceLow } = verified;
    return { qop: 0, sequence: this.#state.window.check(sequenceHigh, sequenceLow) };
  }

  /**
   * GSS_Wrap_iov: wraps a message whose buffers lie apart, in place (MS-KILE §3.4.5.4: SMB, LDAP,
   * DCE RPC). In DCE style tokens are as Windows wants them.
   *
   * @param buffers - In the order in which they are signed: see {@link IovBuffer}.
   * @returns Whether the data are encrypted; false also where there are none.
   * @throws RangeError if a buffer is missing or too short.
   */
  wrapIov(buffers: readonly IovBuffer[], options: WrapOptions = {}): boolean {
    return wrapIov(this.#useIov(), buffers, options.confidential ?? true);
  }

  /** GSS_Wrap_iov_length: what {@link wrapIov} would need for the data, which are not looked at. */
  wrapIovLength(buffers: readonly IovBuffer[], options: WrapOptions = {}): IovLengths {
    return iovLengths(this.#useIov(), buffers, options.confidential ?? true);
  }

  /**
   * GSS_Unwrap_iov: unwraps in place. Where it throws, what was encrypted is of no use any more.
   *
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC. RangeError for buffers that do
   *   not make sense together.
   */
  unwrapIov(buffers: readonly IovBuffer[]): Omit<UnwrappedMessage, 'message'> {
    const opened = unwrapIov(this.#useIov(), buffers);
    const sequence = this.#state.window.check(opened.sequenceHigh, opened.sequenceLow);
    return { confidential: opened.confidential, qop: 0, sequence };
  }

  /** GSS_Wrap_aead: {@link wrap}, with data that are signed as well, and sent by other means. */
  wrapAead(message: Uint8Array, associatedData: Uint8Array, options: WrapOptions = {}): Uint8Array {
    plainBytes(message, 'message');
    return wrapAead(this.#useIov(), message, associatedData, options.confidential ?? true);
  }

  /**
   * GSS_Unwrap_aead (RFC 2743 has none): what {@link wrapAead} made.
   *
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC.
   */
  unwrapAead(token: Uint8Array, associatedData: Uint8Array): UnwrappedMessage {
    const stream: IovBuffer = { type: 'stream', bytes: plainBytes(token, 'token').slice() };
    const data: IovBuffer = { type: 'data', bytes: new Uint8Array() };
    const opened = this.unwrapIov([stream, { type: 'sign-only', bytes: associatedData }, data]);
    return { message: data.bytes ?? new Uint8Array(), ...opened };
  }

  /**
   * GSS_Process_context_token (RFC 2743 §2.2.4): takes a delete token, with which the peer tells
   * that it is done, and disposes of the context. Only mechanisms older than RFC 4121 have such.
   *
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC; the context is as it was.
   */
  processToken(token: Uint8Array): void {
    this.#use().verifyDelete(plainBytes(token, 'token'));
    this.dispose();
  }

  /**
   * GSS_Wrap_size_limit (RFC 2743 §2.2.7).
   *
   * @param tokenSize - Bytes that a token may have.
   * @returns Bytes that its message may have; 0 if none fits.
   */
  wrapSizeLimit(tokenSize: number, options: WrapOptions = {}): number {
    if (!Number.isSafeInteger(tokenSize) || tokenSize < 0) {
      throw new RangeError(`tokenSize: expected a number of bytes, got ${tokenSize}`);
    }
    return this.#use().wrapSizeLimit(tokenSize, options.confidential ?? true);
  }

  /**
   * GSS_Pseudo_random (RFC 4401, RFC 4402 with the counter of RFC 7802).
   *
   * @param key - `full`: the key that protects messages; `partial`: the initiator's own.
   * @param length - Bytes wanted, at most 65536.
   */
  pseudoRandom(key: PrfKey, input: Uint8Array, length: number): Uint8Array {
    this.#use();
    plainBytes(input, 'input');
    if (key !== 'full' && key !== 'partial') {
      throw new RangeError(`key: expected full or partial, got ${key as string}`);
    }
    if (!Number.isSafeInteger(length) || length < 0 || length > MAX_PRF) {
      throw new RangeError(`length: expected 0 to ${MAX_PRF} bytes, got ${length}`);
    }
    const { acceptorSubkey, initiatorKey } = this.#state;
    const prfKey = key === 'full' ? (acceptorSubkey ?? initiatorKey) : initiatorKey;
    const output = new Uint8Array(length);
    const counter = new Uint8Array(4);
    // RFC 7802 §2.1: the counter starts at zero.
    for (let at = 0, n = 0; at < length; n++) {
      new DataView(counter.buffer).setUint32(0, n);
      const block = prfKey.prf(concatBytes(counter, input));
      output.set(block.subarray(0, length - at), at);
      at += block.length;
    }
    return output;
  }

  /**
   * GSS_Context_time (RFC 2743 §2.2.5).
   *
   * @returns Whole seconds until the ticket ends, 0 if it has. Clocks may differ: who counts that in,
   *   as MIT krb5 does, adds the permitted skew. Messages pass after the end as before.
   */
  contextTime(clock: Clock = systemClock): number {
    this.#use();
    return Math.max(0, Math.floor((this.expiresAt.getTime() - clock()) / 1000));
  }

  /** The key that protects messages: what protocols such as SMB call the session key. */
  get sessionKey(): EncryptionKey {
    this.#use();
    return this.#state.acceptorSubkey ?? this.#state.initiatorKey;
  }

  /**
   * GSS_Export_sec_context (RFC 2743 §2.2.8): the context moves into the bytes, and is of no use
   * here any more. The bytes hold its keys: whoever has them is the context.
   */
  export(): Uint8Array {
    this.#use();
    const bytes = encodeContext(this.#state);
    this.dispose();
    return bytes;
  }

  /** Moves a context that waits for the end of a negotiation, with what was delegated. @internal */
  static save(context: SecurityContext, writer: Writer): void {
    context.#use();
    writePendingContext(writer, context.#state);
    context.delegatedCredential?.dispose();
    context.dispose();
  }

  /** GSS_Delete_sec_context (RFC 2743 §2.2.3): wipes the keys. May be called again. */
  dispose(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#state.initiatorKey.dispose();
    this.#state.acceptorSubkey?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #useIov(): IovProtection {
    this.#use();
    this.#iov ??= iovProtectionOf(this.#state);
    return this.#iov;
  }

  #use(): MessageProtection {
    if (!this.#open) throw new GssError('GSS_S_NO_CONTEXT', { reporter: 'context' });
    return this.#protection;
  }
}

/**
 * GSS_Import_sec_context (RFC 2743 §2.2.9): the context goes on where its export left off, keys and
 * window included. Bytes must be imported once only: two contexts would repeat sequence numbers.
 *
 * @param bytes - What {@link SecurityContext.export} returned; copied, the caller's to wipe.
 * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN if they were altered or are of another version.
 */
export function importSecurityContext(
  bytes: Uint8Array,
  options: ImportOptions = {},
): SecurityContext {
  return new SecurityContext(decodeContext(plainBytes(bytes, 'bytes'), options));
}

/** The key's enctype says which tokens there are (RFC 4121 §1): the acceptor's, if it asserts one. */
function protectionOf(state: ProtectionState): MessageProtection {
  const { rfc1964 } = state.acceptorSubkey ?? state.initiatorKey;
  return rfc1964 === undefined ? new CfxProtection(state) : new Rfc1964Protection(state, rfc1964);
}

function iovProtectionOf(state: ProtectionState): IovProtection {
  const { rfc1964 } = state.acceptorSubkey ?? state.initiatorKey;
  return rfc1964 === undefined ? new CfxIov(state) : new Rfc1964Iov(state, rfc1964);
}

const MAX_PRF = 65_536;
