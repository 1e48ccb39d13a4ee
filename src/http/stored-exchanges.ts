/** Exchanges that wait in a store, for services whose next request may reach another process. */
import type { Acceptor } from '../acceptor.ts';
import { concatBytes, encodeUtf8 } from '../bytes.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions, objectWith, promptCallback, required, seconds } from '../options.ts';
import type { RandomSource } from '../random.ts';
import { checkedRandom, systemRandom } from '../random.ts';
import type { Clock } from '../time.ts';
import { checkedClock, systemClock } from '../time.ts';
import type { AuthenticationRequest, HeaderField } from './authentication.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { UnfinishedExchange } from './exchanges.ts';
import { mechanismOf } from './negotiate.ts';
import type { Cookie, CookieOptions } from './session/cookies.ts';
import { clearCookie, cookieOf, readCookies, setCookie } from './session/cookies.ts';
import type { SessionOptions } from './session/options.ts';
import { readKeys, SESSION_OPTIONS } from './session/options.ts';
import { SealedBox } from './session/sealed-box.ts';

/**
 * Keeps exchanges for some seconds. The values are sealed with the keys: someone who can read or write the
 * store can neither read nor forge an exchange.
 */
export interface ExchangeStore {
  /**
   * @param name - 43 characters of `A-Z a-z 0-9 - _`: 32 random bytes.
   * @param value - Base64, of a few hundred bytes to some ten thousand.
   * @param seconds - The value may be forgotten after this time.
   */
  set(name: string, value: string, seconds: number): unknown;
  /**
   * Returns the value and deletes it in one step (Redis `GETDEL`, SQL `DELETE ... RETURNING`): of two
   * simultaneous calls only one may get it.
   *
   * @returns Undefined or null if there is nothing under this name.
   */
  take(name: string): string | null | undefined | PromiseLike<string | null | undefined>;
}

/** Exchanges in a store, for the option `exchanges` of every adapter; made by {@link storedExchanges}. */
export interface StoredExchanges {
  /** As `take` of `ExchangeKeeper`. The request that began the exchange is not there: it may be elsewhere. */
  take(
    request: AuthenticationRequest,
    acceptor: Acceptor,
  ): Promise<UnfinishedExchange<never> | undefined>;
  /** As `keep` of `ExchangeKeeper`. */
  keep(
    exchange: UnfinishedExchange & { readonly request: AuthenticationRequest },
  ): Promise<readonly HeaderField[]>;
}

/** Options of {@link storedExchanges}. */
export interface StoredExchangesOptions {
  /** Where the exchanges wait. */
  readonly store: ExchangeStore;
  /** As {@link SessionOptions.keys}, and may be the same. */
  readonly keys: SessionOptions['keys'];
  /**
   * The cookies that hold the names of exchanges. Each exchange has one of its own, whose name is this
   * one, a hyphen and 8 characters more; `__Host-krb5-exchange` if absent.
   */
  readonly cookie?: CookieOptions;
  /** Seconds that an exchange waits for the client's next request; 30 if absent. */
  readonly maxAge?: number;
  /** The clock of the machine if absent. Those of the servers may differ by a minute. */
  readonly clock?: Clock;
  /** The source of names and nonces; the secure one of the runtime if absent. */
  readonly random?: RandomSource;
}

/**
 * Keeps exchanges of several requests in a store, for the option `exchanges`. The client gets the random
 * name of its exchange in a cookie; clients without cookies (curl without `-c`) cannot continue. One client
 * may have up to 8 exchanges at a time. A client that prefers NTLM and leaves is not reported, because
 * these exchanges do not end with a connection.
 *
 * @throws TypeError, RangeError for an invalid option.
 *
 * @example
 * ```ts
 * import type { Acceptor } from 'krb5-acceptor';
 * import type { ExchangeStore } from 'krb5-acceptor/http';
 * import { createAuthenticator, storedExchanges } from 'krb5-acceptor/http';
 *
 * export function clustered(acceptor: Acceptor, store: ExchangeStore, keys: readonly string[]) {
 *   return createAuthenticator({ acceptor, exchanges: storedExchanges({ store, keys }) });
 * }
 * ```
 */
export function storedExchanges(options: StoredExchangesOptions): StoredExchanges {
  checkOptions('storedExchanges', options, STORED_EXCHANGES_OPTIONS);
  const { store, keys, maxAge = DEFAULT_AGE } = options;
  const random = checkedRandom(options.random ?? systemRandom);
  const clock = checkedClock(options.clock ?? systemClock);
  const box = new SealedBox(readKeys(keys), random);
  const cookie = cookieOf(options.cookie);
  const prefix = `${options.cookie?.name ?? `${cookie.name}-exchange`}-`;
  const takeBytes = async (name: string, request: AuthenticationRequest) => {
    const value = await store.take(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') {
      throw new TypeError(`the store must return text or undefined, got ${typeof value}`);
    }
    const sealed = decodeBase64(value);
    const bytes = sealed && box.open(sealed, associated(name, request));
    return bytes && inTime(bytes, clock() - maxAge * 1000 - MAX_SKEW);
  };
  return {
    async take(request, acceptor) {
      if (!continues(request.authorization)) return undefined;
      const headers: HeaderField[] = [];
      for (const name of waiting(request, prefix).slice(0, MAX_WAITING)) {
        headers.push(forget(cookie, prefix, name));
        const bytes = await takeBytes(name, request);
        if (bytes !== undefined) return { handshake: resume(acceptor, bytes, request), headers };
      }
      return undefined;
    },
    async keep({ handshake, request }) {
      const name = newName(random);
      const bytes = handshake.export();
      const dated = concatBytes(dateOf(clock()), bytes);
      const sealed = box.seal(dated, associated(name, request));
      bytes.fill(0);
      dated.fill(0);
      await store.set(name, encodeBase64(sealed), maxAge);
      const own = setCookie({ ...cookie, name: cookieName(prefix, name) }, name);
      return [
        ['Set-Cookie', `${own}; Max-Age=${Math.ceil(maxAge)}`],
        // A client that never finishes would collect cookies until its requests are too long.
        ...waiting(request, prefix)
          .slice(MAX_WAITING - 1)
          .map((old) => forget(cookie, prefix, old)),
      ];
    },
  };
}

/**
 * The names that a request's cookies hold, the newest first (RFC 6265 §5.4). A request does not say which
 * of its client's exchanges it continues; any of them will do, because all wait for the same token.
 */
function waiting({ cookie }: AuthenticationRequest, prefix: string): string[] {
  return readCookies(cookie, prefix)
    .filter(([key, name]) => NAME.test(name) && key === cookieName(prefix, name))
    .map(([, name]) => name)
    .reverse();
}

function cookieName(prefix: string, name: string): string {
  return prefix + name.slice(0, 8);
}

function forget(cookie: Cookie, prefix: string, name: string): HeaderField {
  return ['Set-Cookie', clearCookie({ ...cookie, name: cookieName(prefix, name) })];
}

function dateOf(now: number): Uint8Array {
  const bytes = new Uint8Array(DATE);
  new DataView(bytes.buffer).setFloat64(0, now);
  return bytes;
}

/** @returns The bytes after the date; undefined if the date is too old, as in a value that was put back. */
function inTime(bytes: Uint8Array, oldest: number): Uint8Array | undefined {
  const date = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
  if (date >= oldest) return bytes.subarray(DATE);
  bytes.fill(0);
  return undefined;
}

/**
 * A first token begins an exchange of its own, and does not take another one out (RFC 2743 §3.1). Those of
 * IAKERB all look like first ones.
 */
function continues(authorization: string | null | undefined): boolean {
  const header = authorization ?? '';
  return /^[^ ]+ +[^ Y]/.test(header) || mechanismOf(header) === 'iakerb';
}

function resume(acceptor: Acceptor, bytes: Uint8Array, request: AuthenticationRequest) {
  const { channelBindings, channelBindingsUnavailable, peerAddress } = request;
  const options: HandshakeOptions = {
    ...(channelBindings !== undefined && { channelBindings }),
    ...(channelBindingsUnavailable !== undefined && { channelBindingsUnavailable }),
    ...(peerAddress !== undefined && { peerAddress }),
  };
  const handshake = acceptor.resume(bytes, options);
  bytes.fill(0);
  return handshake;
}

/** Binds sealed bytes to their use, their name and the host of the request. */
function associated(name: string, { host }: AuthenticationRequest): Uint8Array {
  return encodeUtf8(`krb5-acceptor exchange\n${name}\n${(host ?? '').toLowerCase()}`);
}

function newName(random: RandomSource): string {
  const bytes = new Uint8Array(32);
  random(bytes);
  return encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

const NAME = /^[A-Za-z0-9_-]{43}$/;
const DEFAULT_AGE = 30;
const MAX_WAITING = 8;
// Bytes.
const DATE = 8;
// Milliseconds.
const MAX_SKEW = 60_000;

/** The rules of {@link StoredExchangesOptions}. */
export const STORED_EXCHANGES_OPTIONS: OptionRules<StoredExchangesOptions> = {
  store: required(objectWith('an exchange store', 'set', 'take')),
  keys: SESSION_OPTIONS.keys,
  cookie: objectWith('the attributes of a cookie'),
  maxAge: seconds(),
  clock: promptCallback,
  random: promptCallback,
};
