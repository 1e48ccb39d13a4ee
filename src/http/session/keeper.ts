/** The interface between the authenticator and sessions, which spare a client a ticket for each request. */
import type { HeaderField } from '../authentication.ts';
import type { Identity } from '../identity.ts';

/** The parts of a request on which a session depends. */
export interface SessionRequest {
  /** The header `Cookie` as received, of any length and content. */
  readonly cookie?: string | null | undefined;
  /** The header `Host`, or `:authority`, as the client sent it. A session of another host is invalid. */
  readonly host?: string | null | undefined;
  /** False if the request came without TLS: a `Secure` cookie is then neither accepted nor set. */
  readonly secure?: boolean | undefined;
}

/** A session that is valid now. */
export interface OpenSession {
  /** The identity when the session began, with the groups that the session keeps. Frozen. */
  readonly identity: Identity;
  /** Headers that renew the session if that is due; otherwise empty. */
  readonly headers: readonly HeaderField[];
}

/**
 * Opens and seals sessions. Each result may be a promise, which is awaited for a bounded time. An exception
 * or a rejection is a fault of the service: the request gets 503.
 */
export interface SessionKeeper {
  /**
   * Finds the session of a request.
   *
   * @returns Undefined if the request has no valid session.
   */
  open(
    request: SessionRequest,
    now: Date,
  ): OpenSession | undefined | Promise<OpenSession | undefined>;
  /**
   * Begins a session.
   *
   * @param service - The service's principal, as in the keytab, whose ticket authenticated the client.
   * @returns The headers that set its cookie; none if the client gets no session.
   */
  begin(
    identity: Identity,
    service: string,
    request: SessionRequest,
    now: Date,
  ): readonly HeaderField[] | Promise<readonly HeaderField[]>;
  /** Ends the session of a request. @returns The headers that delete its cookie. */
  end(request: SessionRequest): readonly HeaderField[] | Promise<readonly HeaderField[]>;
}
