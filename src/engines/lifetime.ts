/** How long an engine keeps the record of a request. */
import type { Clock, KerberosTime } from '../time.ts';

/**
 * @param expiresAt - From this time on the request is refused for its age.
 * @returns Milliseconds from now, at least 1.
 * @throws RangeError for a time so late that the engine would refuse the records sent with this one, too.
 */
export function lifetimeOf(expiresAt: KerberosTime, clock: Clock): number {
  const lifetime = Math.max(1, Math.ceil((expiresAt + OUTLIVES) * 1000 - clock()));
  if (lifetime <= MAX_LIFETIME) return lifetime;
  throw new RangeError(`expiresAt: expected a time within a hundred years, got ${expiresAt}`);
}

/**
 * Seconds. A server may have judged the age of a request just before its end and ask as late as its
 * deadline permits, and its clock may be behind that of the server that stored the record.
 */
const OUTLIVES = 60;
// A hundred years in milliseconds.
const MAX_LIFETIME = 100 * 365 * 86_400_000;
