/** A connection of Node.js in the security layer of SASL. */
import { Duplex } from 'node:stream';
import type { OptionRules } from '../options.ts';
import { bytes, checkOptions, isPlainObject } from '../options.ts';
import { SaslSession } from '../sasl/session.ts';

/** Options of {@link saslSocket}. */
export interface SaslSocketOptions {
  /** Bytes that arrived behind the client's last response, and so are frames already. */
  readonly head?: Uint8Array;
}

/**
 * The plain side of a connection, from the first byte after authentication: what is written is wrapped,
 * and what is read has been unwrapped. With the layer `none` bytes pass unchanged.
 *
 * @param socket - Nothing else may read or write it from now on. It is closed with the stream; a frame
 *   that is refused destroys both, with the error of {@link SaslSession.unwrap}.
 * @param session - Disposed of when the stream is closed.
 * @throws TypeError for invalid arguments.
 *
 * @example
 * ```ts
 * import type { Socket } from 'node:net';
 * import { saslSocket } from 'krb5-acceptor/node';
 * import type { SaslSession } from 'krb5-acceptor/sasl';
 *
 * export function greet(socket: Socket, session: SaslSession): void {
 *   saslSocket(socket, session).end(`Hello ${session.authorizationId}\n`);
 * }
 * ```
 */
export function saslSocket(
  socket: Duplex,
  session: SaslSession,
  options: SaslSocketOptions = {},
): Duplex {
  if (!isPlainObject(socket) || typeof Reflect.get(socket, 'pause') !== 'function') {
    throw new TypeError('socket: expected a duplex stream, such as a net.Socket');
  }
  if (!(session instanceof SaslSession)) {
    throw new TypeError('session: expected the session of a SaslResult');
  }
  checkOptions('saslSocket', options, SASL_SOCKET_OPTIONS);
  return new SaslSocket(socket, session, options.head);
}

class SaslSocket extends Duplex {
  readonly #socket: Duplex;
  readonly #session: SaslSession;

  constructor(socket: Duplex, session: SaslSession, head: Uint8Array | undefined) {
    super({ allowHalfOpen: socket.allowHalfOpen });
    this.#socket = socket;
    this.#session = session;
    if (head !== undefined) this.#receive(head);
    socket.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    // Of what has happened before, no event comes.
    if (socket.destroyed) this.destroy(socket.errored ?? undefined);
    else if (socket.readableEnded) this.#ended();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    let frames: Uint8Array;
    try {
      frames = this.#session.wrap(chunk);
    } catch (error) {
      done(error as Error);
      return;
    }
    this.#socket.write(frames, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#session.dispose();
    this.#socket.destroy();
    done(error);
  }

  #receive(chunk: Uint8Array): void {
    try {
      this.#session.unwrapInto(chunk, (message) => {
        if (!this.push(message)) this.#socket.pause();
      });
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #ended(): void {
    try {
      this.#session.end();
      this.push(null);
    } catch (error) {
      this.destroy(error as Error);
    }
  }
}

/** The rules of {@link SaslSocketOptions}. */
export const SASL_SOCKET_OPTIONS: OptionRules<SaslSocketOptions> = { head: bytes };
