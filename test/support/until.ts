import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Milliseconds after which whatever a test waits for is taken to hang, on any machine. Less than the
 * time-out of a test, so that the test ends with what it waited for.
 */
export const HANGING = 120_000;

/**
 * Asks again and again until there is an answer, and returns it. Where an assertion is waited for,
 * there is `expect.poll`.
 *
 * @param find - Returns what is waited for, or nothing as long as it is not there.
 * @param missing - Says what did not come.
 * @throws Error after {@link HANGING}.
 */
export async function until<T>(
  find: () => T | Promise<T>,
  missing: () => string,
): Promise<Exclude<T, undefined | null | false>> {
  // Pauses are counted, not time: the clock may be a test's own, and the machine may have been paused.
  for (let slept = 0; slept < HANGING; slept += PAUSE) {
    const found = await find();
    if (found !== undefined && found !== null && found !== false) {
      return found as Exclude<T, undefined | null | false>;
    }
    await sleep(PAUSE);
  }
  throw new Error(missing());
}

const PAUSE = 5;
