/** Time: Kerberos counts whole seconds and, where it matters, microseconds (RFC 4120 §5.2.3). */

/**
 * Whole seconds since 1970-01-01T00:00:00Z (RFC 4120 §5.2.3, without a fraction). Years 0000 to
 * 9999 fit; microseconds stand beside it (`cusec`), as on the wire.
 */
export type KerberosTime = number;

/** Milliseconds since 1970-01-01T00:00:00Z, as `Date.now` gives them; fractions are allowed. */
export type Clock = () => number;

/** The machine's own clock. */
export const systemClock: Clock = () => Date.now();

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
