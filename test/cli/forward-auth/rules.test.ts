/** The rules of krb5-forward-auth: what is understood, what is refused, and who may enter. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findObjection,
  parseRules,
  plainPath,
  RulesError,
} from '../../../src/cli/forward-auth/rules.ts';
import type { Identity } from '../../../src/http/identity.ts';

const ADMINS = 'S-1-5-21-1004336348-1177238915-682003330-512';
const ALICE: Identity = {
  principal: 'alice@EXAMPLE.COM',
  name: 'alice',
  realm: 'EXAMPLE.COM',
  sid: 'S-1-5-21-1004336348-1177238915-682003330-1105',
  groups: [ADMINS],
  indicators: ['pkinit'],
  mechanism: 'spnego',
  channelBound: false,
  authenticatedAt: '2026-01-01T00:00:00.000Z',
  expiresAt: '2026-01-01T10:00:00.000Z',
};
const BOB: Identity = {
  ...ALICE,
  principal: 'bob@OTHER.COM',
  name: 'bob',
  realm: 'OTHER.COM',
  sid: 'S-1-5-21-1-2-3-1000',
  groups: [],
  indicators: [],
};

function enters(text: string, uri: string, identity = ALICE, method = 'GET'): boolean {
  return findObjection(parseRules(text), { identity, method, uri }) === undefined;
}

describe('conditions', () => {
  it.each([
    ['any', true, true],
    ['none', false, false],
    ['user=alice@EXAMPLE.COM', true, false],
    ['user=carol@EXAMPLE.COM,bob@OTHER.COM', false, true],
    // A user of the same name in another realm is another user.
    ['user=alice@OTHER.COM,bob@EXAMPLE.COM', false, false],
    ['realm=EXAMPLE.COM', true, false],
    ['realm=example.com', false, false],
    [`sid=${ADMINS}`, true, false],
    ['sid=S-1-5-21-1-2-3-1000', false, true],
    ['indicator=otp,pkinit', true, false],
    ['realm=EXAMPLE.COM indicator=otp', false, false],
    ['realm=EXAMPLE.COM method=GET,HEAD', true, false],
    ['method=POST', false, false],
  ])('%s lets in alice: %s, bob: %s', (conditions, alice, bob) => {
    const text = `/ ${conditions}\n`;
    expect([enters(text, '/x'), enters(text, '/x', BOB)]).toEqual([alice, bob]);
  });

  it('of several lines about one path are alternatives', () => {
    const text = '/ user=alice@EXAMPLE.COM\n/ realm=OTHER.COM method=GET\n';
    expect(enters(text, '/')).toBe(true);
    expect(enters(text, '/', BOB)).toBe(true);
    expect(enters(text, '/', BOB, 'POST')).toBe(false);
  });

  it('compare users in the spelling of identities', () => {
    const service: Identity = { ...ALICE, principal: 'host/a.example.com@EXAMPLE.COM' };
    expect(enters('/ user=host/a.example.com@EXAMPLE.COM', '/', service)).toBe(true);
  });
});

describe('paths', () => {
  const TEXT = `# The longest path decides.
/            any
/admin/      sid=S-1-5-21-1004336348-1177238915-682003330-519
/admin/help  any
/\u00fc        none
`;
  it.each([
    ['/', true],
    ['/index.html?next=/admin', true],
    ['/admin', false],
    ['/admin/', false],
    ['/admin/users', false],
    ['/administrator', true],
    ['/admin/help/1', true],
    ['/%61dmin/', false],
    ['/%C3%BC', false],
    // Servers differ about all of these.
    ['//admin/', false],
    ['/x//y', false],
    ['/x/../admin/', false],
    ['/./admin/', false],
    ['/x/..', false],
    ['/%2e%2e/admin/', false],
    ['/%2Fadmin/', false],
    ['/x%5cadmin', false],
    ['/x\\admin', false],
    ['/admin;a=1/', false],
    ['/admin%3Ba=1/', false],
    ['/admin#/x', false],
    ['/admin%00/x', false],
    ['/%ff', false],
    ['/%zz', false],
    ['http://example.com/', false],
    ['*', false],
    ['', false],
  ])('%s is permitted: %s', (uri, permitted) => {
    expect(enters(TEXT, uri)).toBe(permitted);
  });

  it('with bytes above ASCII are refused: applications differ about their encoding', () => {
    const rules = '/ any\n/geheim-é none';
    expect(enters(rules, '/geheim-%C3%A9/x')).toBe(false);
    // As Node.js reads the header of a proxy.
    expect(enters(rules, Buffer.from('/geheim-é/x').toString('latin1'))).toBe(false);
    expect(enters(rules, '/geheim-é/x')).toBe(false);
    expect(enters('/ any', '/é')).toBe(false);
    expect(enters('/ any', '/a?é')).toBe(true);
  });

  it('without a rule are refused', () => {
    expect(enters('/public any', '/')).toBe(false);
    expect(enters('/public any', '/publicity')).toBe(false);
    expect(enters('/public any', '/public/a')).toBe(true);
  });

  it('have one form: whatever is percent-encoded is the same path', () => {
    const segment = fc
      .string({ minLength: 1, maxLength: 8, unit: 'grapheme' })
      .filter((text) => !/[\\;/\p{Cc}]/u.test(text) && text !== '.' && text !== '..');
    const segments = fc.array(segment, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(segments, (parts) => {
        const uri = `/${parts.map(encodeURIComponent).join('/')}`;
        const every = Buffer.from(parts.join('/'), 'utf8')
          .toString('hex')
          .replace(/../g, (byte) => (byte === '2f' ? '/' : `%${byte}`));
        expect(plainPath(uri)).toBe(`/${parts.join('/')}`);
        expect(plainPath(`/${every}`)).toBe(plainPath(uri));
      }),
    );
  });

  it('that are not about a subtree never open it', () => {
    const closed = parseRules('/ any\n/secret none\n');
    const opens = (uri: string) =>
      findObjection(closed, { identity: ALICE, method: 'GET', uri }) === undefined;
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (rest) => {
        expect(opens(`/secret/${rest}`) || opens(`/secret?${rest}`)).toBe(false);
      }),
    );
  });
});

describe('parseRules', () => {
  it.each([
    ['', 'expected at least one rule'],
    ['# nothing\n\n', 'expected at least one rule'],
    ['/', 'line 1: expected conditions, any or none after the path'],
    [
      '\n/ all',
      "line 2: expected user=, realm=, sid=, indicator=, method=, any or none, got 'all'",
    ],
    [
      '/ any user=a@B',
      "line 1: expected user=, realm=, sid=, indicator=, method=, any or none, got 'any'",
    ],
    ['/ User=a@B', "got 'User=a@B'"],
    ['/ user=', "got 'user='"],
    ['/ user=a@B,', 'line 1: user=: got an empty name'],
    ['/ user=alice', 'line 1: user=: expected a name with its realm, as alice@EXAMPLE.COM'],
    ['/ user=a@B user=c@D', 'line 1: user= comes twice: write its values after commas'],
    ['/ sid=512', "line 1: sid=: got '512'"],
    ['/ realm=a@B', "line 1: realm=: got 'a@B'"],
    ['/ method=get', "line 1: method=: got 'get'"],
    ['admin any', "line 1: expected a path that begins with /, got 'admin'"],
    ['/admin/* any', 'line 1: a path has no wildcards'],
    ['/a/../b any', "line 1: the path '/a/../b' could be read in more than one way"],
    ['/a;b any', "line 1: the path '/a;b' could be read in more than one way"],
    [`/ any\n${'#'.repeat(65_536)}`, 'expected at most 65536 characters'],
  ])('refuses %j', (text, message) => {
    expect(() => parseRules(text)).toThrow(RulesError);
    expect(() => parseRules(text)).toThrow(message);
  });

  it('takes lines of other systems, and several spaces', () => {
    expect(enters('  / \t any \r\n', '/')).toBe(true);
  });

  it('never fails in another way, and never lets in by what it does not understand', () => {
    const word = fc.constantFrom(
      '/',
      '/a',
      'any',
      'none',
      'user=a@B',
      '#',
      ' ',
      '\n',
      '\t',
      '=',
      ',',
      'x',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const text = words.join('');
        try {
          const { paths } = parseRules(text);
          expect(paths.size).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(RulesError);
          return;
        }
        if (!/\bany\b/.test(text)) expect(enters(text, '/a')).toBe(false);
      }),
    );
  });

  it('takes as long for a path of any depth', () => {
    const rules = parseRules('/ any\n/a none\n');
    const uri = `/b${'/x'.repeat(8000)}`;
    expect(findObjection(rules, { identity: ALICE, method: 'GET', uri })).toBeUndefined();
    const longer = `${uri}${'/x'.repeat(8000)}`;
    expect(findObjection(rules, { identity: ALICE, method: 'GET', uri: longer })).toBeDefined();
  });
});
