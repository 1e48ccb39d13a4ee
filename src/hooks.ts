/**
 * Calls hooks: functions of the application that are informed and decide nothing. An exception of a hook,
 * or the rejection of a promise that it returns, must not affect a client or end the process.
 */
import { isThenable } from './options.ts';
import { printableName } from './text.ts';
import { printWarning } from './warning.ts';

/**
 * Calls a hook. The first time that it throws or rejects, the operator gets a warning; later failures of
 * the same function are ignored, since it would usually fail for every client. Never throws.
 *
 * @param name - The option that holds the hook, for the warning.
 */
export function tell<Args extends readonly unknown[]>(
  name: string,
  hook: ((...args: Args) => unknown) | undefined,
  ...args: Args
): void {
  if (hook === undefined) return;
  try {
    ignoreResult(name, hook, hook(...args));
  } catch (error) {
    warnOfHook(name, hook, error);
  }
}

/** Does not wait for a hook's result: the rejection of a promise becomes a warning. Never throws. */
export function ignoreResult(name: string, hook: object, result: unknown): void {
  try {
    if (!isThenable(result)) return;
    result.then(undefined, (error: unknown) => warnOfHook(name, hook, error));
  } catch (error) {
    warnOfHook(name, hook, error);
  }
}

/** Ignores an answer. If it is a promise, its rejection does not end the process. Never throws. */
export function dropPromise(answer: unknown): void {
  try {
    if (isThenable(answer)) answer.then(undefined, () => undefined);
  } catch {
    // A thenable that throws is ignored too.
  }
}

function warnOfHook(name: string, hook: object, error: unknown): void {
  if (FAILED.has(hook)) return;
  FAILED.add(hook);
  printWarning(
    `${name} failed: ${reasonOf(error)}. The exchange goes on. ${name} is still called; further ` +
      'failures are not reported',
    'KRB5_ACCEPTOR_HOOK',
  );
}

/** Printable and bounded, because the message may repeat text from a client. */
function reasonOf(error: unknown): string {
  try {
    return printableName(error instanceof Error ? error.message : String(error));
  } catch {
    return 'something that has no text';
  }
}

const FAILED = new WeakSet<object>();
