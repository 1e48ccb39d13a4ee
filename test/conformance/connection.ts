/** Connections that the suite owns: it must know which requests share one, and may send several at once. */
import { connect as connectHttp2 } from 'node:http2';
import type { Socket } from 'node:net';
import { connect as connectTcp } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { connect as connectTls } from 'node:tls';

/** A request; GET without headers if nothing is said. */
export interface Request {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** What came back. Names of headers are in small letters. */
export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
}

/** One connection to a server. */
export interface Connection {
  /** Sends at once; answers come in any order over HTTP/2, in that of the requests over HTTP/1.1. */
  send(request: Request): Promise<Answer>;
  /** DER of the server's certificate; undefined without TLS. */
  readonly certificate: Uint8Array | undefined;
  /** Closes it as a client does that goes away. */
  close(): void;
}

/** Opens a connection of HTTP/1.1, over TLS for https. */
export async function openHttp1(url: string): Promise<Connection> {
  const { protocol, hostname, port } = new URL(url);
  const where = { host: hostname, port: Number(port) };
  const secure = protocol === 'https:';
  const socket = secure
    ? connectTls({ ...where, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
    : connectTcp({ ...where, noDelay: true });
  await happens(socket, secure ? 'secureConnect' : 'connect');
  return new Http1Connection(socket, `${hostname}:${port}`);
}

/** Opens a connection of HTTP/2 over TLS. */
export async function openHttp2(url: string): Promise<Connection> {
  const session = connectHttp2(url, { rejectUnauthorized: false });
  await happens(session, 'connect');
  session.on('error', () => {});
  return {
    certificate: (session.socket as TLSSocket).getPeerCertificate().raw,
    close: () => session.destroy(),
    send: ({ path, method = 'GET', headers, body }) =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ...headers, ':path': path, ':method': method });
        const chunks: Buffer[] = [];
        let status = 0;
        let received = new Map<string, readonly string[]>();
        stream.on('response', (fields) => {
          status = fields[':status']!;
          const all = Object.entries(fields).filter(([name]) => !name.startsWith(':'));
          received = new Map(all.map(([name, value]) => [name, [value ?? ''].flat().map(String)]));
        });
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () =>
          resolve({ status, headers: received, body: Buffer.concat(chunks).toString() }),
        );
        stream.on('error', reject);
        stream.end(body);
      }),
  };
}

class Http1Connection implements Connection {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #waiting: Waiting[] = [];
  #received = Buffer.alloc(0);

  constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#read(false);
    });
    // A server may answer and close while a body is still being sent.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#read(true);
      for (const { reject } of this.#waiting.splice(0)) {
        reject(new Error('the server closed the connection without an answer'));
      }
    });
  }

  get certificate(): Uint8Array | undefined {
    return (this.#socket as TLSSocket).getPeerCertificate?.().raw;
  }

  close(): void {
    this.#socket.destroy();
  }

  send({ path, method = 'GET', headers = {}, body }: Request): Promise<Answer> {
    const all: Record<string, string> = { Host: this.#host, ...headers };
    if (body !== undefined) all['Content-Length'] = String(body.length);
    const fields = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields.join('')}\r\n`, 'latin1');
    return new Promise((resolve, reject) => {
      this.#waiting.push({ method, resolve, reject });
      this.#socket.write(body === undefined ? head : Buffer.concat([head, body]));
    });
  }

  #read(ended: boolean): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      const found = readAnswer(this.#received, first.method, ended);
      if (found === undefined) return;
      this.#received = this.#received.subarray(found.length);
      // RFC 9110 §15.2: interim answers are followed by the final one.
      if (found.answer.status < 200 && found.answer.status !== 101) continue;
      this.#waiting.shift();
      first.resolve(found.answer);
    }
  }
}

interface Waiting {
  readonly method: string;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** RFC 9112. @returns undefined if the answer is not complete yet. */
function readAnswer(
  bytes: Buffer,
  method: string,
  ended: boolean,
): { readonly answer: Answer; readonly length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]*): *(.*)$/.exec(line) ?? [];
    headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) ?? []), value]);
  }
  const status = Number(statusLine.split(' ')[1]);
  const body = readBody(bytes.subarray(end + 4), { status, method, headers, ended });
  if (body === undefined) return undefined;
  return { answer: { status, headers, body: body.text }, length: end + 4 + body.length };
}

interface Framing {
  readonly status: number;
  readonly method: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly ended: boolean;
}

interface Body {
  readonly text: string;
  /** Bytes on the wire. */
  readonly length: number;
}

function readBody(bytes: Buffer, { status, method, headers, ended }: Framing): Body | undefined {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) {
    return { text: '', length: 0 };
  }
  if (headers.get('transfer-encoding')?.[0] === 'chunked') return readChunks(bytes);
  const size = headers.get('content-length')?.[0];
  if (size === undefined)
    return ended ? { text: bytes.toString(), length: bytes.length } : undefined;
  const length = Number(size);
  return bytes.length < length ? undefined : { text: bytes.toString('utf8', 0, length), length };
}

function readChunks(bytes: Buffer): Body | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    const next = line + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return { text: Buffer.concat(chunks).toString(), length: next };
    chunks.push(bytes.subarray(line + 2, line + 2 + size));
    at = next;
  }
}

interface Emitter {
  once(event: string, listener: (error: Error) => void): unknown;
  off(event: string, listener: (error: Error) => void): unknown;
}

function happens(emitter: Emitter, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    emitter.once('error', reject);
    emitter.once(event, () => {
      emitter.off('error', reject);
      resolve();
    });
  });
}
