/// <reference lib="esnext.disposable" preserve="true" />
/** Established contexts: the two sides, and the protection of messages (RFC 2743 §2.2 and §2.3). */
import { plainBytes } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import type { KerberosError } from '../errors.ts';
import type { SequenceDetail } from '../explain/policy-reasons.ts';
import type { GssName } from '../gss/name.ts';
import type { Oid } from '../gss/oid.ts';
import { GssError } from '../gss/status.ts';
import type { AuthorizationData } from '../messages/authorization-data.ts';
import { messageChannel } from '../observe/channels.ts';
import { ObservedProtection, publishDisorder } from '../observe/messages.ts';
import type { Pac } from '../pac/pac.ts';
import type { Clock } from '../time.ts';
import { systemClock } from '../time.ts';
import { iovProtectionOf, protectionOf } from '../tokens/formats.ts';
import type { IovBuffer, IovLengths, IovProtection } from '../tokens/iov.ts';
import { iovLengths, unwrapIov, wrapAead, wrapIov } from '../tokens/iov.ts';
import type { MessageProtection, VerifiedMic } from '../tokens/protection.ts';
import type { SequenceStatus } from '../tokens/sequence.ts';
import { joinHalves } from '../tokens/sequence.ts';
import type { DelegatedCredential } from './delegated-credential.ts';
import { encodeContext } from './export.ts';
import { pseudoRandom } from './pseudo-random.ts';
import type { ContextState, TicketInfo } from './state.ts';

/** A message that {@link SecurityContext.unwrap} opened. */
export interface UnwrappedMessage {
  /** The plaintext, in a buffer of its own. */
  readonly message: Uint8Array;
  /** Whether the peer encrypted the message; otherwise it was only signed. */
  readonly confidential: boolean;
  /** Quality of protection; always 0, the default (RFC 4121 §4.2.2). */
  readonly qop: number;
  /** Whether the token is repeated or out of order; `'ok'` if the context's flags ask for no check. */
  readonly sequence: SequenceStatus;
  /** If {@link sequence} is not `'ok'`: the number that was expected, and that of the token. */
  readonly numbers?: SequenceDetail;
}

/** The result of {@link SecurityContext.verifyMic} for a valid MIC. */
export type MicStatus = Pick<UnwrappedMessage, 'qop' | 'sequence' | 'numbers'>;

/** Options of {@link SecurityContext.wrap} and its variants. */
export interface WrapOptions {
  /** Whether to encrypt the message as well as sign it; true if absent. */
  readonly confidential?: boolean;
}

/** The key of the pseudo-random function (RFC 4401 §2): see {@link SecurityContext.pseudoRandom}. */
export type PrfKey = 'full' | 'partial';

/**
 * An established security context (RFC 2743 §1.1.3).
 *
 * Calls are synchronous, and do not modify or keep their arguments except where they say so. After
 * {@link dispose} or {@link export} each of them throws {@link GssError} GSS_S_NO_CONTEXT; the
 * properties stay readable.
 */
export class SecurityContext {
  /** The authenticated client: a mechanism name. */
  readonly initiator: GssName;
  /** The service that the client's ticket is for: a mechanism name, as in the keytab. */
  readonly acceptor: GssName;
  /** The OID of Kerberos that the exchange used; also if SPNEGO negotiated it. */
  readonly mechanism: Oid;
  /** `ContextFlag` bits. */
  readonly flags: number;
  /** Enctype of the key that protects messages ({@link sessionKey}). */
  readonly enctype: number;
  /** When the ticket expires. The context does not: messages can be exchanged after it. */
  readonly expiresAt: Date;
  /** Facts of the ticket that established the context. */
  readonly ticket: TicketInfo;
  /** The ticket's PAC if it verified; absent if there is none, or if it did not verify. */
  readonly pac?: Pac;
  /** The reason why the ticket's PAC did not verify. */
  readonly pacError?: KerberosError;
  /** How the initiator authenticated to its KDC (RFC 8129); verified, and often empty. */
  readonly authenticationIndicators: readonly string[];
  /** The credential that the initiator delegated. The caller disposes of it; it is not exported. */
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
   * The ticket's authorization data: statements of the KDC, without those that the initiator puts into
   * its authenticator. A new copy at each access, so that nobody can alter the verified data.
   */
  get authorizationData(): AuthorizationData {
    return this.#state.authorizationData.map(({ type, data }) => ({ type, data: data.slice() }));
  }

  /**
   * GSS_Wrap (RFC 2743 §2.3.3): encrypts and signs a message, or only signs it.
   *
   * @param message - Any length, 0 included.
   * @returns A token in a new buffer. With enctypes of RFC 4121 it is longer than the message by a
   *   constant, with older ones by a few bytes more or less: see {@link wrapSizeLimit}.
   * @throws {@link GssError} GSS_S_UNAVAILABLE to encrypt with RC4 without mutual authentication.
   * @throws TypeError if the message is not a Uint8Array.
   *
   * @example
   * ```ts
   * import type { SecurityContext } from 'krb5-acceptor';
   *
   * function encrypted(context: SecurityContext, text: string): Uint8Array {
   *   return context.wrap(new TextEncoder().encode(text));
   * }
   * ```
   */
  wrap(message: Uint8Array, options: WrapOptions = {}): Uint8Array {
    return this.#use().wrap(plainBytes(message, 'message'), options.confidential ?? true);
  }

  /**
   * GSS_Unwrap (RFC 2743 §2.3.4): verifies a token of {@link wrap}, and decrypts it.
   *
   * A repeated or reordered token is not an error: check `sequence`. Check `confidential` too if the
   * message has to be secret.
   *
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC; the context is unchanged.
   * @throws TypeError if the token is not a Uint8Array.
   *
   * @example
   * ```ts
   * import type { SecurityContext } from 'krb5-acceptor';
   *
   * function read(context: SecurityContext, token: Uint8Array): string {
   *   const { message, confidential, sequence } = context.unwrap(token);
   *   if (!confidential || sequence !== 'ok') throw new Error('expected an encrypted message in order');
   *   return new TextDecoder().decode(message);
   * }
   * ```
   */
  unwrap(token: Uint8Array): UnwrappedMessage {
    const opened = this.#use().unwrap(plainBytes(token, 'token'));
    const { message, confidential } = opened;
    return { message, confidential, qop: 0, ...this.#order(opened) };
  }

  /**
   * GSS_GetMIC (RFC 2743 §2.3.1): signs a message.
   *
   * @returns The signature (MIC token) in a new buffer, without the message.
   * @throws TypeError if the message is not a Uint8Array.
   */
  getMic(message: Uint8Array): Uint8Array {
    return this.#use().getMic(plainBytes(message, 'message'));
  }

  /**
   * GSS_VerifyMIC (RFC 2743 §2.3.2): verifies a token of {@link getMic}. Returns only if it is valid.
   *
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC; the context is unchanged.
   * @throws TypeError if message or MIC is not a Uint8Array.
   */
  verifyMic(message: Uint8Array, mic: Uint8Array): MicStatus {
    const verified = this.#use().verifyMic(plainBytes(message, 'message'), plainBytes(mic, 'mic'));
    return { qop: 0, ...this.#order(verified) };
  }

  /**
   * GSS_Wrap_iov of MIT krb5: wraps a message in several buffers, in place (MS-KILE §3.4.5.4: SMB,
   * LDAP, DCE RPC). In DCE style the token has the layout of Windows.
   *
   * @param buffers - In the order in which they are signed; modified as {@link IovBuffer} describes.
   * @returns Whether the data are encrypted; false without data buffers.
   * @throws RangeError if a buffer is missing or too short; TypeError if data are not a Uint8Array.
   * @throws {@link GssError} GSS_S_UNAVAILABLE as {@link wrap}.
   *
   * @example
   * ```ts
   * import type { IovBuffer, SecurityContext } from 'krb5-acceptor';
   *
   * function sealInPlace(context: SecurityContext, pdu: Uint8Array, body: Uint8Array): Uint8Array {
   *   const header: IovBuffer = { type: 'header' };
   *   context.wrapIov([header, { type: 'sign-only', bytes: pdu }, { type: 'data', bytes: body }]);
   *   return header.bytes!;
   * }
   * ```
   */
  wrapIov(buffers: readonly IovBuffer[], options: WrapOptions = {}): boolean {
    return wrapIov(this.#useIov(), buffers, options.confidential ?? true);
  }

  /**
   * GSS_Wrap_iov_length of MIT krb5: the lengths that {@link wrapIov} needs for header, padding and
   * trailer. Only the lengths of the data are used.
   *
   * @throws RangeError, TypeError as {@link wrapIov}.
   */
  wrapIovLength(buffers: readonly IovBuffer[], options: WrapOptions = {}): IovLengths {
    return iovLengths(this.#useIov(), buffers, options.confidential ?? true);
  }

  /**
   * GSS_Unwrap_iov of MIT krb5: verifies and decrypts in place. If it throws GssError, the encrypted
   * buffers hold garbage or zeros.
   *
   * @param buffers - As for {@link wrapIov}; or a stream, one data buffer and sign-only buffers.
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC.
   * @throws RangeError for a missing or an extra buffer; TypeError if one is not a Uint8Array.
   */
  unwrapIov(buffers: readonly IovBuffer[]): Omit<UnwrappedMessage, 'message'> {
    const opened = unwrapIov(this.#useIov(), buffers);
    return { confidential: opened.confidential, qop: 0, ...this.#order(opened) };
  }

  /**
   * GSS_Wrap_aead of MIT krb5: {@link wrap} with associated data, which are signed but not in the token.
   *
   * @returns A token in a new buffer.
   * @throws {@link GssError} GSS_S_UNAVAILABLE as {@link wrap}; TypeError as {@link wrap}.
   */
  wrapAead(message: Uint8Array, associatedData: Uint8Array, options: WrapOptions = {}): Uint8Array {
    plainBytes(message, 'message');
    return wrapAead(this.#useIov(), message, associatedData, options.confidential ?? true);
  }

  /**
   * GSS_Unwrap_aead of MIT krb5: verifies and decrypts a token of {@link wrapAead}.
   *
   * @param associatedData - The same bytes as for wrapAead.
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC; TypeError as {@link unwrap}.
   */
  unwrapAead(token: Uint8Array, associatedData: Uint8Array): UnwrappedMessage {
    const stream: IovBuffer = { type: 'stream', bytes: plainBytes(token, 'token').slice() };
    const data: IovBuffer = { type: 'data', bytes: new Uint8Array() };
    const opened = this.unwrapIov([stream, { type: 'sign-only', bytes: associatedData }, data]);
    return { message: data.bytes ?? new Uint8Array(), ...opened };
  }

  /**
   * GSS_Process_context_token (RFC 2743 §2.2.4): verifies a token with which the peer deletes the
   * context, and disposes of it. Only contexts with an enctype older than RFC 4121 have such tokens.
   *
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC; the context is unchanged.
   * @throws TypeError if the token is not a Uint8Array.
   */
  processToken(token: Uint8Array): void {
    this.#use().verifyDelete(plainBytes(token, 'token'));
    this.dispose();
  }

  /**
   * GSS_Wrap_size_limit (RFC 2743 §2.2.7).
   *
   * @param tokenSize - The maximum length of a token in bytes.
   * @param options - As for {@link wrap}.
   * @returns The maximum length of its message in bytes; 0 if no message fits.
   * @throws RangeError if `tokenSize` is not a non-negative integer.
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
   * @param key - `full`: the key that protects messages; `partial`: the initiator's key.
   * @param input - Any length.
   * @param length - Bytes of output, 0 to 65536.
   * @returns Key material in a new buffer; equal on both sides of the context.
   * @throws RangeError for another `key` or `length`; TypeError if `input` is not a Uint8Array.
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
    return pseudoRandom(prfKey, input, length);
  }

  /**
   * GSS_Context_time (RFC 2743 §2.2.5).
   *
   * @param clock - Milliseconds since 1970; the system's clock if absent.
   * @returns Whole seconds until the ticket expires, 0 if it has expired. MIT krb5 adds the permitted
   *   clock skew; callers that want the same have to add it. Messages can be exchanged after expiry.
   */
  contextTime(clock: Clock = systemClock): number {
    this.#use();
    return Math.max(0, Math.floor((this.expiresAt.getTime() - clock()) / 1000));
  }

  /**
   * The key that protects messages, which protocols such as SMB call the session key: the acceptor's
   * subkey if there is one, else the initiator's key. The context owns it, and wipes it.
   */
  get sessionKey(): EncryptionKey {
    this.#use();
    return this.#state.acceptorSubkey ?? this.#state.initiatorKey;
  }

  /**
   * GSS_Export_sec_context (RFC 2743 §2.2.8): moves the context into bytes for
   * `importSecurityContext`, and disposes of it here.
   *
   * @returns A new buffer that contains the keys: protect it like a key, and wipe it.
   *
   * @example
   * ```ts
   * import type { SecurityContext } from 'krb5-acceptor';
   * import { importSecurityContext } from 'krb5-acceptor';
   *
   * function moved(context: SecurityContext): SecurityContext {
   *   const bytes = context.export();
   *   const copy = importSecurityContext(bytes);
   *   bytes.fill(0);
   *   return copy;
   * }
   * ```
   */
  export(): Uint8Array {
    this.#use();
    const bytes = encodeContext(this.#state);
    this.dispose();
    return bytes;
  }

  /** GSS_Delete_sec_context (RFC 2743 §2.2.3): wipes the keys. May be called again; makes no token. */
  dispose(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#state.initiatorKey.dispose();
    this.#state.acceptorSubkey?.dispose();
  }

  /** {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #order({ sequenceHigh, sequenceLow }: VerifiedMic): Pick<MicStatus, 'sequence' | 'numbers'> {
    const { window } = this.#state;
    const sequence = window.check(sequenceHigh, sequenceLow);
    if (sequence === 'ok') return IN_ORDER;
    publishDisorder(this.initiator.text, sequence);
    const received = String(joinHalves(sequenceHigh, sequenceLow));
    return { sequence, numbers: { expected: String(window.expected()), received } };
  }

  #useIov(): IovProtection {
    this.#use();
    this.#iov ??= iovProtectionOf(this.#state);
    return this.#iov;
  }

  #use(): MessageProtection {
    if (!this.#open) throw new GssError('GSS_S_NO_CONTEXT', CLOSED);
    if (!messageChannel.hasSubscribers) return this.#protection;
    return new ObservedProtection(this.#protection, this.initiator.text);
  }
}

const IN_ORDER = { sequence: 'ok' } as const;
const CLOSED = { reason: 'message.no-context', reporter: 'context' } as const;
const MAX_PRF = 65_536;
