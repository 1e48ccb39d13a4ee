/** Sends and receives tokens over a socket, one at a time, with timeouts and an orderly end. */
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Frame, FrameBudget, Framing, Truncation } from './token-frame.ts';
import { encodeFrame, FrameError, FrameParser } from './token-frame.ts';

/** The reason why a token could not be received or sent. */
export type ChannelFailure =
  /** The peer closed the connection, between two tokens if `truncation.read` is 0. */
  | {
      /** Determines the other members. */
      readonly reason: 'ended';
      /** How much of a token had arrived; for `timeout`, absent unless a token was awaited. */
      readonly truncation: Truncation;
      /** The peer had sent nothing at all, as the port checks of load balancers do. */
      readonly probe?: true;
    }
  /** The peer was too slow. */
  | {
      readonly reason: 'timeout';
      /** The time limit that the peer exceeded, as text for the operator. */
      readonly limit: string;
      readonly truncation?: Truncation;
    }
  /** The announced length is above the limit, or memory is short. */
  | {
      readonly reason: 'too-long';
      /** Says which, with the length and the limit in bytes. */
      readonly text: string;
    }
  | {
      readonly reason: 'read-error';
      /** The part of a token that was being read. */
      readonly part: Truncation['part'];
      /** The error of the system, such as `ECONNRESET`. */
      readonly error: Error;
      /** As for `ended`. */
      readonly probe?: true;
    }
  | { readonly reason: 'write-error'; readonly error: Error }
  /** Too many connections: this one was unauthenticated, and another one took its place. */
  | { readonly reason: 'displaced' }
  /** This side closed the connection: the server is stopping. */
  | { readonly reason: 'aborted' };

/** A token could not be received or sent. */
export class ChannelError extends Error {
  override readonly name: string = 'ChannelError';
  readonly failure: ChannelFailure;

  constructor(failure: ChannelFailure) {
    super(`token channel: ${failure.reason}`);
    this.failure = failure;
  }
}

/** Options of a {@link TokenChannel}. */
export interface TokenChannelOptions {
  /** Milliseconds without progress. */
  readonly idleTimeout: number;
  /** Longest token, in bytes; {@link TokenChannel.maxToken} may change it. */
  readonly maxToken: number;
  /** Memory that is shared with the other channels of the server. */
  readonly budget: FrameBudget;
}

/**
 * A channel over a socket that was created with `allowHalfOpen`. At most one receive or send runs at a
 * time. Nothing is read ahead beyond the socket's buffer, so a peer that floods, or does not read,
 * fills its own buffers only.
 */
export class TokenChannel {
  /** Resolves when the socket is closed; never rejects. */
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
    // Each write is a whole token, so Nagle's delay would only cost the peer 40 ms.
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
      // No event comes then.
      if (socket.closed) resolve(undefined);
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
        // A Uint8Array, because the core relies on slice() to copy; a Buffer's slice() is a view.
        this.#parser.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
        progress += chunk.length;
        // Only large tokens may take longer: fewer bytes than this do not extend the timeout.
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
   * Waits for `work` while the connection is open.
   *
   * @throws {@link ChannelError} if the connection is closed first; the result of `work` is then lost.
   */
  whileOpen<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work.then((value) => ({ value })), this.closed]).then((done) => {
      if (done === undefined) throw new ChannelError(this.#given ?? { reason: 'aborted' });
      return done.value;
    });
  }

  /** Drops a peer that took too long; `limit` names the limit that it exceeded. */
  expire(limit: string): void {
    const truncation = this.#receiving ? { truncation: this.#parser.truncation() } : {};
    this.#giveUp({ reason: 'timeout', limit, ...truncation });
  }

  /** Drops the connection, because another one takes its place. */
  giveWay(): void {
    this.#giveUp({ reason: 'displaced' });
  }

  /** Drops the connection at once. */
  abort(): void {
    this.#giveUp({ reason: 'aborted' });
  }

  /**
   * Ends the connection so that all sent data arrives. Further data of the peer is read and discarded
   * for a second, because closing a socket with unread data resets the connection.
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
    const nothingCame = this.#parser.framing === undefined && truncation.part === 'flags';
    const probe = nothingCame ? { probe: true as const } : {};
    throw new ChannelError(
      this.#given ??
        (this.#error === undefined
          ? { reason: 'ended', truncation, ...probe }
          : { reason: 'read-error', part: truncation.part, error: this.#error, ...probe }),
    );
  }

  /** Lets other connections run between the tokens of a chunk, which may be thousands. */
  async #yieldSometimes(): Promise<void> {
    if (++this.#framesInTurn < FRAMES_PER_TURN) return;
    this.#framesInTurn = 0;
    await nextTurn();
  }
}

// Bytes.
const PROGRESS = 65_536;
// Milliseconds.
const LINGER = 1000;
const FRAMES_PER_TURN = 32;
