/** Warnings for the operator: nothing fails because of them, and they must not get lost. */

/**
 * Prints a warning the way the runtime prints its own: Node.js, Deno and Bun on standard error,
 * once for each call; elsewhere on the console.
 *
 * @param code - For who filters warnings: `'KRB5_ACCEPTOR_KEYTAB'`.
 */
export function printWarning(message: string, code: string): void {
  const runtime = Reflect.get(globalThis, 'process') as Partial<WarningEmitter> | undefined;
  if (typeof runtime?.emitWarning === 'function') runtime.emitWarning(message, { code });
  else console.warn(`${code}: ${message}`);
}

/**
 * Calls an operator's callback. Whatever it does (a throw, a rejected promise), the caller goes on:
 * a full log disk must not decide who is let in.
 */
export function callSafely<T>(callback: (value: T) => unknown, value: T): void {
  try {
    const result = callback(value);
    if (result instanceof Promise) result.catch(() => {});
  } catch {
    // The callback is there to tell, and nobody is left who could be told that it failed.
  }
}

interface WarningEmitter {
  emitWarning(message: string, options: { readonly code: string }): void;
}
