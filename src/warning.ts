/** Warnings for the operator, about faults that do not make an operation fail. */

/**
 * Prints a warning as the runtime prints its own: on standard error in Node.js, Deno and Bun, on the
 * console elsewhere. Never throws.
 *
 * @param code - A stable code by which warnings can be filtered: `'KRB5_ACCEPTOR_KEYTAB'`.
 */
export function printWarning(message: string, code: string): void {
  try {
    const runtime = Reflect.get(globalThis, 'process') as Partial<WarningEmitter> | undefined;
    if (typeof runtime?.emitWarning === 'function') runtime.emitWarning(message, { code });
    else console.warn(`${code}: ${message}`);
  } catch {
    // There is no other way to report it, and the caller must not fail because of a warning.
  }
}

interface WarningEmitter {
  emitWarning(message: string, options: { readonly code: string }): void;
}
