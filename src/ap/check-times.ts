/** The checks of times (RFC 4120 §3.2.3), and the judgement which of three clocks is wrong. */
import { KerberosError } from '../errors.ts';
import type { ClockDetail } from '../explain/client-reasons.ts';
import type { EncTicketPart } from '../messages/ticket.ts';
import { TicketFlag } from '../messages/ticket.ts';
import type { KerberosTime } from '../time.ts';
import { formatTime } from '../time.ts';

/**
 * Refuses a ticket outside of its lifetime, and a client whose clock differs too much.
 *
 * @param ctime - The time by the client's clock.
 * @param now - The time by this machine's clock.
 * @throws {@link KerberosError} `KRB_AP_ERR_TKT_NYV`, `KRB_AP_ERR_TKT_EXPIRED`, `KRB_AP_ERR_SKEW`.
 */
export function checkTimes(
  ticket: EncTicketPart,
  ctime: KerberosTime,
  now: KerberosTime,
  maxSkew: number,
): void {
  const start = ticket.startTime ?? ticket.authTime;
  if (start - now > maxSkew) throw explainTime('KRB_AP_ERR_TKT_NYV', ticket, ctime, now, maxSkew);
  if (now - ticket.endTime > maxSkew) {
    throw explainTime('KRB_AP_ERR_TKT_EXPIRED', ticket, ctime, now, maxSkew);
  }
  if (Math.abs(ctime - now) > maxSkew) {
    throw explainTime('KRB_AP_ERR_SKEW', ticket, ctime, now, maxSkew);
  }
}

function explainTime(
  code: 'KRB_AP_ERR_TKT_NYV' | 'KRB_AP_ERR_TKT_EXPIRED' | 'KRB_AP_ERR_SKEW',
  ticket: EncTicketPart,
  ctime: KerberosTime,
  now: KerberosTime,
  maxSkew: number,
): KerberosError {
  const start = ticket.startTime ?? ticket.authTime;
  const times = {
    now: formatTime(now),
    startTime: formatTime(start),
    endTime: formatTime(ticket.endTime),
  };
  if (code === 'KRB_AP_ERR_TKT_NYV' && (ticket.flags & TicketFlag.postdated) !== 0) {
    return new KerberosError(code, { reason: 'ticket.postdated', detail: times });
  }
  const agrees = Math.abs(ctime - now) <= maxSkew;
  if (agrees && code === 'KRB_AP_ERR_TKT_EXPIRED') {
    return new KerberosError(code, { reason: 'ticket.expired', detail: times });
  }
  if (agrees) return new KerberosError(code, { reason: 'ticket.not-yet-valid', detail: times });
  const offset = ctime - now;
  const looksLike = looksOf(offset);
  const detail: ClockDetail = {
    ...times,
    clientTime: formatTime(ctime),
    offset,
    maxSkew,
    ...(looksLike !== undefined && { looksLike }),
  };
  return new KerberosError(code, {
    reason: `clock.${wrongClock(ticket, ctime, now, maxSkew)}`,
    detail,
  });
}

/**
 * Which clock is wrong, where client and server disagree. The third one is the KDC's: it wrote the time
 * at which the ticket was issued, before which neither of the others can truly be.
 */
function wrongClock(
  ticket: EncTicketPart,
  ctime: KerberosTime,
  now: KerberosTime,
  maxSkew: number,
): 'client-ahead' | 'client-behind' | 'server-ahead' | 'server-behind' {
  const issued = ticket.startTime ?? ticket.authTime;
  if (issued - now > maxSkew) return 'server-behind';
  if (issued - ctime > maxSkew) return 'client-behind';
  if (ctime > now) return 'client-ahead';
  // The client's clock agrees with the KDC's about a ticket that was just issued, or is still valid.
  const isFresh = ctime - issued <= maxSkew;
  const isValidForClient = now - ticket.endTime > maxSkew && ctime - ticket.endTime <= maxSkew;
  return isFresh || isValidForClient ? 'server-ahead' : 'client-behind';
}

/** What a difference of clocks looks like: whole or half hours are no drift. */
function looksOf(offset: number): ClockDetail['looksLike'] {
  const size = Math.abs(offset);
  const rest = size % HALF_HOUR;
  if (size < HALF_HOUR || size > MAX_ZONE || Math.min(rest, HALF_HOUR - rest) > TOLERANCE) {
    return undefined;
  }
  return Math.abs(size - 2 * HALF_HOUR) <= TOLERANCE ? 'daylight-saving' : 'time-zone';
}

// Seconds.
const HALF_HOUR = 1800;
const TOLERANCE = 60;
// UTC+14 is the largest offset.
const MAX_ZONE = 14 * 3600 + TOLERANCE;
