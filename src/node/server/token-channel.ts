/** Tokens over a socket: frames in and out, one at a time, with timeouts and an orderly end. */
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Frame, FrameBudget, Framing, Truncation } from './token-frame.ts';
import { encodeFrame, FrameError, FrameParser } from './token-frame.ts';

/** Why a token could not be received or sent. */
export type ChannelFailure =
  /** The peer closed the connection; between two tokens if `truncation.read` is 0. */
  | { readonly reason: 'ended'; readonly truncation: Truncation }
  /** `limit` says what the peer exceeded; `truncation` is there if a token was awaited. */
  | { readonly reason: 'timeout'; readonly limit: string; readonly truncation?: Truncation }
  | { readonly reason: 'too-long'; readonly text: string }
  /** The system's error, `ECONNRESET`, and the part of a token that was on its way. */
  | { readonly reason: 'read-error'; readonly part: Truncation['part']; readonly error: Error }
  | { readonly reason: 'write-error'; readonly error: Error }
  /** Too many connections: this one was not authenticated, and gave way to another. */
  | { readonly reason: 'displaced' }
  /** This side gave the connection up: the server is closing. */
  | { readonly reason: 'aborted' };

export class ChannelError extends Error {
  override readonly name: string = 'ChannelError';
  readonly failure: ChannelFailure;

  constructor(failure: ChannelFailure) {
    super(`token channel: ${failure.reason}`);
    this.failure = failure;
  }
}

export interface TokenChannelOptions {
  /** Milliseconds without progress. */
  readonly idleTimeout: number;
  /** Longest token, in bytes; {@link TokenChannel.maxToken} may change it. */
  readonly maxToken: number;
  readonly budget: FrameBudget;
}

/**
 * The socket must be made with `allowHalfOpen`. At most one receive or send is under way at a
 * time; nothing is read ahead beyond the socket's own buffer, so a peer that floods or does not
 * read fills its own buffers only.
 */
export class TokenChannel {
  /** Settles, never rejects, when the socket is closed. */
  readonly closed: Promise<undefined>;
  readonly #socket: Socket;
  readonly #parser: FrameParser;
  readonly #idleTimeout: number;
  #ended = false;
  #error: Error | undefined;
  #given: ChannelFailure | undefined;
  #wake: (() => void) | undefined;
  #receiving = false;
  #framesInTurn = 0;

  constructor(socket: Socket, options: TokenChannelOptions) {
    this.#socket = socket;
    this.#parser = new FrameParser(options.maxToken, options.budget);
    this.#idleTimeout = options.idleTimeout;
    // One write is one token: waiting for more to send (Nagle) only costs the peer 40 ms.
    socket.setNoDelay(true);
    socket.on('readable', () => this.#wake?.());
    socket.on('end', () => {
      this.#ended = true;
      this.#wake?.();
    });
    socket.on('error', (error) => {
      this.#error = error;
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#parser.dispose();
        this.#wake?.();
        resolve(undefined);
      });
    });
  }

  /** Known after the first token. */
  get framing(): Framing | undefined {
    return this.#parser.framing;
  }

  set maxToken(bytes: number) {
    this.#parser.maxLength = bytes;
  }

  /**
   * The next token.
   *
   * @throws {@link ChannelError}
   */
  async receive(): Promise<Frame> {
    const timer = setTimeout(
      () => this.expire(`${this.#idleTimeout / 1000} seconds without a token`),
      this.#idleTimeout,
    );
    let progress = 0;
    this.#receiving = true;
    try {
      for (;;) {
        if (this.#given !== undefined) throw new ChannelError(this.#given);
        const frame = this.#nextFrame();
        if (frame !== undefined) {
          await this.#yieldSometimes();
          return frame;
        }
        const chunk = this.#socket.read() as Buffer | null;
        if (chunk === null) {
          await this.#moreBytes();
          continue;
        }
        // A Buffer's slice() is a view, a Uint8Array's a copy: the core counts on the latter.
        this.#parser.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
        progress += chunk.length;
        // A trickle is not progress: a large token may take its time, a small one may not.
        if (progress >= PROGRESS) {
          progress = 0;
          timer.refresh();
        }
      }
    } finally {
      this.#receiving = false;
      clearTimeout(timer);
    }
  }

  /**
   * Sends a token; resolves when the system has taken all of it.
   *
   * @throws {@link ChannelError}
   */
  async send(flags: number, data: Uint8Array): Promise<void> {
    const frame = encodeFrame(this.framing ?? 'v2', flags, data);
    const timer = setTimeout(
      () => this.expire(`${this.#idleTimeout / 1000} seconds without the peer reading`),
      this.#idleTimeout,
    );
    try {
      await new Promise<void>((resolve, reject) => {
        this.#socket.write(frame, (error) => (error ? reject(error) : resolve()));
      });
    } catch (error) {
      throw new ChannelError(
        this.#given ?? { reason: 'write-error', error: this.#error ?? (error as Error) },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Waits for something else than the peer, as long as there is a connection.
   *
   * @throws {@link ChannelError} if it is closed first; what `work` says then, nobody hears.
   */
  async whileOpen<T>(work: Promise<T>): Promise<T> {
    const done = await Promise.race([work.then((value) => ({ value })), this.closed]);
    if (done === undefined) throw new ChannelError(this.#given ?? { reason: 'aborted' });
    return done.value;
  }

  /** Gives up on a peer that took too long. `limit` says what it exceeded. */
  expire(limit: string): void {
    const truncation = this.#receiving ? { truncation: this.#parser.truncation() } : {};
    this.#giveUp({ reason: 'timeout', limit, ...truncation });
  }

  /** Drops the connection for the sake of another. */
  giveWay(): void {
    this.#giveUp({ reason: 'displaced' });
  }

  /** Drops the connection at once. */
  abort(): void {
    this.#giveUp({ reason: 'aborted' });
  }

  /**
   * Ends the connection so that what was sent still arrives: what the peer goes on sending is
   * read and thrown away for a moment, for closing a socket with unread bytes resets it.
   */
  end(): void {
    if (this.#socket.destroyed) return;
    this.#parser.dispose();
    this.#wake = () => {
      while (this.#socket.read() !== null);
    };
    this.#wake();
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), LINGER);
    void this.closed.then(() => clearTimeout(timer));
  }

  #giveUp(failure: ChannelFailure): void {
    this.#given ??= failure;
    this.#socket.destroy();
    this.#wake?.();
  }

  #nextFrame(): Frame | undefined {
    try {
      return this.#parser.next();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      throw new ChannelError({ reason: 'too-long', text: error.message });
    }
  }

  async #moreBytes(): Promise<void> {
    this.#throwIfOver();
    this.#framesInTurn = 0;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  #throwIfOver(): void {
    if (!this.#ended && !this.#socket.destroyed) return;
    const truncation = this.#parser.truncation();
    throw new ChannelError(
      this.#given ??
        (this.#error === undefined
          ? { reason: 'ended', truncation }
          : { reason: 'read-error', part: truncation.part, error: this.#error }),
    );
  }

  /** A chunk may hold thousands of small tokens: other connections get their turn in between. */
  async #yieldSometimes(): Promise<void> {
    if (++this.#framesInTurn < FRAMES_PER_TURN) return;
    this.#framesInTurn = 0;
    await nextTurn();
  }
}

const PROGRESS = 65_536;
const LINGER = 1000;
const FRAMES_PER_TURN = 32;
