/// <reference lib="esnext.disposable" preserve="true" />
/** Acceptors, which are long-lived and shared by all connections, and the exchanges that they begin. */
import { Patience } from './ap/patience.ts';
import { plainBytes } from './bytes.ts';
import { SecurityContext } from './context/context.ts';
import type { CryptoProvider } from './crypto/provider.ts';
import type { KerberosError } from './errors.ts';
import { loadTexts } from './errors.ts';
import { GssError } from './gss/status.ts';
import type { WaitingExchange } from './handshake-export.ts';
import { exportHandshake, importHandshake, Kind } from './handshake-export.ts';
import type { HandshakeState, Step } from './handshake-state.ts';
import { disposeContext, disposeState, FIRST_TOKEN } from './handshake-state.ts';
import { advanceOver, refuseUnanswered } from './handshake-step.ts';
import { iakerb } from './iakerb/mechanism.ts';
import { settingsOf } from './krb5/default-settings.ts';
import { kerberos } from './krb5/handshake.ts';
import { contextFactsOf, explainAbandonment } from './krb5/observation.ts';
import type {
  AcceptOptions,
  AcceptorOptions,
  AcceptorSettings,
  AcceptResult,
  Exchange,
  HandshakeOptions,
} from './krb5/settings.ts';
import { ACCEPT_OPTIONS, ACCEPTOR_OPTIONS, HANDSHAKE_OPTIONS } from './krb5/settings.ts';
import type { Observer, RequestFacts } from './observe/observer.ts';
import type { AcceptorReport } from './observe/report.ts';
import type { AcceptorStatistics } from './observe/statistics.ts';
import { checkOptions } from './options.ts';
import { TokenAssembler } from './spnego/token-assembler.ts';

/**
 * Makes an acceptor.
 *
 * @throws TypeError, RangeError for unknown or invalid options.
 *
 * @example
 * ```ts
 * import type { AcceptorCredential } from 'krb5-acceptor';
 * import { ContextFlag, createAcceptor } from 'krb5-acceptor';
 *
 * export async function whoIs(credential: AcceptorCredential, token: Uint8Array) {
 *   const acceptor = createAcceptor({ credential, requiredFlags: ContextFlag.mutual });
 *   const result = await acceptor.begin().accept(token);
 *   return result.status === 'complete' ? `${result.context.initiator}` : undefined;
 * }
 * ```
 */
export function createAcceptor(options: AcceptorOptions): Acceptor {
  return new Acceptor(options);
}

/**
 * Made by {@link createAcceptor}. It caches the decrypted tickets of returning clients, so make one
 * acceptor and use it for all exchanges. Dispose of it when no more clients are served.
 */
export class Acceptor {
  readonly #settings: AcceptorSettings;
  #disposed = false;

  /** @internal */
  constructor(options: AcceptorOptions) {
    checkOptions('createAcceptor', options, ACCEPTOR_OPTIONS);
    this.#settings = settingsOf(options);
  }

  /** @internal The options with their defaults. */
  get settings(): AcceptorSettings {
    return this.#settings;
  }

  /** The credential in use. */
  get credential(): AcceptorOptions['credential'] {
    return this.#settings.credential;
  }

  /**
   * The cryptography in use, that of the credential. `crypto.backend.name` says whose primitives they
   * are: `'node'` (the runtime's own `node:crypto`) or `'noble'`.
   */
  get crypto(): CryptoProvider {
    return this.#settings.credential.crypto;
  }

  /** What this acceptor has counted since it was made: a copy. */
  get statistics(): AcceptorStatistics {
    const { observer, credential } = this.#settings;
    return { ...observer.statistics, warnings: credential.warnings };
  }

  /**
   * Reports what clients have used that is weak or risky since this acceptor was made: who breaks if RC4
   * is switched off, channel bindings are required or NTLM is not tolerated, and which keys nobody uses.
   *
   * @returns A copy, with at most 4096 clients and 1024 addresses.
   */
  report(): AcceptorReport {
    return this.#settings.observer.report(this.#settings.credential.keytab);
  }

  /** @internal */
  get observer(): Observer {
    return this.#settings.observer;
  }

  /**
   * Begins the exchange of one connection.
   *
   * @throws TypeError, RangeError for unknown or invalid options.
   */
  begin(options: HandshakeOptions = NO_OPTIONS): Handshake {
    this.#checkUsable();
    if (options !== NO_OPTIONS) checkOptions('begin', options, HANDSHAKE_OPTIONS);
    const assembler = options.reassemble === true ? new TokenAssembler() : undefined;
    return new Handshake(this.#settings, { options, assembler, state: FIRST_TOKEN });
  }

  /**
   * Continues an exchange that {@link Handshake.export} wrote, in this or another process. The
   * acceptor should have the options of the exporting one. The bytes must be resumed only once.
   *
   * @param bytes - Copied; the caller wipes its own.
   * @param options - Options that differ from those of {@link begin}, such as the channel.
   * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN if the bytes were altered or are of another version.
   *   What an acceptor with other options cannot use, such as a key of an enctype that it lacks, fails
   *   the next {@link Handshake.accept} with that code.
   * @throws TypeError, RangeError for unknown or invalid options.
   */
  resume(bytes: Uint8Array, options: HandshakeOptions = {}): Handshake {
    this.#checkUsable();
    checkOptions('resume', options, HANDSHAKE_OPTIONS);
    const waiting = importHandshake(plainBytes(bytes, 'bytes'), this.crypto, options);
    return new Handshake(this.#settings, waiting);
  }

  /**
   * Wipes the session keys of cached tickets. No further exchange can begin; exchanges that have
   * begun continue. The credential and the replay cache stay the caller's.
   */
  dispose(): void {
    this.#disposed = true;
    this.#settings.openedTickets.dispose();
  }

  /** Disposes of it at the end of a `using` block. */
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
  /** Meaningful only while the phase is `ready`, or after an abort in that phase. */
  #state: HandshakeState;
  #phase: 'ready' | 'busy' | 'done' = 'ready';
  #whyLeft: GssError | undefined;

  /** @internal */
  constructor(settings: AcceptorSettings, { options, assembler, state }: WaitingExchange) {
    this.#exchange = {
      settings,
      options,
      patience: new Patience(settings.waits),
      trace: settings.observer.trace,
      opened: undefined,
      request: NOTHING_KNOWN,
    };
    this.#assembler = assembler;
    this.#state = state;
  }

  /**
   * GSS_Accept_sec_context (RFC 2743 §2.2.2): takes the initiator's next token. Call it until the
   * status is not `continue`, and send each `outputToken` to the initiator, even after a failure.
   *
   * @param token - As received; must not change before the promise is settled.
   * @param options - Its `signal` replaces the handshake's own for this call.
   * @throws TypeError if called out of turn or with no bytes. What the peer sends never throws.
   */
  async accept(token: Uint8Array, options?: AcceptOptions): Promise<AcceptResult> {
    const bytes = plainBytes(token, 'token');
    if (options !== undefined) checkOptions('accept', options, ACCEPT_OPTIONS);
    const { patience, options: own } = this.#exchange;
    if (this.#phase === 'busy') {
      throw new TypeError('handshake: expected one token at a time, got another before the answer');
    }
    if (this.#phase === 'done' && patience.aborted === undefined) {
      throw new TypeError('handshake: expected no further token, got one after the end');
    }
    patience.signal = options?.signal ?? own.signal;
    if (patience.aborted !== undefined) return await this.#giveUp(patience.aborted);
    this.#phase = 'busy';
    this.#exchange.trace?.(`Received token of ${bytes.length} bytes`);
    const step = await this.#take(bytes);
    const loading = hasError(step) ? this.#loadTexts() : undefined;
    if (loading !== undefined) await loading;
    if (patience.aborted !== undefined && step.status !== 'failed') {
      if (step.status === 'complete') disposeContext(step.context);
      else this.#state = step.next;
      return await this.#giveUp(patience.aborted);
    }
    return this.#conclude(step);
  }

  /**
   * Ends the exchange and wipes its keys. Call it when the initiator disconnects before the end. A
   * token in progress fails; an established context is not affected.
   *
   * @param reason - The `cause` of that failure.
   */
  abort(reason?: unknown): void {
    if (this.#phase === 'done') return;
    this.#exchange.patience.abort(reason);
    // A token in progress fails by itself, because its waiting was aborted.
    if (this.#phase !== 'ready') return;
    const { settings, options } = this.#exchange;
    this.#whyLeft = this.abandonment;
    this.#dispose();
    if (this.#whyLeft !== undefined) {
      settings.observer.abandoned(this.#whyLeft, options.peerAddress);
    }
  }

  /** Disposes of it at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.abort();
  }

  /**
   * Moves the exchange into bytes, for {@link Acceptor.resume}; this object is then of no further
   * use. RFC 2743 has no such call: it exports only established contexts.
   *
   * The bytes are secret: they may contain the keys of a context and delegated tickets. Anyone who can
   * alter the bytes can impersonate any client. Store them like keys, and no longer than a client
   * waits.
   *
   * @returns A new buffer, the caller's to wipe.
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
   * The probable reason if the client abandons this exchange: it preferred NTLM, NegoEx or IAKERB, perhaps
   * because it has no ticket, and was asked for Kerberos, which it offers too. `GSS_S_BAD_MECH`, for the
   * first two with the minor `NTLM_RECEIVED` or `NEGOEX_RECEIVED`; undefined for a client that preferred
   * Kerberos, and once the client has sent its next token.
   */
  get foreignChoice(): GssError | undefined {
    const state = this.#state;
    return state.at === 'negotiating' ? state.foreignChoice : undefined;
  }

  /** @internal Whether IAKERB waits for a token, which has the header of a first one. */
  get isRelaying(): boolean {
    const state = this.#state;
    return state.at === 'exported' ? state.bytes[0] === Kind.relaying : state.at === 'relaying';
  }

  /**
   * The probable reason if the client goes away now, in the middle of the exchange: {@link foreignChoice},
   * the failure after which another mechanism was proposed (Late Fallback), the missing third leg of DCE
   * style, or else that it did not answer. Undefined before the first token and after the end.
   */
  get abandonment(): GssError | undefined {
    return this.#phase === 'ready' ? explainAbandonment(this.#state) : undefined;
  }

  /** @internal The {@link abandonment} at the time of {@link abort}; undefined before. */
  get whyLeft(): GssError | undefined {
    return this.#whyLeft;
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
    const { relay } = this.#exchange.settings;
    return (relay === undefined ? advance : advanceOrRelay)(state, token, this.#exchange);
  }

  #conclude(step: Step): AcceptResult {
    this.#phase = step.status === 'continue' ? 'ready' : 'done';
    const { settings, options, trace } = this.#exchange;
    switch (step.status) {
      case 'complete': {
        const context = new SecurityContext(step.context);
        const { outputToken } = step;
        settings.observer.accepted(
          contextFactsOf(step.context, context, this.#exchange),
          context.pacError,
        );
        trace?.(`Accepted ${context.initiator.text} for ${context.ticket.server}`);
        if (outputToken === undefined) return { status: 'complete', context };
        return { status: 'complete', context, outputToken };
      }
      case 'continue': {
        const { next, outputToken } = step;
        this.#state = next;
        // An empty token asks for the next piece of the same one.
        if (outputToken.length > 0) {
          settings.observer.challenged(this.foreignChoice, options.peerAddress);
        }
        trace?.(`Answered with a token of ${outputToken.length} bytes; another one is awaited`);
        return { status: 'continue', outputToken };
      }
      case 'failed':
        return this.#refuse(step);
    }
  }

  #refuse(failure: Step & { readonly status: 'failed' }): AcceptResult {
    const { settings, options, request, trace } = this.#exchange;
    settings.observer.refused(failure.error, request, options.peerAddress);
    trace?.(`Refused: ${failure.error.message}`);
    return { ...failure, request };
  }

  async #giveUp(minor: KerberosError): Promise<AcceptResult> {
    this.#dispose();
    await this.#loadTexts();
    return this.#refuse({ status: 'failed', error: new GssError('GSS_S_FAILURE', { minor }) });
  }

  /** Bounded like all loading; without the texts errors keep MIT's words. */
  #loadTexts(): Promise<unknown> | undefined {
    const { waits } = this.#exchange.settings;
    const loading = loadTexts();
    // A patience of its own: the error of an exchange that was aborted is explained, too.
    return loading && new Patience(waits).wait(loading, waits.modules).catch(() => undefined);
  }

  #dispose(): void {
    this.#phase = 'done';
    disposeState(this.#state);
  }
}

/** Whether a step has an error that somebody will read, even after a success. */
function hasError(step: Step): boolean {
  switch (step.status) {
    case 'failed':
      return true;
    case 'complete':
      return step.context.vouched.pacError !== undefined;
    case 'continue':
      return (
        step.next.at === 'negotiating' &&
        (step.next.foreignChoice ?? step.next.late?.failure) !== undefined
      );
  }
}

const advance = advanceOver([kerberos]);
const advanceOrRelay = advanceOver([kerberos, iakerb]);

const NO_OPTIONS: HandshakeOptions = {};
const NOTHING_KNOWN: RequestFacts = {};
