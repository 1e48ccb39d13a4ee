/** Time: Kerberos counts whole seconds and, where it matters, microseconds (RFC 4120 §5.2.3). */
import { KerberosError } from './errors.ts';
import { dropPromise } from './hooks.ts';

/**
 * Whole seconds since 1970-01-01T00:00:00Z (RFC 4120 §5.2.3, without a fraction). Years 0000 to
 * 9999 fit; microseconds stand beside it (`cusec`), as on the wire.
 */
export type KerberosTime = number;

/** Milliseconds since 1970-01-01T00:00:00Z, as `Date.now` gives them; fractions are allowed. */
export type Clock = () => number;

/** The machine's own clock. */
export const systemClock: Clock = () => Date.now();

/**
 * The clock, which gives a time or throws: comparisons with what is no number are false, and
 * whichever way they are written, some check would pass.
 *
 * @returns A clock that throws {@link KerberosError} KRB_ERR_GENERIC instead.
 */
export function checkedClock(clock: Clock): Clock {
  return () => {
    let now: unknown;
    try {
      now = clock();
    } catch (cause) {
      throw noTime('the option clock threw', cause);
    }
    if (typeof now === 'number' && now >= EARLIEST && now <= LATEST) return now;
    dropPromise(now);
    throw noTime('the option clock must return milliseconds since 1970, as Date.now does');
  };
}

function noTime(hint: string, cause?: unknown): KerberosError {
  return new KerberosError('KRB_ERR_GENERIC', {
    message: 'The clock gives no time',
    hint,
    ...(cause !== undefined && { cause }),
  });
}

/**
 * Splits a clock's time as messages do (RFC 4120 §5.2.4): `ctime` and `cusec`, `stime` and `susec`.
 *
 * @param time - Milliseconds, as a {@link Clock} returns them.
 * @returns Whole seconds, rounded down, and 0..999999 microseconds.
 */
export function splitTime(time: number): { seconds: KerberosTime; microseconds: number } {
  const seconds = Math.floor(time / 1000);
  return { seconds, microseconds: Math.floor((time - seconds * 1000) * 1000) };
}

/** `2026-11-23T16:12:49Z`, for messages. */
export function formatTime(time: KerberosTime): string {
  return new Date(time * 1000).toISOString().replace('.000Z', 'Z');
}

/**
 * Calls `callback` once, so many milliseconds later.
 *
 * @returns A function that prevents the call.
 */
export type Timer = (callback: () => void, milliseconds: number) => () => void;

/** The runtime's own. A timer that is running does not keep a process alive. */
export const systemTimer: Timer = (callback, milliseconds) => {
  const timer: unknown = setTimeout(callback, milliseconds);
  // Node, Deno and Bun return an object; browsers a number.
  if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.();
  return () => clearTimeout(timer as number);
};

// Years 0000 and 9999.
const EARLIEST = -62_167_219_200_000;
const LATEST = 253_402_300_799_999;
