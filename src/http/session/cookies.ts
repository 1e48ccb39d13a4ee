/** Cookies (RFC 6265): reads those of a request, and writes those of a response. */
import type { OptionRules } from '../../options.ts';
import { checkOptions, definite, flag, oneOf, range } from '../../options.ts';

/** The attributes of a cookie. */
export interface CookieOptions {
  /**
   * `__Host-krb5` if absent: browsers set a cookie with this prefix only over TLS and for this host alone.
   * With `domain`, another `path` or without `secure` the default is `__Secure-krb5` or `krb5`.
   */
  readonly name?: string;
  /** `/` if absent. */
  readonly path?: string;
  /**
   * Sends the cookie to all hosts of this domain, which are then one application: a session of one host is
   * valid on all of them that share the keys. If absent, browsers send it to this host alone.
   */
  readonly domain?: string;
  /** `lax` if absent. */
  readonly sameSite?: 'strict' | 'lax' | 'none';
  /** Over TLS only; true if absent. False is for development: anyone on the way can take the cookie. */
  readonly secure?: boolean;
}

/** A cookie of this server. */
export interface Cookie {
  readonly name: string;
  readonly secure: boolean;
  readonly domain: string | undefined;
  /** `; Path=/; HttpOnly` and so on. */
  readonly attributes: string;
}

/**
 * @returns The cookie with its defaults.
 * @throws TypeError, RangeError for attributes that are malformed, or that browsers would refuse.
 */
export function cookieOf(options: CookieOptions = {}): Cookie {
  checkOptions('sessions.cookie', options, COOKIE_OPTIONS, 'sessions.cookie.');
  const { path = '/', domain, sameSite = 'lax', secure = true } = options;
  const ofHost = secure && path === '/' && domain === undefined;
  const prefix = ofHost ? '__Host-' : secure ? '__Secure-' : '';
  const { name = `${prefix}krb5` } = options;
  // RFC 6265bis §4.1.3: browsers compare the prefixes without regard to case.
  if (/^__host-/i.test(name) && !ofHost) {
    throw new RangeError('sessions.cookie.name: __Host- needs secure, the path / and no domain');
  }
  if (/^__secure-/i.test(name) && !secure) {
    throw new RangeError('sessions.cookie.name: __Secure- needs secure');
  }
  if (sameSite === 'none' && !secure) {
    throw new RangeError(
      'sessions.cookie.sameSite: none needs secure; browsers refuse it otherwise',
    );
  }
  const site = `${sameSite[0]!.toUpperCase()}${sameSite.slice(1)}`;
  const attributes = [
    `Path=${path}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    ...(secure ? ['Secure'] : []),
    'HttpOnly',
    `SameSite=${site}`,
  ];
  return { name, secure, domain, attributes: attributes.map((text) => `; ${text}`).join('') };
}

/**
 * Reads a cookie. If a browser sends two cookies of one name, someone else has set one of them, and their
 * order does not tell which: neither is used.
 *
 * @param header - The field `Cookie`; several fields joined by `; `.
 * @returns The value as sent; undefined if the cookie is absent or there is more than one, and for a
 *   header of more than 65536 characters.
 */
export function readCookie(header: string | null | undefined, name: string): string | undefined {
  if (header === null || header === undefined || header.length > MAX_HEADER) return undefined;
  let found: string | undefined;
  for (let at = 0; at < header.length; ) {
    const semicolon = header.indexOf(';', at);
    const end = semicolon < 0 ? header.length : semicolon;
    while (at < end && isSpace(header.charCodeAt(at))) at++;
    const value = at + name.length + 1;
    if (value <= end && header.startsWith(name, at) && header[value - 1] === '=') {
      if (found !== undefined) return undefined;
      found = header.slice(value, end).trimEnd();
    }
    at = end + 1;
  }
  return found;
}

/**
 * Reads cookies whose names have the same prefix.
 *
 * @returns Name and value of each, in their order; none for a header of more than 65536 characters.
 */
export function readCookies(
  header: string | null | undefined,
  prefix: string,
): (readonly [name: string, value: string])[] {
  if (header === null || header === undefined || header.length > MAX_HEADER) return [];
  return header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(prefix) && pair.includes('='))
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const);
}

/**
 * The field `Set-Cookie`. It has no lifetime: the browser forgets the cookie when it is closed, and the
 * server itself decides when the session ends.
 */
export function setCookie({ name, attributes }: Cookie, value: string): string {
  return `${name}=${value}${attributes}`;
}

/** The field `Set-Cookie` that makes the browser forget the cookie. */
export function clearCookie({ name, attributes }: Cookie): string {
  return `${name}=${attributes}; Max-Age=0`;
}

/** RFC 6265 §6.1: user agents keep at least this many bytes of a cookie, its attributes included. */
export const MAX_COOKIE = 4096;

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

const MAX_HEADER = 65_536;

function matching(expected: string, pattern: RegExp) {
  return range(expected, (value) => typeof value === 'string' && pattern.test(value));
}

/** The rules of {@link CookieOptions}. */
export const COOKIE_OPTIONS: OptionRules<CookieOptions> = {
  // RFC 9110 §5.6.2: a token.
  name: matching('a token of at most 64 characters', /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/),
  path: matching('a path that begins with /', /^\/[!-:<-~]{0,255}$/),
  // An undefined variable would silently restrict the cookie to one host.
  domain: definite(matching('a domain name', /^(?=.{1,253}$)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/)),
  sameSite: oneOf('strict', 'lax', 'none'),
  secure: flag,
};
