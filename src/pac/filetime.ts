/** FILETIME (MS-DTYP §2.3.3): steps of 100 nanoseconds since 1601-01-01T00:00:00Z. */
import type { Reader } from '../bytes.ts';

/**
 * Milliseconds since 1970-01-01T00:00:00Z, rounded down.
 *
 * @returns undefined for 0 (not set) and for 0x7FFFFFFFFFFFFFFF and above (never).
 */
export function readFileTime(reader: Reader): number | undefined {
  const low = reader.u32(true);
  const high = reader.u32(true);
  if ((low | high) === 0 || high >= 0x80000000) return undefined;
  if (high === 0x7fffffff && low === 0xffffffff) return undefined;
  // 2^32 = 429496 * 10000 + 7296: exact where a double does not hold all 63 bits.
  return high * 429496 + Math.floor((high * 7296 + low) / 10000) - EPOCH_DIFFERENCE;
}

/** {@link readFileTime} as a Date. */
export function readFileTimeDate(reader: Reader): Date | undefined {
  const time = readFileTime(reader);
  return time === undefined ? undefined : new Date(time);
}

// Milliseconds from 1601 to 1970.
const EPOCH_DIFFERENCE = 11644473600000;
