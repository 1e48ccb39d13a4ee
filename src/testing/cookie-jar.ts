/** Cookies of one host (RFC 6265bis), as far as sessions use them. */
import type { Clock } from '../time.ts';
import { systemClock } from '../time.ts';

interface Cookie {
  readonly host: string;
  readonly path: string;
  readonly secure: boolean;
  readonly value: string;
  /** Milliseconds since 1970. */
  readonly end: number;
}

/**
 * Keeps cookies from answer to request. A cookie is sent to the host that set it only, whatever its
 * `Domain` says; `localhost` counts as secure, as in Chromium and Firefox.
 */
export class CookieJar {
  readonly #clock: Clock;
  readonly #cookies = new Map<string, Cookie & { readonly name: string }>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Adds the cookies for this URL to those that the header has. */
  addTo(headers: Headers, url: URL): void {
    const pairs = [...this.#cookies.values()]
      .filter((cookie) => this.#fits(cookie, url))
      .map(({ name, value }) => `${name}=${value}`);
    const given = headers.get('Cookie');
    if (given !== null) pairs.unshift(given);
    if (pairs.length > 0) headers.set('Cookie', pairs.join('; '));
  }

  /** Keeps the cookies that an answer sets, or removes those that it lets expire. */
  takeFrom(headers: Headers, url: URL): void {
    for (const line of headers.getSetCookie()) this.#take(line, url);
  }

  #fits({ host, path, secure, end }: Cookie, url: URL): boolean {
    const { hostname, pathname } = url;
    const below = pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
    return host === hostname && below && (!secure || isSecure(url)) && end > this.#clock();
  }

  #take(line: string, url: URL): void {
    const [pair = '', ...rest] = line.split(';').map((part) => part.trim());
    const at = pair.indexOf('=');
    const name = pair.slice(0, Math.max(at, 0)).trim();
    if (name === '') return;
    const attributes = new Map(
      rest.map((part) => {
        const [key = '', ...value] = part.split('=');
        return [key.trim().toLowerCase(), value.join('=').trim()];
      }),
    );
    const secure = attributes.has('secure');
    if (secure && !isSecure(url)) return;
    if (!obeysPrefix(name, attributes)) return;
    const given = attributes.get('path') ?? '';
    // RFC 6265bis §5.1.4: the folder of the request if the answer names none.
    const path = given.startsWith('/') ? given : url.pathname.replace(/\/[^/]*$/, '') || '/';
    const key = JSON.stringify([name, url.hostname, path]);
    const end = this.#endOf(attributes);
    const value = pair.slice(at + 1).trim();
    if (end <= this.#clock()) this.#cookies.delete(key);
    else this.#cookies.set(key, { name, value, host: url.hostname, path, secure, end });
  }

  /** §5.6.2: Max-Age wins over Expires. */
  #endOf(attributes: ReadonlyMap<string, string>): number {
    const maxAge = attributes.get('max-age') ?? '';
    if (/^-?\d+$/.test(maxAge)) return this.#clock() + Number(maxAge) * 1000;
    const expires = Date.parse(attributes.get('expires') ?? '');
    return Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires;
  }
}

/** §4.1.3: browsers drop cookies that lack what the prefix of their name promises. */
function obeysPrefix(name: string, attributes: ReadonlyMap<string, string>): boolean {
  const lower = name.toLowerCase();
  if (lower.startsWith('__secure-')) return attributes.has('secure');
  if (!lower.startsWith('__host-')) return true;
  return attributes.has('secure') && !attributes.has('domain') && attributes.get('path') === '/';
}

function isSecure({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}
