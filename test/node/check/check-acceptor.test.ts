import { once } from 'node:events';
import fs, {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatKeytab } from '../../../src/keytab/keytab.ts';
import type { CheckAcceptorOptions } from '../../../src/node/check/check-acceptor.ts';
import { checkAcceptor, examine } from '../../../src/node/check/check-acceptor.ts';
import type { Finding } from '../../../src/node/check/finding.ts';
import { kdcError, startFakeKdc } from '../../support/fake-kdc.ts';
import { fakeSystem } from '../../support/fake-system.ts';
import { makeKeytab, NOW } from '../../support/realm-kit.ts';

const WWW = 'HTTP/www.example.test@EXAMPLE.TEST';
const SYSTEM = fakeSystem({
  addresses: { 'www.example.test': ['192.0.2.1'] },
  own: ['192.0.2.1'],
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'check-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(folder, { recursive: true });
});

function write(name: string, contents: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  chmodSync(path, mode);
  return path;
}

/** Options with which all is well, and the KDC is not asked. */
function good(more: CheckAcceptorOptions = {}): CheckAcceptorOptions {
  return {
    service: 'HTTP@www.example.test',
    keytab: write('www.keytab', formatKeytab(makeKeytab({ principal: WWW }))),
    config: write('krb5.conf', ''),
    replayCache: `dir:${join(folder, 'replays')}`,
    kdc: false,
    ...more,
  };
}

function faults(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ status }) => status !== 'ok')
    .map(({ check, status, reason }) => `${status} ${check} ${reason}`);
}

async function faultsOf(more: CheckAcceptorOptions): Promise<string[]> {
  return faults(await examine(good(more), SYSTEM));
}

describe('checkAcceptor', () => {
  it('finds no fault where there is none, and leaves nothing behind', async () => {
    await using kdc = await startFakeKdc(() => kdcError(NOW));
    const config = `[realms]\nEXAMPLE.TEST = {\n kdc = 127.0.0.1:${kdc.port}\n}\n`;
    const options = good({ config: write('kdc.conf', config), kdc: true, port: 0 });
    const before = readdirSync(folder).sort();
    const findings = await examine(options, SYSTEM);
    expect(faults(findings)).toEqual([]);
    expect([...new Set(findings.map(({ check }) => check))]).toEqual([
      'config',
      'keytab',
      'service',
      'dns',
      'clock',
      'replay-cache',
      'port',
    ]);
    expect(readdirSync(folder).sort()).toEqual(before);
    expect(kdc.requests.length).toBe(2);
  });

  it('has plain findings without secrets', async () => {
    const keytab = makeKeytab({ principal: WWW });
    const findings = await examine(good(), SYSTEM);
    const key = Buffer.from(keytab.entries[0]!.key.bytes());
    const text = JSON.stringify(findings);
    expect(JSON.parse(text)).toEqual(findings);
    expect(text).not.toContain(key.toString('hex'));
    expect(text).not.toContain(key.toString('base64'));
  });

  it.each([
    [
      'a directory',
      () => ({ keytab: folder }),
      /directory/,
      ['name the keytab itself: .* is none'],
    ],
    [
      'no keytab',
      () => ({ keytab: join(folder, 'absent') }),
      /is nonexistent or empty/,
      ['correct the name \\(-keytab', 'make it: kadmin ktadd -k'],
    ],
    [
      'an empty keytab',
      () => ({ keytab: write('empty', '') }),
      /is nonexistent or empty/,
      ['export the keys into it again'],
    ],
    [
      'a replay cache below nothing',
      () => ({ replayCache: `dir:${join(folder, 'a/b')}` }),
      /ENOENT/,
      ['make the directory above it'],
    ],
    [
      'an unknown replay cache',
      () => ({ replayCache: 'ccache:x' }),
      /is unknown/,
      ['write dfl:, dir:/path'],
    ],
  ])('says each remedy once: %s', async (_, more, text, remedies) => {
    const findings = await examine(good(more()), SYSTEM);
    const wrong = findings.filter(({ status }) => status === 'error');
    expect(wrong).toHaveLength(1);
    expect(wrong[0]!.text).toMatch(text);
    expect(wrong[0]!.remedies).toEqual(
      remedies.map((start) => expect.stringMatching(new RegExp(`^${start}`))),
    );
  });

  it('refuses wrong options, since a misspelt one would leave something unexamined', async () => {
    await expect(checkAcceptor({ servce: 'HTTP@' } as never)).rejects.toThrow(/is service meant/);
    await expect(checkAcceptor({ port: 70_000 })).rejects.toThrow(RangeError);
    await expect(checkAcceptor({ service: [] })).rejects.toThrow(TypeError);
  });

  it('examines this machine', async () => {
    const findings = await checkAcceptor(good({ dns: false }));
    expect(faults(findings)).toEqual([]);
  });
});

describe('krb5.conf', () => {
  it('faults of syntax stop the acceptor', async () => {
    const config = write('bad.conf', '[libdefaults\n');
    const findings = await examine(good({ config }), SYSTEM);
    expect(findings[0]).toMatchObject({ check: 'config', status: 'error' });
    expect(findings[0]!.text).toContain('bad.conf line 1');
  });

  it('misspelt settings, missing files and open braces are warnings', async () => {
    const config = write('odd.conf', '[libdefaults]\nclock_skew = 60\n[realms]\nR = {\n');
    expect(await faultsOf({ config: `${config}:${join(folder, 'missing')}` })).toEqual([
      'warning config config.missing',
      'warning config config.syntax',
      'warning config config.unknown-setting',
    ]);
  });

  it('UTF-16 is a warning', async () => {
    const config = write('utf16.conf', Buffer.from('\uFEFF[libdefaults]\n', 'utf16le'));
    expect(await faultsOf({ config })).toEqual(['warning config config.syntax']);
  });
});

describe('the service', () => {
  it.each([
    [
      'http@www.example.test',
      /^No key table entry found matching http\/www\.example\.test@: .*; the keytab holds HTTP\/www/,
    ],
    ['a/b/c', /^service name "a\/b\/c" has 3 components$/],
  ])('%s is an error', async (service, text) => {
    const findings = await examine(good({ service }), SYSTEM);
    expect(findings.filter(({ status }) => status === 'error')).toMatchObject([
      { check: 'service', text: expect.stringMatching(text) },
    ]);
  });

  it('on any host, if krb5.conf has ignore_acceptor_hostname', async () => {
    const config = write('any.conf', '[libdefaults]\nignore_acceptor_hostname = true\n');
    expect(await faultsOf({ service: 'HTTP@other.example.test', config })).toEqual([]);
  });
});

describe('the keytab', () => {
  it('that is missing or no keytab is an error', async () => {
    expect(await faultsOf({ keytab: join(folder, 'absent') })).toEqual([
      expect.stringMatching(/^error keytab /),
    ]);
    expect(await faultsOf({ keytab: write('text', 'BQIAAAA=') })).toEqual([
      expect.stringMatching(/^error keytab /),
    ]);
    expect(await faultsOf({ keytab: 'MEMORY:x' })).toEqual([
      expect.stringMatching(/^error keytab /),
    ]);
  });

  it('that others can read is a warning', async () => {
    const keytab = write('open.keytab', formatKeytab(makeKeytab({ principal: WWW })), 0o644);
    const findings = await examine(good({ keytab }), SYSTEM);
    expect(faults(findings)).toEqual(['warning keytab keytab.too-open']);
    expect(findings.flatMap(({ remedies }) => remedies)).toEqual([`chmod 600 ${keytab}`]);
  });

  it('with published sample keys is a warning', async () => {
    const keytab = join(folder, 'demo.keytab');
    copyFileSync('keytabs/demo.keytab', keytab);
    chmodSync(keytab, 0o600);
    const system = fakeSystem({
      addresses: { 'demo.example.org': ['192.0.2.1'] },
      clock: Date.now,
    });
    const findings = await examine(good({ keytab, service: 'host@demo.example.org' }), system);
    expect(faults(findings)).toEqual(['warning keytab keytab.sample']);
  });

  it('with a record that cannot be read is a warning', async () => {
    const whole = Buffer.from(formatKeytab(makeKeytab({ principal: WWW })));
    const record = Buffer.from(whole.subarray(2));
    const realm = record.indexOf('EXAMPLE.TEST');
    record[realm] = 0xff;
    const keytab = write('partly.keytab', Buffer.concat([whole, record]));
    expect(await faultsOf({ keytab })).toEqual(['warning keytab keytab.bad-entry']);
  });
});

describe('the replay cache', () => {
  it('in a directory that is there is tried and left as it was', async () => {
    const directory = join(folder, 'replays');
    mkdirSync(directory, { mode: 0o700 });
    expect(await faultsOf({})).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('that does not exist yet is made and removed', async () => {
    expect(await faultsOf({})).toEqual([]);
    expect(existsSync(join(folder, 'replays'))).toBe(false);
  });

  it('whose name another user has taken is elsewhere, and not there afterwards', async () => {
    vi.stubEnv('KRB5RCACHENAME', 'dfl:');
    vi.stubEnv('KRB5RCACHEDIR', folder);
    const uid = process.geteuid!();
    const taken = join(folder, `krb5_${uid}.replays`);
    writeFileSync(taken, '');
    const { replayCache: _, ...options } = good();
    const findings = (await examine(options, SYSTEM)).slice(-2);
    expect(faults(findings)).toEqual(['warning replay-cache replay.cache-failed']);
    expect(findings[1]!.text).toBe(`${taken}-${process.pid}: private and writable`);
    expect(readdirSync(folder).filter((name) => name.includes('replays-'))).toEqual([]);
  });

  it('open to others, below a missing directory, or on a full disk is an error', async () => {
    const directory = join(folder, 'replays');
    mkdirSync(directory);
    chmodSync(directory, 0o755);
    expect(await faultsOf({})).toEqual([expect.stringMatching(/^error replay-cache /)]);
    const replayCache = `dir:${join(folder, 'a/b')}`;
    expect(await faultsOf({ replayCache })).toEqual([
      expect.stringMatching(/^error replay-cache /),
    ]);
    chmodSync(directory, 0o700);
    const options = good();
    vi.spyOn(fs, 'writeSync').mockImplementation(() => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    });
    syncBuiltinESMExports();
    const findings = await examine(options, SYSTEM);
    expect(findings.at(-1)).toMatchObject({ check: 'replay-cache', status: 'error' });
    expect(findings.at(-1)!.remedies.join()).toContain('free some space');
    expect(readdirSync(directory)).toEqual([]);
  });

  it('in memory is all right, none is a warning, and an unknown kind is an error', async () => {
    expect(await faultsOf({ replayCache: 'memory:' })).toEqual([]);
    expect(await faultsOf({ replayCache: 'none:' })).toEqual([
      'warning replay-cache server.no-replay-cache',
    ]);
    expect(await faultsOf({ replayCache: 'ccache:x' })).toEqual([
      expect.stringMatching(/^error replay-cache /),
    ]);
    const findings = await examine(good({ replayCache: false }), SYSTEM);
    expect(findings.some(({ check }) => check === 'replay-cache')).toBe(false);
  });

  it('is where krb5.conf says', async () => {
    const config = write('rc.conf', '[libdefaults]\ndefault_rcache_name = none:\n');
    const { replayCache: _, ...options } = good({ config });
    vi.stubEnv('KRB5RCACHENAME', '');
    vi.stubEnv('KRB5RCACHETYPE', '');
    expect(faults(await examine(options, SYSTEM))).toEqual([
      'warning replay-cache server.no-replay-cache',
    ]);
  });
});

describe('the port', () => {
  it('in use is an error, with its address', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const findings = await examine(good({ port, host: '127.0.0.1' }), SYSTEM);
      expect(findings.at(-1)).toMatchObject({
        check: 'port',
        status: 'error',
        reason: 'server.port-in-use',
        text: `Address already in use: port ${port} of 127.0.0.1`,
      });
      expect(findings.at(-1)!.remedies[0]).toContain(`ss -ltnp 'sport = :${port}'`);
    } finally {
      server.close();
    }
  });

  it('of an address that is not of this machine is an error', async () => {
    expect(await faultsOf({ port: 0, host: '192.0.2.7' })).toEqual(['error port server.address']);
  });

  it('is free again afterwards', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    for (let i = 0; i < 3; i++) {
      expect(await faultsOf({ port, host: '127.0.0.1' })).toEqual([]);
    }
  });
});
