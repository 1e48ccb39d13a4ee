import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes.ts';
import { DecodeError, KerberosError } from '../../src/errors.ts';
import { DerReader } from '../../src/messages/der/reader.ts';
import type { Principal } from '../../src/messages/principal.ts';
import {
  formatPrincipal,
  formatPrincipalName,
  NameType,
  parsePrincipal,
  principalEqual,
  readAnyPrincipalName,
  readPrincipalName,
  splitHostBasedService,
} from '../../src/messages/principal.ts';
import { runs } from '../support/properties.ts';

describe('the text form (MIT krb5 parse.c, unparse.c)', () => {
  it.each([
    ['alice@EXAMPLE.COM', ['alice'], 'EXAMPLE.COM', NameType.principal],
    ['HTTP/www.example.com@EXAMPLE.COM', ['HTTP', 'www.example.com'], 'EXAMPLE.COM', 1],
    ['krbtgt/B@A', ['krbtgt', 'B'], 'A', NameType.srvInst],
    ['krbtgt@A', ['krbtgt'], 'A', NameType.principal],
    ['krbtgt/B/C@A', ['krbtgt', 'B', 'C'], 'A', NameType.principal],
    ['WELLKNOWN/ANONYMOUS@R', ['WELLKNOWN', 'ANONYMOUS'], 'R', NameType.wellKnown],
    ['@R', [''], 'R', NameType.principal],
    ['/@R', ['', ''], 'R', NameType.principal],
    ['a\\/b\\@c\\\\d@R', ['a/b@c\\d'], 'R', NameType.principal],
    ['a\\nb\\tc\\bd\\0e@R', ['a\nb\tc\bd\0e'], 'R', NameType.principal],
    ['a@R\\/S', ['a'], 'R/S', NameType.principal],
    ['a@R\\@S', ['a'], 'R@S', NameType.principal],
    ['jürgen😀@R', ['jürgen😀'], 'R', NameType.principal],
  ])('%s', (text, components, realm, nameType) => {
    const principal = { nameType, components, realm };
    expect(parsePrincipal(text)).toEqual(principal);
    expect(formatPrincipal(principal)).toBe(text);
  });

  it('takes what any backslash quotes, and the default realm', () => {
    expect(parsePrincipal('\\a\\l\\😀', 'R').components).toEqual(['al😀']);
    expect(parsePrincipal('alice', 'R').realm).toBe('R');
    expect(parsePrincipal('alice@S', 'R').realm).toBe('S');
  });

  it.each([
    ['alice', /names no realm/],
    ['alice@', /names no realm/],
    ['alice@A@B', /unquoted @ in its realm/],
    ['alice@A/B', /unquoted \/ in its realm/],
    ['alice\\', /lone backslash/],
    [`${'a/'.repeat(64)}a@R`, /more than 64 components/],
  ])('refuses %s', (text, message) => {
    expect(() => parsePrincipal(text)).toThrow(KerberosError);
    expect(() => parsePrincipal(text)).toThrow(message);
    expect(() => parsePrincipal(text)).toThrow(
      expect.objectContaining({ code: 'KRB5_PARSE_MALFORMED' }),
    );
  });

  it('is read back as the same name, and different names look different', () => {
    const part = fc.string({
      unit: fc.constantFrom('a', '/', '@', '\\', '\0', 'n', '0', '\n', '\t', '\b', 'ä'),
      maxLength: 4,
    });
    const principals = fc.record({
      components: fc.array(part, { minLength: 1, maxLength: 3 }),
      realm: part.filter((realm) => realm !== ''),
    });
    fc.assert(
      fc.property(principals, principals, (first, second) => {
        const [a, b] = [first, second].map((name): Principal => ({ nameType: 1, ...name })) as [
          Principal,
          Principal,
        ];
        expect(parsePrincipal(formatPrincipal(a))).toMatchObject(first);
        expect(formatPrincipal(a) === formatPrincipal(b)).toBe(principalEqual(a, b));
      }),
      { numRuns: runs(1000) },
    );
  });

  it('shows no quotes for @ where there is no realm', () => {
    const name = { nameType: NameType.enterprise, components: ['alice@ad.example.com'] };
    expect(formatPrincipalName(name)).toBe('alice@ad.example.com');
    expect(formatPrincipalName({ nameType: 1, components: ['a/b', 'c\\@', '\0'] })).toBe(
      'a\\/b/c\\\\@/\\0',
    );
  });
});

describe('principalEqual (RFC 4120 §6.2)', () => {
  const alice = { nameType: 1, components: ['alice'], realm: 'R' };

  it('ignores the name type', () => {
    expect(principalEqual(alice, { ...alice, nameType: 10 })).toBe(true);
  });

  it.each([
    { ...alice, realm: 'r' },
    { ...alice, components: ['Alice'] },
    { ...alice, components: ['alice', ''] },
    { ...alice, components: [] },
  ])('tells alice@R from $components@$realm', (other) => {
    expect(principalEqual(alice, other)).toBe(false);
    expect(principalEqual(other, alice)).toBe(false);
  });
});

describe('on the wire', () => {
  const empty = fromHex('3009 a003020101 a1023000');

  it('a name without components is refused, unless it is informative only', () => {
    const read = () => DerReader.all(empty, 'test', readPrincipalName);
    expect(read).toThrow(DecodeError);
    expect(read).toThrow(/a name without components/);
    expect(DerReader.all(empty, 'test', readAnyPrincipalName).components).toEqual([]);
  });

  it('takes no fields that it does not know', () => {
    const bytes = fromHex('3011 a003020101 a105 3003 1b0161 a203020101'.replaceAll(' ', ''));
    expect(() => DerReader.all(bytes, 'test', readPrincipalName)).toThrow(/5 unexpected bytes/);
  });
});

describe('splitHostBasedService', () => {
  it.each([
    ['host', { service: 'host' }],
    ['host@', { service: 'host' }],
    ['host@a.b', { service: 'host', host: 'a.b' }],
    ['host@a@b', { service: 'host', host: 'a@b' }],
    ['@a.b', { service: '', host: 'a.b' }],
    ['', { service: '' }],
  ])('%j', (text, parts) => {
    expect(splitHostBasedService(text)).toEqual(parts);
  });
});
