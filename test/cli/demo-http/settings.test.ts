import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSettings } from '../../../src/cli/demo-http/settings.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'demo-'));
  writeFileSync(
    join(directory, 'realm.json'),
    JSON.stringify({ hostname: 'localhost', keytabs: 'keytabs', krb5Config: 'krb5.conf' }),
  );
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('readSettings', () => {
  it('listens on the loopback interface, without a service of its own', () => {
    expect(readSettings([], {})).toEqual({ host: '127.0.0.1', port: 8080, sessions: false });
  });

  it('uses the realm at hand, and says how its clients log in', () => {
    expect(readSettings([], { KRB5_ACCEPTOR_REALM: directory })?.service).toEqual({
      keytab: join(directory, 'keytabs/http.keytab'),
      name: 'HTTP@localhost',
      login: [
        `export KRB5_CONFIG=${join(directory, 'krb5.conf')}`,
        'echo alice-password | kinit alice',
      ],
    });
  });

  it('prefers the options', () => {
    const realm = { KRB5_ACCEPTOR_REALM: directory };
    expect(readSettings(['-keytab', '/k', '-port=0', '-session'], realm)).toMatchObject({
      service: { keytab: '/k', name: 'HTTP@' },
      port: 0,
      sessions: true,
    });
    expect(readSettings(['-service', 'HTTP@a'], realm)?.service).toEqual({
      keytab: undefined,
      name: 'HTTP@a',
    });
    expect(readSettings(['-help', '-session'], realm)).toBeUndefined();
  });

  it.each([
    [['x'], "expected options only, got 'x'"],
    [['-cert', '/c'], '-cert and -key: expected both or none'],
    [['-cert', '/absent', '-key', '/absent'], '-cert: ENOENT'],
    [['-port', 'x'], "-port: expected a number from 0 to 65535, got 'x'"],
  ])('refuses %j', (argv, message) => {
    expect(() => readSettings(argv, {})).toThrow(message);
  });

  it('refuses a directory that is no realm', () => {
    expect(() => readSettings([], { KRB5_ACCEPTOR_REALM: '/absent' })).toThrow(
      'KRB5_ACCEPTOR_REALM: expected a directory of realm.sh, /absent/realm.json is missing',
    );
  });
});
