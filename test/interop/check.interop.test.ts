/** gss-server -check against a real KDC. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatKeytab } from '../../src/keytab/keytab.ts';
import type { Finding } from '../../src/node/check/finding.ts';
import { testKeytab } from '../../src/testing/keytab.ts';
import { freePort } from '../support/ports.ts';
import { have, keytab, realm } from '../support/realm.ts';
import { run } from '../support/run.ts';
import { OUR_SERVER } from '../support/server.ts';

describe.runIf(have())('gss-server -check', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'check-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** @param hours - By which this machine's clock is ahead. */
  async function check(args: readonly string[], { hours = 0, config = realm().krb5Config } = {}) {
    const [node = '', script = ''] = OUR_SERVER;
    const shift = ['--import', resolve('test/support/shift-clock.mjs')];
    const { code, stdout } = await run(
      node,
      [...(hours === 0 ? [] : shift), script, '-check', '-log', 'json', ...args],
      {
        env: {
          KRB5_CONFIG: config,
          KRB5RCACHENAME: `dir:${join(folder, 'replays')}`,
          TEST_CLOCK_OFFSET: String(hours * 3600),
        },
      },
    );
    const findings = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Finding);
    return { code, findings, faults: findings.filter(({ status }) => status !== 'ok') };
  }

  async function ofHost(...more: readonly string[]): Promise<readonly string[]> {
    return [
      '-port',
      String(await freePort()),
      '-keytab',
      keytab('host'),
      ...more,
      'host@localhost',
    ];
  }

  it('is content with a service that works', async () => {
    const { code, findings, faults } = await check(await ofHost());
    expect(faults).toEqual([]);
    expect(code).toBe(0);
    const checks = findings.map(({ check: subject }) => subject);
    expect(checks).toEqual(expect.arrayContaining(['clock', 'kvno', 'replay-cache', 'port']));
  });

  it.each([11, -1])('sees by the KDC that this clock is %i h ahead', async (hours) => {
    const { code, faults } = await check(await ofHost(), { hours });
    expect(faults.find(({ check: subject }) => subject === 'clock')).toMatchObject({
      status: 'error',
      reason: hours > 0 ? 'clock.server-ahead' : 'clock.server-behind',
    });
    expect(code).toBe(2);
  });

  it("sees by the KDC's kvno that the keytab is stale", async () => {
    const { code, faults } = await check([
      '-port',
      '0',
      '-keytab',
      keytab('stale-kvno'),
      'rotated@localhost',
    ]);
    expect(faults).toMatchObject([{ check: 'kvno', status: 'error', reason: 'key.stale-keytab' }]);
    expect(faults[0]!.text).toMatch(/the KDC uses kvno 3 .*, the keytab has 1, 2/);
    expect(code).toBe(2);
  });

  it.each([
    ['wrong-key', 'rekeyed', 'key.wrong', /does not open the KDC's tickets/],
    ['wrong-enctype', 'narrowed', 'key.enctype-missing', /uses aes256-cts-hmac-sha1-96 for/],
  ])('sees by a ticket of the KDC: %s', async (file, service, reason, text) => {
    const { code, findings } = await check([
      '-port',
      '0',
      '-keytab',
      keytab(file),
      `${service}@localhost`,
    ]);
    const found = findings.filter(({ check: subject }) => subject === 'kvno');
    expect(found).toMatchObject([{ status: 'error', reason, text: expect.stringMatching(text) }]);
    expect(code).toBe(2);
  });

  it('warns of a service that the KDC does not know', async () => {
    const path = join(folder, 'absent.keytab');
    writeFileSync(path, formatKeytab(testKeytab('ldap/localhost@EXAMPLE.TEST')), { mode: 0o600 });
    const { code, faults } = await check(['-port', '0', '-keytab', path, 'ldap@localhost']);
    expect(faults).toMatchObject([
      { check: 'service', status: 'warning', reason: 'kdc.no-service' },
    ]);
    expect(code).toBe(1);
  });

  it('warns of a misspelt setting and of a KDC that does not answer', async () => {
    const config = join(folder, 'krb5.conf');
    const text = readFileSync(realm().krb5Config, 'utf8');
    writeFileSync(
      config,
      text
        .replace(/^ +kdc = .*/m, '    kdc = 127.0.0.1:1')
        .replace('[realms]', '  clock_skew = 60\n[realms]'),
    );
    const { code, faults } = await check(await ofHost(), { config });
    expect(faults.map(({ status, reason }) => `${status} ${reason}`)).toEqual([
      'warning config.unknown-setting',
      'warning kdc.unreachable',
    ]);
    expect(code).toBe(1);
  });

  it('sees a keytab that was made readable, and one that is no keytab', async () => {
    const open = join(folder, 'open.keytab');
    copyFileSync(keytab('host'), open);
    await run('chmod', ['644', open]);
    const args = ['-port', '0', '-keytab', open, 'host@localhost'];
    expect((await check(args)).faults).toMatchObject([{ reason: 'keytab.too-open' }]);
    writeFileSync(open, readFileSync(open).toString('base64'), { mode: 0o600 });
    expect((await check(args)).code).toBe(2);
  });
});
