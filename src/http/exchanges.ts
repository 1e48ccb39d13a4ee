/** Keeps exchanges of several requests, by connection, until the client's next request. */
import type { Acceptor, Handshake } from '../acceptor.ts';
import type { KerberosError } from '../errors.ts';
import { GssError } from '../gss/status.ts';
import type { AuthenticationRequest, HeaderField } from './authentication.ts';

/** An exchange that needs another request of its client. */
export interface UnfinishedExchange<R extends AuthenticationRequest = AuthenticationRequest> {
  /** Waits for a token. */
  readonly handshake: Handshake;
  /** Its latest request; absent if another process received that. */
  readonly request?: R;
  /** Headers for the response to this request, such as one that deletes the exchange's cookie. */
  readonly headers?: readonly HeaderField[];
}

/**
 * Keeps exchanges between two requests. A result may be a promise, which is awaited for a bounded time. A
 * keeper that hands exchanges to other processes exports each ({@link Handshake.export}), seals the bytes,
 * stores them under a random name that it gives to the client in a cookie, and takes them out once.
 */
export interface ExchangeKeeper<R extends AuthenticationRequest = AuthenticationRequest> {
  /**
   * Takes out the exchange that a request may continue: no other request gets it.
   *
   * @param acceptor - For {@link Acceptor.resume}.
   */
  take(
    request: R,
    acceptor: Acceptor,
  ): UnfinishedExchange<R> | undefined | Promise<UnfinishedExchange<R> | undefined>;
  /**
   * Keeps an exchange, and aborts the one that it replaces.
   *
   * @param abandoned - Called with the exchange if its client leaves before the next request.
   * @returns Headers for the client, such as a cookie.
   * @throws {@link GssError} GSS_S_UNAVAILABLE if it cannot be kept: the client is refused.
   */
  keep(
    exchange: UnfinishedExchange<R> & { readonly request: R },
    abandoned: (exchange: UnfinishedExchange<R>) => void,
  ): readonly HeaderField[] | Promise<readonly HeaderField[]>;
}

/**
 * Keeps exchanges by the connection of the request, in the memory of this process.
 *
 * @param sharedConnections - `trust`: a proxy gives each client connections of its own.
 * @param remedy - The setting for that, which the hint of the refusal names.
 */
export function exchangesByConnection<R extends AuthenticationRequest>(
  sharedConnections: 'refuse' | 'trust',
  remedy = "set sharedConnections to 'trust'",
): ExchangeKeeper<R> {
  const waiting = new WeakMap<object, Place<R>>();
  const take = (connection: object | undefined): UnfinishedExchange<R> | undefined => {
    const place = connection && waiting.get(connection);
    if (connection === undefined || place === undefined) return undefined;
    waiting.delete(connection);
    place.exchange.request.signal?.removeEventListener('abort', place.onGone);
    return place.exchange;
  };
  return {
    take: ({ connection }) => take(connection),
    keep: (exchange, abandoned) => {
      const { connection, connectionUnavailable, proxyHeader, signal } = exchange.request;
      if (connection === undefined) throw refusal(exchange, connectionUnavailable ?? NO_CONNECTION);
      if (proxyHeader !== undefined && sharedConnections !== 'trust') {
        const problem = `the header ${proxyHeader} reveals a proxy`;
        throw refusal(
          exchange,
          problem,
          `${remedy} if it gives each client connections of its own, `,
        );
      }
      const replaced = take(connection);
      replaced?.handshake.abort();
      const onGone = (): void => {
        take(connection);
        exchange.handshake.abort(signal?.reason);
        abandoned(exchange);
      };
      waiting.set(connection, { exchange, onGone });
      signal?.addEventListener('abort', onGone);
      if (signal?.aborted) onGone();
      return [];
    },
  };
}

interface Place<R extends AuthenticationRequest> {
  readonly exchange: UnfinishedExchange<R> & { readonly request: R };
  readonly onGone: () => void;
}

function refusal({ handshake }: UnfinishedExchange, problem: string, remedy = ''): GssError {
  const choice = handshake.foreignChoice?.minor;
  const hint = `${problem}: ${remedy}keep exchanges in a store (exchanges), or let clients prefer Kerberos`;
  return new GssError('GSS_S_UNAVAILABLE', {
    reason: 'negotiate.other-connection',
    detail: { problem, ...(choice && { prefers: preferenceOf(choice) }) },
    message: 'the client needs several requests on a connection of its own to authenticate',
    hint: choice === undefined ? hint : `${hint}; ${choice.hint}`,
    ...(choice !== undefined && { minor: choice }),
  });
}

/** What a client prefers to Kerberos. @param choice - The minor status of `Handshake.foreignChoice`. */
export function preferenceOf({ code }: KerberosError): string {
  return code === 'NTLM_RECEIVED' ? 'NTLM' : 'NegoEx';
}

const NO_CONNECTION = 'this server does not show which requests share a connection';
