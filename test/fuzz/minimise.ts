/** Makes a found input as small and as plain as it goes while the same thing is wrong with it. */
import type { Case, Target } from './case.ts';
import type { Finding } from './examine.ts';
import { examine } from './examine.ts';
import { joinBytes } from './mutate/tlv.ts';

/**
 * @param limit - How many milliseconds to spend.
 * @param slow - As for {@link examine}.
 */
export async function minimise(
  target: Target,
  found: Case,
  finding: Finding,
  limit: number,
  slow: number,
): Promise<Case> {
  const deadline = performance.now() + limit;
  let best = found;
  const attempt = async (candidate: Case): Promise<boolean> => {
    if (performance.now() > deadline) return false;
    const { finding: again } = await examine(target, candidate, slow);
    if (again === undefined || !isSame(again, finding)) return false;
    best = candidate;
    return true;
  };
  for (let at = best.length - 1; at > 0; at--) {
    await attempt(best.filter((_, index) => index !== at));
  }
  for (let at = 0; at < best.length; at++) {
    await shorten(best, at, attempt, () => best);
    await flatten(at, attempt, () => best);
  }
  return best;
}

type Attempt = (candidate: Case) => Promise<boolean>;

/** Takes pieces out, large ones first. */
async function shorten(start: Case, at: number, attempt: Attempt, best: () => Case): Promise<void> {
  for (let size = start[at]!.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < best()[at]!.length; ) {
      const part = best()[at]!;
      const shorter = joinBytes([part.subarray(0, from), part.subarray(from + size)]);
      if (!(await attempt(replaced(best(), at, shorter)))) from += size;
    }
  }
}

/** Puts zeros where the bytes do not matter. */
async function flatten(at: number, attempt: Attempt, best: () => Case): Promise<void> {
  const length = best()[at]!.length;
  for (let size = Math.min(64, length); size >= 1; size = Math.floor(size / 8)) {
    for (let from = 0; from < length; from += size) {
      const part = best()[at]!.slice();
      if (part.subarray(from, from + size).every((byte) => byte === 0)) continue;
      part.fill(0, from, from + size);
      await attempt(replaced(best(), at, part));
    }
  }
}

function replaced(input: Case, at: number, part: Uint8Array): Case {
  return input.map((own, index) => (index === at ? part : own));
}

function isSame(a: Finding, b: Finding): boolean {
  return a.problem === b.problem && (a.problem !== 'foreign error' || a.detail === b.detail);
}
