/** The settings of an acceptor: its options, with the default of each absent one. */
import type { PermittedEnctypes } from '../ap/accept.ts';
import type { ClientRealms } from '../ap/client-policy.ts';
import { OpenedTickets } from '../ap/opened-tickets.ts';
import { Answerer } from '../ap/patience.ts';
import { RecentPeers } from '../ap/recent-peers.ts';
import { MemoryReplayCache } from '../ap/replay-cache.ts';
import { acceptorEnctypes } from '../config/enctype-list.ts';
import { Mechanism } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import { Observer } from '../observe/observer.ts';
import { checkedRandom, contextRandom } from '../random.ts';
import { checkedClock, systemClock, systemTimer } from '../time.ts';
import { relayOf } from './relay-settings.ts';
import type { AcceptorOptions, AcceptorSettings } from './settings.ts';
import { vouchedDataPolicy } from './settings.ts';

/** @param options - Checked. Their lists are copied: the caller may alter its own later. */
export function settingsOf(options: AcceptorOptions): AcceptorSettings {
  const clock = options.clock === undefined ? systemClock : checkedClock(options.clock);
  const random = options.random === undefined ? undefined : checkedRandom(options.random);
  return {
    credential: options.credential,
    mechanisms: mechanismsOf(options),
    relay: options.iakerb && relayOf(options.iakerb),
    lateFallback: lateFallbackOf(options),
    clock,
    randomOfContext: random === undefined ? contextRandom : () => random,
    maxSkew: options.maxSkew ?? DEFAULT_SKEW,
    replayCache:
      options.replayCache ??
      new MemoryReplayCache({ clock, ...(random !== undefined && { random }) }),
    openedTickets: new OpenedTickets(),
    recentPeers: new RecentPeers(),
    channelBindingPolicy: options.channelBindingPolicy ?? 'when-supported',
    permittedEnctypes: permittedEnctypesOf(options),
    onWeakEnctype: options.onWeakEnctype,
    observer: new Observer(clock, options.trace),
    requiredFlags: options.requiredFlags ?? 0,
    ...vouchedDataPolicy(options),
    checkAddresses: options.checkAddresses ?? false,
    allowAnonymous: options.allowAnonymous ?? false,
    clientRealms: clientRealmsOf(options),
    checkTransited: options.checkTransited,
    waits: {
      timer: options.timer ?? systemTimer,
      deadline: options.deadline ?? DEFAULT_DEADLINE,
      replayCache: new Answerer('replay cache', 'KRB5_RC_IO', 'replay.cache-silent'),
      keytab: new Answerer('keytab', 'KRB5_KT_IOERR', 'keytab.silent'),
      modules: new Answerer('module loader', 'KRB_ERR_GENERIC', 'fault.module-silent'),
    },
  };
}

/** @throws RangeError if IAKERB is to be accepted, and nobody said how to reach a KDC; or the reverse. */
function mechanismsOf({ mechanisms, iakerb }: AcceptorOptions): readonly Oid[] {
  if (mechanisms === undefined) {
    return iakerb === undefined ? OFFERED : [...OFFERED, Mechanism.iakerb];
  }
  if (mechanisms.includes(Mechanism.iakerb) && iakerb === undefined) {
    throw new RangeError('mechanisms: IAKERB expected the option iakerb with a kdc, got none');
  }
  if (!mechanisms.includes(Mechanism.iakerb) && iakerb !== undefined) {
    throw new RangeError('iakerb: expected IAKERB among the mechanisms, which do not name it');
  }
  return [...mechanisms];
}

/** @throws RangeError if there is nothing to fall back to. */
function lateFallbackOf({ lateFallback = false, iakerb, mechanisms }: AcceptorOptions): boolean {
  if (lateFallback && iakerb === undefined) {
    throw new RangeError('lateFallback: expected the option iakerb beside it, got none');
  }
  if (lateFallback && mechanisms?.includes(Mechanism.spnego) === false) {
    throw new RangeError('lateFallback: expected SPNEGO among the mechanisms, got none');
  }
  return lateFallback;
}

function permittedEnctypesOf(options: AcceptorOptions): PermittedEnctypes {
  const permitted = options.permittedEnctypes ?? acceptorEnctypes;
  return {
    ticket: [...(options.ticketEnctypes ?? permitted)],
    session: [...(options.sessionEnctypes ?? permitted)],
    subkey: [...(options.subkeyEnctypes ?? permitted)],
  };
}

function clientRealmsOf({ clientRealms }: AcceptorOptions): ClientRealms | undefined {
  return typeof clientRealms === 'object' ? [...clientRealms] : clientRealms;
}

const OFFERED: readonly Oid[] = [Mechanism.krb5, Mechanism.spnego];
// RFC 4120 §8.2: five minutes.
const DEFAULT_SKEW = 300;
// Seconds. Clients and proxies wait for at least 10.
const DEFAULT_DEADLINE = 5;
