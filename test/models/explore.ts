/** Explores every state that a model can reach, breadth first. */

/** A model: plain data, what can happen next, and what must never be. */
export interface Model<S> {
  readonly initial: S;
  /** Every state that one step leads to, with the step's name. The given state is not altered. */
  readonly next: (state: S) => Iterable<readonly [step: string, state: S]>;
  /** A text that only equal states share. */
  readonly keyOf: (state: S) => string;
  /** What is wrong with a state; undefined if nothing is. */
  readonly wrong: (state: S) => string | undefined;
}

/** What an exploration found. */
export interface Exploration {
  readonly states: number;
  /** The shortest way to a state that is wrong, and what is wrong; undefined if there is none. */
  readonly counterexample:
    | { readonly steps: readonly string[]; readonly wrong: string }
    | undefined;
  /** How often each kind of step was taken: a model in which something never happens proves nothing. */
  readonly taken: ReadonlyMap<string, number>;
}

/**
 * Visits every reachable state once, and stops at the first that is wrong.
 *
 * @throws RangeError for more than `limit` states: an exploration in part would prove nothing.
 */
export function explore<S>(
  { initial, next, keyOf, wrong }: Model<S>,
  limit = 3_000_000,
): Exploration {
  const seen = new Map<string, Visit>();
  const taken = new Map<string, number>();
  const found = (steps: readonly string[], what: string | undefined): Exploration => ({
    states: seen.size,
    counterexample: what === undefined ? undefined : { steps, wrong: what },
    taken,
  });
  let frontier: (readonly [key: string, state: S])[] = [[keyOf(initial), initial]];
  seen.set(frontier[0]![0], { from: '', step: '' });
  while (frontier.length > 0) {
    const following: (readonly [string, S])[] = [];
    for (const [from, state] of frontier) {
      for (const [step, result] of next(state)) {
        const space = step.indexOf(' ');
        const kind = space < 0 ? step : step.slice(0, space);
        taken.set(kind, (taken.get(kind) ?? 0) + 1);
        const key = keyOf(result);
        if (seen.has(key)) continue;
        if (seen.size >= limit) throw new RangeError(`more than ${limit} states`);
        seen.set(key, { from, step });
        const what = wrong(result);
        if (what !== undefined) return found(stepsTo(key, seen), what);
        following.push([key, result]);
      }
    }
    frontier = following;
  }
  return found([], undefined);
}

interface Visit {
  readonly from: string;
  readonly step: string;
}

function stepsTo(key: string, seen: ReadonlyMap<string, Visit>): string[] {
  const steps: string[] = [];
  for (let at = seen.get(key)!; at.from !== ''; at = seen.get(at.from)!) steps.unshift(at.step);
  return steps;
}
