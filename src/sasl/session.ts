/// <reference lib="esnext.disposable" preserve="true" />
/** The bytes of a connection after authentication, in the agreed security layer. */
import { plainBytes } from '../bytes.ts';
import type { SecurityContext } from '../context/context.ts';
import { FrameJoiner, LENGTH_OCTETS, writeFrameLength } from './frames.ts';
import type { SaslLayer } from './layer.ts';
import type { SaslMechanism } from './options.ts';
import { refused } from './refusals.ts';

/** What both sides agreed on. */
export type SessionFacts = Pick<
  SaslSession,
  'mechanism' | 'authenticationId' | 'authorizationId' | 'layer' | 'peerMaxBuffer' | 'maxBuffer'
>;

/**
 * An authenticated connection. Made by {@link SaslExchange.step}; the caller disposes of it when the
 * connection ends.
 *
 * Calls are synchronous. With the layer `none` bytes pass unchanged.
 */
export class SaslSession {
  /** The mechanism that the client used. */
  readonly mechanism: SaslMechanism;
  /** The principal of the client, such as `alice@EXAMPLE.COM`. */
  readonly authenticationId: string;
  /** Whom the client acts as: the identity that it asked for, or else {@link authenticationId}. */
  readonly authorizationId: string;
  /** The agreed security layer. */
  readonly layer: SaslLayer;
  /** The greatest length of a frame's token that the peer accepts, in bytes; 0 with the layer `none`. */
  readonly peerMaxBuffer: number;
  /** The greatest length of a frame's token that this side accepts, in bytes. */
  readonly maxBuffer: number;
  /** The established context: ticket, PAC, delegated credential. The session disposes of it. */
  readonly context: SecurityContext;
  /** The greatest number of plain bytes in a frame that the peer accepts; 0 with the layer `none`. */
  readonly maxMessage: number;
  readonly #joiner: FrameJoiner;
  #failure: { readonly error: unknown } | undefined;

  /** @internal */
  constructor(context: SecurityContext, facts: SessionFacts) {
    this.context = context;
    this.mechanism = facts.mechanism;
    this.authenticationId = facts.authenticationId;
    this.authorizationId = facts.authorizationId;
    this.layer = facts.layer;
    this.peerMaxBuffer = facts.layer === 'none' ? 0 : facts.peerMaxBuffer;
    this.maxBuffer = facts.maxBuffer;
    this.maxMessage = maxMessageOf(context, facts.layer, facts.peerMaxBuffer);
    this.#joiner = new FrameJoiner(facts.maxBuffer, (length) =>
      length === 0
        ? refused('frameEmpty')
        : refused('frameTooLong', { facts: `${length} bytes, at most ${facts.maxBuffer}` }),
    );
  }

  /**
   * Protects bytes for the peer.
   *
   * @param message - Any length. It is split into frames that the peer's buffer can hold; 0 bytes make
   *   no frame.
   * @returns The frames, in a new buffer; `message` itself with the layer `none`.
   * @throws {@link GssError} GSS_S_NO_CONTEXT after {@link dispose}.
   * @throws TypeError if the message is not a Uint8Array.
   */
  wrap(message: Uint8Array): Uint8Array {
    const plain = plainBytes(message, 'message');
    if (this.layer === 'none') return message;
    const tokens: Uint8Array[] = [];
    let length = 0;
    for (let at = 0; at < plain.length; at += this.maxMessage) {
      const piece = plain.subarray(at, at + this.maxMessage);
      const token = this.context.wrap(piece, { confidential: this.layer === 'confidentiality' });
      length += LENGTH_OCTETS + token.length;
      tokens.push(token);
    }
    return framed(tokens, length);
  }

  /**
   * Verifies and decrypts bytes of the peer, in whatever pieces they arrive.
   *
   * @param chunk - As received; must not change during the call. The start of a frame is copied and
   *   kept until its rest arrives.
   * @returns The plain bytes of each frame that is complete now, in buffers of their own; `chunk` itself
   *   with the layer `none`.
   * @throws {@link GssError} for a frame that is malformed, altered, too long, out of order, or signed
   *   where it has to be encrypted. The connection cannot continue: each further call throws the same.
   * @throws TypeError if the chunk is not a Uint8Array.
   */
  unwrap(chunk: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    this.unwrapInto(chunk, (message) => messages.push(message));
    return messages;
  }

  /**
   * As {@link unwrap}, but hands over each message when its frame is complete: those before a faulty
   * frame are not lost.
   */
  unwrapInto(chunk: Uint8Array, take: (message: Uint8Array) => void): void {
    const bytes = plainBytes(chunk, 'chunk');
    if (this.layer === 'none') {
      if (chunk.length > 0) take(chunk);
      return;
    }
    this.#check();
    this.#failing(() => this.#joiner.push(bytes, (token) => take(this.#open(token))));
  }

  /**
   * Must be called when the peer has ended the connection.
   *
   * @throws {@link GssError} if that was within a frame, or if a frame was refused before.
   */
  end(): void {
    this.#check();
    if (this.#joiner.inFrame) this.#failing(() => throwIt(refused('frameTruncated')));
  }

  /** Wipes the keys. May be called again. */
  dispose(): void {
    this.context.dispose();
  }

  /** Disposes of it at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #open(token: Uint8Array): Uint8Array {
    const { message, confidential, sequence } = this.context.unwrap(token);
    if (sequence !== 'ok') throw refused('outOfOrder', { facts: `the sequence is '${sequence}'` });
    if (this.layer === 'confidentiality' && !confidential) throw refused('frameNotEncrypted');
    return message;
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #failing(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}

/** The plain bytes that fit into a token of the peer's buffer. */
export function maxMessageOf(
  context: SecurityContext,
  layer: SaslLayer,
  peerMaxBuffer: number,
): number {
  if (layer === 'none') return 0;
  return context.wrapSizeLimit(peerMaxBuffer, { confidential: layer === 'confidentiality' });
}

function framed(tokens: readonly Uint8Array[], length: number): Uint8Array {
  const frames = new Uint8Array(length);
  let at = 0;
  for (const token of tokens) {
    writeFrameLength(frames, at, token.length);
    frames.set(token, at + LENGTH_OCTETS);
    at += LENGTH_OCTETS + token.length;
  }
  return frames;
}

function throwIt(error: unknown): never {
  throw error;
}
