/** The gss-sample server over TCP: serves many clients at once and isolates them from each other. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';

import type { Acceptor } from '../../acceptor.ts';
import { importSecurityContext } from '../../context/import.ts';
import { tell } from '../../hooks.ts';
import { sourceOf } from '../../messages/address-source.ts';
import { parseHostAddress, plainAddress } from '../../messages/host-address.ts';
import type { HostAddress } from '../../messages/primitives.ts';
import type { OptionRule, OptionRules } from '../../options.ts';
import {
  callback,
  checkOptions,
  definite,
  flag,
  objectWith,
  optionsOf,
  range,
  required,
  wholeNumber,
} from '../../options.ts';
import { followTraceVariable } from '../observe/trace-file.ts';
import { Turns } from '../turns.ts';
import type { Seat, ShareLimit } from './connection-shares.ts';
import { ConnectionShares } from './connection-shares.ts';
import { EventRate } from './event-rate.ts';
import type { ConnectionEvent, ConnectionInfo, GssServerEvent } from './events.ts';
import { SignSession } from './sign-session.ts';
import { TokenChannel } from './token-channel.ts';
import { FrameBudget } from './token-frame.ts';

/** Limits of {@link createGssServer}. */
export interface GssServerLimits {
  /** Seconds that a connection may last without a token, or without the client reading one; default 300. */
  readonly idleTimeout?: number;
  /** Seconds from the connection to the established context; default 60. */
  readonly handshakeTimeout?: number;
  /** Longest token, in bytes; default 16 MiB. Before a context is established, at most 256 KiB. */
  readonly maxTokenSize?: number;
  /**
   * Connections at a time, default 1024. A further one replaces the oldest unauthenticated connection
   * of the source that has most of them; if all clients are authenticated, the new one is closed.
   */
  readonly maxConnections?: number;
  /**
   * Connections at a time from one source, an IPv4 address or a /64 of IPv6; default three quarters of
   * `maxConnections`. Behind a proxy that hides its clients' addresses, set it to `maxConnections`.
   */
  readonly maxConnectionsPerSource?: number;
  /**
   * The maximum time in seconds for which the failures of a source count, default 60; 0 disables penalties.
   * Each connection that ends without authentication counts one second. A source with more than a quarter
   * of this is penalised: its connections are closed first, and while at least half of all connections are
   * open, it has an eighth of its share for unauthenticated clients. A penalty alone refuses nobody.
   */
  readonly maxPenalty?: number;
  /**
   * The maximum of memory, in bytes, for all unfinished tokens of more than 64 KiB together; default 256
   * MiB.
   */
  readonly maxBufferedBytes?: number;
}

/** Options of {@link createGssServer}. */
export interface GssServerOptions {
  /** Shared by all connections; the caller disposes of it. */
  readonly acceptor: Acceptor;
  /**
   * Called with each event, in order for each connection, and not awaited. An exception of the
   * callback, or a rejection, becomes a warning of the process; the client is still served.
   */
  readonly onEvent?: (event: GssServerEvent) => void;
  /** Export and import each context before its first message (`gss-server -export`); default false. */
  readonly exportContext?: boolean;
  /** Refuse clients that do not authenticate (`gss-client -na`); default false, as in MIT krb5. */
  readonly requireAuthentication?: boolean;
  /** Each absent limit has its default. */
  readonly limits?: GssServerLimits;
}

/** A server of the gss-sample protocol. */
export interface GssServer {
  /**
   * Listens on a TCP port.
   *
   * @param port - 0 chooses a free port.
   * @param host - The address to listen on; all addresses if absent.
   * @returns The address and the port. Rejects with the system's error (`EADDRINUSE`).
   */
  listen(port: number, host?: string): Promise<AddressInfo>;
  /**
   * Serves a connection that another program accepted, such as inetd.
   *
   * @param socket - Created with `allowHalfOpen`; the server closes it.
   * @returns When the socket is closed.
   */
  serve(socket: Socket): Promise<void>;
  /**
   * Stops listening at once, and lets open connections end by themselves.
   *
   * @param grace - Milliseconds until the remaining connections are dropped; never if absent.
   * @returns When the last connection is closed.
   */
  close(grace?: number): Promise<void>;
  /** The address that the server listens on; undefined if it does not listen. */
  readonly address: AddressInfo | undefined;
  /** The number of open connections. */
  readonly connections: number;
}

/**
 * Makes a server of the gss-sample protocol, in both framings. It does not listen yet.
 *
 * @throws TypeError, RangeError for an unknown option or an invalid value.
 *
 * @example
 * ```ts
 * import { acquireCredential, createAcceptor } from 'krb5-acceptor';
 * import { createGssServer, keytabFile } from 'krb5-acceptor/node';
 *
 * const credential = await acquireCredential({ keytab: keytabFile(), service: 'host@' });
 * const server = createGssServer({ acceptor: createAcceptor({ credential }) });
 * await server.listen(4444);
 * ```
 */
export function createGssServer(options: GssServerOptions): GssServer {
  checkOptions('createGssServer', options, SERVER_OPTIONS);
  followTraceVariable();
  return new TcpGssServer(options);
}

class TcpGssServer implements GssServer {
  readonly #options: GssServerOptions;
  readonly #limits: Required<GssServerLimits>;
  readonly #budget: FrameBudget;
  readonly #shares: ConnectionShares;
  readonly #overloads: EventRate<RareEvent>;
  readonly #penalties: EventRate<RareEvent>;
  readonly #server: Server;
  readonly #open = new Set<TokenChannel>();
  readonly #turns = new Turns(PER_TURN);
  #count = 0;

  constructor(options: GssServerOptions) {
    this.#options = options;
    this.#limits = completeLimits(options.limits);
    this.#budget = new FrameBudget(this.#limits.maxBufferedBytes);
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.serve(socket));
    this.#shares = new ConnectionShares(this.#limits);
    const report = (event: RareEvent, more: number): void =>
      this.#emit(more === 0 ? event : { ...event, more });
    this.#overloads = new EventRate(report);
    this.#penalties = new EventRate(report);
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
    const peerAddress = parseHostAddress(socket.remoteAddress);
    const remoteAddress = plainAddress(socket.remoteAddress);
    const seat = this.#shares.enter(sourceOf(peerAddress), (limit) => {
      channel.giveWay();
      this.#overloads.push({ ...this.#overload(remoteAddress, limit), displaced: true });
    });
    if (typeof seat === 'string') {
      socket.destroy();
      this.#overloads.push(this.#overload(remoteAddress, seat));
      return;
    }
    const { idleTimeout, maxTokenSize } = this.#limits;
    const channel = new TokenChannel(socket, {
      idleTimeout: idleTimeout * 1000,
      maxToken: maxTokenSize,
      budget: this.#budget,
    });
    const connection = { id: ++this.#count, remoteAddress, remotePort: socket.remotePort };
    this.#open.add(channel);
    await this.#converse(channel, seat, connection, peerAddress);
    // The client is done; only its end of the connection is still open.
    this.#shares.wait(seat);
    await channel.closed;
    this.#open.delete(channel);
    this.#shares.leave(seat);
    this.#emit({ type: 'close', connection });
  }

  async #converse(
    channel: TokenChannel,
    seat: Seat,
    connection: ConnectionInfo,
    peerAddress: HostAddress | undefined,
  ): Promise<void> {
    const { handshakeTimeout, maxTokenSize } = this.#limits;
    let accepted = false;
    const emit = (event: ConnectionEvent): void => {
      if (event.type === 'accepted') this.#shares.settle(seat);
      accepted ||= event.type === 'accepted' || event.type === 'accepted-unauthenticated';
      this.#emit({ ...event, connection });
    };
    try {
      emit({ type: 'open' });
      await new SignSession(channel, {
        acceptor: this.#options.acceptor,
        requireAuthentication: this.#options.requireAuthentication ?? false,
        ...(peerAddress !== undefined && { peerAddress }),
        exportContext: this.#options.exportContext ?? false,
        importContext: importSecurityContext,
        handshakeTimeout: handshakeTimeout * 1000,
        maxContextToken: Math.min(maxTokenSize, MAX_CONTEXT_TOKEN),
        maxToken: maxTokenSize,
        inTurn: (call, isFurther) => this.#turns.take(call, seat.source.key, isFurther),
        onEvent: emit,
      }).run();
      channel.end();
      if (!accepted) this.#penalise(seat, connection);
    } catch (error) {
      channel.abort();
      emit({ type: 'fault', error });
    }
  }

  #penalise(seat: Seat, { remoteAddress }: ConnectionInfo): void {
    const seconds = this.#shares.fail(seat);
    if (seconds !== undefined) this.#penalties.push({ type: 'penalty', remoteAddress, seconds });
  }

  #overload(remoteAddress: string | undefined, reached: ShareLimit): OverloadEvent {
    const { maxConnections, maxConnectionsPerSource } = this.#limits;
    return reached === 'connections'
      ? { type: 'overload', remoteAddress, limit: maxConnections }
      : { type: 'overload', remoteAddress, limit: maxConnectionsPerSource, of: reached };
  }

  async close(grace?: number): Promise<void> {
    const listenerClosed = new Promise<void>((resolve) => {
      // Also called, with an error, if the server does not listen.
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

function completeLimits(given: GssServerLimits = {}): Required<GssServerLimits> {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const { maxConnections } = limits;
  return {
    ...limits,
    maxConnectionsPerSource:
      limits.maxConnectionsPerSource ?? maxConnections - Math.floor(maxConnections / 4),
  };
}

function above0(most: number): OptionRule {
  return definite(
    range(
      `a number above 0 and at most ${most}`,
      (value) => typeof value === 'number' && value > 0 && value <= most,
    ),
  );
}

type OverloadEvent = Extract<GssServerEvent, { type: 'overload' }>;
type RareEvent = Extract<GssServerEvent, { type: 'overload' | 'penalty' }>;

const DEFAULT_LIMITS: Required<Omit<GssServerLimits, 'maxConnectionsPerSource'>> = {
  idleTimeout: 300,
  handshakeTimeout: 60,
  maxTokenSize: 16 * 1024 * 1024,
  maxConnections: 1024,
  maxPenalty: 60,
  maxBufferedBytes: 256 * 1024 * 1024,
};
// Kerberos tokens with a large PAC and a delegated ticket stay below 128 KiB.
const MAX_CONTEXT_TOKEN = 256 * 1024;
// First tokens of clients in one turn of the event loop. Each takes up to a millisecond.
const PER_TURN = 4;
// Connections that wait to be accepted. Further ones are lost, and their clients try again after one
// second, then three: with Node's 511 a burst of connections delays every client that long.
const BACKLOG = 4096;
// The longest timer: 2^31 - 1 milliseconds.
const MAX_SECONDS = 2_147_483;

export const LIMIT_OPTIONS: OptionRules<GssServerLimits> = {
  idleTimeout: above0(MAX_SECONDS),
  handshakeTimeout: above0(MAX_SECONDS),
  maxTokenSize: above0(Number.MAX_SAFE_INTEGER),
  maxConnections: definite(wholeNumber(1)),
  maxConnectionsPerSource: definite(wholeNumber(1)),
  maxPenalty: definite(
    range(
      `a number from 0 to ${MAX_SECONDS}`,
      (value) => typeof value === 'number' && value >= 0 && value <= MAX_SECONDS,
    ),
  ),
  maxBufferedBytes: above0(Number.MAX_SAFE_INTEGER),
};

export const SERVER_OPTIONS: OptionRules<GssServerOptions> = {
  acceptor: required(objectWith('an acceptor', 'begin')),
  onEvent: callback,
  exportContext: flag,
  requireAuthentication: definite(flag),
  limits: optionsOf(LIMIT_OPTIONS),
};
