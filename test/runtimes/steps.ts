/** Named steps that a script runs in any runtime, and what came of them as data. */

/** What a step does by its name; a step that throws has failed. */
export type Steps = Readonly<Record<string, () => void | Promise<void>>>;

/** Of one step; without an error it passed. */
export interface Outcome {
  readonly name: string;
  readonly error?: string;
}

/** Runs the steps one after the other, all of them. */
export async function runSteps(steps: Steps): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
      outcomes.push({ name });
    } catch (error) {
      outcomes.push({ name, error: describe(error) });
    }
  }
  return outcomes;
}

/** Compares plain data. @throws Error with both values if they differ. */
export function equal(actual: unknown, expected: unknown): void {
  const [got, wanted] = [text(actual), text(expected)];
  if (got !== wanted) throw new Error(`expected ${wanted}, got ${got}`);
}

/** @returns What is thrown, or what the promise rejects with. @throws Error if nothing is. */
export async function rejects(
  attempt: Promise<unknown> | (() => unknown),
): Promise<Error & { readonly code?: string; readonly hint?: string }> {
  try {
    await (typeof attempt === 'function' ? attempt() : attempt);
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

function text(value: unknown): string {
  const shown = value instanceof Uint8Array ? [...value] : value;
  return JSON.stringify(shown) ?? String(shown);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${describe(error.cause)}`;
  return `${error.name}: ${error.message}\n${error.stack}${cause}`;
}
