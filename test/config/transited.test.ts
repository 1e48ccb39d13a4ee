import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import type { RealmPaths } from '../../src/config/transited.ts';
import { checkTransited, expandTransited, realmPath } from '../../src/config/transited.ts';
import { KerberosError } from '../../src/errors.ts';

const none: RealmPaths = new Map();
const capaths: RealmPaths = new Map([
  ['ATHENA.MIT.EDU', new Map([['KERBEROS.COM', ['.']]])],
  ['LCS.MIT.EDU', new Map([['KABLOOEY.KERBEROS.COM', ['ATHENA.MIT.EDU', 'KERBEROS.COM']]])],
]);

function expand(contents: string, client: string, server: string): string[] {
  return expandTransited(encodeUtf8(contents), client, server).sort();
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof KerberosError) {
      return `${error.code}: ${error.message}${error.hint ? ` (${error.hint})` : ''}`;
    }
    throw error;
  }
  return 'no error';
}

describe('expandTransited', () => {
  // The cases of MIT krb5's src/lib/krb5/krb/transit-tests, and RFC 4120 §3.3.3.1's own.
  it.each([
    [
      'ATHENA.MIT.EDU',
      'HACK.FOOBAR.COM',
      ',EDU,BLORT.COM,COM,',
      'MIT.EDU EDU BLORT.COM COM FOOBAR.COM',
    ],
    ['ATHENA.MIT.EDU', 'EDU', ',', 'MIT.EDU'],
    ['EDU', 'ATHENA.MIT.EDU', ',', 'MIT.EDU'],
    ['x', 'x', '/COM,/HP,/APOLLO, /COM/DEC', '/COM /COM/HP /COM/HP/APOLLO /COM/DEC'],
    [
      'x',
      'x',
      'EDU,MIT.,ATHENA.,WASHINGTON.EDU,CS.',
      'EDU MIT.EDU ATHENA.MIT.EDU WASHINGTON.EDU CS.WASHINGTON.EDU',
    ],
    ['ATHENA.MIT.EDU', '/COM/HP/APOLLO', ',EDU, /COM,', 'EDU MIT.EDU /COM /COM/HP'],
    ['ATHENA.MIT.EDU', 'CS.CMU.EDU', ',EDU,', 'EDU MIT.EDU CMU.EDU'],
    [
      'XYZZY.ATHENA.MIT.EDU',
      'XYZZY.CS.CMU.EDU',
      ',EDU,',
      'EDU MIT.EDU ATHENA.MIT.EDU CMU.EDU CS.CMU.EDU',
    ],
    ['a', 'b', 'A\\,B', 'A,B'],
    ['a', 'b', '', ''],
    ['a', 'b', '\0', ''],
    ['a', 'b', 'C\0', 'C'],
    ['A', 'A', ',', ''],
  ])('%s to %s through %j', (client, server, contents, expected) => {
    expect(expand(contents, client, server)).toEqual(expected.split(' ').filter(Boolean).sort());
  });

  it.each([
    [',EDU,/COM,', 'ATHENA.MIT.EDU', '/COM/HP/APOLLO', 'names of different styles'],
    ['/COM,,/DEC/X', '/A', '/B', 'no error'],
    ['COM,', 'A', 'B.EDU', 'gap between unrelated realms'],
    ['/COM,', '/A', '/EDU/B', 'gap between unrelated realms'],
    ['A,, B', 'A', 'B', 'gap without an end'],
    [`${'a'.repeat(600)}`, 'A', 'B', 'overlong realm'],
    [`${'a.,'.repeat(1300)}b`, 'A', 'B', 'overlong realm'],
    ['a'.repeat(4097), 'A', 'B', 'too long'],
    // MIT krb5: a subfield that begins with a blank is not joined to its neighbour, so there is no gap.
    [', ', 'X.A', 'A', 'nothing but blanks'],
    [' ', 'X.A', 'A', 'nothing but blanks'],
    [',A,   ,X.A', 'X.A', 'A', 'nothing but blanks'],
    // A backslash that quotes nothing does not make a null subfield.
    [',\\', 'X.A', 'A', 'lone backslash'],
    ['\\', 'X.A', 'A', 'lone backslash'],
    ['A\\', 'X.A', 'A', 'lone backslash'],
    [',\\\\', 'X.A', 'A', 'gap between unrelated realms'],
    ['\\\\', 'X.A', 'A', 'no error'],
    // MIT krb5 stops reading at a leading NUL.
    ['\0EVIL', 'X.A', 'A', 'a NUL in it'],
    ['EV\0IL', 'X.A', 'A', 'a NUL in it'],
    ['\0\0', 'X.A', 'A', 'a NUL in it'],
  ])('judges %.30j', (contents, client, server, message) => {
    expect(codeOf(() => expand(contents, client, server))).toContain(message);
  });

  it('refuses malformed UTF-8', () => {
    expect(codeOf(() => expandTransited(Uint8Array.of(0xff), 'A', 'B'))).toBe(
      "KRB_AP_ERR_ILL_CR_TKT: The ticket's transited field is not valid UTF-8",
    );
  });

  it('throws no other class than KerberosError for any contents', () => {
    const char = fc.constantFrom(',', '.', '/', '\\', ' ', 'A', 'B', '\0');
    fc.assert(
      fc.property(fc.string({ unit: char, maxLength: 200 }), (contents) => {
        expect(codeOf(() => expand(contents, 'A.B', '/A/B'))).toMatch(
          /^no error$|^KRB_AP_ERR_ILL_CR_TKT: /,
        );
      }),
    );
  });
});

describe('realmPath', () => {
  // The cases of MIT krb5's src/lib/krb5/krb/walktree-tests.
  it.each([
    ['FOZ.EXAMPLE.COM', 'BAZ.EXAMPLE.COM', 'FOZ.EXAMPLE.COM EXAMPLE.COM BAZ.EXAMPLE.COM'],
    ['FOZ.EXAMPLE.COM', 'OZ.EXAMPLE.COM', 'FOZ.EXAMPLE.COM EXAMPLE.COM OZ.EXAMPLE.COM'],
    [
      'A.FOZ.EXAMPLE.COM',
      'A.BOZ.EXAMPLE.COM',
      'A.FOZ.EXAMPLE.COM FOZ.EXAMPLE.COM EXAMPLE.COM BOZ.EXAMPLE.COM A.BOZ.EXAMPLE.COM',
    ],
    [
      'OZ.EXAMPLE.COM',
      'A.FOZ.EXAMPLE.COM',
      'OZ.EXAMPLE.COM EXAMPLE.COM FOZ.EXAMPLE.COM A.FOZ.EXAMPLE.COM',
    ],
    ['EXAMPLE.COM', 'EXAMPLE.COM', ''],
    ['A.B', 'B.B', 'A.B B B.B'],
    ['AB.B', 'B.B', 'AB.B B B.B'],
    ['A.B', 'BA.B', 'A.B B BA.B'],
    ['EXAMPLE.COM', 'A.EXAMPLE.COM', 'EXAMPLE.COM A.EXAMPLE.COM'],
    ['A.EXAMPLE.COM', 'EXAMPLE.COM', 'A.EXAMPLE.COM EXAMPLE.COM'],
    ['A.COM', 'B.ORG', 'A.COM COM ORG B.ORG'],
    ['ATHENA.MIT.EDU', 'KERBEROS.COM', 'ATHENA.MIT.EDU KERBEROS.COM'],
    [
      'LCS.MIT.EDU',
      'KABLOOEY.KERBEROS.COM',
      'LCS.MIT.EDU ATHENA.MIT.EDU KERBEROS.COM KABLOOEY.KERBEROS.COM',
    ],
  ])('%s to %s', (client, server, path) => {
    expect(realmPath(client, server, capaths)).toEqual(path.split(' ').filter(Boolean));
  });
});

describe('checkTransited', () => {
  const check = (contents: string, client: string, server: string, paths: RealmPaths) =>
    codeOf(() => checkTransited(encodeUtf8(contents), client, server, { capaths: paths }));

  it('allows the path of [capaths], else that of the hierarchy', () => {
    expect(check('', 'A', 'B', none)).toBe('no error');
    expect(check('EXAMPLE.COM', 'FOZ.EXAMPLE.COM', 'BAZ.EXAMPLE.COM', none)).toBe('no error');
    expect(check(',COM,', 'A.X.COM', 'B.Y.COM', none)).toBe('no error');
    expect(check('KERBEROS.COM', 'LCS.MIT.EDU', 'KABLOOEY.KERBEROS.COM', capaths)).toBe('no error');
    expect(check('COM', 'ATHENA.MIT.EDU', 'KERBEROS.COM', none)).toBe('no error');
    expect(check('COM', 'ATHENA.MIT.EDU', 'KERBEROS.COM', capaths)).toContain('ILL_CR_TKT');
  });

  it('refuses a realm that is not on the path and names it', () => {
    expect(check('EVIL.ORG', 'A.COM', 'B.COM', none)).toBe(
      'KRB_AP_ERR_ILL_CR_TKT: Illegal cross-realm ticket (the ticket went through realm EVIL.ORG, ' +
        'which is not on the path from A.COM to B.COM; if that is right, say so in the subsection ' +
        'A.COM of [capaths]: B.COM = EVIL.ORG)',
    );
    expect(check('COM,EVIL.ORG', 'A.COM', 'B.COM', none)).toContain('realm EVIL.ORG');
    expect(check('com', 'A.COM', 'B.COM', none)).toContain('realm com');
    expect(check('COM', 'A.COM', 'A.COM', none)).toContain('realm COM');
    expect(check('E\nL', 'A.COM', 'B.COM', none)).toContain('realm E\\x0aL');
    // MIT krb5: a ticket does not cross the server's own realm.
    expect(check('B.COM', 'A.COM', 'B.COM', none)).toContain('realm B.COM');
    expect(check('A.COM', 'A.COM', 'B.COM', none)).toBe('no error');
  });

  it('allows any path of an anonymous client', () => {
    expect(check('EVIL.ORG', 'WELLKNOWN:ANONYMOUS', 'B.COM', none)).toBe('no error');
    // The field is not even decoded: a gap beside the anonymous realm has no meaning.
    expect(check(',COM,', 'WELLKNOWN:ANONYMOUS', 'B.COM', none)).toBe('no error');
    expect(check('COM\\', 'WELLKNOWN:ANONYMOUS', 'B.COM', none)).toBe('no error');
  });

  it('allows an empty field if [capaths] names no intermediate realm', () => {
    expect(check('', 'A.COM', 'B.COM', none)).toBe('no error');
    expect(check('\0', 'A.COM', 'B.COM', none)).toBe('no error');
    expect(check('', 'ATHENA.MIT.EDU', 'KERBEROS.COM', capaths)).toBe('no error');
    expect(check('', 'KABLOOEY.KERBEROS.COM', 'LCS.MIT.EDU', capaths)).toBe('no error');
  });

  it.each(['', '\0', 'LCS.MIT.EDU'])(
    'refuses %j if [capaths] names intermediate realms',
    (field) => {
      expect(check(field, 'LCS.MIT.EDU', 'KABLOOEY.KERBEROS.COM', capaths)).toBe(
        'KRB_AP_ERR_ILL_CR_TKT: Illegal cross-realm ticket (the ticket went through no realm, and ' +
          '[capaths] names a path from LCS.MIT.EDU to KABLOOEY.KERBEROS.COM; if the realms trust each ' +
          'other directly, write KABLOOEY.KERBEROS.COM = . in the subsection LCS.MIT.EDU)',
      );
    },
  );

  it('allows no path from a realm to itself, as MIT krb5', () => {
    expect(check('', 'A.COM', 'A.COM', none)).toBe('no error');
    expect(check('\0', 'A.COM', 'A.COM', none)).toBe('no error');
    expect(check(',', 'A.COM', 'A.COM', none)).toContain('leads from a realm to itself');
  });
});
