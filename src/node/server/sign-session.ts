/**
 * One session of the gss-sample server: accepts a context, then unwraps and signs messages until the
 * client has finished.
 */
import type { Acceptor, Handshake } from '../../acceptor.ts';
import type { SecurityContext } from '../../context/context.ts';
import type { ImportOptions } from '../../context/import.ts';
import { explain } from '../../errors.ts';
import { GssError } from '../../gss/status.ts';
import type { AcceptResult } from '../../krb5/settings.ts';
import type { HostAddress } from '../../messages/primitives.ts';
import type { ConnectionEvent, GssStage } from './events.ts';
import type { TokenChannel } from './token-channel.ts';
import { ChannelError } from './token-channel.ts';
import type { Frame, Framing } from './token-frame.ts';
import { TokenFlag } from './token-frame.ts';

/** Options of {@link SignSession}. */
export interface SignSessionOptions {
  readonly acceptor: Acceptor;
  /** Refuse clients that do not ask for a context. */
  readonly requireAuthentication: boolean;
  /** The client's address, for an acceptor with `checkAddresses`. */
  readonly peerAddress?: HostAddress;
  /** Export and import the context before the first message; v1 sessions always do. */
  readonly exportContext: boolean;
  /** GSS_Import_sec_context. */
  readonly importContext: (exported: Uint8Array, options: ImportOptions) => SecurityContext;
  /** Milliseconds until the context must be established. */
  readonly handshakeTimeout: number;
  /** Longest token before the context is established, in bytes. */
  readonly maxContextToken: number;
  /** Longest token after that, in bytes. */
  readonly maxToken: number;
  /**
   * Calls when it is this client's turn, now or later.
   *
   * @param isFurther - Whether the call is not the first one of this client.
   * @returns Withdraws a call that waits; undefined if it was made.
   */
  readonly inTurn: (call: () => void, isFurther: boolean) => (() => void) | undefined;
  readonly onEvent: (event: ConnectionEvent) => void;
}

/** Serves one client. A failure is an event and ends the session. */
export class SignSession {
  readonly #channel: TokenChannel;
  readonly #options: SignSessionOptions;
  #handshake: Handshake | undefined;
  #context: SecurityContext | undefined;
  #sendingContextToken = false;
  #abandoned = false;

  constructor(channel: TokenChannel, options: SignSessionOptions) {
    this.#channel = channel;
    this.#options = options;
  }

  /** Resolves when the session is over; the caller closes the connection. Rejects for internal errors. */
  async run(): Promise<void> {
    try {
      if (!(await this.#establish())) return;
      if (this.#context !== undefined && this.#mustExport()) this.#exportAndImport();
      while (await this.#serveMessage());
    } catch (error) {
      await this.#report(error);
    } finally {
      this.#context?.dispose();
      // Wipes the keys of an unfinished handshake, and stops its wait for a keytab or replay cache.
      this.#handshake?.abort();
    }
  }

  async #establish(): Promise<boolean> {
    const { handshakeTimeout, maxContextToken, maxToken } = this.#options;
    this.#channel.maxToken = maxContextToken;
    const timer = setTimeout(
      () => this.#channel.expire(`${handshakeTimeout / 1000} seconds without a context`),
      handshakeTimeout,
    );
    try {
      return await this.#acceptContext();
    } finally {
      // An unauthenticated client stays within the limits of the handshake for its whole session; the
      // timer ends with the connection.
      if (this.#context === undefined) void this.#channel.closed.then(() => clearTimeout(timer));
      else {
        clearTimeout(timer);
        this.#channel.maxToken = maxToken;
      }
    }
  }

  /** @returns Whether the session continues: with a context, or without one where that is permitted. */
  async #acceptContext(): Promise<boolean> {
    const first = await this.#channel.receive();
    if (this.#framing === 'v1') return this.#shakeHands(first);
    if ((first.flags & TokenFlag.noop) === 0) {
      this.#emit({ type: 'noop-expected', flags: first.flags });
      return false;
    }
    if ((first.flags & TokenFlag.contextNext) !== 0) {
      return this.#shakeHands(await this.#channel.receive());
    }
    if (this.#options.requireAuthentication) {
      this.#emit({ type: 'unauthenticated-refused' });
      return false;
    }
    this.#emit({ type: 'accepted-unauthenticated' });
    return true;
  }

  /** @returns Whether a context was established. */
  async #shakeHands(first: Frame): Promise<boolean> {
    let frame = first;
    let isFurther = false;
    const { acceptor, peerAddress } = this.#options;
    const handshake = acceptor.begin(peerAddress === undefined ? {} : { peerAddress });
    this.#handshake = handshake;
    for (;;) {
      this.#emit({ type: 'context-token-received', token: frame.data });
      const result = await this.#accept(handshake, frame.data, isFurther);
      isFurther = true;
      if (result.status === 'complete') {
        // Held from now on: it is disposed of even if the client does not take the last token.
        this.#context = result.context;
        // This server does not act for the client.
        result.context.delegatedCredential?.dispose();
      }
      await this.#sendContextToken(result);
      if (result.status === 'failed') {
        const { error, request = {} } = result;
        this.#emit({ type: 'gss-error', stage: 'accepting context', error, request });
        return false;
      }
      this.#emit({ type: 'context-step', complete: result.status === 'complete' });
      if (result.status === 'complete') {
        this.#emit({ type: 'accepted', context: result.context, framing: this.#framing });
        return true;
      }
      frame = await this.#channel.receive().catch(async (error: unknown) => {
        await this.#abandon(handshake);
        throw error;
      });
    }
  }

  /** Reports a client that closed in the middle of the handshake, perhaps because it prefers NTLM. */
  async #abandon(handshake: Handshake): Promise<void> {
    const error = handshake.abandonment;
    handshake.abort();
    if (error === undefined) return;
    this.#abandoned = true;
    this.#emit({ type: 'abandoned', error: await explain(error) });
  }

  /** Accepts a token while the connection is open; a late result is disposed of. */
  async #accept(
    handshake: Handshake,
    token: Uint8Array,
    isFurther: boolean,
  ): Promise<AcceptResult> {
    let withdraw: (() => void) | undefined;
    const accepting = new Promise<AcceptResult>((resolve) => {
      withdraw = this.#options.inTurn(() => resolve(handshake.accept(token)), isFurther);
    });
    try {
      return await this.#channel.whileOpen(accepting);
    } catch (error) {
      withdraw?.();
      accepting.then(
        (late) => {
          if (late.status !== 'complete') return;
          late.context.delegatedCredential?.dispose();
          late.context.dispose();
        },
        () => {},
      );
      throw error;
    }
  }

  /** Sends the token, also that of a failure, which gives the peer the reason. */
  async #sendContextToken(result: AcceptResult): Promise<void> {
    const token = result.outputToken;
    if (token === undefined || token.length === 0) return;
    this.#emit({ type: 'context-token-sending', token });
    this.#sendingContextToken = true;
    await this.#channel.send(TokenFlag.context, token);
    this.#sendingContextToken = false;
  }

  /** Known after the first token. */
  get #framing(): Framing {
    return this.#channel.framing!;
  }

  #mustExport(): boolean {
    return this.#options.exportContext || this.#framing === 'v1';
  }

  #exportAndImport(): void {
    for (let i = 0; i < EXPORTS; i++) {
      const started = performance.now();
      const { crypto } = this.#gss('exporting context', (context) => context.sessionKey);
      const exported = this.#gss('exporting context', (context) => context.export());
      const between = performance.now();
      this.#emit({
        type: 'exported',
        bytes: exported.length,
        seconds: (between - started) / 1000,
      });
      this.#context = this.#gss('importing context', () =>
        this.#options.importContext(exported, { crypto }),
      );
      this.#emit({ type: 'imported', seconds: (performance.now() - between) / 1000 });
    }
  }

  /** @returns Whether the client may send another message. */
  async #serveMessage(): Promise<boolean> {
    const frame = await this.#receiveMessage();
    if (frame === undefined) return false;
    const flags = this.#framing === 'v1' ? GUIDE_FLAGS : frame.flags;
    this.#emit({ type: 'message-token', flags: frame.flags, token: frame.data });
    if (this.#context === undefined && (flags & AUTHENTICATED_SERVICES) !== 0) {
      this.#emit({ type: 'unauthenticated-request' });
      return false;
    }
    const { message, notEncrypted } = this.#unwrap(flags, frame.data);
    this.#emit({ type: 'message', message, notEncrypted });
    if ((flags & TokenFlag.sendMic) === 0) {
      await this.#channel.send(TokenFlag.noop, EMPTY);
      return true;
    }
    const mic = this.#gss('signing message', (context) => context.getMic(message));
    await this.#channel.send(TokenFlag.mic, mic);
    return true;
  }

  async #receiveMessage(): Promise<Frame | undefined> {
    const framing = this.#framing;
    const frame = await this.#channel.receive().catch((error: unknown) => {
      // The guide's client sends no NOOP: it closes the connection.
      if (framing === 'v1' && isCleanEnd(error)) return undefined;
      throw error;
    });
    if (frame !== undefined && (frame.flags & TokenFlag.noop) === 0) return frame;
    this.#emit({ type: 'finished', framing });
    return undefined;
  }

  #unwrap(flags: number, token: Uint8Array): { message: Uint8Array; notEncrypted: boolean } {
    if ((flags & TokenFlag.wrapped) === 0) return { message: token, notEncrypted: false };
    return this.#gss('unsealing message', (context) => {
      const unwrapped = context.unwrap(token);
      const { sequence, numbers } = unwrapped;
      if (sequence !== 'ok') {
        const refusal = { reason: `message.${sequence}`, detail: numbers } as const;
        throw new GssError(SEQUENCE_ERRORS[sequence], refusal);
      }
      const notEncrypted = !unwrapped.confidential && (flags & TokenFlag.encrypted) !== 0;
      return { message: unwrapped.message, notEncrypted };
    });
  }

  #gss<T>(stage: GssStage, call: (context: SecurityContext) => T): T {
    if (this.#context === undefined) throw new TypeError('context: expected one, got none');
    try {
      return call(this.#context);
    } catch (error) {
      throw error instanceof GssError ? new StageError(stage, error) : error;
    }
  }

  async #report(error: unknown): Promise<void> {
    if (error instanceof ChannelError) {
      this.#emit({
        type: 'channel-error',
        failure: error.failure,
        sendingContextToken: this.#sendingContextToken,
        ...(this.#abandoned && { abandoned: true }),
      });
    } else if (error instanceof StageError) {
      const { stage, gssError } = error;
      this.#emit({ type: 'gss-error', stage, error: await explain(gssError) });
    } else {
      throw error;
    }
  }

  #emit(event: ConnectionEvent): void {
    this.#options.onEvent(event);
  }
}

/** A GSS call failed at a stage. */
class StageError extends Error {
  readonly stage: GssStage;
  readonly gssError: GssError;

  constructor(stage: GssStage, gssError: GssError) {
    super(stage, { cause: gssError });
    this.stage = stage;
    this.gssError = gssError;
  }
}

function isCleanEnd(error: unknown): boolean {
  if (!(error instanceof ChannelError) || error.failure.reason !== 'ended') return false;
  const { part, read } = error.failure.truncation;
  return part !== 'data' && read === 0;
}

// The guide's server unwraps each message, expects it encrypted, and signs it.
const GUIDE_FLAGS = TokenFlag.wrapped | TokenFlag.encrypted | TokenFlag.sendMic;
const AUTHENTICATED_SERVICES = TokenFlag.wrapped | TokenFlag.encrypted | TokenFlag.sendMic;

// The guide's and MIT's servers refuse messages out of order, although RFC 2743 lets them pass.
const SEQUENCE_ERRORS = {
  duplicate: 'GSS_S_DUPLICATE_TOKEN',
  old: 'GSS_S_OLD_TOKEN',
  unsequenced: 'GSS_S_UNSEQ_TOKEN',
  gap: 'GSS_S_GAP_TOKEN',
} as const;

const EXPORTS = 3;
const EMPTY = new Uint8Array(0);
