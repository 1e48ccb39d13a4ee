/**
 * The servers of Node.js that may be those of a sign-on to which no request has come yet: it learns its
 * server from its first request, and a server may refuse requests before that.
 */
import diagnostics from 'node:diagnostics_channel';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

type Unwatch = () => void;

/** Watches each HTTP server of the process to which a client connects, until it ends or is forgotten. */
export class FirstConnections {
  readonly #watch: (server: Server) => Unwatch;
  readonly #servers = new Map<Server, Unwatch>();
  readonly #self = new WeakRef(this);

  /** @param watch - Watches one server. */
  constructor(watch: (server: Server) => Unwatch) {
    this.#watch = watch;
    if (WAITING.size === 0) diagnostics.subscribe(CHANNEL, onConnection);
    WAITING.add(this.#self);
  }

  see(server: Server): void {
    if (!this.#servers.has(server)) this.#servers.set(server, this.#watch(server));
  }

  /** Watches none of them any longer. */
  end(): void {
    forget(this.#self);
    for (const unwatch of this.#servers.values()) unwatch();
    this.#servers.clear();
  }
}

/** Called for each connection that a server has accepted, before anything is read from it. */
function onConnection(message: unknown): void {
  const { server } = (message as { readonly socket: Socket & { readonly server?: object } }).socket;
  // Only a server of node:http or node:https has such a limit.
  if (server === undefined || !('maxHeaderSize' in server)) return;
  for (const reference of [...WAITING]) {
    const waiting = reference.deref();
    if (waiting === undefined) forget(reference);
    else waiting.see(server as object as Server);
  }
}

function forget(reference: WeakRef<FirstConnections>): void {
  if (WAITING.delete(reference) && WAITING.size === 0) {
    diagnostics.unsubscribe(CHANNEL, onConnection);
  }
}

// Published by node:net of Node.js; other runtimes publish nothing.
const CHANNEL = 'net.server.socket';
const WAITING = new Set<WeakRef<FirstConnections>>();
