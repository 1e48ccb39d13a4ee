/** Compares this machine's clock and the keytab's keys with those of the realm's KDC. */
import { KerberosError } from '../../errors.ts';
import type { PrincipalKeys } from '../../keytab/keytab-index.ts';
import { describeThrown, printableName } from '../../text.ts';
import type { Clock } from '../../time.ts';
import { formatTime } from '../../time.ts';
import type { KdcAsker } from '../kdc/ask-kdc.ts';
import type { KdcClock } from '../kdc/kdc-facts.ts';
import { readKdcClock } from '../kdc/kdc-facts.ts';
import type { Finding } from './finding.ts';
import { failure, ok, warning } from './finding.ts';
import { judgeServiceKeys } from './service-keys.ts';

/** What {@link judgeByKdc} works with. */
export interface KdcQuestions {
  readonly ask: KdcAsker;
  readonly clock: Clock;
  /** Seconds. */
  readonly clockSkew: number;
  readonly signal: AbortSignal;
  /** Whether the keytab is that of a member of an Active Directory domain. */
  readonly ofDomainMember?: boolean;
}

/** The findings about a realm's clock, and about the keys of its services. */
export async function judgeByKdc(
  held: readonly PrincipalKeys[],
  questions: KdcQuestions,
): Promise<Finding[]> {
  const { ask, clock, signal } = questions;
  const { principal } = held[0]!;
  try {
    const kdc = await readKdcClock(ask, principal, clock, signal);
    // What cannot be read says nothing about the keys, and the clock has been compared.
    const keys = await Promise.all(
      held.map((one) => judgeServiceKeys(one, questions).catch(() => undefined)),
    );
    return [judgeClock(kdc, questions), ...keys.filter((finding) => finding !== undefined)];
  } catch (error) {
    return [notCompared(principal.realm, error)];
  }
}

function judgeClock(
  { ahead, precision, time, answer }: KdcClock,
  { clockSkew }: KdcQuestions,
): Finding {
  const { server, transport } = answer;
  const kdc = `the KDC (${printableName(server.host)} port ${server.port}/${transport})`;
  // What the way of the answer may account for is no difference.
  const sure = Math.max(0, Math.abs(ahead) - precision) / 1000;
  if (sure <= clockSkew / 10) {
    const most = (Math.abs(ahead) + precision) / 1000;
    return ok(
      'clock',
      `this machine's clock and that of ${kdc} are at most ${most.toFixed(1)} s apart`,
    );
  }
  const which = ahead > 0 ? 'ahead of' : 'behind';
  const text =
    `this machine's clock is ${shown(Math.abs(ahead) / 1000)} ${which} that of ${kdc}, which says ` +
    `${formatTime(Math.floor(time / 1000))}${zoneOf(Math.abs(ahead) / 1000)}`;
  const remedies = [
    'set the clock by NTP: chronyc makestep, timedatectl set-ntp true; Windows: w32tm /resync',
    'if NTP agrees with this machine, the clock of the KDC is wrong',
  ];
  const reason = ahead > 0 ? 'clock.server-ahead' : 'clock.server-behind';
  if (sure <= clockSkew) {
    const allowed = `; ${clockSkew} s are allowed (clockskew)`;
    return warning('clock', reason, text + allowed, ...remedies);
  }
  return failure(
    'clock',
    reason,
    `${text}; ${clockSkew} s are allowed (clockskew), so every client whose clock is right is refused`,
    ...remedies,
  );
}

function shown(seconds: number): string {
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

/** A difference of whole half hours is rarely the drift of a clock. */
function zoneOf(seconds: number): string {
  const nearest = Math.round(seconds / HALF_HOUR) * HALF_HOUR;
  if (nearest === 0 || Math.abs(seconds - nearest) > 90) return '';
  return nearest === 2 * HALF_HOUR
    ? ' (one hour: daylight saving, or a time zone)'
    : ` (${nearest / 3600} hours: a clock set to local time instead of UTC?)`;
}

/** An acceptor works without a KDC, so this is no error. */
function notCompared(realm: string, error: unknown): Finding {
  const known = error instanceof KerberosError;
  const reason = known && error.reason === 'kdc.unknown' ? error.reason : 'kdc.unreachable';
  const why = known ? error.message : describeThrown(error);
  const remedy = known ? error.hint : undefined;
  return warning(
    'clock',
    reason,
    `the clock was not compared with a KDC of ${printableName(realm)}: ${why}`,
    ...(remedy === undefined ? [] : [remedy]),
    'compare the clocks by other means: chronyc tracking, w32tm /query /status',
  );
}

const HALF_HOUR = 1800;
