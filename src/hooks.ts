/**
 * Functions of the application that are told something. They decide nothing: what they throw, or
 * what the promise that they return rejects with, costs no client its answer and ends no process.
 */
import { isThenable } from './options.ts';
import { printableName } from './text.ts';
import { printWarning } from './warning.ts';

/**
 * Calls a hook. What it throws or rejects with is a warning to the operator, once for each hook: one
 * that cannot do its work mostly cannot do it for any client.
 *
 * @param name - The option that the hook is given by, for the warning.
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

/** What a hook returned is not waited for; a promise that rejects is a warning, not the end. */
export function ignoreResult(name: string, hook: object, result: unknown): void {
  try {
    if (!isThenable(result)) return;
    result.then(undefined, (error: unknown) => warnOfHook(name, hook, error));
  } catch (error) {
    warnOfHook(name, hook, error);
  }
}

/** An answer that comes too late to decide anything: its rejection must not end the process. */
export function dropPromise(answer: unknown): void {
  try {
    if (isThenable(answer)) answer.then(undefined, () => undefined);
  } catch {
    // Nor must a thenable that throws.
  }
}

function warnOfHook(name: string, hook: object, error: unknown): void {
  if (FAILED.has(hook)) return;
  FAILED.add(hook);
  printWarning(
    `${name} failed: ${reasonOf(error)}. The exchanges that it is told of go on; it is called ` +
      'again, and not warned of again',
    'KRB5_ACCEPTOR_HOOK',
  );
}

/** It may repeat what a client said. */
function reasonOf(error: unknown): string {
  try {
    return printableName(error instanceof Error ? error.message : String(error));
  } catch {
    return 'something that has no text';
  }
}

const FAILED = new WeakSet<object>();
