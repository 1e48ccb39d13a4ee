import { describe, expect, it } from 'vitest';
import {
  acceptorEnctypes,
  defaultEnctypes,
  parseEnctypeList,
} from '../../src/config/enctype-list.ts';
import { isWeakEnctype } from '../../src/crypto/numbers.ts';

describe('parseEnctypeList', () => {
  // The cases of MIT krb5's src/lib/krb5/krb/t_etypes.c.
  it.each([
    ['aes128-cts-hmac-sha1-96', [], [17]],
    ['default -aes128-cts -des-hmac-sha1', [18, 17], [18]],
    ['aes des3-cbc-sha1-kd', [], [18, 17, 20, 19, 16]],
    ['camellia -camellia256-cts-cmac', [], [25]],
    ['DEFAULT +aes -arcfour-hmac-md5', [23, 16], [16, 18, 17, 20, 19]],
    ['DEFAULT -des3 rc4-hmac rc4-hmac-exp', [18, 17, 16, 23], [18, 17, 23, 24]],
    ['des3 +DEFAULT', [18, 17, 16], [16, 18, 17]],
    ['aes +rc4 -DEFaulT des3-hmac-sha1', [17, 16, 23], [18, 20, 19, 16]],
  ])('%j', (text, defaults, expected) => {
    expect(parseEnctypeList(text, { defaults })).toEqual(expected);
  });

  it('accepts commas, blanks, and families that MIT krb5 does not have', () => {
    expect(parseEnctypeList('aes-sha2,aes-sha1\t rc4')).toEqual([20, 19, 18, 17, 23]);
    expect(parseEnctypeList('')).toEqual([]);
    expect(parseEnctypeList('aes -aes')).toEqual([]);
    expect(parseEnctypeList('DEFAULT')).toEqual(defaultEnctypes);
  });

  it('reports unknown words', () => {
    const unknown: string[] = [];
    expect(
      parseEnctypeList('aes256-cts -rot13 gost', { onUnknown: (w) => unknown.push(w) }),
    ).toEqual([18]);
    expect(unknown).toEqual(['-rot13', 'gost']);
  });
});

it('an acceptor knows the same enctypes and prefers the strong ones', () => {
  expect([...acceptorEnctypes].sort()).toEqual([...defaultEnctypes].sort());
  const weak = acceptorEnctypes.map(isWeakEnctype);
  expect(weak).toEqual([...weak].sort());
});
