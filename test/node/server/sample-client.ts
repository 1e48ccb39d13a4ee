/** A gss-sample client for tests, and a server of a throw-away realm for it to talk to. */
import type { Socket } from 'node:net';
import { createConnection } from 'node:net';
import type { Acceptor } from '../../../src/acceptor.ts';
import { createAcceptor } from '../../../src/acceptor.ts';
import { encodeUtf8 } from '../../../src/bytes.ts';
import type { SecurityContext } from '../../../src/context/context.ts';
import { EncryptionKey } from '../../../src/crypto/key.ts';
import { Enctype } from '../../../src/crypto/numbers.ts';
import type { Keytab } from '../../../src/keytab/keytab.ts';
import { acquireCredential } from '../../../src/krb5/credential.ts';
import type { GssServerEvent } from '../../../src/node/server/events.ts';
import type { GssServer, GssServerOptions } from '../../../src/node/server/gss-server.ts';
import { createGssServer } from '../../../src/node/server/gss-server.ts';
import type { Framing } from '../../../src/node/server/token-frame.ts';
import { encodeFrame } from '../../../src/node/server/token-frame.ts';
import { createInitiator } from '../../../src/testing/initiator.ts';
import type { MintedTicket } from '../../../src/testing/mint.ts';
import { mintTicket } from '../../../src/testing/mint.ts';
import { until } from '../../support/until.ts';

export const KEYTAB: Keytab = {
  version: 2,
  entries: [
    {
      principal: { nameType: 3, components: ['host', 'www.example.com'], realm: 'EXAMPLE.COM' },
      kvno: 1,
      timestamp: 0,
      key: new EncryptionKey(Enctype.aes256CtsHmacSha1, new Uint8Array(32).fill(7)),
    },
  ],
};

export async function testAcceptor(): Promise<Acceptor> {
  const credential = await acquireCredential({ keytab: KEYTAB, service: 'host@www.example.com' });
  return createAcceptor({ credential });
}

/** A server on a free port, and what it told. */
export class TestServer {
  readonly server: GssServer;
  readonly events: GssServerEvent[] = [];

  constructor(options: GssServerOptions) {
    this.server = createGssServer({
      ...options,
      onEvent: (event) => {
        this.events.push(event);
        options.onEvent?.(event);
      },
    });
  }

  static async start(options: Partial<GssServerOptions> = {}): Promise<TestServer> {
    const acceptor = options.acceptor ?? (await testAcceptor());
    const started = new TestServer({ ...options, acceptor });
    await started.server.listen(0, '127.0.0.1');
    return started;
  }

  get port(): number {
    return this.server.address!.port;
  }

  types(): string[] {
    return this.events.map((event) => event.type);
  }

  /** The first event of the type, once it has happened. */
  async until<T extends GssServerEvent['type']>(
    type: T,
  ): Promise<Extract<GssServerEvent, { type: T }>> {
    const isOfType = (event: GssServerEvent): event is Extract<GssServerEvent, { type: T }> =>
      event.type === type;
    return await until(
      () => this.events.find(isOfType),
      () => `no ${type} but ${this.types().join(' ')}`,
    );
  }

  /** Waits until so many events of the type have happened. */
  async untilCount(type: GssServerEvent['type'], count: number): Promise<void> {
    const seen = () => this.types().filter((one) => one === type).length;
    await until(
      () => seen() >= count,
      () => `${seen()} times ${type} instead of ${count}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close(0);
  }
}

export interface ReceivedFrame {
  readonly flags: number;
  readonly data: Uint8Array;
}

/** Says what it is told to, and takes apart what comes back. */
export class SampleClient {
  readonly socket: Socket;
  readonly framing: Framing;
  /** Settles when the connection is closed, whatever way. */
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #over = false;

  /** @param localAddress - Where it comes from: `127.0.0.2` is another source than others. */
  constructor(port: number, framing: Framing = 'v2', localAddress?: string) {
    this.framing = framing;
    this.socket = createConnection({
      port,
      host: '127.0.0.1',
      ...(localAddress !== undefined && { localAddress }),
      noDelay: true,
      allowHalfOpen: true,
    });
    this.socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    this.socket.on('error', () => {});
    this.socket.on('end', () => {
      this.#over = true;
      this.socket.end();
    });
    this.closed = new Promise<void>((resolve) => {
      this.socket.on('close', () => {
        this.#over = true;
        resolve();
      });
    });
  }

  send(flags: number, data: Uint8Array): void {
    this.socket.write(encodeFrame(this.framing, flags, data));
  }

  /** The next frame, or undefined if the server closes first. */
  async receive(): Promise<ReceivedFrame | undefined> {
    const over = await until(
      () => this.#hasFrame() || (this.#over && 'over'),
      () => 'no answer',
    );
    if (over === 'over') return undefined;
    const head = this.#headLength;
    const end = head + this.#received.readUInt32BE(head - 4);
    const flags = this.framing === 'v1' ? 0 : this.#received[0]!;
    const data = Uint8Array.from(this.#received.subarray(head, end));
    this.#received = this.#received.subarray(end);
    return { flags, data };
  }

  get #headLength(): number {
    return this.framing === 'v1' ? 4 : 5;
  }

  #hasFrame(): boolean {
    const head = this.#headLength;
    const length = this.#received.length - head;
    return length >= 0 && length >= this.#received.readUInt32BE(head - 4);
  }

  /** Establishes a context with a ticket of its own. */
  async authenticate(): Promise<SecurityContext> {
    const initiator = createInitiator({ ticket: mintTicket({ keytab: KEYTAB, client: 'alice' }) });
    if (this.framing === 'v2') this.send(0x11, new Uint8Array(0));
    this.send(0x02, initiator.begin());
    const reply = await this.receive();
    return initiator.finish(reply?.data);
  }

  /** One wrapped message; returns whether the MIC that came back is good. */
  async sign(context: SecurityContext, message: Uint8Array): Promise<boolean> {
    this.send(0xe4, context.wrap(message));
    const reply = await this.receive();
    if (reply === undefined) return false;
    context.verifyMic(message, reply.data);
    return true;
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Whether a well-behaved client is served: a context, a message, and the end of the connection. */
export async function isServed(port: number, from?: string): Promise<boolean> {
  const client = new SampleClient(port, 'v2', from);
  const signed = await client.sign(await client.authenticate(), encodeUtf8('testmsg'));
  client.send(0x01, new Uint8Array(0));
  await client.closed;
  return signed;
}

/** Whether the bearer of the ticket is let in. */
export async function isLetIn(port: number, ticket: MintedTicket): Promise<boolean> {
  const client = new SampleClient(port);
  const initiator = createInitiator({ ticket });
  client.send(0x11, new Uint8Array(0));
  client.send(0x02, initiator.begin());
  const reply = await client.receive();
  client.close();
  await client.closed;
  try {
    initiator.finish(reply?.data);
    return true;
  } catch {
    return false;
  }
}
