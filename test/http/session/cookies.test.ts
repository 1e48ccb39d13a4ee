import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clearCookie,
  cookieOf,
  readCookie,
  readCookies,
  setCookie,
} from '../../../src/http/session/cookies.ts';

describe('cookieOf', () => {
  it.each([
    [{}, '__Host-krb5; Path=/; Secure; HttpOnly; SameSite=Lax'],
    [{ sameSite: 'strict' }, '__Host-krb5; Path=/; Secure; HttpOnly; SameSite=Strict'],
    [{ sameSite: 'none' }, '__Host-krb5; Path=/; Secure; HttpOnly; SameSite=None'],
    [{ path: '/app' }, '__Secure-krb5; Path=/app; Secure; HttpOnly; SameSite=Lax'],
    [
      { domain: 'example.com' },
      '__Secure-krb5; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax',
    ],
    [{ secure: false }, 'krb5; Path=/; HttpOnly; SameSite=Lax'],
    [{ name: 'sso', secure: false }, 'sso; Path=/; HttpOnly; SameSite=Lax'],
  ] as const)('%j gives %s', (options, expected) => {
    const { name, attributes } = cookieOf(options);
    expect(`${name}${attributes}`).toBe(expected);
  });

  it.each([
    [{ name: '__Host-x', path: '/app' }, /__Host- needs secure/],
    [{ name: '__host-x', domain: 'example.com' }, /__Host- needs secure/],
    [{ name: '__Host-x', secure: false }, /__Host- needs secure/],
    [{ name: '__Secure-x', secure: false }, /__Secure- needs secure/],
    [{ sameSite: 'none', secure: false }, /none needs secure/],
    [{ name: 'a b' }, /sessions\.cookie\.name: expected a token/],
    [{ name: 'a=b' }, /cookie\.name/],
    [{ name: '' }, /cookie\.name/],
    [{ name: 'x'.repeat(65) }, /cookie\.name/],
    [{ path: 'app' }, /cookie\.path/],
    [{ path: '/a;Domain=evil.test' }, /cookie\.path/],
    [{ path: '/a\r\nX: y' }, /cookie\.path/],
    [{ domain: 'example.com; Path=/' }, /cookie\.domain/],
    [{ domain: '.example.com' }, /cookie\.domain/],
    [{ sameSite: 'Lax' }, /cookie\.sameSite: expected strict, lax, none/],
    [{ secure: 'false' }, /cookie\.secure/],
    [{ httpOnly: false }, /expected no option "httpOnly"/],
  ])('refuses %j', (options, message) => {
    expect(() => cookieOf(options as object)).toThrow(message);
  });
});

describe('readCookie', () => {
  it.each([
    ['krb5=abc', 'abc'],
    ['a=1; krb5=abc; b=2', 'abc'],
    ['a=1;krb5=abc;b=2', 'abc'],
    ['a=1; \t krb5=abc ', 'abc'],
    ['krb5=a=b==', 'a=b=='],
    ['krb5=', ''],
    ['', undefined],
    [null, undefined],
    [undefined, undefined],
    ['xkrb5=abc', undefined],
    ['krb5x=abc', undefined],
    ['KRB5=abc', undefined],
    ['krb5', undefined],
    ['krb5 =abc', undefined],
    ['a=krb5=abc', undefined],
    ['a="; krb5=abc"', 'abc"'],
    ['=krb5=abc', undefined],
    [';;; ; ;', undefined],
  ])('%j: %j', (header, value) => {
    expect(readCookie(header, 'krb5')).toBe(value);
  });

  it('finds none where two have the name, equal or not', () => {
    expect(readCookie('krb5=abc; krb5=abc', 'krb5')).toBeUndefined();
    expect(readCookie('krb5=; a=1; krb5=abc', 'krb5')).toBeUndefined();
    expect(readCookie('krb5=abc; krb5=x; krb5=abc', 'krb5')).toBeUndefined();
  });

  it('finds none in a header that is longer than any server permits', () => {
    expect(readCookie(`${'a=1;'.repeat(16_000)}krb5=abc`, 'krb5')).toBe('abc');
    expect(readCookie(`${'a=1;'.repeat(17_000)}krb5=abc`, 'krb5')).toBeUndefined();
  });

  it('reads back what is set, among any others', () => {
    const cookie = cookieOf({ name: 'krb5', secure: false });
    const word = fc.stringMatching(/^[A-Za-z0-9+/=_-]{0,40}$/);
    const other = fc.tuple(fc.stringMatching(/^[a-jl-z][a-z0-9]{0,8}$/), word);
    fc.assert(
      fc.property(word, fc.array(other, { maxLength: 5 }), fc.nat(5), (value, others, place) => {
        const pairs = others.map((pair) => pair.join('='));
        pairs.splice(place, 0, setCookie(cookie, value).split(';')[0]!);
        expect(readCookie(pairs.join('; '), 'krb5')).toBe(value);
      }),
    );
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const value = readCookie(text, 'a');
        expect(value === undefined || text.includes(`a=${value}`)).toBe(true);
      }),
    );
  });
});

describe('readCookies', () => {
  it('reads all whose names begin alike, in their order', () => {
    expect(readCookies('b-2=x=y; a=1;b-1= ; b-; xb-3=z; b-2=w', 'b-')).toEqual([
      ['b-2', 'x=y'],
      ['b-1', ''],
      ['b-2', 'w'],
    ]);
    for (const header of [null, undefined, '', `${'a=1;'.repeat(17_000)}b-1=x`]) {
      expect(readCookies(header, 'b-')).toEqual([]);
    }
  });
});

describe('clearCookie', () => {
  it('has the attributes of the cookie: browsers remove no other', () => {
    const cookie = cookieOf();
    expect(clearCookie(cookie)).toBe(`${setCookie(cookie, '')}; Max-Age=0`);
  });
});
