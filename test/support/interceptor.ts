import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createConnection, createServer } from 'node:net';
import type { SampleFrame } from './frames.ts';
import { encodeFrame, FrameReader } from './frames.ts';

/** What becomes of a frame on its way: the frames that are sent in its place. */
export type Alteration = (frame: SampleFrame, index: number) => readonly SampleFrame[];

/**
 * A man in the middle between a real client and the server: keeps the frames of both, and may alter them.
 */
export class Interceptor {
  readonly port: number;
  /** Frames of the first connection in each direction, as the ends sent them. */
  readonly fromClient: SampleFrame[] = [];
  readonly fromServer: SampleFrame[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @param answer - As `alter`, for the frames of the server. */
  static async start(
    target: number,
    alter: Alteration = (frame) => [frame],
    answer: Alteration = (frame) => [frame],
  ): Promise<Interceptor> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const interceptor = new Interceptor(server);
    server.on('connection', (client) => interceptor.#relay(client, target, alter, answer));
    return interceptor;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(client: Socket, target: number, alter: Alteration, answer: Alteration): void {
    const server = createConnection({ port: target, host: '127.0.0.1', noDelay: true });
    const clientReader = new FrameReader();
    const serverReader = new FrameReader();
    client.on('data', (chunk: Buffer) => {
      for (const frame of clientReader.push(chunk)) {
        const index = this.fromClient.push(frame) - 1;
        for (const replacement of alter(frame, index)) {
          server.write(encodeFrame(replacement));
        }
      }
    });
    server.on('data', (chunk: Buffer) => {
      for (const frame of serverReader.push(chunk)) {
        const index = this.fromServer.push(frame) - 1;
        for (const replacement of answer(frame, index)) client.write(encodeFrame(replacement));
      }
    });
    client.on('close', () => server.end());
    server.on('close', () => client.end());
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
  }
}
