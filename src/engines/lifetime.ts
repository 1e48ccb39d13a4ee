/** How long an engine keeps the record of a request. */
import type { Clock, KerberosTime } from '../time.ts';

/**
 * @param expiresAt - From this time on the request is refused for its age.
 * @returns Milliseconds from now, at least 1.
 */
export function lifetimeOf(expiresAt: KerberosTime, clock: Clock): number {
  return Math.max(1, Math.ceil((expiresAt + OUTLIVES) * 1000 - clock()));
}

/**
 * Seconds. A server may have judged the age of a request just before its end and ask as late as its
 * deadline permits, and its clock may be behind that of the server that stored the record.
 */
const OUTLIVES = 60;
