/** Warnings for the operator: nothing fails because of them, and they must not get lost. */

/**
 * Prints a warning the way the runtime prints its own: Node.js, Deno and Bun on standard error,
 * once for each call; elsewhere on the console. Never throws.
 *
 * @param code - For who filters warnings: `'KRB5_ACCEPTOR_KEYTAB'`.
 */
export function printWarning(message: string, code: string): void {
  try {
    const runtime = Reflect.get(globalThis, 'process') as Partial<WarningEmitter> | undefined;
    if (typeof runtime?.emitWarning === 'function') runtime.emitWarning(message, { code });
    else console.warn(`${code}: ${message}`);
  } catch {
    // There is no other way, and who warns goes on.
  }
}

interface WarningEmitter {
  emitWarning(message: string, options: { readonly code: string }): void;
}
