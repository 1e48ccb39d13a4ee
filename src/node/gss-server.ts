/** The gss-sample server over TCP: many clients at once, none of which can disturb another. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';

import type { Acceptor } from '../acceptor.ts';
import { importSecurityContext } from '../gss/context.ts';
import { tell } from '../hooks.ts';
import { parseHostAddress, plainAddress } from './peer-address.ts';
import type { ConnectionEvent, ConnectionInfo, GssServerEvent } from './server-events.ts';
import { SignSession } from './sign-session.ts';
import { TokenChannel } from './token-channel.ts';
import { FrameBudget } from './token-frame.ts';

export interface GssServerLimits {
  /** Seconds without a token, or without the client reading one; default 300. */
  readonly idleTimeout?: number;
  /** Seconds from the connection to the established context; default 60. */
  readonly handshakeTimeout?: number;
  /** Longest token, in bytes; default 16 MiB. Those of the handshake: at most 256 KiB. */
  readonly maxTokenSize?: number;
  /** Connections at a time; more are closed at once. Default 1024. */
  readonly maxConnections?: number;
  /** What unfinished tokens of more than 64 KiB may hold in memory together; default 256 MiB. */
  readonly maxBufferedBytes?: number;
}

export interface GssServerOptions {
  /** Shared by all connections. */
  readonly acceptor: Acceptor;
  /**
   * Called in order for each connection, and not waited for. What it throws, or rejects with, is a
   * warning of the process; the client is served on.
   */
  readonly onEvent?: (event: GssServerEvent) => void;
  /** Export and import each context before its first message (`gss-server -export`). */
  readonly exportContext?: boolean;
  readonly limits?: GssServerLimits;
}

export interface GssServer {
  /**
   * Listens on a TCP port; 0 takes a free one, which the result names. Without a host, on all
   * addresses.
   *
   * Rejects with the system's error (`EADDRINUSE`).
   */
  listen(port: number, host?: string): Promise<AddressInfo>;
  /**
   * Serves a connection that somebody else accepted, as inetd does. The socket must be made with
   * `allowHalfOpen`; the server closes it. Resolves when it is closed.
   */
  serve(socket: Socket): Promise<void>;
  /**
   * Accepts no more connections at once, and lets those that are open end by themselves.
   *
   * @param grace - Milliseconds until the remaining ones are dropped; default: as long as it takes.
   * @returns When the last connection is closed.
   */
  close(grace?: number): Promise<void>;
  /** Undefined unless it listens. */
  readonly address: AddressInfo | undefined;
  /** Open connections. */
  readonly connections: number;
}

/** Makes a server of the gss-sample protocol, both framings. */
export function createGssServer(options: GssServerOptions): GssServer {
  return new TcpGssServer(options);
}

class TcpGssServer implements GssServer {
  readonly #options: GssServerOptions;
  readonly #limits: Required<GssServerLimits>;
  readonly #budget: FrameBudget;
  readonly #server: Server;
  readonly #open = new Set<TokenChannel>();
  #count = 0;

  constructor(options: GssServerOptions) {
    this.#options = options;
    this.#limits = checkLimits({ ...DEFAULT_LIMITS, ...options.limits });
    this.#budget = new FrameBudget(this.#limits.maxBufferedBytes);
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.serve(socket));
    this.#server.maxConnections = this.#limits.maxConnections;
    this.#server.on('drop', (dropped) =>
      this.#emit({
        type: 'overload',
        remoteAddress: plainAddress(dropped?.remoteAddress),
        limit: this.#limits.maxConnections,
      }),
    );
  }

  get address(): AddressInfo | undefined {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address : undefined;
  }

  get connections(): number {
    return this.#open.size;
  }

  async listen(port: number, host?: string): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      const where = { port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) };
      this.#server.listen(where, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#emit({ type: 'listener-error', error }));
        resolve();
      });
    });
    return this.#server.address() as AddressInfo;
  }

  async serve(socket: Socket): Promise<void> {
    const { idleTimeout, handshakeTimeout, maxTokenSize } = this.#limits;
    const connection: ConnectionInfo = {
      id: ++this.#count,
      remoteAddress: plainAddress(socket.remoteAddress),
      remotePort: socket.remotePort,
    };
    const emit = (event: ConnectionEvent): void => this.#emit({ ...event, connection });
    const channel = new TokenChannel(socket, {
      idleTimeout: idleTimeout * 1000,
      maxToken: maxTokenSize,
      budget: this.#budget,
    });
    const peerAddress = parseHostAddress(socket.remoteAddress);
    this.#open.add(channel);
    try {
      emit({ type: 'open' });
      await new SignSession(channel, {
        acceptor: this.#options.acceptor,
        ...(peerAddress !== undefined && { peerAddress }),
        exportContext: this.#options.exportContext ?? false,
        importContext: importSecurityContext,
        handshakeTimeout: handshakeTimeout * 1000,
        maxContextToken: Math.min(maxTokenSize, MAX_CONTEXT_TOKEN),
        maxToken: maxTokenSize,
        onEvent: emit,
      }).run();
      channel.end();
    } catch (error) {
      channel.abort();
      emit({ type: 'fault', error });
    }
    await channel.closed;
    this.#open.delete(channel);
    emit({ type: 'close' });
  }

  async close(grace?: number): Promise<void> {
    const listenerClosed = new Promise<void>((resolve) => {
      // Not listening is as good as closed.
      this.#server.close(() => resolve());
    });
    const timer =
      grace === undefined
        ? undefined
        : setTimeout(() => {
            for (const channel of this.#open) channel.abort();
          }, grace);
    await Promise.all([listenerClosed, ...[...this.#open].map((channel) => channel.closed)]);
    clearTimeout(timer);
  }

  #emit(event: GssServerEvent): void {
    tell('onEvent', this.#options.onEvent, event);
  }
}

function checkLimits(limits: Required<GssServerLimits>): Required<GssServerLimits> {
  for (const [name, value] of Object.entries(limits)) {
    const max = name.endsWith('Timeout') ? MAX_TIMEOUT : Number.MAX_SAFE_INTEGER;
    if (!(value > 0 && value <= max)) {
      throw new RangeError(`${name}: expected a number above 0 and at most ${max}, got ${value}`);
    }
  }
  return limits;
}

const DEFAULT_LIMITS: Required<GssServerLimits> = {
  idleTimeout: 300,
  handshakeTimeout: 60,
  maxTokenSize: 16 * 1024 * 1024,
  maxConnections: 1024,
  maxBufferedBytes: 256 * 1024 * 1024,
};
// Kerberos tokens with a large PAC and a delegated ticket stay below 128 KiB.
const MAX_CONTEXT_TOKEN = 256 * 1024;
// Connections that wait to be accepted. Those above it are lost, and their clients try again after
// a second, then three: with Node's 511 a burst of strangers costs everybody that long.
const BACKLOG = 4096;
// Timers count milliseconds in 31 bits.
const MAX_TIMEOUT = 2_147_483;
