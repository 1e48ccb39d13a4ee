/**
 * Makes a function that looks names up once for all that ask at the same time, and remembers what it found
 * for some seconds. A lookup of an address occupies one of Node.js' few threads, on which files wait too.
 * Failures are not remembered.
 */
import type { Clock } from '../../time.ts';

/**
 * @param find - Looks a name up.
 * @param isWorth - Whether to remember what it found; always if absent.
 */
export function remembered<T>(
  find: (name: string) => Promise<T>,
  clock: Clock,
  isWorth: (found: T) => boolean = () => true,
): (name: string) => Promise<T> {
  const known = new Map<string, { readonly found: Promise<T>; readonly since: number }>();
  return (name) => {
    const now = clock();
    const before = known.get(name);
    // Also if the clock was set back meanwhile.
    if (before !== undefined && Math.abs(now - before.since) < MEMORY) return before.found;
    const found = find(name);
    known.delete(name);
    known.set(name, { found, since: now });
    const forget = (): void => {
      if (known.get(name)?.found === found) known.delete(name);
    };
    found.then((value) => {
      if (!isWorth(value)) forget();
    }, forget);
    for (const oldest of known.keys()) {
      if (known.size <= MAX_KNOWN) break;
      known.delete(oldest);
    }
    return found;
  };
}

// Milliseconds; DNS remembers for longer than that.
const MEMORY = 30_000;
const MAX_KNOWN = 64;
