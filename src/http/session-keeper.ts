/** The seam between the authenticator and sessions, which spare a client a ticket for each request. */
import type { HeaderField } from './authentication.ts';
import type { Identity } from './identity.ts';

/** A session that is valid now. */
export interface OpenSession {
  /** As it was sealed; frozen. */
  readonly identity: Identity;
  /** Headers that renew the session, where that is due; otherwise empty. */
  readonly headers: readonly HeaderField[];
}

/**
 * Opens and seals sessions. Each answer may be a promise, which is awaited for a bounded time. An
 * exception or a rejection is a fault of the service: the request gets 503.
 */
export interface SessionKeeper {
  /**
   * Finds the session of a request.
   *
   * @param cookie - The header `Cookie` as received, of any length and content.
   * @returns Undefined if there is none that is valid.
   */
  open(
    cookie: string | null | undefined,
    now: Date,
  ): OpenSession | undefined | Promise<OpenSession | undefined>;
  /** Begins a session. @returns The headers that give it to the client. */
  seal(identity: Identity, now: Date): readonly HeaderField[] | Promise<readonly HeaderField[]>;
  /** Ends the session of a request. @returns The headers that take it from the client. */
  end(cookie: string | null | undefined): readonly HeaderField[] | Promise<readonly HeaderField[]>;
}
