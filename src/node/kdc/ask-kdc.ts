/** Sends one message to a KDC of a realm and returns its answer (RFC 4120 §7.2). */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { connect, isIP, isIPv6 } from 'node:net';
import { KerberosError } from '../../errors.ts';
import { withLength } from '../../messages/kdc/kdc-proxy.ts';
import { decodeKrbError } from '../../messages/krb-error.ts';
import { describeThrown, printableName } from '../../text.ts';
import type { Clock } from '../../time.ts';
import { systemClock } from '../../time.ts';
import type { KdcServer } from './find-kdcs.ts';

/** The answer of a KDC. Nothing in it has been verified, except that it begins as an answer does. */
export interface KdcAnswer {
  readonly bytes: Uint8Array;
  readonly server: KdcServer;
  readonly transport: 'udp' | 'tcp';
}

/**
 * Asks the KDCs of a realm one after another.
 *
 * @throws {@link KerberosError} `KRB5_REALM_UNKNOWN` if no KDC of the realm is known,
 *   `KRB5_KDC_UNREACH` if none answers before the signal.
 */
export type KdcAsker = (
  realm: string,
  message: Uint8Array,
  signal: AbortSignal,
) => Promise<KdcAnswer>;

/** Options of {@link kdcAsker}. */
export interface KdcAskerOptions {
  /** Bytes above which a message goes over TCP; 1465 if absent (MIT krb5, udp_preference_limit). */
  readonly udpLimit?: number;
  /** Remembers the servers that did not answer. */
  readonly clock?: Clock;
}

/**
 * Makes a function that asks KDCs. A server that does not answer within a second is asked further, beside
 * the next one: the first answer counts. One that failed is asked last for the next half minute.
 *
 * @param find - Finds the servers of a realm, in the order in which to ask them.
 */
export function kdcAsker(
  find: (realm: string) => Promise<readonly KdcServer[]>,
  { udpLimit = MAX_DATAGRAM, clock = systemClock }: KdcAskerOptions = {},
): KdcAsker {
  const resting = new RestingServers(clock);
  return async (realm, message, signal) => {
    const servers = resting.last(await find(realm));
    if (servers.length === 0) {
      throw new KerberosError('KRB5_REALM_UNKNOWN', {
        reason: 'kdc.unknown',
        detail: { realm: printableName(realm) },
        message: `Cannot find KDC for realm "${printableName(realm)}"`,
        hint: `name it in krb5.conf: [realms] ${printableName(realm)} = { kdc = host }, or in DNS`,
      });
    }
    const attempts = servers.flatMap((server) =>
      transportsFor(server, message, udpLimit).map((transport) => ({ server, transport })),
    );
    const stop = new AbortController();
    const failures: string[] = [];
    try {
      return await firstAnswer(attempts, {
        message,
        limit: AbortSignal.any([signal, stop.signal]),
        onFailure: ({ server, transport }, problem) => {
          failures.push(`${server.host} port ${server.port}/${transport}: ${problem}`);
          if (!signal.aborted) resting.add(server);
        },
      }).catch(() => {
        throw unreachable(realm, failures);
      });
    } finally {
      stop.abort();
    }
  };
}

/** A server over one transport. */
type Attempt = Pick<KdcAnswer, 'server' | 'transport'>;

/** Begins the attempts one after another, each as soon as the one before has failed or is late. */
function firstAnswer(
  attempts: readonly Attempt[],
  {
    message,
    limit,
    onFailure,
  }: {
    readonly message: Uint8Array;
    readonly limit: AbortSignal;
    readonly onFailure: (attempt: Attempt, problem: string) => void;
  },
): Promise<KdcAnswer> {
  return new Promise((resolve, reject) => {
    let next = 0;
    let running = 0;
    const begin = (): void => {
      const attempt = attempts[next];
      if (attempt === undefined || limit.aborted) return void (running === 0 && reject());
      next++;
      running++;
      const late = setTimeout(begin, LATE);
      const { server, transport } = attempt;
      exchange(server, transport, message, limit)
        .then(
          (bytes) => {
            if (transport === 'tcp' || !isTooBig(bytes)) resolve({ bytes, server, transport });
          },
          (error: unknown) => onFailure(attempt, problemOf(error)),
        )
        .finally(() => {
          clearTimeout(late);
          running--;
          begin();
        });
    };
    begin();
  });
}

/** The servers that have failed, for half a minute. */
class RestingServers {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(server: KdcServer): void {
    const name = nameOf(server);
    this.#until.delete(name);
    this.#until.set(name, this.#clock() + REST);
    for (const oldest of this.#until.keys()) {
      if (this.#until.size <= MAX_RESTING) return;
      this.#until.delete(oldest);
    }
  }

  /** The servers, the resting ones at the end. */
  last(servers: readonly KdcServer[]): readonly KdcServer[] {
    if (this.#until.size === 0) return servers;
    const now = this.#clock();
    const rests = (server: KdcServer) => (this.#until.get(nameOf(server)) ?? 0) > now;
    return [...servers.filter((server) => !rests(server)), ...servers.filter(rests)];
  }
}

function nameOf({ host, port }: KdcServer): string {
  return `${host} ${port}`;
}

function transportsFor(
  { transport }: KdcServer,
  message: Uint8Array,
  udpLimit: number,
): readonly ('udp' | 'tcp')[] {
  if (transport !== undefined) return [transport];
  return message.length > udpLimit ? ['tcp'] : ['udp', 'tcp'];
}

async function exchange(
  server: KdcServer,
  transport: 'udp' | 'tcp',
  message: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  const bytes = await (transport === 'udp' ? overUdp : overTcp)(server, message, limit);
  // RFC 4120 §5.10: AS-REP, TGS-REP and KRB-ERROR are [APPLICATION 11], [13] and [30].
  if (![0x6b, 0x6d, 0x7e].includes(bytes[0] ?? 0)) throw new NoAnswer('what answers is no KDC');
  return bytes;
}

/** Tries the addresses of the server in turn: this machine may lack one of the two families. */
async function overUdp(
  { host, port }: KdcServer,
  message: Uint8Array,
  limit: AbortSignal,
): Promise<Uint8Array> {
  let fault: unknown;
  for (const address of await addressesOf(host, limit)) {
    try {
      return await overUdpTo(address, port, message, limit);
    } catch (error) {
      fault = error;
      if (limit.aborted) break;
    }
  }
  throw fault;
}

/** At most 4. getaddrinfo has no time limit of its own. */
function addressesOf(host: string, limit: AbortSignal): Promise<readonly string[]> {
  if (isIP(host) !== 0) return Promise.resolve([host]);
  return new Promise((resolve, reject) => {
    limit.addEventListener('abort', () => reject(new NoAnswer('no answer of DNS')), { once: true });
    lookup(host, { all: true }).then(
      (found) => resolve(found.slice(0, 4).map(({ address }) => address)),
      reject,
    );
  });
}

function overUdpTo(
  address: string,
  port: number,
  message: Uint8Array,
  limit: AbortSignal,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const fail = (error: unknown): void => {
      if (closeOnce()) reject(error);
    };
    let open = true;
    const closeOnce = (): boolean => {
      const first = open;
      open = false;
      if (first) socket.close();
      limit.removeEventListener('abort', onAbort);
      return first;
    };
    const onAbort = (): void => fail(new NoAnswer('no answer'));
    limit.addEventListener('abort', onAbort);
    socket.on('error', fail);
    // A connected socket receives from this address only, and learns that the port is closed.
    socket.connect(port, address, () => {
      if (open) socket.send(message);
    });
    socket.on('message', (answer) => {
      if (closeOnce()) resolve(Uint8Array.from(answer));
    });
  });
}

/** RFC 4120 §7.2.2: each message follows its length in four bytes, whose first bit is zero. */
function overTcp(server: KdcServer, message: Uint8Array, limit: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.host, port: server.port, signal: limit });
    const received = new Uint8Array(4 + MAX_ANSWER);
    let length = 0;
    const view = new DataView(received.buffer);
    const fail = (error: unknown): void => {
      socket.destroy();
      reject(limit.aborted ? new NoAnswer('no answer') : error);
    };
    socket.on('error', fail);
    socket.on('end', () => fail(new NoAnswer('it closed the connection')));
    socket.on('data', (piece: Uint8Array) => {
      if (length + piece.length > received.length) return fail(new NoAnswer(TOO_LONG));
      received.set(piece, length);
      length += piece.length;
      if (length < 4) return;
      const end = 4 + view.getUint32(0);
      if (end > received.length) return fail(new NoAnswer(TOO_LONG));
      if (length < end) return;
      socket.destroy();
      resolve(received.slice(4, end));
    });
    socket.write(withLength(message));
  });
}

/** RFC 4120 §7.2.1: KRB_ERR_RESPONSE_TOO_BIG asks for TCP. */
function isTooBig(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x7e) return false;
  try {
    return decodeKrbError(bytes).errorCode === RESPONSE_TOO_BIG;
  } catch {
    return false;
  }
}

class NoAnswer extends Error {}

function problemOf(error: unknown): string {
  if (error instanceof NoAnswer) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  return code ?? describeThrown(error);
}

function unreachable(realm: string, failures: readonly string[]): KerberosError {
  return new KerberosError('KRB5_KDC_UNREACH', {
    reason: 'kdc.unreachable',
    detail: { realm: printableName(realm) },
    message: `Cannot contact any KDC for realm '${printableName(realm)}': ${failures.join(', ')}`,
    hint: 'look at the KDC, at firewalls (port 88, UDP and TCP), and at kdc in krb5.conf',
  });
}

// MIT krb5, udp_preference_limit: longer messages use TCP.
const MAX_DATAGRAM = 1465;
const MAX_ANSWER = 65_536;
const TOO_LONG = `its answer is longer than ${MAX_ANSWER} bytes`;
const RESPONSE_TOO_BIG = 52;
// Milliseconds for one server over one transport, and before the next attempt begins beside it.
const PATIENCE = 10_000;
const LATE = 1000;
// Milliseconds.
const REST = 30_000;
const MAX_RESTING = 64;
