/// <reference lib="esnext.disposable" preserve="true" />
/** Acceptors: long-lived, shared by all connections; and the exchanges that they begin. */
import { Patience } from './ap/patience.ts';
import { plainBytes } from './bytes.ts';
import { SecurityContext } from './context/context.ts';
import type { KerberosError } from './errors.ts';
import { GssError } from './gss/status.ts';
import type { WaitingExchange } from './handshake-export.ts';
import { exportHandshake, importHandshake } from './handshake-export.ts';
import type { HandshakeState, Step } from './handshake-state.ts';
import { disposeContext, disposeState, FIRST_TOKEN } from './handshake-state.ts';
import { advanceOver, refuseUnanswered } from './handshake-step.ts';
import { settingsOf } from './krb5/default-settings.ts';
import { kerberos } from './krb5/handshake.ts';
import type {
  AcceptOptions,
  AcceptorOptions,
  AcceptorSettings,
  AcceptResult,
  Exchange,
  HandshakeOptions,
} from './krb5/settings.ts';
import { ACCEPT_OPTIONS, ACCEPTOR_OPTIONS, HANDSHAKE_OPTIONS } from './krb5/settings.ts';
import { checkOptions } from './options.ts';
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
    const assembler = options.reassemble === true ? new TokenAssembler() : undefined;
    return new Handshake(this.#settings, { options, assembler, state: FIRST_TOKEN });
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
    const settings = this.#settings;
    return new Handshake(settings, importHandshake(plainBytes(bytes, 'bytes'), settings, options));
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
  readonly #exchange: Exchange;
  readonly #assembler: TokenAssembler | undefined;
  /** Of no meaning while a token is being taken; after the end, the last one. */
  #state: HandshakeState;
  #phase: 'ready' | 'busy' | 'done' = 'ready';

  /** @internal */
  constructor(settings: AcceptorSettings, { options, assembler, state }: WaitingExchange) {
    this.#exchange = { settings, options, patience: new Patience(settings.waits) };
    this.#assembler = assembler;
    this.#state = state;
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
    const { patience, options: own } = this.#exchange;
    patience.signal = options?.signal ?? own.signal;
    if (patience.aborted !== undefined) return this.#giveUp(patience.aborted);
    if (this.#phase !== 'ready') {
      throw new TypeError(
        this.#phase === 'done'
          ? 'handshake: expected no further token, got one after the end'
          : 'handshake: expected one token at a time, got another before the answer',
      );
    }
    this.#phase = 'busy';
    const step = await this.#take(bytes);
    if (patience.aborted !== undefined && step.status !== 'failed') {
      if (step.status === 'complete') disposeContext(step.context);
      else this.#state = step.next;
      return this.#giveUp(patience.aborted);
    }
    return this.#conclude(step);
  }

  /**
   * Ends the exchange, and wipes what it holds: to be called when the peer goes away before the
   * end. A token that is being taken fails; a context that is established is not touched.
   *
   * @param reason - Becomes the `cause` of that failure.
   */
  abort(reason?: unknown): void {
    if (this.#phase === 'done') return;
    this.#exchange.patience.abort(reason);
    // What takes a token at present ends by itself.
    if (this.#phase === 'ready') this.#dispose();
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
    if (this.#phase !== 'ready') {
      throw new TypeError('handshake: expected one that waits for a token, got one that does not');
    }
    this.#phase = 'done';
    const { options, settings } = this.#exchange;
    const waiting = { options, assembler: this.#assembler, state: this.#state };
    return exportHandshake(waiting, settings.credential.crypto);
  }

  /**
   * What to tell the operator if the client does not go on with this exchange: it would rather have
   * used NTLM or NegoEx, perhaps because it has no ticket, and was asked for Kerberos, which it offers
   * too. `GSS_S_BAD_MECH` with the minor `NTLM_RECEIVED` or `NEGOEX_RECEIVED`; undefined for a client
   * that chose Kerberos itself, and once it has sent its next token.
   */
  get foreignChoice(): GssError | undefined {
    const state = this.#state;
    return state.at === 'negotiating' ? state.foreignChoice : undefined;
  }

  #take(piece: Uint8Array): Promise<Step> | Step {
    const state = this.#state;
    let token: Uint8Array | undefined = piece;
    if (this.#assembler !== undefined) {
      try {
        token = this.#assembler.add(piece);
      } catch (error) {
        disposeState(state);
        return refuseUnanswered(error);
      }
      // MS-SPNG §3.1.5.4: a piece of a longer token is answered with an empty one.
      if (token === undefined) {
        return { status: 'continue', outputToken: new Uint8Array(), next: state };
      }
    }
    this.#state = FIRST_TOKEN;
    return advance(state, token, this.#exchange);
  }

  #conclude(step: Step): AcceptResult {
    this.#phase = step.status === 'continue' ? 'ready' : 'done';
    switch (step.status) {
      case 'complete': {
        const context = new SecurityContext(step.context);
        const { outputToken } = step;
        if (outputToken === undefined) return { status: 'complete', context };
        return { status: 'complete', context, outputToken };
      }
      case 'continue':
        this.#state = step.next;
        return { status: 'continue', outputToken: step.outputToken };
      case 'failed':
        return step;
    }
  }

  #giveUp(minor: KerberosError): AcceptResult {
    this.#dispose();
    return { status: 'failed', error: new GssError('GSS_S_FAILURE', { minor }) };
  }

  #dispose(): void {
    this.#phase = 'done';
    disposeState(this.#state);
  }
}

const advance = advanceOver([kerberos]);
