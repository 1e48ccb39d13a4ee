import { describe, expect, it } from 'vitest';
import { CookieJar } from '../../src/testing/cookie-jar.ts';
import { NOW } from '../support/realm-kit.ts';

const HOST = 'https://www.example.com';

function jarWith(line: string, from = `${HOST}/app/page`, clock: () => number = () => NOW) {
  const jar = new CookieJar(clock);
  jar.takeFrom(new Headers([['Set-Cookie', line]]), new URL(from));
  return jar;
}

function sent(jar: CookieJar, to = `${HOST}/app/page`, given?: string): string | null {
  const headers = new Headers(given === undefined ? {} : { Cookie: given });
  jar.addTo(headers, new URL(to));
  return headers.get('Cookie');
}

describe('a jar of cookies', () => {
  it.each([
    ['a=1', `${HOST}/app/other`, 'a=1'],
    ['a=1', `${HOST}/app`, 'a=1'],
    ['a=1', `${HOST}/apple`, null],
    ['a=1', `${HOST}/`, null],
    ['a=1; Path=/', `${HOST}/`, 'a=1'],
    ['a=1; path=/x/', `${HOST}/x/y`, 'a=1'],
    ['a=b=c; Path=/', HOST, 'a=b=c'],
    ['a=1; Path=/', 'https://other.example.com/', null],
    ['a=1; Path=/; Domain=example.com', 'https://other.example.com/', null],
    ['a=1; Path=/; Secure', 'http://www.example.com/', null],
    ['a=1; Path=/', 'http://www.example.com/', 'a=1'],
    ['__Host-a=1; Path=/; Secure', HOST, '__Host-a=1'],
    ['__Host-a=1; Path=/', HOST, null],
    ['__Host-a=1; Path=/app; Secure', `${HOST}/app`, null],
    ['__Host-a=1; Path=/; Secure; Domain=www.example.com', HOST, null],
    ['__Secure-a=1; Path=/', HOST, null],
    ['no pair; Path=/', HOST, null],
    ['=1; Path=/', HOST, null],
  ])('sends %s to %s as %s', (line, to, cookie) => {
    expect(sent(jarWith(line), to)).toBe(cookie);
  });

  it('takes a secure cookie from localhost only, where it has no TLS', () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      const url = `http://${host}:8080/`;
      expect(sent(jarWith('a=1; Secure', url), url)).toBe('a=1');
    }
    const url = 'http://www.example.com/';
    expect(sent(jarWith('a=1; Secure', url), url)).toBeNull();
  });

  it('forgets a cookie at its end, and when the server says so', () => {
    let now = NOW;
    for (const line of [
      'a=1; Max-Age=60',
      `a=1; Expires=${new Date(NOW + 60_250).toUTCString()}`,
      'a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    ]) {
      now = NOW;
      const jar = jarWith(line, undefined, () => now);
      expect(sent(jar), line).toBe('a=1');
      now = NOW + 60_001;
      expect(sent(jar), line).toBeNull();
    }
    now = NOW;
    const jar = jarWith('a=1', undefined, () => now);
    jar.takeFrom(new Headers([['Set-Cookie', 'a=; Max-Age=0']]), new URL(`${HOST}/app/page`));
    expect(sent(jar)).toBeNull();
  });

  it('replaces a cookie of the same name, and adds to those that the request has', () => {
    const jar = jarWith('a=1');
    const headers = new Headers([
      ['Set-Cookie', 'a=2'],
      ['Set-Cookie', 'b=3'],
    ]);
    jar.takeFrom(headers, new URL(`${HOST}/app/page`));
    expect(sent(jar, undefined, 'own=0')).toBe('own=0; a=2; b=3');
  });
});
