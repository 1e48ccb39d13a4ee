/** Sends one message to a KDC of a realm and returns its answer (RFC 4120 §7.2). */
import { KerberosError } from '../../errors.ts';
import { decodeKrbError } from '../../messages/krb-error.ts';
import { describeThrown, printableName } from '../../text.ts';
import type { Clock } from '../../time.ts';
import { systemClock } from '../../time.ts';
import type { KdcServer } from './find-kdcs.ts';
import { firstInTurn } from './in-turn.ts';
import { KnownServers } from './known-servers.ts';
import { SecondTries } from './second-tries.ts';
import { NoAnswer, Stop, Transports } from './transports.ts';

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
  /** Remembers the servers that did not answer, and how long others took. */
  readonly clock?: Clock;
  /** Finds the addresses of a host; by the system if absent. */
  readonly addressesOf?: (host: string) => Promise<readonly string[]>;
}

/**
 * Makes a function that asks KDCs. A server that does not answer within a second, or twice the time of
 * its last answer, is waited for beside the next one: the first answer counts. One that failed is asked last for
 * the next half minute. One that is late for many messages gets only some of them over TCP as well.
 *
 * @param find - Finds the servers of a realm, in the order in which to ask them.
 */
export function kdcAsker(
  find: (realm: string) => Promise<readonly KdcServer[]>,
  { udpLimit = MAX_DATAGRAM, clock = systemClock, addressesOf }: KdcAskerOptions = {},
): KdcAsker {
  const known = new KnownServers(clock);
  const seconds = new SecondTries();
  const transports = new Transports(addressesOf);
  const serversOf = async (realm: string, stop: Stop): Promise<readonly KdcServer[]> => {
    const servers = await stop.until(find(realm), () => unreachable(realm, [NOT_FOUND]));
    if (servers.length > 0) return servers;
    throw new KerberosError('KRB5_REALM_UNKNOWN', {
      reason: 'kdc.unknown',
      detail: { realm: printableName(realm) },
      message: `Cannot find KDC for realm "${printableName(realm)}"`,
      hint: `name it in krb5.conf: [realms] ${printableName(realm)} = { kdc = host }, or in DNS`,
    });
  };
  return async (realm, message, signal) => {
    const stop = new Stop();
    const end = (): void => stop.stop();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const failures: string[] = [];
    try {
      const servers = known.inOrder(await serversOf(realm, stop));
      const attempts = servers.flatMap((server) =>
        transportsFor(server, message, udpLimit).map((transport) => ({ server, transport })),
      );
      return await firstInTurn(attempts, {
        begin: async (attempt) => {
          const since = clock();
          const patience = known.patienceWith(attempt.server);
          const bytes = await exchange(transports, attempt, message, patience, stop);
          known.answered(attempt.server, since);
          if (attempt.transport === 'udp' && isTooBig(bytes)) return undefined;
          return { bytes, ...attempt };
        },
        patience: ({ server }) => known.patienceWith(server),
        onLate: ({ server }) => known.late(server),
        onFailure: ({ server, transport }, error) => {
          failures.push(`${server.host} port ${server.port}/${transport}: ${problemOf(error)}`);
          // A server did not fail if its attempt was ended because another one was faster.
          if (!stop.stopped) known.failed(server);
        },
        isOver: () => stop.stopped,
        enter: ({ server }, running) =>
          running.some((other) => isSame(other.server, server)) ? seconds.begin(server) : NOTHING,
        whenRoom: ({ server }, call) => seconds.whenRoom(server, call),
      }).catch(() => {
        throw unreachable(realm, failures);
      });
    } finally {
      signal.removeEventListener('abort', end);
      end();
    }
  };
}

/** A server over one transport. */
type Attempt = Pick<KdcAnswer, 'server' | 'transport'>;

function isSame(a: KdcServer, b: KdcServer): boolean {
  return a.port === b.port && a.host === b.host;
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
  transports: Transports,
  { server, transport }: Attempt,
  message: Uint8Array,
  patience: number,
  stop: Stop,
): Promise<Uint8Array> {
  const limit = new Stop();
  const end = (): void => limit.stop();
  const timer = setTimeout(end, PATIENCE);
  const forget = stop.onStop(end);
  try {
    const bytes = await transports.send(server, transport, message, patience, limit);
    // RFC 4120 §5.10: AS-REP, TGS-REP and KRB-ERROR are [APPLICATION 11], [13] and [30].
    if (![0x6b, 0x6d, 0x7e].includes(bytes[0] ?? 0)) throw new NoAnswer('what answers is no KDC');
    return bytes;
  } finally {
    clearTimeout(timer);
    forget();
    // Other addresses of the server.
    end();
  }
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

function problemOf(error: unknown): string {
  if (error instanceof NoAnswer) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  return code ?? describeThrown(error);
}

function unreachable(realm: string, failures: readonly string[]): KerberosError {
  return new KerberosError('KRB5_KDC_UNREACH', {
    reason: 'kdc.unreachable',
    detail: { realm: printableName(realm), tried: failures },
    message: `Cannot contact any KDC for realm '${printableName(realm)}': ${failures.join(', ')}`,
    hint: 'look at the KDC, at firewalls (port 88, UDP and TCP), and at kdc in krb5.conf',
  });
}

// MIT krb5, udp_preference_limit: longer messages use TCP.
const MAX_DATAGRAM = 1465;
const RESPONSE_TOO_BIG = 52;
const NOTHING = (): void => {};
const NOT_FOUND = 'DNS has not said in time which servers the realm has';
// Milliseconds for one server over one transport.
const PATIENCE = 10_000;
