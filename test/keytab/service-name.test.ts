import { describe, expect, it } from 'vitest';
import type { ServiceMatcher } from '../../src/keytab/service-name.ts';
import {
  formatServiceName,
  matchService,
  parseServiceName,
} from '../../src/keytab/service-name.ts';
import { parsePrincipal } from '../../src/messages/principal.ts';
import { kerberosErrorOf } from '../support/library-errors.ts';

const host: ServiceMatcher = { type: 'host', service: 'HTTP', host: 'www.example.org' };

describe('parseServiceName', () => {
  it.each<[string | undefined, ServiceMatcher, string]>([
    [undefined, { type: 'any' }, '*'],
    ['*', { type: 'any' }, '*'],
    ['host', { type: 'service', service: 'host' }, 'host/@'],
    ['host@', { type: 'service', service: 'host' }, 'host/@'],
    ['HTTP@www.example.org', host, 'HTTP/www.example.org@'],
    ['HTTP@WWW.Example.ORG.', host, 'HTTP/www.example.org@'],
    ['HTTP/www.example.org', host, 'HTTP/www.example.org@'],
    ['HTTP/WWW.Example.ORG', host, 'HTTP/www.example.org@'],
    // As MIT krb5 prints it in messages, from which people copy it.
    ['HTTP/www.example.org@', host, 'HTTP/www.example.org@'],
    [
      'MSSQLSvc/db.example.org:1433',
      { type: 'host', service: 'MSSQLSvc', host: 'db.example.org:1433' },
      'MSSQLSvc/db.example.org:1433@',
    ],
    [
      'HTTP/WWW.example.org@EXAMPLE.ORG',
      { type: 'principal', principal: parsePrincipal('HTTP/WWW.example.org@EXAMPLE.ORG') },
      'HTTP/WWW.example.org@EXAMPLE.ORG',
    ],
    [
      'ldap/dc.example.org/example.org@EXAMPLE.ORG',
      {
        type: 'principal',
        principal: parsePrincipal('ldap/dc.example.org/example.org@EXAMPLE.ORG'),
      },
      'ldap/dc.example.org/example.org@EXAMPLE.ORG',
    ],
    // One @ and no / is a host-based name, even if the part after the @ looks like a realm.
    ['svc@EXAMPLE.ORG', { type: 'host', service: 'svc', host: 'example.org' }, 'svc/example.org@'],
    ['a\\@b/c', { type: 'host', service: 'a@b', host: 'c' }, 'a\\@b/c@'],
  ])('%s', (text, matcher, shown) => {
    expect(parseServiceName(text)).toEqual(matcher);
    expect(formatServiceName(matcher)).toBe(shown);
  });

  it('takes a list', () => {
    const matcher = parseServiceName(['HTTP@', 'host/www.example.org']);
    expect(matcher).toEqual({
      type: 'oneOf',
      matchers: [
        { type: 'service', service: 'HTTP' },
        { type: 'host', service: 'host', host: 'www.example.org' },
      ],
    });
    expect(formatServiceName(matcher)).toBe('HTTP/@, host/www.example.org@');
    expect(parseServiceName(['HTTP@'])).toEqual({ type: 'service', service: 'HTTP' });
  });

  it('refuses an empty list instead of accepting every key', () => {
    expect(() => parseServiceName([])).toThrow(
      new TypeError('service names: expected at least one, got none'),
    );
  });

  it.each([
    ['', 'names no service'],
    ['@', 'names no service'],
    ['@www.example.org', 'names no service'],
    [' HTTP@www.example.org', 'names no service'],
    ['/www.example.org', 'names no service'],
    // An empty variable in a script must not widen what is accepted.
    ['HTTP/', 'names no host'],
    ['HTTP/.', 'names no host'],
    ['HTTP/@', 'names no host'],
    ['HTTP@.', 'has no valid host name after its @'],
    ['HTTP@www.example.org@EXAMPLE.ORG', 'has no valid host name after its @'],
    ['HTTP@www.example.org/x', 'has no valid host name after its @'],
    ['HTTP@ www.example.org', 'has no valid host name after its @'],
    ['a/b/c', 'has 3 components'],
    ['HTTP\\', 'names no service'],
  ])('refuses %j', (text, problem) => {
    const error = kerberosErrorOf(() => parseServiceName(text));
    expect(error.code).toBe('KRB5_PARSE_MALFORMED');
    expect(error.message).toBe(`service name ${JSON.stringify(text)} ${problem}`);
    expect(error.hint).toBeDefined();
  });

  it.each([
    ['https://www.example.org/', 'is a URL; write HTTP@www.example.org'],
    ['http://WWW.example.org:8080/path?x=y', 'is a URL; write HTTP@www.example.org'],
    ['https://user@www.example.org/', 'is a URL; write HTTP@www.example.org'],
    ['HTTP@www.example.org/x', 'write HTTP@www.example.org, or'],
    ['HTTP@www.example.org@EXAMPLE.ORG', 'or HTTP/www.example.org@REALM for exactly'],
    ['HTTP@ www.example.org', 'write HTTP@www.example.org, or'],
  ])('says what to write in place of %j', (text, advice) => {
    const { message, hint } = kerberosErrorOf(() => parseServiceName(text));
    expect(`${message}; ${hint}`).toContain(advice);
  });

  it('takes names of services that have a port', () => {
    expect(parseServiceName('MSSQLSvc/sql.example.org:1433')).toEqual({
      type: 'host',
      service: 'MSSQLSvc',
      host: 'sql.example.org:1433',
    });
  });

  it.each(['a/b@R@S', 'a/b\\', 'a/b@R/c'])('refuses %j as a principal', (text) => {
    expect(kerberosErrorOf(() => parseServiceName(text)).code).toBe('KRB5_PARSE_MALFORMED');
  });
});

describe('matchService', () => {
  it.each([
    ['*', 'anything@R', 'every-kvno'],
    ['HTTP@', 'HTTP/www.example.org@R', 'every-kvno'],
    ['HTTP@', 'HTTP/other@OTHER', 'every-kvno'],
    ['HTTP@', 'http/www.example.org@R', undefined],
    ['HTTP@', 'HTTP@R', undefined],
    ['HTTP@', 'HTTP/a/b@R', undefined],
    ['HTTP@www.example.org', 'HTTP/www.example.org@R', 'every-kvno'],
    ['HTTP@www.example.org', 'HTTP/WWW.Example.Org@R', 'every-kvno'],
    ['HTTP@www.example.org', 'HTTP/www@R', undefined],
    ['HTTP@www.example.org', 'host/www.example.org@R', undefined],
    ['HTTP/www.example.org', 'HTTP/www.example.org@ANY', 'every-kvno'],
    ['HTTP/www.example.org@R', 'HTTP/www.example.org@R', 'matching-kvno'],
    ['HTTP/www.example.org@R', 'HTTP/www.example.org@r', undefined],
    ['HTTP/www.example.org@R', 'HTTP/WWW.example.org@R', undefined],
  ] as const)('%s: %s', (text, principal, expected) => {
    expect(matchService(parseServiceName(text), parsePrincipal(principal))).toBe(expected);
  });

  it('takes the widest match of the names in a list', () => {
    const matcher = parseServiceName(['a/b@R', 'a@b', 'c/d@R']);
    expect(matchService(matcher, parsePrincipal('a/b@R'))).toBe('every-kvno');
    expect(matchService(matcher, parsePrincipal('c/d@R'))).toBe('matching-kvno');
    expect(matchService(matcher, parsePrincipal('c/d@S'))).toBeUndefined();
  });
});
