/** Warnings of this process, as an operator sees them. */
export interface Warnings extends Disposable {
  /** Those so far; each is emitted in a tick of its own. */
  seen(): Promise<readonly { readonly code: string | undefined; readonly message: string }[]>;
}

/** Collects the warnings of this process that have a code. */
export function collectWarnings(): Warnings {
  const found: { code: string | undefined; message: string }[] = [];
  const listener = (warning: Error & { code?: string }): void => {
    if (warning.code !== undefined) found.push({ code: warning.code, message: warning.message });
  };
  process.on('warning', listener);
  return {
    async seen() {
      await new Promise((resolve) => setImmediate(resolve));
      return found;
    },
    [Symbol.dispose]: () => process.off('warning', listener),
  };
}
