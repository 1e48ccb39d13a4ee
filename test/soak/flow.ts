/** One connection of the gss-sample protocol, as its client sees it. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createConnection } from 'node:net';
import type { SampleFrame } from '../support/frames.ts';
import { encodeFrame, Frame, FrameReader } from '../support/frames.ts';

export class Flow {
  readonly socket: Socket;
  readonly #reader = new FrameReader();
  readonly #frames: SampleFrame[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(port: number) {
    this.socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.#frames.push(...this.#reader.push(chunk));
      this.#wake?.();
    });
    this.socket.on('connect', () => this.#wake?.());
    // What matters is what was not answered.
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** @throws Error if it cannot be. */
  async connected(): Promise<void> {
    while (this.socket.connecting && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#ended) throw new Error('no connection');
  }

  send(...frames: readonly SampleFrame[]): void {
    this.socket.write(Buffer.concat(frames.map(encodeFrame)));
  }

  /** The next frame; undefined if the server closes first. */
  async receive(): Promise<SampleFrame | undefined> {
    while (this.#frames.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift();
  }

  async closed(): Promise<void> {
    if (!this.#ended) await once(this.socket, 'close');
  }
}

/** What a client of version 2 says before its context token. */
export const HELLO: SampleFrame = { flags: Frame.noop | Frame.contextNext, data: Buffer.alloc(0) };
export const GOODBYE: SampleFrame = { flags: Frame.noop, data: Buffer.alloc(0) };
export { Frame } from '../support/frames.ts';
