// What the servers of this folder share: a client with a time limit, a reader of exact lengths, TLS, and a stream
// whose messages are wrapped.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Duplex, Readable, Writable } from 'node:stream';
import { createSecureContext, TLSSocket } from 'node:tls';
import { channelBindingsOf } from 'krb5-acceptor/node';

const { TLS_CERTIFICATE, TLS_KEY, TIME_LIMIT = 30 } = process.env;
/** How long a client may take for its login, and to leave when it has been served; in milliseconds. */
export const timeLimit = TIME_LIMIT * 1000;
/** The certificate and its key; undefined if the server has no TLS. */
export const tls = TLS_CERTIFICATE
  ? { cert: readFileSync(TLS_CERTIFICATE), key: readFileSync(TLS_KEY) }
  : undefined;
const secureContext = tls && createSecureContext(tls);

/** What binds a login to its TLS connection; undefined without TLS. For `begin` of SASL. */
export function bindingsOf(socket) {
  const types = ['tls-server-end-point', 'tls-exporter'];
  const channelBindings = types.flatMap((type) => channelBindingsOf(socket, type) ?? []);
  return channelBindings.length > 0 ? { channelBindings } : undefined;
}

/** Calls `serve(client)`. A client is gone that is not authenticated in time, or does not leave in time. */
export async function guard(socket, serve) {
  const client = new Client(socket);
  try {
    await serve(client);
    client.stream.end();
    if (!socket.destroyed) client.limitTime();
  } catch (error) {
    // Many programs just hang up when they have what they want.
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') {
      console.error(error.reason ?? error.code ?? 'error', error.hint ?? error.message);
    }
    socket.destroy();
  }
}

/** A connection, at present plain, or in TLS, or in a security layer. */
class Client {
  stream;
  reader;
  #socket;
  #timer;

  constructor(socket) {
    this.#socket = socket;
    this.use(socket);
    socket.once('close', () => clearTimeout(this.#timer));
    this.limitTime();
  }

  /** Whether it is in TLS. */
  get secure() {
    return this.stream instanceof TLSSocket;
  }

  limitTime() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.destroy(), timeLimit);
  }

  /** Ends the time limit. */
  authenticated() {
    clearTimeout(this.#timer);
  }

  /**
   * Whether the client has ended the connection, and all of it is read. For servers of commands: a client gets no
   * further until it has read what it was answered, since the answers are kept here until then.
   */
  async atEnd() {
    if (this.stream.writableNeedDrain) await once(this.stream, 'drain');
    return await this.reader.atEnd();
  }

  /** Continues in TLS. @param reply - Tells the client to begin. */
  async startTls(reply) {
    const socket = this.stream;
    this.checkWaiting();
    await this.enter(() => {
      reply();
      return new TLSSocket(socket, { isServer: true, secureContext }).on('_tlsError', (error) =>
        socket.destroy(error),
      );
    });
  }

  /** Refuses what somebody on the way may have put behind the client's words, to be executed as the client's own. */
  checkWaiting() {
    if (this.reader.ahead > 0) throw new Error('the client, or somebody else, did not wait');
  }

  /** Continues in a layer. @param open - Makes it of the present stream, and of bytes that were read ahead. */
  async enter(open) {
    const head = await this.reader.release();
    this.use(open(this.stream, head));
  }

  use(stream) {
    this.stream = stream.on('error', () => {});
    this.reader = new Reader(stream);
  }
}

/** Reads a stream in pieces of given lengths. */
export class Reader {
  #chunks;
  #kept = Buffer.alloc(0);

  constructor(stream) {
    this.#chunks = stream.iterator({ destroyOnReturn: false });
  }

  /** The number of bytes that have arrived and are not taken. */
  get ahead() {
    return this.#kept.length;
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
