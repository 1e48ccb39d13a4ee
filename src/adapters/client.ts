/** What adapters tell the application about an admitted request. */
import type { SecurityContext } from '../context/context.ts';
import type { Authenticated, Guest, HeaderField } from '../http/authentication.ts';
import type { Identity } from '../http/identity.ts';

/**
 * The client of a request, as frameworks hold it (`request.kerberos`): its identity, and properties that
 * belong to this request only. Those are not enumerable: JSON and a copy have the identity alone.
 */
export interface KerberosClient extends Identity {
  /** Whether the request came with a ticket of its own, or in a session. */
  readonly via: 'ticket' | 'session';
  /**
   * The context of the ticket, for `wrap`, `unwrap` and the delegated credential; a session has none. The
   * adapter disposes of it when the response ends, or the client goes away.
   */
  readonly context?: SecurityContext;
  /**
   * The headers that prove the server's identity to the client. The adapter has added them to the response;
   * an answer that is not the framework's (a hijacked one, an upgrade) needs them too.
   */
  readonly headers: readonly HeaderField[];
}

/**
 * @param lend - Returns the context; by default that of `admitted`.
 * @returns Undefined for a guest.
 */
export function clientOf(
  admitted: Authenticated | Guest,
  lend: () => SecurityContext | undefined = () => admitted.context,
): KerberosClient | undefined {
  if (admitted.outcome === 'guest') return undefined;
  return new RequestClient(admitted, lend) as object as KerberosClient;
}

/** Getters of a prototype are neither enumerable nor copied, and cost nothing per request. */
class RequestClient {
  readonly #admitted: Authenticated;
  readonly #lend: () => SecurityContext | undefined;

  constructor(admitted: Authenticated, lend: () => SecurityContext | undefined) {
    this.#admitted = admitted;
    this.#lend = lend;
    Object.assign(this, admitted.identity);
    Object.freeze(this);
  }

  get via(): KerberosClient['via'] {
    return this.#admitted.via;
  }

  get headers(): KerberosClient['headers'] {
    return this.#admitted.headers;
  }

  get context(): SecurityContext | undefined {
    return this.#lend();
  }
}
