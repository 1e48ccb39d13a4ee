/** What a call of the library refuses with. */
import { GssError, KerberosError } from '../../src/index.ts';

/** @throws What the call throws if it is no KerberosError; an Error if it throws nothing. */
export function kerberosErrorOf(run: () => unknown): KerberosError {
  return errorOf(KerberosError, run);
}

/** @throws What the call throws if it is no GssError; an Error if it throws nothing. */
export function gssErrorOf(run: () => unknown): GssError {
  return errorOf(GssError, run);
}

/** The major status of {@link gssErrorOf}. */
export function gssCodeOf(run: () => unknown): string {
  return gssErrorOf(run).code;
}

function errorOf<T extends Error>(
  type: abstract new (...parameters: never[]) => T,
  run: () => unknown,
): T {
  try {
    run();
  } catch (error) {
    if (error instanceof type) return error;
    throw error;
  }
  throw new Error(`expected a ${type.name}`);
}
