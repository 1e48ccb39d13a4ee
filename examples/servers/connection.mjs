// What the servers of this folder share: a reader of exact lengths, a protected connection, and a time limit.
import { Duplex, Readable, Writable } from 'node:stream';

/** Calls `serve(socket, reader, authenticated)`. A client that is not authenticated after 30 seconds is gone. */
export async function guard(socket, serve) {
  const timer = setTimeout(() => socket.destroy(new Error('no login in time')), 30_000);
  socket.on('error', () => {});
  try {
    await serve(socket, new Reader(socket), () => clearTimeout(timer));
    socket.end();
  } catch (error) {
    // Many programs just hang up when they have what they want.
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') {
      console.error(error.reason ?? error.code ?? 'error', error.hint ?? error.message);
    }
    socket.destroy();
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a stream in pieces of given lengths. */
export class Reader {
  #chunks;
  #kept = Buffer.alloc(0);

  constructor(stream) {
    this.#chunks = stream.iterator({ destroyOnReturn: false });
  }

  /** The next bytes, exactly so many. The caller limits the length that a peer may state. */
  async take(length) {
    while (this.#kept.length < length) {
      if (!(await this.#more())) throw new Error('the connection ended in a message');
    }
    const bytes = this.#kept.subarray(0, length);
    this.#kept = this.#kept.subarray(length);
    return bytes;
  }

  /** The next line, without its end, of at most so many bytes. */
  async line(most) {
    let end = this.#kept.indexOf(10);
    while (end < 0) {
      const searched = this.#kept.length;
      if (searched > most) throw new Error('a line is too long');
      if (!(await this.#more())) throw new Error('the connection ended in a line');
      end = this.#kept.indexOf(10, searched);
    }
    const line = await this.take(end + 1);
    return line.toString('latin1').replace(/\r?\n$/, '');
  }

  /** Whether the peer has ended the connection, and all of it is read. */
  async atEnd() {
    return this.#kept.length === 0 && !(await this.#more());
  }

  /** All that has not been taken. */
  async *rest() {
    while (!(await this.atEnd())) yield await this.take(this.#kept.length);
  }

  /** Leaves the stream to somebody else, who starts with the bytes that are returned. */
  async release() {
    await this.#chunks.return();
    return this.#kept;
  }

  async #more() {
    const { done, value } = await this.#chunks.next();
    if (done) return false;
    this.#kept = Buffer.concat([this.#kept, value]);
    return true;
  }
}

/**
 * The plain side of a connection whose messages are wrapped.
 *
 * @param framing - `read` resolves with the next token, `frame` makes bytes of one, no token is longer than
 *   `maxToken`, and `confidential` messages are encrypted in both directions.
 */
export function protect(socket, reader, context, { read, frame, maxToken, confidential }) {
  const most = context.wrapSizeLimit(maxToken, { confidential });
  async function* incoming() {
    while (!(await reader.atEnd())) {
      const { message, confidential: encrypted, sequence } = context.unwrap(await read());
      if (sequence !== 'ok') throw new Error(`a message is out of order: ${sequence}`);
      if (confidential && !encrypted) throw new Error('a message is not encrypted');
      if (message.length > 0) yield message;
    }
  }
  const writable = new Writable({
    write(chunk, _encoding, done) {
      const frames = [];
      for (let at = 0; at < chunk.length; at += most) {
        const piece = chunk.subarray(at, at + most);
        frames.push(frame(context.wrap(piece, { confidential })));
      }
      socket.write(Buffer.concat(frames), done);
    },
    final(done) {
      // No matter if it has ended already, because the peer has.
      socket.end();
      done();
    },
  });
  return join(Readable.from(incoming(), { objectMode: false }), writable);
}

/** One stream of two. Its errors reach whoever reads or writes it. */
export function join(readable, writable) {
  return Duplex.from({ readable, writable }).on('error', () => {});
}
