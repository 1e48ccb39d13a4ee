/** docs/mod-auth-gssapi.md: no directive is left out, and each test that it names is there. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

// mod_auth_gssapi 1.6.5, the table of commands in src/mod_auth_gssapi.c.
const DIRECTIVES = [
  'GssapiSSLonly',
  'GssapiLocalName',
  'GssapiConnectionBound',
  'GssapiSignalPersistentAuth',
  'GssapiUseSessions',
  'GssapiSessionKey',
  'GssapiUseS4U2Proxy',
  'GssapiCredStore',
  'GssapiDelegCcacheDir',
  'GssapiDelegCcachePerms',
  'GssapiDelegCcacheEnvVar',
  'GssapiDelegCcacheUnique',
  'GssapiImpersonate',
  'GssapiBasicAuth',
  'GssapiBasicAuthMech',
  'GssapiAllowedMech',
  'GssapiNegotiateOnce',
  'GssapiNameAttributes',
  'GssapiRequiredNameAttributes',
  'GssapiPublishErrors',
  'GssapiPublishMech',
  'GssapiAcceptorName',
  'GssapiBasicTicketTimeout',
];

const page = readFileSync('docs/mod-auth-gssapi.md', 'utf8');
const rows = [...page.matchAll(/^\| `?([Gg]ssapi[\w-]+).*? \| ([✔✘]) \| (.+) \| (.*?) ?\|$/gm)].map(
  ([, directive, mark, here, test]) => ({
    directive: directive!,
    mark: mark!,
    here: here!,
    test: test!,
  }),
);

describe('docs/mod-auth-gssapi.md', () => {
  it('has a row for each directive', () => {
    const named = new Set(rows.map(({ directive }) => directive));
    named.delete('gssapi-no-negotiate');
    expect([...named].sort()).toEqual([...DIRECTIVES].sort());
  });

  it.each(rows.filter(({ mark, test }) => mark === '✔' || test !== ''))(
    'names a test of $directive that is there: $test',
    ({ test }) => {
      const [, path, title] = /^`(test\/[^`]+)`: (.+)$/.exec(test)!;
      expect(readFileSync(path!, 'utf8')).toContain(`'${title}`);
    },
  );
});
