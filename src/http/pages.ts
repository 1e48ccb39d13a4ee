/** The application's pages for denied requests. */
import type { OptionRules } from '../options.ts';
import { callback } from '../options.ts';
import type { Denied } from './authentication.ts';

/**
 * Functions that answer denied requests, in the form `P` of the framework. The adapter sets the status and
 * the headers. Without a function it answers with a line of text, or with JSON for a client that prefers
 * it.
 */
export interface DenialPages<P> {
  /** For a client that must sign on: 401, or 407 of a proxy. */
  readonly unauthorized?: P;
  /** For a client that may not enter: 403. */
  readonly forbidden?: P;
  /** While the service is at fault: 503. */
  readonly unavailable?: P;
}

/** The application's page for a denial; it has none for a malformed request. */
export function pageFor<P>(pages: DenialPages<P>, { status }: Denied): P | undefined {
  switch (status) {
    case 401:
    case 407:
      return pages.unauthorized;
    case 403:
      return pages.forbidden;
    case 503:
      return pages.unavailable;
    case 400:
      return undefined;
  }
}

/** The rules of {@link DenialPages}. */
export const PAGE_OPTIONS: OptionRules<DenialPages<unknown>> = {
  unauthorized: callback,
  forbidden: callback,
  unavailable: callback,
};
