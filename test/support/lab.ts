import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type {
  AcceptorOptions,
  CryptoProvider,
  GssError,
  Handshake,
  HandshakeOptions,
  MicStatus,
  SecurityContext,
  UnwrappedMessage,
} from '../../src/index.ts';
import { acquireCredential, createAcceptor, parseKeytab } from '../../src/index.ts';
import type { SampleFrame } from './frames.ts';
import { encodeFrame, Frame, FrameReader } from './frames.ts';

export interface LabOptions {
  /** Path of the keytab. */
  readonly keytab: string;
  readonly crypto?: CryptoProvider;
  readonly acceptor?: Omit<Partial<AcceptorOptions>, 'credential'>;
  readonly handshake?: HandshakeOptions;
  /** Which messages are sent back, by their place among those that came; default: each, in turn. */
  readonly answers?: readonly number[];
  /** What somebody on the way makes of a client's context token. */
  readonly tamper?: (token: Uint8Array) => Uint8Array;
  /** Encrypt what is sent back; default true. */
  readonly confidential?: boolean;
  /** Offset of a byte to alter in the first answer. */
  readonly alter?: number;
}

/**
 * A server that looks inside: runs the library itself, notes what becomes of each token, and once a client has sent
 * all its messages sends them back wrapped, in the order that the test wants.
 */
export class Lab {
  readonly port: number;
  readonly contexts: SecurityContext[] = [];
  /** The tokens of all clients so far, in the order of their coming. */
  readonly contextTokens: Uint8Array[] = [];
  /** The tokens that answered them. */
  readonly answers: Uint8Array[] = [];
  /** Why clients were refused. */
  readonly refusals: GssError[] = [];
  readonly messages: (UnwrappedMessage | GssError)[] = [];
  /** What became of the MICs that came behind them. */
  readonly mics: (MicStatus | GssError)[] = [];
  /** The tokens that they came in. */
  readonly messageTokens: Uint8Array[] = [];
  /** The tokens that they were sent back in. */
  readonly echoes: Uint8Array[] = [];
  readonly #server: Server;
  readonly #options: LabOptions;

  private constructor(server: Server, options: LabOptions) {
    this.#server = server;
    this.#options = options;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(options: LabOptions): Promise<Lab> {
    const { crypto } = options;
    const keytab = parseKeytab(await readFile(options.keytab), { ...(crypto && { crypto }) });
    const credential = await acquireCredential({ keytab });
    const acceptor = createAcceptor({ credential, ...options.acceptor });
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const lab = new Lab(server, options);
    server.on('connection', (socket) => {
      // What the library should never throw ends the client's run, and so shows in its report.
      new Session(lab, acceptor.begin(options.handshake), socket).run().catch(() => {
        socket.destroy();
      });
    });
    return lab;
  }

  /** The one context that there is. */
  get context(): SecurityContext {
    const [context] = this.contexts;
    if (context === undefined || this.contexts.length > 1) {
      throw new Error(`${this.contexts.length} contexts; refused: ${this.refusals.join(', ')}`);
    }
    return context;
  }

  get options(): LabOptions {
    return this.#options;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}

class Session {
  readonly #lab: Lab;
  readonly #handshake: Handshake;
  readonly #socket: Socket;
  readonly #received: Uint8Array[] = [];
  #context: SecurityContext | undefined;

  constructor(lab: Lab, handshake: Handshake, socket: Socket) {
    this.#lab = lab;
    this.#handshake = handshake;
    this.#socket = socket;
  }

  async run(): Promise<void> {
    const reader = new FrameReader();
    for await (const chunk of this.#socket) {
      for (const frame of reader.push(chunk as Buffer)) await this.#take(frame);
    }
  }

  async #take({ flags = 0, data }: SampleFrame): Promise<void> {
    if (flags === (Frame.noop | Frame.contextNext)) return;
    if (flags === Frame.noop) return this.#answer();
    if ((flags & Frame.context) !== 0) return this.#accept(data);
    if (flags === Frame.mic) return this.#verify(data);
    this.#lab.messageTokens.push(data.slice());
    try {
      const message = this.#context!.unwrap(data);
      this.#lab.messages.push(message);
      this.#received.push(message.message);
    } catch (error) {
      this.#lab.messages.push(error as GssError);
    }
  }

  /** The first MIC is of the first message that came. */
  #verify(mic: Uint8Array): void {
    const message = this.#received[this.#lab.mics.length]!;
    try {
      this.#lab.mics.push(this.#context!.verifyMic(message, mic));
    } catch (error) {
      this.#lab.mics.push(error as GssError);
    }
  }

  async #accept(token: Uint8Array): Promise<void> {
    this.#lab.contextTokens.push(token.slice());
    const { tamper } = this.#lab.options;
    const result = await this.#handshake.accept(tamper === undefined ? token : tamper(token));
    if (result.outputToken !== undefined) {
      this.#lab.answers.push(result.outputToken);
      this.#send(Frame.context, result.outputToken);
    }
    if (result.status === 'complete') {
      this.#context = result.context;
      this.#lab.contexts.push(result.context);
    } else if (result.status === 'failed') {
      this.#lab.refusals.push(result.error);
      this.#socket.end();
    }
  }

  #answer(): void {
    const { answers, confidential = true, alter } = this.#lab.options;
    const tokens = this.#received.map((message) => this.#context!.wrap(message, { confidential }));
    for (const [place, index] of (answers ?? [...tokens.keys()]).entries()) {
      const token = tokens[index]!.slice();
      if (place === 0 && alter !== undefined) token[alter]! ^= 1;
      this.#lab.echoes.push(token);
      this.#send(Frame.data | Frame.wrapped, token);
    }
    this.#socket.end();
  }

  #send(flags: number, data: Uint8Array): void {
    this.#socket.write(encodeFrame({ flags, data }));
  }
}
