/** Clocks, timers, and Kerberos time: seconds and, in some fields, microseconds (RFC 4120 §5.2). */
import { KerberosError } from './errors.ts';
import { dropPromise } from './hooks.ts';

/**
 * Whole seconds since 1970-01-01T00:00:00Z, in the years 0000 to 9999 (RFC 4120 §5.2.3). As in the
 * messages, microseconds are a separate field (`cusec`).
 */
export type KerberosTime = number;

/** Returns milliseconds since 1970-01-01T00:00:00Z, as `Date.now` does; fractions are allowed. */
export type Clock = () => number;

/** The clock of the machine. */
export const systemClock: Clock = () => Date.now();

/**
 * Checks a caller's clock: every comparison with NaN is false, so that some check of a time would
 * pass.
 *
 * @returns A clock that throws {@link KerberosError} KRB_ERR_GENERIC if `clock` throws or does not
 *   return a time of the years 0000 to 9999.
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
    reason: 'fault.clock',
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
 * Calls `callback` once, after the given number of milliseconds.
 *
 * @returns A function that cancels the call.
 */
export type Timer = (callback: () => void, milliseconds: number) => () => void;

/** The timer of the runtime. A running timer does not keep a process alive. */
export const systemTimer: Timer = (callback, milliseconds) => {
  const timer: unknown = setTimeout(callback, milliseconds);
  // Node.js, Deno and Bun return an object, browsers a number.
  if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.();
  return () => clearTimeout(timer as number);
};

// Years 0000 and 9999.
const EARLIEST = -62_167_219_200_000;
const LATEST = 253_402_300_799_999;
