/** What a call of the library refuses with. */
import { GssError } from '../../src/index.ts';

/** @throws What the call throws if it is no GssError; an Error if it throws nothing. */
export function gssErrorOf(run: () => unknown): GssError {
  try {
    run();
  } catch (error) {
    if (error instanceof GssError) return error;
    throw error;
  }
  throw new Error('expected a GssError');
}

/** The major status of {@link gssErrorOf}. */
export function gssCodeOf(run: () => unknown): string {
  return gssErrorOf(run).code;
}
