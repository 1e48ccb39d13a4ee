import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseArguments } from '../../../src/cli/gss-server/args.ts';
import { findFaults, formatFindings, statusOf } from '../../../src/cli/gss-server/check.ts';
import { formatKeytab } from '../../../src/keytab/keytab.ts';
import type { Finding } from '../../../src/node/check/finding.ts';
import { CLOSED_PORT, freePort } from '../../support/ports.ts';
import { makeKeytab } from '../../support/realm-kit.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gss-check-'));
  // The realm's KDC is this machine's port 1, where none listens: it is not looked for in DNS.
  const config = '[realms]\nEXAMPLE.TEST = {\n kdc = 127.0.0.1:1\n}\n';
  writeFileSync(join(folder, 'krb5.conf'), config);
  vi.stubEnv('KRB5_CONFIG', join(folder, 'krb5.conf'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

async function find(...argv: string[]): Promise<readonly Finding[]> {
  const keytab = join(folder, 'keytab');
  writeFileSync(keytab, formatKeytab(makeKeytab({ principal: 'host/localhost@EXAMPLE.TEST' })));
  chmodSync(keytab, 0o600);
  const all = ['-check', '-keytab', keytab, '-port', '0', ...argv, 'host@localhost'];
  const parsed = parseArguments(
    argv.includes('-rcache') ? all : ['-rcache', `dir:${join(folder, 'replays')}`, ...all],
  );
  if (parsed.action !== 'check') throw new Error(`not understood: ${JSON.stringify(parsed)}`);
  return await findFaults(parsed.arguments);
}

function faults(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ status }) => status !== 'ok')
    .map(({ check, text }) => `${check}: ${text}`);
}

const UNREACHABLE = expect.stringMatching(/^clock: the clock was not compared .*ECONNREFUSED/);

describe('findFaults', () => {
  it('passes the options of the server on', async () => {
    const findings = await find('-logfile', join(folder, 'log'));
    expect(faults(findings)).toEqual([UNREACHABLE]);
    expect(findings.map(({ check }) => check)).toContain('port');
    expect(findings.at(-1)).toMatchObject({ check: 'log-file', status: 'ok' });
  });

  it('leaves the port to inetd', async () => {
    expect((await find('-inetd')).map(({ check }) => check)).not.toContain('port');
  });

  it('finds a log file that cannot be written', async () => {
    const path = join(folder, 'nowhere/log');
    expect(faults(await find('-logfile', path))).toEqual([
      UNREACHABLE,
      `log-file: ${path}: No such file or directory`,
    ]);
  });

  it('finds a log file that is a directory, as the server does', async () => {
    const findings = await find('-logfile', folder);
    expect(findings.at(-1)).toMatchObject({
      check: 'log-file',
      status: 'error',
      remedies: ['name a file: a directory has this name'],
    });
  });

  it('finds a mechanism with which the server does not start', async () => {
    expect(faults(await find('-mech', 'ntlm'))).toEqual([
      UNREACHABLE,
      'mechanism: -mech may be kerberos_v5, spnego or iakerb, not NTLM',
    ]);
  });

  it('finds a cache in memory that workers cannot share', async () => {
    expect(faults(await find('-workers', '2', '-rcache', 'memory:'))).toEqual([
      UNREACHABLE,
      'replay-cache: Replay cache memory: cannot be shared by workers',
    ]);
  });

  it('finds an engine that does not answer, and never shows its password', async () => {
    const port = CLOSED_PORT;
    vi.stubEnv('KRB5RCACHENAME', `redis://:sesame@127.0.0.1:${port}`);
    const parsed = parseArguments(['-check', '-port', '0', '-keytab', '/absent', 'host@localhost']);
    if (parsed.action !== 'check') throw new Error('not understood');
    const findings = await findFaults(parsed.arguments);
    expect(findings.at(-1)).toMatchObject({ check: 'replay-cache', status: 'error' });
    expect(findings.at(-1)!.text).toContain(`redis://127.0.0.1:${port}`);
    expect(JSON.stringify(findings)).not.toContain('sesame');
    const shown = await find('-rcache', 'redis://:sesame@127.0.0.1');
    expect(faults(shown)[1]).toContain('every user of this machine can read its password');
    expect(JSON.stringify(shown)).not.toContain('sesame');
  });

  it('finds a port in use', async () => {
    const server = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    try {
      const argv = ['-port', String(port), '-host', '127.0.0.1'];
      expect(faults(await find(...argv))).toEqual([
        UNREACHABLE,
        `port: Address already in use: port ${port} of 127.0.0.1`,
      ]);
    } finally {
      server.close();
    }
  });
});

const FINDINGS: readonly Finding[] = [
  { check: 'config', status: 'ok', text: 'fine', remedies: [] },
  {
    check: 'keytab',
    status: 'warning',
    reason: 'keytab.sample',
    text: 'a\x1b[2Jb',
    remedies: ['x', 'y'],
  },
  { check: 'port', status: 'error', reason: 'server.port-in-use', text: 'used', remedies: [] },
];

describe('formatFindings', () => {
  it('is one line each, then the remedies, then the sum', () => {
    expect(formatFindings(FINDINGS, false)).toBe(`ok       config: fine
warning  keytab: a\\x1b[2Jb
         hint: x
         hint: y
error    port: used
1 error, 1 warning
`);
    expect(formatFindings([], false)).toBe('0 errors, 0 warnings\n');
  });

  it('is an object in each line as JSON', () => {
    const lines = formatFindings(FINDINGS, true).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(FINDINGS);
  });
});

describe('statusOf', () => {
  it('is that of the worst finding', () => {
    expect(statusOf(FINDINGS)).toBe(2);
    expect(statusOf(FINDINGS.slice(0, 2))).toBe(1);
    expect(statusOf(FINDINGS.slice(0, 1))).toBe(0);
    expect(statusOf([])).toBe(0);
  });
});
