/** The security layer as streams of the web. */
import type { SaslSession } from './session.ts';

/**
 * A `TransformStream` of Uint8Array. That name is declared by the types of Node.js and of the DOM only,
 * and a project needs neither to use this package.
 */
export type SaslTransform = typeof globalThis extends {
  TransformStream: { prototype: infer Stream };
}
  ? Stream
  : object;

/** Made by {@link saslStreams}. */
export interface SaslStreams {
  /** From plain bytes to frames for the peer. */
  readonly wrap: SaslTransform;
  /** From bytes of the peer, in any pieces, to plain bytes. */
  readonly unwrap: SaslTransform;
}

/**
 * A session as two streams, for runtimes whose connections are streams of the web (Deno, workerd, Bun).
 * Each fails with the error of the session. Nothing else may call the session's `unwrap` meanwhile.
 *
 * @param session - The caller disposes of it when the connection has ended.
 *
 * @example
 * ```ts
 * import type { SaslSession } from 'krb5-acceptor/sasl';
 * import { saslStreams } from 'krb5-acceptor/sasl';
 *
 * interface Connection {
 *   readonly readable: ReadableStream<Uint8Array>;
 *   readonly writable: WritableStream<Uint8Array>;
 * }
 *
 * export function protect({ readable, writable }: Connection, session: SaslSession): Connection {
 *   const { wrap, unwrap } = saslStreams(session);
 *   void wrap.readable.pipeTo(writable);
 *   return { readable: readable.pipeThrough(unwrap), writable: wrap.writable };
 * }
 * ```
 */
export function saslStreams(session: SaslSession): SaslStreams {
  return {
    wrap: new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        const step = session.maxMessage || chunk.length || 1;
        for (let at = 0; at < chunk.length; at += step) {
          controller.enqueue(session.wrap(chunk.subarray(at, at + step)));
        }
      },
    }),
    unwrap: new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) =>
        session.unwrapInto(chunk, (message) => controller.enqueue(message)),
      flush: () => session.end(),
    }),
  };
}
