/**
 * Makes a function that looks names up once for all that ask at the same time, and remembers what it found
 * for some seconds. A lookup of an address occupies one of Node.js' few threads, on which files wait too.
 * Failures are not remembered.
 */
import type { Clock } from '../../time.ts';

/** @param find - Looks a name up. */
export function remembered<T>(
  find: (name: string) => Promise<T>,
  clock: Clock,
): (name: string) => Promise<T> {
  const known = new Map<string, { readonly found: Promise<T>; readonly until: number }>();
  return (name) => {
    const now = clock();
    const before = known.get(name);
    if (before !== undefined && before.until > now) return before.found;
    const found = find(name);
    known.delete(name);
    known.set(name, { found, until: now + MEMORY });
    found.catch(() => {
      if (known.get(name)?.found === found) known.delete(name);
    });
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
