import { cpuUsage } from 'node:process';

/**
 * Starts to count the processor time of this process.
 *
 * @returns Gives the milliseconds so far. Other work of the machine adds to the time, not to the
 *   processor time; other threads of this process add to the processor time, not to the time.
 */
export function countProcessorTime(): () => number {
  const started = performance.now();
  const before = cpuUsage();
  return () => {
    const { user, system } = cpuUsage(before);
    return Math.min(performance.now() - started, (user + system) / 1000);
  };
}
