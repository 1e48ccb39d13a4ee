import type { Socket } from 'node:net';
import { createConnection } from 'node:net';
import { until } from './until.ts';

/** Flags of a version 2 frame of the gss-sample protocol. */
export const Frame = {
  noop: 0x01,
  context: 0x02,
  data: 0x04,
  mic: 0x08,
  contextNext: 0x10,
  wrapped: 0x20,
  encrypted: 0x40,
  sendMic: 0x80,
} as const;

/** One frame; version 1 has no flags. */
export interface SampleFrame {
  readonly flags?: number;
  readonly data: Uint8Array;
}

/** The frame as it goes over the wire. */
export function encodeFrame(frame: SampleFrame): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(frame.data.length);
  const flags = frame.flags === undefined ? Buffer.alloc(0) : Buffer.of(frame.flags);
  return Buffer.concat([flags, head, frame.data]);
}

/** Cuts a byte stream into frames of version 2, however the stream is chunked. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /** The frames that this chunk completes. */
  push(chunk: Uint8Array): SampleFrame[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const frames: SampleFrame[] = [];
    while (this.#pending.length >= 5) {
      const end = 5 + this.#pending.readUInt32BE(1);
      if (this.#pending.length < end) {
        break;
      }
      frames.push({ flags: this.#pending[0] ?? 0, data: this.#pending.subarray(5, end) });
      this.#pending = this.#pending.subarray(end);
    }
    return frames;
  }
}

/** A raw client: says what it is told to, and keeps all that comes back. */
export class RawClient {
  readonly socket: Socket;
  received: Buffer = Buffer.alloc(0);
  closed = false;

  constructor(port: number) {
    this.socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  send(...frames: readonly SampleFrame[]): void {
    this.socket.write(Buffer.concat(frames.map(encodeFrame)));
  }

  /** The frames of version 2 received so far. */
  frames(): SampleFrame[] {
    return new FrameReader().push(this.received);
  }

  /** Waits until the server has closed the connection. */
  async untilClosed(): Promise<void> {
    await until(
      () => this.closed,
      () => 'the server did not close the connection',
    );
  }

  /** Waits for `count` whole frames. @throws Error if the server closes first. */
  async untilFrames(count: number): Promise<SampleFrame[]> {
    await until(
      () => this.frames().length >= count || this.closed,
      () => `${this.frames().length} of ${count} frames`,
    );
    if (this.frames().length < count) {
      throw new Error(`closed after ${this.frames().length} of ${count} frames`);
    }
    return this.frames();
  }

  close(): void {
    this.socket.destroy();
  }
}
