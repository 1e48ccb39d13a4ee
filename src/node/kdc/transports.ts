/** One message to one server, and its answer, over UDP or TCP (RFC 4120 §7.2). */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { connect, isIP, isIPv6 } from 'node:net';
import type { KerberosError } from '../../errors.ts';
import { withLength } from '../../messages/kdc/kdc-proxy.ts';
import { systemClock } from '../../time.ts';
import { Turns } from '../turns.ts';
import type { KdcServer } from './find-kdcs.ts';
import { firstInTurn } from './in-turn.ts';
import { remembered } from './remembered.ts';

/** Why a server did not answer, if no error of the system says so. */
export class NoAnswer extends Error {}

/** Ends what has been begun. An AbortSignal does the same, but takes long for a thousand at once. */
export class Stop {
  readonly #calls = new Set<() => void>();
  #stopped = false;

  get stopped(): boolean {
    return this.#stopped;
  }

  /** @returns Forgets the call. */
  onStop(call: () => void): () => void {
    if (this.#stopped) call();
    else this.#calls.add(call);
    return () => this.#calls.delete(call);
  }

  /** Waits for what has no time limit of its own. @param fault - Makes the error if it is stopped first. */
  until<T>(work: Promise<T>, fault: () => KerberosError | NoAnswer): Promise<T> {
    return new Promise((resolve, reject) => {
      const forget = this.onStop(() => reject(fault()));
      work.then(resolve, reject).finally(forget);
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const call of [...this.#calls]) call();
    this.#calls.clear();
  }
}

/** Sends messages. Whatever becomes of them, nothing stays open. */
export class Transports {
  readonly #turns = new Turns(PER_TURN);
  readonly #addressesOf: (host: string) => Promise<readonly string[]>;

  /** @param find - Finds the addresses of a host. */
  constructor(find: (host: string) => Promise<readonly string[]> = addressesOf) {
    this.#addressesOf = remembered(find, systemClock);
  }

  /**
   * Tries the addresses of the server in turn: this machine may lack one of the two families, or have no way
   * to one of them.
   *
   * @param patience - Milliseconds after which the next address is tried beside one that is silent.
   * @param stop - Ends it; to be called when there is an answer, too.
   * @returns A copy of the answer. Rejects with an error of the system, or {@link NoAnswer}.
   */
  send(
    { host, port }: KdcServer,
    transport: 'udp' | 'tcp',
    message: Uint8Array,
    patience: number,
    stop: Stop,
  ): Promise<Uint8Array> {
    const open = transport === 'udp' ? openUdp : openTcp;
    const attempt = (address: string) =>
      this.#attempt((ends) => open(address, port, message, ends), stop);
    return isIP(host) === 0 ? this.#sendTo(host, attempt, patience, stop) : attempt(host);
  }

  async #sendTo(
    host: string,
    attempt: (address: string) => Promise<Uint8Array>,
    patience: number,
    stop: Stop,
  ): Promise<Uint8Array> {
    const found = await stop.until(this.#addressesOf(host), () => NO_NAME);
    const addresses = found.slice(0, MAX_ADDRESSES);
    if (addresses.length === 0) throw NO_NAME;
    if (stop.stopped) throw NOTHING;
    return await firstInTurn(addresses, {
      begin: attempt,
      patience: () => patience,
      isOver: () => stop.stopped,
    });
  }

  #attempt(open: (ends: Ends) => () => void, stop: Stop): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let close: (() => void) | undefined;
      let withdraw: (() => void) | undefined;
      let over = false;
      const end = (settle: () => void): void => {
        if (over) return;
        over = true;
        forget();
        if (withdraw !== undefined && close === undefined) {
          // It was not opened: that needs no turn any longer.
          withdraw();
          settle();
          return;
        }
        this.#turns.take(() => {
          close?.();
          settle();
        });
      };
      const fail = (error: unknown): void => end(() => reject(error));
      // Who ends an attempt wants to know at once what became of it.
      const onStop = (): void => {
        reject(NOTHING);
        end(() => {});
      };
      let forget = (): void => {};
      withdraw = this.#turns.take(() => {
        if (over) return;
        close = open({ answer: (bytes) => end(() => resolve(bytes)), fail });
        // It may have failed before there was something to close.
        if (over) close();
      });
      forget = stop.onStop(onStop);
    });
  }
}

async function addressesOf(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** How an attempt ends: the first call counts. */
interface Ends {
  readonly answer: (bytes: Uint8Array) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Each message has a socket, and so a port, of its own: what comes to it answers this message, or is a forgery of
 * somebody who has guessed the port (RFC 6056).
 *
 * @returns Closes the socket; it may be called twice.
 */
function openUdp(
  address: string,
  port: number,
  message: Uint8Array,
  { answer, fail }: Ends,
): () => void {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', lookup: itself });
  let isOpen = true;
  socket.on('error', fail);
  // A connected socket receives from this address only, and learns that the port is closed.
  // Node.js gives a fault of connect to the callback alone: an address without a route, for example.
  socket.connect(port, address, (fault?: Error) => {
    if (fault) return fail(fault);
    if (isOpen) socket.send(message);
  });
  socket.once('message', (bytes) => answer(Uint8Array.from(bytes)));
  return () => {
    if (isOpen) socket.close();
    isOpen = false;
  };
}

/** Replaces node:dns, which takes two further turns of the event loop even for an IP address. */
function itself(
  address: string,
  _options: unknown,
  found: (error: null, address: string, family: number) => void,
): void {
  found(null, address, isIP(address));
}

/**
 * RFC 4120 §7.2.2: each message follows its length in four bytes, whose first bit is zero.
 *
 * @returns Closes the socket.
 */
function openTcp(
  address: string,
  port: number,
  message: Uint8Array,
  { answer, fail }: Ends,
): () => void {
  const socket = connect({ host: address, port, noDelay: true });
  const header = new Uint8Array(4);
  let body: Uint8Array | undefined;
  let filled = 0;
  const fill = (target: Uint8Array, piece: Uint8Array): Uint8Array => {
    const part = piece.subarray(0, target.length - filled);
    target.set(part, filled);
    filled += part.length;
    return piece.subarray(part.length);
  };
  socket.on('error', fail);
  socket.on('end', () => fail(CLOSED));
  socket.on('data', (piece: Uint8Array) => {
    let rest = piece;
    if (body === undefined) {
      rest = fill(header, piece);
      if (filled < header.length) return;
      const length = new DataView(header.buffer).getUint32(0);
      if (length > MAX_ANSWER) return fail(TOO_LONG);
      body = new Uint8Array(length);
      filled = 0;
    }
    fill(body, rest);
    if (filled === body.length) answer(body);
  });
  socket.write(withLength(message));
  return () => socket.destroy();
}

// Opening a socket or passing on an answer takes about a tenth of a millisecond.
const PER_TURN = 3;
const MAX_ADDRESSES = 4;
const MAX_ANSWER = 65_536;
const NOTHING = new NoAnswer('no answer');
const NO_NAME = new NoAnswer('no answer of DNS');
const CLOSED = new NoAnswer('it closed the connection');
const TOO_LONG = new NoAnswer(`its answer is longer than ${MAX_ANSWER} bytes`);
