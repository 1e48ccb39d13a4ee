import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IncludeReader } from '../../src/config/profile.ts';
import { Profile, parseProfile } from '../../src/config/profile.ts';
import { KerberosError } from '../../src/errors.ts';

function profileOf(...texts: string[]): Profile {
  return new Profile(texts.map((text) => parseProfile(text)));
}

describe('parseProfile', () => {
  it('reads sections, relations and nested braces', () => {
    const profile = profileOf(`
[libdefaults]
\tdefault_realm = ATHENA.MIT.EDU
   dns = a   # not a comment, part of the value
[realms]
  R = {
    kdc = one
    kdc=two
    inner = {
      x = y
    }
  }
`);
    expect(profile.value('libdefaults', 'default_realm')).toBe('ATHENA.MIT.EDU');
    expect(profile.value('libdefaults', 'dns')).toBe('a   # not a comment, part of the value');
    expect(profile.values('realms', 'R', 'kdc')).toEqual(['one', 'two']);
    expect(profile.value('realms', 'R', 'inner', 'x')).toBe('y');
    expect(profile.value('realms', 'r', 'kdc')).toBeUndefined();
    expect(profile.value('realms', 'R', 'inner')).toBeUndefined();
    expect(profile.relationNames('realms', 'R')).toEqual(['kdc']);
    expect(profile.sectionNames('realms')).toEqual(['R']);
    expect(profile.sectionNames('nowhere')).toEqual([]);
  });

  it('ignores everything before the first section', () => {
    const profile = profileOf('garbage }\n  [indented]\nx = 1\n[a]\nb = 2\n');
    expect(profile.value('a', 'b')).toBe('2');
    expect(profile.sectionNames('indented')).toEqual([]);
  });

  it('recognises comments at the start of a line only', () => {
    const profile = profileOf('[a]\n# x\n  ; y = 1\n#b = 0\n\n   \nb = c;d\r\n');
    expect(profile.relationNames('a')).toEqual(['b']);
    expect(profile.value('a', 'b')).toBe('c;d');
  });

  it('removes quotes, and resolves escapes only inside them', () => {
    const profile = profileOf(
      '[a]\nb = "x \\"y\\" \\t\\\\ " rest\nc = "open\nd = x\\ty\ne = "\\q\\"\nf = ""\ng = x"y"',
    );
    expect(profile.value('a', 'b')).toBe('x "y" \t\\ ');
    expect(profile.value('a', 'c')).toBe('open');
    expect(profile.value('a', 'd')).toBe('x\\ty');
    expect(profile.value('a', 'e')).toBe('q"');
    expect(profile.value('a', 'f')).toBe('');
    expect(profile.value('a', 'g')).toBe('x"y"');
  });

  it('accepts an opening brace on the next line', () => {
    expect(profileOf('[a]\nb =\n  {\nc = d\n}').value('a', 'b', 'c')).toBe('d');
    expect(profileOf('[a]\nb = {\nc = d').value('a', 'b', 'c')).toBe('d');
    expect(profileOf('[a]\nb = { c = d }').value('a', 'b')).toBe('{ c = d }');
  });

  it('merges sections of the same name', () => {
    const profile = profileOf('[a]\nb = 1\nc = {\nd = 2\n}\n[x]\n[a]\nb = 3\nc = {\nd = 4\n}\n');
    expect(profile.values('a', 'b')).toEqual(['1', '3']);
    expect(profile.values('a', 'c', 'd')).toEqual(['2', '4']);
  });

  it('trims exactly the characters of isspace() in C', () => {
    const profile = profileOf('[a]\nb =\v\f c\u00a0 \r\n  \u00a0d = \u00a0\n');
    expect(profile.value('a', 'b')).toBe('c\u00a0');
    expect(profile.value('a', '\u00a0d')).toBe('\u00a0');
  });

  it('accepts the end of the text in place of an opening brace', () => {
    expect(profileOf('[a]\nb =\n').sectionNames('a')).toEqual(['b']);
  });

  it('treats names of JavaScript object members as plain names', () => {
    const profile = profileOf('[__proto__]\nconstructor = 1\n[a]\nb = 2');
    expect(profile.value('__proto__', 'constructor')).toBe('1');
    expect(profile.value('a', 'constructor')).toBeUndefined();
  });

  it.each([
    ['[a', 'line 1 is not a section header'],
    ['[a] x', 'line 1 is not a section header'],
    ['[a]\nb', 'line 2 is not of the form'],
    ['[a]\n= c', 'line 2 is not of the form'],
    ['[a]\nb c = d', 'line 2 is not of the form'],
    ['[a]\n}', 'line 2 has a brace that closes nothing'],
    ['[a]\nb = {\n}\n}', 'line 4 has a brace that closes nothing'],
    ['[a]\nb =\nc = d', 'line 3 should be an opening brace'],
    ['[a]\nb = {\n[c]', 'line 3 starts a section inside braces (opened in line 2)'],
    ['module a.so:x', 'line 1 asks for a module'],
    ['include /etc/x', 'include line cannot be followed'],
    [`[a]\n${'b = {\n'.repeat(33)}`, 'line 34 nests braces too deep'],
    ['#'.repeat(16_000_001), 'krb5.conf is too long'],
  ])('refuses malformed text %#', (text, message) => {
    try {
      parseProfile(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(KerberosError);
      expect((error as KerberosError).code).toBe('KRB5_CONFIG_BADFORMAT');
      expect((error as KerberosError).message).toContain(message);
    }
  });

  it('throws no other class than KerberosError for any text', () => {
    const line = fc.constantFrom('[a]', '[a]*', '[b', 'x = y', 'x* = z', 'x = {', 'x* =', '{', '}');
    const more = fc.constantFrom('}*', '"', 'x = "', '\\', '#', 'a b = c', '=', '\0', 'include x');
    fc.assert(
      fc.property(fc.array(fc.oneof(line, line, more)), (lines) => {
        try {
          expect(parseProfile(lines.join('\n')).relations.size).toBe(0);
        } catch (error) {
          expect(error).toBeInstanceOf(KerberosError);
        }
      }),
    );
  });
});

describe('final marks', () => {
  it('end the search for a value at their file', () => {
    expect(profileOf('[a]\nb = 1', '[a]\nb = 2').values('a', 'b')).toEqual(['1', '2']);
    expect(profileOf('[a]\nb* = 1', '[a]\nb = 2').values('a', 'b')).toEqual(['1']);
    expect(profileOf('[a]*\nb = 1', '[a]\nb = 2\nc = 3').values('a', 'b')).toEqual(['1']);
    expect(profileOf('[a]*\nb = 1', '[a]\nc = 3').values('a', 'c')).toEqual([]);
    expect(
      profileOf('[a]\ns* = {\nb = 1\n}', '[a]\ns = {\nb = 2\n}').values('a', 's', 'b'),
    ).toEqual(['1']);
    expect(
      profileOf('[a]\ns = {\nb = 1\n}*', '[a]\ns = {\nb = 2\n}').values('a', 's', 'b'),
    ).toEqual(['1']);
    expect(profileOf('[a]*\nb = 1', '[a]\nc = 3').relationNames('a')).toEqual(['b']);
  });

  it('prevent later additions in the same file', () => {
    expect(profileOf('[a]\nb* = 1\nb = 2').values('a', 'b')).toEqual(['1']);
    const again = profileOf(
      '[a]*\nb = 1\ns = {\nt = {\n}\n}\n[x]\ny = 1\n[a]\nb = 2\ns = {\nt = 3\n}',
    );
    expect(again.values('a', 'b')).toEqual(['1']);
    expect(again.values('a', 's', 't')).toEqual([]);
    expect(again.values('x', 'y')).toEqual(['1']);
    const nested = profileOf(
      '[a]\ns* = {\nb = 1\n}\ns = {\nb = 2\ni = {\nj = 3\n}\nb = 4\n}\nc = 5\ns = {\nb = 6\n}',
    );
    expect(nested.values('a', 's', 'b')).toEqual(['1']);
    expect(nested.sectionNames('a', 's')).toEqual([]);
    expect(nested.values('a', 'c')).toEqual(['5']);
  });
});

describe('include', () => {
  const files: Record<string, string> = {
    '/x': '[a]\nb = x\n',
    '/unclosed': '[a]\ns = {\nb = u\n',
    '/nested': 'include /x\n[c]\nd = 1',
    '/loop': 'include /loop',
  };
  const include: IncludeReader = (directive, path) => {
    if (directive === 'include') return [{ name: path, text: files[path] ?? '' }];
    return ['/x', '/nested'].map((name) => ({ name, text: files[name]! }));
  };

  function values(text: string, ...path: [string, string, ...string[]]): string[] {
    return new Profile([parseProfile(text, include)]).values(...path);
  }

  it('inserts a file at the place of its directive', () => {
    expect(values('[a]\nb = 1\ninclude /x\nb = 2', 'a', 'b')).toEqual(['1', 'x', '2']);
    expect(values('includedir /d\n[a]\nb = 3', 'a', 'b')).toEqual(['x', 'x', '3']);
    expect(values('[a]\n include = 5', 'a', 'include')).toEqual(['5']);
    expect(values('[a]\nincludes = 5', 'a', 'includes')).toEqual(['5']);
  });

  it('parses each file separately: braces do not extend across files', () => {
    expect(values('[a]\ninclude /unclosed\nb = 1', 'a', 'b')).toEqual(['1']);
    expect(values('[a]\ns = {\ninclude /x\nc = 1\n}', 'a', 's', 'c')).toEqual(['1']);
  });

  it('names the malformed file', () => {
    expect(() => parseProfile('include /y', () => [{ name: '/y', text: '\n[a' }])).toThrow(
      '/y line 2 is not a section header',
    );
  });

  it('is bounded', () => {
    expect(() => parseProfile('include /loop', include)).toThrow('/loop line 1 includes too deep');
    const many: IncludeReader = () => Array(4097).fill({ name: '/x', text: '[a]' });
    expect(() => parseProfile('includedir /d', many)).toThrow('includes too many files');
    const large: IncludeReader = () => Array(200).fill({ name: '/x', text: '#'.repeat(100_000) });
    expect(() => parseProfile('includedir /d', large)).toThrow('/x is too long');
  });
});

describe('problems of a file that is used all the same', () => {
  function problemsOf(text: string): readonly string[] {
    return profileOf(text).problems.map(({ text: problem }) => problem);
  }

  it('a brace that is never closed, with its line', () => {
    expect(problemsOf('[realms]\n R = {\n  S = {\n  }\n  kdc = a\n')).toEqual([
      'krb5.conf line 2 opens a brace that is never closed',
    ]);
    expect(problemsOf('[realms]\n R = {\n  kdc = a\n }\n')).toEqual([]);
  });

  it('settings without a section, but no file of comments', () => {
    expect(problemsOf('default_realm = R\n')).toEqual([
      'krb5.conf has no section, so nothing in it is used',
    ]);
    expect(problemsOf('# default_realm = R\n; x = y\n\n')).toEqual([]);
    expect(problemsOf('x = y\n[libdefaults]\n')).toEqual([]);
  });

  it('UTF-16', () => {
    const text = `\uFFFD\uFFFD${[...'[libdefaults]\ndefault_realm = R'].join('\0')}`;
    expect(problemsOf(text)).toEqual(['krb5.conf is not text in UTF-8 or ASCII']);
  });

  it('those of included files name that file', () => {
    const include: IncludeReader = () => [{ name: 'inner.conf', text: '[a]\nb = {\n' }];
    const section = parseProfile('[a]\nc = d\ninclude inner.conf\n', include);
    expect(section.problems?.map(({ reason, text }) => `${reason} ${text}`)).toEqual([
      'config.syntax inner.conf line 2 opens a brace that is never closed',
    ]);
  });
});
