/** The seam between the authenticator and sessions, which spare a client a ticket for each request. */
import type { HeaderField } from '../authentication.ts';
import type { Identity } from '../identity.ts';

/** What of a request a session depends on. */
export interface SessionRequest {
  /** The header `Cookie` as received, of any length and content. */
  readonly cookie?: string | null | undefined;
  /** The header `Host`, or `:authority`, as the client sent it. A session of another host is none. */
  readonly host?: string | null | undefined;
  /** False if it came in clear: then a `Secure` cookie is neither taken nor set. */
  readonly secure?: boolean | undefined;
}

/** A session that is valid now. */
export interface OpenSession {
  /** As it was when the session began; of the groups, those that travel with it. Frozen. */
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
   * @returns Undefined if there is none that is valid.
   */
  open(
    request: SessionRequest,
    now: Date,
  ): OpenSession | undefined | Promise<OpenSession | undefined>;
  /**
   * Begins a session.
   *
   * @param service - The service's principal, as in the keytab, whose ticket authenticated the client.
   * @returns The headers that give it to the client; none if the client gets no session.
   */
  begin(
    identity: Identity,
    service: string,
    request: SessionRequest,
    now: Date,
  ): readonly HeaderField[] | Promise<readonly HeaderField[]>;
  /** Ends the session of a request. @returns The headers that take it from the client. */
  end(request: SessionRequest): readonly HeaderField[] | Promise<readonly HeaderField[]>;
}
