import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRegex } from '../../src/config/regex.ts';
import { countProcessorTime } from '../support/processor-time.ts';

function find(pattern: string, text: string, from = 0): string {
  const regex = compileRegex(pattern);
  if (typeof regex === 'string') return regex;
  const match = regex.search(Array.from(text), from);
  return match === undefined ? 'none' : `${match.start}-${match.end}`;
}

// Every expectation was compared with what glibc 2.36's regcomp and regexec say.
describe('POSIX extended regular expressions', () => {
  it.each([
    ['', 'abc', '0-0'],
    ['b', 'abc', '1-2'],
    ['.*@EXAMPLE\\.COM', 'alice@EXAMPLE.COM', '0-17'],
    ['a|ab', 'abc', '0-2'],
    ['(a|ab)(c|bcd)', 'abcd', '0-4'],
    ['(a|ab)(c|bcd)(d*)', 'abcd', '0-4'],
    ['x*', 'aaa', '0-0'],
    ['a+', 'baaa', '1-4'],
    ['ab?c', 'xac', '1-3'],
    ['a{2}', 'aaaaa', '0-2'],
    ['a{2,}', 'aaaaa', '0-5'],
    ['a{,2}', 'aaaaa', '0-2'],
    ['a{2,3}b', 'aaaab', '1-5'],
    ['a**', 'aa', '0-2'],
    ['(a*)*', 'aab', '0-2'],
    ['(a|b*)*c', 'abbac', '0-5'],
    ['()', 'a', '0-0'],
    ['a|', 'b', '0-0'],
    ['^b', 'ab', 'none'],
    ['^', 'ab', '0-0'],
    ['$', 'ab', '2-2'],
    ['a^b', 'a^b', 'none'],
    ['(^a|b$)', 'xb', '1-2'],
    ['[]a]+', 'x]a', '1-3'],
    ['[^]a]', ']ax', '2-3'],
    ['[a-]+', 'x-a', '1-3'],
    ['[a-c0-9]+', 'zb5', '1-3'],
    ['[[:alpha:]]+[[:digit:]]', '-ab1', '1-4'],
    ['[^[:space:]]+', ' a b', '1-2'],
    ['[[.-.]a]', 'x-', '1-2'],
    ['[[=a=]]', 'xa', '1-2'],
    ['[A-[]+', 'a[Z', '1-3'],
    ['[A-[x]+', 'a[Zx', '1-4'],
    ['[+-[.-.]]+', 'a-,+', '1-4'],
    ['[[.+.]-[.-.]]+', 'a,-.', '1-3'],
    ['[[:alpha:].-]+', '1a.-', '1-4'],
    ['[[:cntrl:]]+', 'a\t\x7fb', '1-3'],
    ['[[x]', '[', '0-1'],
    ['[\\.]', '\\', '0-1'],
    ['\\w+', '-a_1-', '1-4'],
    ['\\W', 'a-', '1-2'],
    ['\\s\\S', 'a b', '1-3'],
    ['a)', 'a)', '0-2'],
    ['\\.\\*\\[\\(', '.*[(', '0-4'],
    ['é', 'café', '3-4'],
    ['^.$', '😀', '0-1'],
  ])('%j in %j', (pattern, text, expected) => {
    expect(find(pattern, text)).toBe(expected);
  });

  it.each([
    '(',
    '(a',
    '[',
    '[]',
    '[a',
    '[b-a]',
    '[[:x:]]',
    '[[:constructor:]]',
    '[[.ab.]]',
    '[[:alpha:',
    '[[',
    '[+-[.-.]',
    '[+-[:alpha:]]',
    '[+-[=a=]]',
    '[a-[.ab.]]',
    '[z-[.a.]]',
    '[[:alpha:]-z]',
    '[[=a=]-c]',
    '*',
    '+a',
    'a|*',
    '(?a)',
    '^*',
    '$+',
    '{1}',
    'a{',
    'a{x}',
    'a{}',
    'a{2,1}',
    '\\',
  ])('refuses %j as malformed', (pattern) => {
    expect(find(pattern, 'a')).toBe('malformed');
  });

  it.each([
    'a{99999}',
    'a{256}',
    '(a)\\1',
    '\\bx',
    `${'('.repeat(40)}a${')'.repeat(40)}`,
    'a'.repeat(1025),
    '(((a{255}){255}){255}){255}',
    '((a{255}){255})*',
    '((a{255}){255})?',
    '((a{255}){255}|b)',
    `a${'*'.repeat(40)}`,
  ])('refuses %.40j as unsupported', (pattern) => {
    expect(find(pattern, 'a')).toBe('unsupported');
  });

  it.each([`a()${'{255}'.repeat(30)}b`, 'a(((){200}){200}){7}b', 'a(()())+b'])(
    'repeats nothing as often as %.40j says, and at once',
    (pattern) => {
      expect(find(pattern, 'xaby')).toBe('1-3');
    },
  );

  it('searches from an index, as if the text began there', () => {
    expect(find('^a', 'aab', 1)).toBe('1-2');
    expect(find('a', 'abab', 1)).toBe('2-3');
    expect(find('a', 'ab', 2)).toBe('none');
  });

  it('takes bounded time where backtracking explodes', () => {
    const text = 'a'.repeat(1024);
    const time = countProcessorTime();
    for (const pattern of ['(a+)+b', '(a|a)*b', '(a|aa)+$b', '(.*)(.*)(.*)(.*)(.*)x', '(a*)*b']) {
      expect(find(pattern, text)).toBe('none');
    }
    expect(time()).toBeLessThan(10_000);
  });

  it('agrees with RegExp on expressions without alternatives', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', 'a*', 'b+', 'c?', 'a{1,2}');
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(atom, { maxLength: 5 }), text, (atoms, input) => {
        const pattern = atoms.join('');
        const whole = new RegExp(`^(?:${pattern})$`).test(input);
        expect(find(`^(${pattern})$`, input)).toBe(whole ? `0-${input.length}` : 'none');
      }),
    );
  });
});
