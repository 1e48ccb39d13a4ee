/// <reference lib="esnext.disposable" preserve="true" />
/** Acceptors: long-lived, shared by all connections; and the exchanges that they begin. */
import { Patience } from './ap/patience.ts';
import type { Reader } from './bytes.ts';
import { plainBytes } from './bytes.ts';
import { SecurityContext } from './context/context.ts';
import { openExport, sealExport } from './context/export-format.ts';
import { readPendingContext } from './context/pending-context.ts';
import { DecodeError, KerberosError } from './errors.ts';
import type { UnframedToken } from './gss/framing.ts';
import { unframeIfFramed, unframeToken } from './gss/framing.ts';
import { isKrb5Mechanism, Mechanism, mechanismName } from './gss/mechanism.ts';
import { GssError } from './gss/status.ts';
import { HANDSHAKE_FORMAT, readOptions, writeOptions } from './handshake-export.ts';
import { OFFERED, settingsOf } from './krb5/default-settings.ts';
import { isUnframedApReq, Krb5Handshake } from './krb5/handshake.ts';
import type {
  AcceptOptions,
  AcceptorOptions,
  AcceptorSettings,
  AcceptResult,
  HandshakeOptions,
  MechanismHandshake,
} from './krb5/settings.ts';
import { ACCEPT_OPTIONS, ACCEPTOR_OPTIONS, HANDSHAKE_OPTIONS } from './krb5/settings.ts';
import { checkOptions } from './options.ts';
import type { NegotiableMechanism } from './spnego/acceptor.ts';
import { SpnegoHandshake } from './spnego/acceptor.ts';
import { explainForeignOffer, refuseForeignToken } from './spnego/foreign-token.ts';
import { isUnframedNegToken } from './spnego/neg-token.ts';
import { TokenAssembler } from './spnego/token-assembler.ts';

/**
 * Makes an acceptor.
 *
 * @throws TypeError, RangeError for options that make no sense.
 */
export function createAcceptor(options: AcceptorOptions): Acceptor {
  return new Acceptor(options);
}

/**
 * Made by {@link createAcceptor}. It keeps the tickets that come again, opened: make one acceptor,
 * and use it for all exchanges. Dispose of it when no more clients are served.
 */
export class Acceptor {
  readonly #settings: AcceptorSettings;
  #disposed = false;

  /** @internal */
  constructor(options: AcceptorOptions) {
    checkOptions('createAcceptor', options, ACCEPTOR_OPTIONS);
    this.#settings = settingsOf(options);
  }

  /** The credential in use. */
  get credential(): AcceptorOptions['credential'] {
    return this.#settings.credential;
  }

  /**
   * Begins an exchange: one for each connection.
   *
   * @throws TypeError, RangeError for options that make no sense.
   */
  begin(options: HandshakeOptions = {}): Handshake {
    this.#checkUsable();
    checkOptions('begin', options, HANDSHAKE_OPTIONS);
    return new Handshake(this.#settings, options);
  }

  /**
   * Goes on with an exchange where its {@link Handshake.export} left off, in whatever process. The
   * acceptor should be made as that one was. Bytes must be resumed once only.
   *
   * @param bytes - Copied, the caller's to wipe.
   * @param options - What differs from what {@link begin} was given: the channel, perhaps.
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN if they were altered or are of another version.
   * @throws TypeError, RangeError for options that make no sense.
   */
  resume(bytes: Uint8Array, options: HandshakeOptions = {}): Handshake {
    this.#checkUsable();
    checkOptions('resume', options, HANDSHAKE_OPTIONS);
    const { crypto } = this.#settings.credential;
    return openExport(HANDSHAKE_FORMAT, crypto, plainBytes(bytes, 'bytes'), (reader) =>
      Handshake.restore(reader, this.#settings, options),
    );
  }

  /**
   * Wipes the session keys of the tickets that it keeps. No exchange begins any more; those that
   * have begun go on. The credential and the replay cache are the caller's.
   */
  dispose(): void {
    this.#disposed = true;
    this.#settings.openedTickets.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #checkUsable(): void {
    if (this.#disposed) throw new TypeError('acceptor: expected one in use, got a disposed one');
  }
}

/** One exchange. Made by {@link Acceptor.begin}. */
export class Handshake {
  readonly #settings: AcceptorSettings;
  readonly #options: HandshakeOptions;
  #assembler: TokenAssembler | undefined;
  #mechanism: MechanismHandshake | undefined;
  readonly #patience: Patience;
  #state: 'ready' | 'busy' | 'done' = 'ready';

  /** @internal */
  constructor(settings: AcceptorSettings, options: HandshakeOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#assembler = options.reassemble === true ? new TokenAssembler() : undefined;
    this.#patience = new Patience(settings.waits);
  }

  /**
   * GSS_Accept_sec_context (RFC 2743 §2.2.2): takes the peer's next token. Call it until the status
   * is not `continue`, and send each `outputToken` to the peer, that of a failure too.
   *
   * @param token - As received; must not change before the promise is settled.
   * @param options - Its `signal` counts for this call instead of the handshake's own.
   * @throws TypeError if called out of turn or with no bytes. What the peer sends never throws.
   */
  async accept(token: Uint8Array, options?: AcceptOptions): Promise<AcceptResult> {
    const bytes = plainBytes(token, 'token');
    if (options !== undefined) checkOptions('accept', options, ACCEPT_OPTIONS);
    const patience = this.#patience;
    patience.signal = options?.signal ?? this.#options.signal;
    if (patience.aborted !== undefined) return this.#giveUp(patience.aborted);
    if (this.#state !== 'ready') {
      throw new TypeError(
        this.#state === 'done'
          ? 'handshake: expected no further token, got one after the end'
          : 'handshake: expected one token at a time, got another before the answer',
      );
    }
    this.#state = 'busy';
    const result = await this.#accept(bytes);
    if (patience.aborted !== undefined && result.status !== 'failed') {
      if (result.status === 'complete') {
        result.context.delegatedCredential?.dispose();
        result.context.dispose();
      }
      return this.#giveUp(patience.aborted);
    }
    this.#state = result.status === 'continue' ? 'ready' : 'done';
    return result;
  }

  /**
   * Ends the exchange, and wipes what it holds: to be called when the peer goes away before the
   * end. A token that is being taken fails; a context that is established is not touched.
   *
   * @param reason - Becomes the `cause` of that failure.
   */
  abort(reason?: unknown): void {
    if (this.#state === 'done') return;
    this.#patience.abort(reason);
    // What takes a token at present ends by itself.
    if (this.#state === 'ready') this.#dispose();
  }

  [Symbol.dispose](): void {
    this.abort();
  }

  /**
   * The exchange as bytes, to go on with by {@link Acceptor.resume}; of no use here any more. There
   * is no such call in RFC 2743, whose contexts can be exported once they are established.
   *
   * The bytes are secret: they may hold the keys of a context and delegated tickets. And who can
   * alter them can be anybody. Keep them as you keep keys, and for no longer than a client waits.
   *
   * @throws TypeError if called while a token is being taken, or after the end.
   */
  export(): Uint8Array {
    if (this.#state !== 'ready') {
      throw new TypeError('handshake: expected one that waits for a token, got one that does not');
    }
    this.#state = 'done';
    const mechanism = this.#mechanism;
    return sealExport(HANDSHAKE_FORMAT, this.#settings.credential.crypto, (writer) => {
      writeOptions(writer, this.#options);
      this.#assembler?.save(writer);
      if (mechanism === undefined) writer.u8(MechanismKind.none);
      else if (mechanism instanceof SpnegoHandshake) writer.u8(MechanismKind.spnego);
      else writer.u8(MechanismKind.krb5);
      mechanism?.save(writer);
    });
  }

  /**
   * What to tell the operator if the client does not go on with this exchange: it would rather have
   * used NTLM or NegoEx, perhaps because it has no ticket, and was asked for Kerberos, which it offers
   * too. `GSS_S_BAD_MECH` with the minor `NTLM_RECEIVED` or `NEGOEX_RECEIVED`; undefined for a client
   * that chose Kerberos itself, and once it has sent its next token.
   */
  get foreignChoice(): GssError | undefined {
    return this.#mechanism?.foreignChoice;
  }

  /** What {@link export} wrote, without its frame. @internal */
  static restore(reader: Reader, settings: AcceptorSettings, options: HandshakeOptions): Handshake {
    const exported = readOptions(reader);
    const assembler = exported.reassemble === true ? TokenAssembler.restore(reader) : undefined;
    // What was collected is part of a token: no option undoes that.
    const reassemble = assembler !== undefined || options.reassemble === true;
    // An option that is there and undefined is as one that is not: it must take nothing away.
    const {
      channelBindings = exported.channelBindings,
      peerAddress = exported.peerAddress,
      channelBindingsUnavailable: unavailable,
    } = options;
    const handshake = new Handshake(settings, {
      ...(channelBindings !== undefined && { channelBindings }),
      ...(peerAddress !== undefined && { peerAddress }),
      ...(options.signal !== undefined && { signal: options.signal }),
      ...(unavailable !== undefined && { channelBindingsUnavailable: unavailable }),
      reassemble,
    });
    if (assembler !== undefined) handshake.#assembler = assembler;
    switch (reader.u8()) {
      case MechanismKind.none:
        return handshake;
      case MechanismKind.krb5:
        handshake.#mechanism = Krb5Handshake.restore(
          reader,
          settings,
          handshake.#options,
          handshake.#patience,
        );
        return handshake;
      case MechanismKind.spnego:
        handshake.#mechanism = SpnegoHandshake.restore(
          reader,
          handshake.#negotiable(),
          handshake.#takesRaw(),
        );
        return handshake;
      default:
        throw new DecodeError('exported handshake is of an unknown mechanism');
    }
  }

  #giveUp(minor: KerberosError): AcceptResult {
    this.#dispose();
    return { status: 'failed', error: new GssError('GSS_S_FAILURE', { minor }) };
  }

  #dispose(): void {
    this.#state = 'done';
    this.#mechanism?.dispose();
  }

  async #accept(piece: Uint8Array): Promise<AcceptResult> {
    try {
      // MS-SPNG §3.1.5.4: a piece of a longer token is answered with an empty one.
      const token = this.#assembler === undefined ? piece : this.#assembler.add(piece);
      if (token === undefined) return { status: 'continue', outputToken: new Uint8Array() };
      let unframed: UnframedToken | undefined;
      if (this.#mechanism === undefined) {
        unframed = unframeIfFramed(token);
        this.#mechanism = this.#choose(token, unframed);
      }
      return await this.#mechanism.accept(token, unframed);
    } catch (error) {
      if (error instanceof GssError) return { status: 'failed', error };
      if (!(error instanceof KerberosError)) throw error;
      // Like MIT krb5, without a minor status: there is no mechanism yet that could have one.
      const { message, hint } = error;
      const defective = new GssError('GSS_S_DEFECTIVE_TOKEN', {
        message,
        cause: error,
        ...(hint !== undefined && { hint }),
      });
      return { status: 'failed', error: defective };
    }
  }

  #choose(token: Uint8Array, unframed: UnframedToken | undefined): MechanismHandshake {
    const { mechanisms } = this.#settings;
    const negotiates = mechanisms.includes(Mechanism.spnego);
    // An empty token asks which mechanisms there are (MS-SPNG §3.2.5.2).
    if (token.length === 0 && negotiates) return this.#negotiation();
    refuseForeignToken(token);
    if (isUnframedNegToken(token) && negotiates) return this.#negotiation();
    // To take off a header that is not there says what is wrong with the token.
    const mechanism = isUnframedApReq(token)
      ? Mechanism.krb5
      : (unframed ?? unframeToken(token)).mechanism;
    if (mechanism === Mechanism.spnego && negotiates) return this.#negotiation();
    if (isKrb5Mechanism(mechanism) && this.#takesRaw()) return this.#krb5();
    if (mechanism === Mechanism.ntlmssp || mechanism === Mechanism.negoex) {
      throw explainForeignOffer([mechanism]);
    }
    // MIT krb5: a mechanism that we have, but no credential for, is another failure than one that
    // nobody here has heard of.
    const known = OFFERED.includes(mechanism) || mechanism === Mechanism.iakerb;
    throw new GssError(known ? 'GSS_S_NO_CRED' : 'GSS_S_BAD_MECH', {
      hint: `the client uses ${mechanismName(mechanism)}; accepted: ${mechanisms.map(mechanismName).join(', ')}`,
    });
  }

  #takesRaw(): boolean {
    return this.#settings.mechanisms.some(isKrb5Mechanism);
  }

  #krb5(): Krb5Handshake {
    return new Krb5Handshake(this.#settings, this.#options, this.#patience);
  }

  #negotiation(): SpnegoHandshake<SecurityContext> {
    return new SpnegoHandshake(this.#negotiable(), this.#takesRaw());
  }

  #negotiable(): readonly NegotiableMechanism<SecurityContext>[] {
    const settings = this.#settings;
    const { randomOfContext, credential } = settings;
    const krb5: NegotiableMechanism<SecurityContext> = {
      oids: [Mechanism.krb5, Mechanism.msKrb5, Mechanism.oldKrb5],
      begin: () => this.#krb5(),
      restore: (reader) => Krb5Handshake.restore(reader, settings, this.#options, this.#patience),
      saveContext: SecurityContext.save,
      restoreContext: (reader) =>
        new SecurityContext(
          readPendingContext(reader, { crypto: credential.crypto, random: randomOfContext() }),
        ),
    };
    return [krb5];
  }
}

// In an exported handshake.
const MechanismKind = { none: 0, krb5: 1, spnego: 2 } as const;
