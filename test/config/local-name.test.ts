import { describe, expect, it } from 'vitest';
import { localName } from '../../src/config/local-name.ts';
import { parseKerberosConfig } from '../../src/config/settings.ts';
import { KerberosError } from '../../src/errors.ts';
import { parsePrincipal } from '../../src/messages/principal.ts';
import { countProcessorTime } from '../support/processor-time.ts';

function config(...values: string[]) {
  const lines = values.map((value) => `auth_to_local = ${value}`).join('\n');
  return parseKerberosConfig(
    `[libdefaults]\ndefault_realm = KRBTEST.COM\n[realms]\nKRBTEST.COM = {\n${lines}\n}`,
  );
}

function nameOf(principal: string, settings: ReturnType<typeof config>): string {
  try {
    return localName(parsePrincipal(principal, 'KRBTEST.COM'), settings) ?? 'none';
  } catch (error) {
    if (error instanceof KerberosError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

// The cases of MIT krb5's src/tests/t_localauth.py.
describe('localName', () => {
  it.each([
    ['user@KRBTEST.COM', 'user'],
    ['user/KRBTEST.COM@KRBTEST.COM', 'user'],
    ['user/KRBTEST.COM/x@KRBTEST.COM', 'none'],
    ['user/X@KRBTEST.COM', 'none'],
    ['user@X', 'none'],
  ])('by default: %s', (principal, name) => {
    expect(nameOf(principal, config())).toBe(name);
    expect(nameOf(principal, config('DEFAULT'))).toBe(name);
  });

  it('returns no account without a default realm', () => {
    expect(localName(parsePrincipal('user@X'), parseKerberosConfig(''))).toBeUndefined();
  });

  it('applies auth_to_local_names to the default realm, case-sensitively; the last of several values', () => {
    const names = (realm: string) =>
      parseKerberosConfig(`[libdefaults]
default_realm = KRBTEST.COM
[realms]
${realm} = {
  auth_to_local_names = {
    user = first
    user = abcd
  }
}`);
    expect(nameOf('user@KRBTEST.COM', names('KRBTEST.COM'))).toBe('abcd');
    // MIT krb5 returns abcd: a client of another realm would get the account.
    expect(nameOf('user@X', names('KRBTEST.COM'))).toBe('none');
    expect(nameOf('x@KRBTEST.COM', names('KRBTEST.COM'))).toBe('x');
    expect(nameOf('User@KRBTEST.COM', names('KRBTEST.COM'))).toBe('User');
    expect(nameOf('user@X', names('X'))).toBe('none');
  });

  it.each([
    ['RULE', 'is neither DEFAULT nor RULE:…'],
    ['UNRECOGNIZED:stuff', 'is neither DEFAULT nor RULE:…'],
    ['RULE:[1:$1', 'has no selection'],
    ['RULE:[x:$1]', 'has no selection'],
    ['RULE:[1:$2]', 'selects $2 of 1 components'],
    ['RULE:(abc', 'has an open parenthesis'],
    ['RULE:(\\bx)', 'cannot be used: \\b'],
    ['RULE:s/a/b', 'not of the form s/a/b/'],
    ['RULE:[1:$+1]', 'not followed by a number'],
    ['RULE:[1:$ 1]', 'not followed by a number'],
    ['RULE:\u00a0s/a/b/', 'not of the form s/a/b/'],
    ['RULE:s/a/b/x', 'not of the form s/a/b/'],
    ['RULE:s/(a)\\1/b/', 'cannot be used: (a)'],
  ])('reports %s as malformed when it is reached', (rule, problem) => {
    const settings = config(rule);
    expect(settings.warnings).toEqual([expect.stringContaining(problem)]);
    expect(nameOf('user@X', settings)).toContain(`KRB5_CONFIG_BADFORMAT: auth_to_local = ${rule}`);
    expect(nameOf('user@KRBTEST.COM', config('DEFAULT', rule))).toBe('user');
  });

  it.each([
    ['RULE:', 'user@KRBTEST.COM', 'user'],
    ['RULE:', 'user@X', 'user'],
    ['RULE:', 'a/b/c@X', 'a/b/c'],
    ['RULE:[2:$0.$2.$1]', 'aaron/burr@REALM', 'REALM.burr.aaron'],
    ['RULE:[2:$0.$2.$1]', 'user@KRBTEST.COM', 'none'],
    ['RULE:[1:$1$]', 'user@X', 'userX'],
    ['RULE:(.*tail)', 'withtail@X', 'withtail'],
    ['RULE:(.*tail)', 'x/withtail@X', 'x/withtail'],
    ['RULE:(.*tail)', 'tails@X', 'none'],
    ['RULE:(tail)', 'xtail@X', 'none'],
    ['RULE:s/birds/bees/', 'thebirdsbirdsbirds@X', 'thebeesbirdsbirds'],
    ['RULE:s/birds/bees/g  s/bees/birds/', 'the/birdsbirds@x', 'the/birdsbees'],
    ['RULE:[1:$1@$0](.*@X)s/@.*//', 'user@X', 'user'],
    ['RULE:[1:$1@$0](.*@X)s/@.*//', 'user@Y', 'none'],
    ['RULE:[1:$1@$0](.*@X)s/@.*//', 'user\\@X@EVIL', 'none'],
    ['RULE:s/^a//g', 'aaab@X', 'b'],
    ['RULE:s/x*/-/g', 'abc@X', '-a-b-c-'],
    ['RULE:s/$/-x/', 'abc@X', 'abc-x'],
    ['RULE:s/.*//', 'abc@X', 'none'],
    ['RULE:[1:$1](ro{,}t)s/.*/nobody/', 'root@X', 'nobody'],
    ['RULE:[1:$1](é+)s/é/e/g', 'éé@X', 'ee'],
  ])('%s maps %s to %s', (rule, principal, name) => {
    expect(nameOf(principal, config(rule))).toBe(name);
  });

  it.each([
    ['for another number of components', 'RULE:[2:$3](x'],
    ['for another number of components, unterminated', 'RULE:[2:$1'],
    ['with a malformed expression to match', 'RULE:[1:$1]([a)s/x/y/'],
    ['with a malformed expression to substitute', 'RULE:[1:$1](user)s/[a/y/'],
    ['whose match fails before its malformed substitution is reached', 'RULE:[1:$1](zzz)s/x/y'],
  ])('skips a rule %s', (_, rule) => {
    const settings = config(rule, 'DEFAULT');
    expect(settings.warnings).not.toEqual([]);
    expect(nameOf('user@KRBTEST.COM', settings)).toBe('user');
  });

  it('stops at the first rule that applies, even if it gives no account', () => {
    const blocked = config('RULE:[1:$1](alice)s/.*//', 'DEFAULT');
    expect(nameOf('alice@KRBTEST.COM', blocked)).toBe('none');
    expect(nameOf('bob@KRBTEST.COM', blocked)).toBe('bob');
    const roots = config('RULE:[2:$2/$1](root/.*)s/.*/nobody/', 'RULE:[2:$2]');
    expect(nameOf('a/root@X', roots)).toBe('nobody');
    expect(nameOf(`${'a'.repeat(1100)}/root@X`, roots)).toBe('none');
    expect(nameOf('a\\0/root@X', roots)).toBe('none');
    const long = 'a'.repeat(1025);
    expect(nameOf(`${long}@KRBTEST.COM`, config('DEFAULT', 'RULE:s/.*/x/'))).toBe('none');
    const growing = `RULE:${'s/u/uuuu/g'.repeat(6)}`;
    expect(nameOf('user@X', config(growing, 'RULE:'))).toBe('none');
  });

  it('tries the rules in order', () => {
    const combo = config('RULE:[1:$1-$0](fred.*)s/-/ /g', 'DEFAULT', 'RULE:[3:$1](z.*z)');
    expect(nameOf('fred@X', combo)).toBe('fred X');
    expect(nameOf('fred-too@X', combo)).toBe('fred too X');
    expect(nameOf('fred@KRBTEST.COM', combo)).toBe('fred KRBTEST.COM');
    expect(nameOf('user@KRBTEST.COM', combo)).toBe('user');
    expect(nameOf('zazz/b/c@X', combo)).toBe('zazz');
    expect(nameOf('a/b@KRBTEST.COM', combo)).toBe('none');
  });

  it('returns no account for names that are too long or grow too long', () => {
    expect(nameOf(`${'a'.repeat(1025)}@X`, config('RULE:'))).toBe('none');
    expect(nameOf(`${'a'.repeat(1025)}@KRBTEST.COM`, config())).toBe('none');
    expect(nameOf('a\\0b@KRBTEST.COM', config())).toBe('none');
    const grow = config(`RULE:${'s/a/aaaaaaaaaaaaaaaa/g '.repeat(20)}`);
    expect(nameOf('aaaa@X', grow)).toBe('none');
  });

  it.each([
    ['a line feed', 'RULE:[1:$1]', 'a\\nb@X'],
    ['an escape sequence', 'RULE:[1:$1]', 'a\x1b[2J@X'],
    ['a direction mark', 'RULE:[1:$1]', 'a\u202eb@X'],
    ['a line feed in a default name', 'DEFAULT', 'a\\nb@KRBTEST.COM'],
    ['an option', 'RULE:[1:$1]', '-rf@X'],
    ['an option that a rule uncovers', 'RULE:[1:$1]s/x//', 'x-rf@X'],
    ['an option as a default name', 'DEFAULT', '-rf@KRBTEST.COM'],
    ['the directory above', 'RULE:[1:$1]', '..@X'],
    ['a directory', 'DEFAULT', '.@KRBTEST.COM'],
    ['a path', 'RULE:[1:$1]', 'a\\/b@X'],
    ['a path as a default name', 'DEFAULT', '..\\/root@KRBTEST.COM'],
    ['a path from the root', 'RULE:', '/etc@X'],
    ['a name with its realm', 'RULE:[1:$1](.*@EXAMPLE.COM)s/@.*//', 'root\\@EXAMPLE.COM@X'],
    [
      'such a name from which a rule removes the realm',
      'RULE:[1:$1@$0](.*@X)s/@.*//',
      'root\\@R@X',
    ],
    ['such a name as a default name', 'DEFAULT', 'root\\@EXAMPLE.COM@KRBTEST.COM'],
  ])('returns no account that is or contains %s', (_, rule, principal) => {
    expect(nameOf(principal, config(rule))).toBe('none');
    // A later rule does not give one either.
    expect(nameOf(principal, config(rule, 'RULE:s/.*/guest/'))).toBe('none');
  });

  it('allows a hyphen that the operator writes, and harmless characters', () => {
    expect(nameOf('abc@X', config('RULE:[1:-$1]'))).toBe('none');
    expect(nameOf('abc@X', config('RULE:s/^/-/'))).toBe('-abc');
    expect(nameOf('a-b.c_d@X', config('RULE:[1:$1]'))).toBe('a-b.c_d');
    expect(nameOf('a/b@X', config('RULE:[2:$1/$2@$0]'))).toBe('a/b@X');
  });

  it('returns no account after too many steps, and tries no further rule', () => {
    const dots = '.'.repeat(1000);
    const slow = 'RULE:[1:$1]s/\\.*x|\\./-/g';
    expect(nameOf(`${dots}@X`, config(slow, 'RULE:s/.*/guest/'))).toBe('none');
    expect(nameOf(`a${'.'.repeat(60)}@X`, config(slow))).toBe(`a${'-'.repeat(60)}`);
    expect(nameOf(`a${'.'.repeat(999)}@X`, config('RULE:s/\\./-/g'))).toBe(`a${'-'.repeat(999)}`);
    const many = config(...Array.from({ length: 300 }, () => 'RULE:[1:$1](.*.*.*.*z)'), 'RULE:');
    expect(nameOf('a'.repeat(1000).concat('@X'), many)).toBe('none');
    expect(nameOf('a@X', many)).toBe('a');
  });

  it('takes bounded time for a name that makes a backtracking matcher explode', () => {
    const settings = config('RULE:((a+)+)s/(a|a)*$/x/g', 'RULE:[1:$1](x+x+x+y)');
    const time = countProcessorTime();
    expect(nameOf(`${'a'.repeat(1000)}b@X`, config('RULE:[1:$1](a+)s/(a+)+c//g'))).toBe('none');
    expect(nameOf(`${'x'.repeat(1000)}@X`, settings)).toBeDefined();
    expect(time()).toBeLessThan(10_000);
  });
});
