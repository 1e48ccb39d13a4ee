/** Asks the replay cache about a request (RFC 4120 §3.2.3); only the answer `true` admits it. */
import { KerberosError } from '../errors.ts';
import type { Authenticator } from '../messages/ap-req.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { Principal } from '../messages/principal.ts';
import { printablePrincipal } from '../messages/principal.ts';
import { describe, isThenable } from '../options.ts';
import { describeThrown } from '../text.ts';
import type { Clock } from '../time.ts';
import { formatTime } from '../time.ts';
import type { OpenedTicket } from './opened-tickets.ts';
import type { Patience } from './patience.ts';
import type { RecentPeers } from './recent-peers.ts';
import type { ReplayCache } from './replay-cache.ts';

interface ReplayPolicy {
  readonly replayCache: ReplayCache;
  readonly recentPeers?: RecentPeers;
  readonly maxSkew: number;
  readonly clock: Clock;
}

/**
 * Checks that a request is new, and stores it.
 *
 * @param cipher - The authenticator's ciphertext, as received.
 * @param from - Where the request comes from, if that is known.
 * @returns A promise only if the cache returns one.
 * @throws {@link KerberosError} KRB_AP_ERR_REPEAT for a replay; KRB5_RC_IO, or the cache's own error,
 *   if the cache cannot tell.
 */
export function checkReplay(
  opened: OpenedTicket,
  client: Principal,
  authenticator: Authenticator,
  cipher: Uint8Array,
  policy: ReplayPolicy,
  patience: Patience,
  from?: HostAddress,
): Promise<void> | undefined {
  patience.settings.replayCache.checkRoom();
  const { replayCache, maxSkew } = policy;
  const { ctime, cusec } = authenticator;
  let answer: unknown;
  let pending: boolean;
  try {
    answer = replayCache.checkAndStore({
      ciphertext: cipher,
      ctime,
      cusec,
      // checkSkew admits the request until the end of the second ctime + maxSkew.
      expiresAt: ctime + maxSkew + 1,
      client,
    });
    pending = typeof answer !== 'boolean' && isThenable(answer);
  } catch (cause) {
    throw failed(cause);
  }
  if (!pending) {
    judge(answer, opened, client, authenticator, policy, cipher, from);
    return undefined;
  }
  return patience.wait(answer as PromiseLike<unknown>, patience.settings.replayCache).then(
    (late) => judge(late, opened, client, authenticator, policy, cipher, from),
    (cause) => {
      throw failed(cause);
    },
  );
}

/** @throws {@link KerberosError} for every answer but `true`. */
function judge(
  isNew: unknown,
  opened: OpenedTicket,
  client: Principal,
  authenticator: Authenticator,
  policy: ReplayPolicy,
  cipher: Uint8Array,
  from: HostAddress | undefined,
): void {
  if (isNew === true) return;
  if (isNew === false) throw repeated(opened, client, authenticator, policy, cipher, from);
  throw new KerberosError('KRB5_RC_IO', {
    reason: 'replay.cache-fault',
    detail: { answer: describe(isNew) },
    message: `The replay cache answered ${describe(isNew)}, not true or false`,
  });
}

function failed(cause: unknown): KerberosError {
  if (cause instanceof KerberosError) return cause;
  return new KerberosError('KRB5_RC_IO', {
    reason: 'replay.cache-failed',
    cause,
    detail: { problem: describeThrown(cause) },
    message: `Replay cache failed: ${describeThrown(cause)}`,
  });
}

function repeated(
  { service }: OpenedTicket,
  principal: Principal,
  { ctime, cusec }: Authenticator,
  { clock, recentPeers }: ReplayPolicy,
  cipher: Uint8Array,
  from: HostAddress | undefined,
): KerberosError {
  const samePeer = recentPeers?.sawFrom(cipher, from);
  const detail = {
    client: printablePrincipal(principal),
    service: printablePrincipal(service.principal),
    clientTime: formatTime(ctime),
    clientMicroseconds: cusec,
    age: Math.floor(clock() / 1000) - ctime,
    ...(samePeer !== undefined && { samePeer }),
  };
  return new KerberosError('KRB_AP_ERR_REPEAT', {
    reason: 'replay.repeated',
    detail,
  });
}
