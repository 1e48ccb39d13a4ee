/** The iteration count of a string-to-key function (RFC 3962 §4, RFC 6803 §4, RFC 8009 §4). */

/**
 * @param iterations - As given; absent: `standard`.
 * @throws RangeError if it is not between 1 and 16777216.
 */
export function iterationCount(iterations: number | undefined, standard: number): number {
  if (iterations === undefined) return standard;
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > MAXIMUM) {
    throw new RangeError(`iterations: expected 1 to ${MAXIMUM}, got ${iterations}`);
  }
  return iterations;
}

// MIT krb5 has the same bound. RFC 3962 §4 allows 2^32, which is a way to hang a process.
const MAXIMUM = 0x1000000;
