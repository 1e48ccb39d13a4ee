/** What of a krb5.conf or a keytab is not used is told, published and counted. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { edgeFiles } from '../../src/adapters/edge-files.ts';
import { Service } from '../../src/http/service.ts';
import type { KerberosError } from '../../src/index.ts';
import {
  acquireCredential,
  createAcceptor,
  EncryptionKey,
  formatKeytab,
  parseKeytab,
} from '../../src/index.ts';
import { parsePrincipal } from '../../src/messages/principal.ts';
import { keytabFile } from '../../src/node/files/keytab-file.ts';
import { loadKerberosConfig } from '../../src/node/files/krb5-conf-file.ts';
import { kerberos } from '../../src/node/kerberos.ts';
import { ChannelName } from '../../src/observe/channels.ts';
import { listen } from '../support/channels.ts';
import { makeKeytab, SERVICE } from '../support/realm-kit.ts';
import { collectWarnings } from '../support/warnings.ts';

const MISSPELT = '[libdefaults]\n  clock_skew = 60\n';

function scratchFile(name: string, contents: string | Uint8Array): string {
  const directory = mkdtempSync(join(tmpdir(), 'krb5-acceptor-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, name);
  writeFileSync(path, contents, { mode: 0o600 });
  return path;
}

describe('a setting of krb5.conf that is not used', () => {
  it('is published when the file is read', () => {
    using published = listen(ChannelName.warning);
    const path = scratchFile('krb5.conf', MISSPELT);
    const { problems } = loadKerberosConfig(path);
    expect(problems).toHaveLength(1);
    expect(published.messages).toEqual([
      {
        attributes: { 'error.type': 'config.unknown-setting', 'error.message': problems[0]!.text },
        remedies: problems[0]!.remedies,
      },
    ]);
    expect(problems[0]!.text).toContain('clock_skew');
  });

  it.each([
    ['config.bad-value', '[libdefaults]\n  clockskew = soon\n', /clockskew/],
    ['config.syntax', '[realms]\n  A = {\n  kdc = b\n', /brace|\}/],
  ])('is published with its reason: %s', (reason, contents, words) => {
    using published = listen(ChannelName.warning);
    const { problems } = loadKerberosConfig(scratchFile('krb5.conf', contents));
    const [one] = published.messages;
    expect(published.messages).toHaveLength(1);
    expect(one!.attributes).toEqual({ 'error.type': reason, 'error.message': problems[0]!.text });
    expect(`${problems[0]!.text} ${one!.remedies}`).toMatch(words);
  });

  it('is published, too, if its whole file is missing or may not be read', () => {
    using published = listen(ChannelName.warning);
    const path = scratchFile('krb5.conf', '');
    loadKerberosConfig(`${path}:${path}.absent`);
    expect(published.messages).toMatchObject([
      {
        attributes: {
          'error.type': 'config.missing',
          'error.message': expect.stringContaining(`${path}.absent does not exist`),
        },
        remedies: [expect.stringContaining('KRB5_CONFIG')],
      },
    ]);
  });

  it('is told by an adapter, which reads it from a file or as text', async () => {
    using published = listen(ChannelName.warning);
    const path = scratchFile('krb5.conf', MISSPELT);
    const told: string[] = [];
    const onWarning = (message: string): void => void told.push(message);
    const keytab = makeKeytab();
    await kerberos({ keytab, service: SERVICE, config: path, onWarning }).ready;
    await kerberos({ keytab, service: SERVICE, config: MISSPELT, onWarning }).ready;
    expect(told).toHaveLength(2);
    for (const message of told) expect(message).toMatch(/clock_skew.*clockskew/);
    expect(published.messages.map(({ attributes }) => attributes['error.type'])).toEqual([
      'config.unknown-setting',
      'config.unknown-setting',
    ]);
  });

  it('is a warning of the process where nobody asks for it', async () => {
    using warnings = collectWarnings();
    void new Service({ keytab: makeKeytab(), config: MISSPELT }, edgeFiles);
    expect(await warnings.seen()).toMatchObject([{ code: 'KRB5_ACCEPTOR_CONFIG' }]);
  });
});

describe('a keytab', () => {
  /** With a record that cannot be read: its principal has no components. */
  function damaged(): Uint8Array {
    const record = Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0);
    return Buffer.concat([formatKeytab(makeKeytab()), record]);
  }

  it('has a warning for a record that is left out', async () => {
    using published = listen(ChannelName.warning);
    const onWarning = vi.fn();
    const keytab = parseKeytab(damaged());
    const credential = await acquireCredential({ keytab, onWarning });
    const acceptor = createAcceptor({ credential });
    expect(onWarning).toHaveBeenCalledOnce();
    const [{ kind, message, error }] = onWarning.mock.calls[0] as [
      { kind: string; message: string; error: KerberosError },
    ];
    expect([kind, error.reason]).toEqual(['records', 'keytab.bad-entry']);
    expect(published.messages).toEqual([
      {
        attributes: { 'error.type': 'keytab.bad-entry', 'error.message': message },
        remedies: error.remedies,
        error,
      },
    ]);
    expect(acceptor.statistics.warnings).toEqual({ 'keytab.bad-entry': 1 });
  });

  it('has one for keys of a service none of which can be used', async () => {
    using published = listen(ChannelName.warning);
    const des = new EncryptionKey(3, new Uint8Array(8).fill(1));
    const principal = parsePrincipal(SERVICE);
    const keytab = {
      version: 2,
      entries: [{ principal, kvno: 1, timestamp: 0, key: des }],
    } as const;
    const credential = await acquireCredential({ keytab, onWarning: () => {} });
    expect(published.messages).toMatchObject([
      {
        attributes: {
          'error.type': 'keytab.unusable',
          'error.message': expect.stringContaining(
            `no key of ${SERVICE} can be used here: des-cbc-md5`,
          ),
        },
        remedies: [expect.stringMatching(/\S/)],
      },
    ]);
    expect(createAcceptor({ credential }).statistics.warnings).toEqual({ 'keytab.unusable': 1 });
  });

  it('has one for a provider that fails later', async () => {
    using published = listen(ChannelName.warning);
    const keytab = makeKeytab();
    let isThere = true;
    let now = 0;
    const credential = await acquireCredential({
      keytab: async () => {
        if (isThere) return keytab;
        throw new Error('no secret');
      },
      clock: () => now,
      onWarning: () => {},
    });
    const acceptor = createAcceptor({ credential });
    isThere = false;
    now += 60_000;
    await acceptor.begin().accept(Uint8Array.of(0x60, 0));
    await credential.refresh();
    expect(acceptor.statistics.warnings).toEqual({ 'keytab.failed': 1 });
    expect(published.messages[0]?.attributes).toMatchObject({ 'error.type': 'keytab.failed' });
  });

  it('has one, with its path, for a file that others can read', async () => {
    using published = listen(ChannelName.warning);
    const path = scratchFile('keytab', formatKeytab(makeKeytab()));
    chmodSync(path, 0o644);
    await keytabFile(path, { onWarning: () => {} })();
    const found = published.messages.map(({ attributes }) => attributes);
    expect(found).toContainEqual({
      'error.type': 'keytab.too-open',
      'error.message': expect.stringContaining('0644'),
      'file.path': path,
    });
  });
});
