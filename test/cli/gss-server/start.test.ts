/** What keeps gss-server from starting, or troubles it: what the operator reads names cause and cure. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseArguments } from '../../../src/cli/gss-server/args.ts';
import { configure } from '../../../src/cli/gss-server/configure.ts';
import { formatStartFailure } from '../../../src/cli/gss-server/lines.ts';
import { EncryptionKey } from '../../../src/crypto/key.ts';
import { explain } from '../../../src/errors.ts';
import type { GssError } from '../../../src/gss/status.ts';
import { formatKeytab } from '../../../src/keytab/keytab.ts';
import { parsePrincipal } from '../../../src/messages/principal.ts';
import { makeKeytab } from '../../support/realm-kit.ts';

const WWW = 'HTTP/www.example.test@EXAMPLE.TEST';
const KEYTAB = Buffer.from(formatKeytab(makeKeytab({ principal: WWW })));
const DES = formatKeytab({
  version: 2,
  entries: [
    {
      principal: parsePrincipal(WWW),
      kvno: 1,
      timestamp: 0,
      key: new EncryptionKey(3, new Uint8Array(8).fill(1)),
    },
  ],
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'start-'));
  vi.stubEnv('KRB5_CONFIG', write('krb5.conf', ''));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function write(name: string, contents: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, contents, { mode: 0o600 });
  return path;
}

interface Start {
  readonly service?: string;
  readonly keytab?: string | Uint8Array;
  readonly config?: string | Uint8Array;
  readonly args?: readonly string[];
}

/** What the operator reads, and the reason of the refusal if the server does not start. */
async function start({
  service = 'HTTP@www.example.test',
  keytab = KEYTAB,
  config,
  args = [],
}: Start) {
  const name = typeof keytab === 'string' ? keytab : write('www.keytab', keytab);
  if (config !== undefined) vi.stubEnv('KRB5_CONFIG', write('krb5.conf', config));
  const parsed = parseArguments(['-rcache', 'memory:', '-keytab', name, ...args, service]);
  if (parsed.action !== 'serve') throw new Error(`not understood: ${JSON.stringify(parsed)}`);
  const warnings: string[] = [];
  try {
    const { acceptor } = await configure(parsed.arguments, (text) => warnings.push(text));
    acceptor.dispose();
    return { read: warnings.join('\n'), reason: undefined };
  } catch (error) {
    const blocks = formatStartFailure(await explain(error));
    const lines = blocks.map(({ bytes }) => Buffer.from(bytes).toString());
    const { reason } = error as GssError;
    return { read: [...warnings, lines.join('')].join('\n'), reason };
  }
}

type Case = readonly [cause: string, start: () => Start, reason: string | undefined, ...RegExp[]];

const REFUSALS: readonly Case[] = [
  [
    'a URL as service',
    () => ({ service: 'https://www.example.test/' }),
    'name.malformed',
    /is a URL/,
    /write HTTP@www\.example\.test/,
  ],
  [
    'a path after the host',
    () => ({ service: 'HTTP@www.example.test/app' }),
    'name.malformed',
    /write HTTP@www\.example\.test/,
  ],
  [
    'a service without a name',
    () => ({ service: '@www.example.test' }),
    'name.malformed',
    /write HTTP@/,
  ],
  [
    'a service without a host',
    () => ({ service: 'HTTP/' }),
    'name.malformed',
    /write HTTP@ to accept/,
  ],
  [
    'a service in lower case',
    () => ({ service: 'http@www.example.test' }),
    'keytab.no-service',
    /No key table entry found matching http\/www/,
    /HTTP\/www\.example\.test/,
  ],
  [
    'another service of the host',
    () => ({ service: 'host@www.example.test' }),
    'keytab.no-service',
    /HTTP\/www\.example\.test@EXAMPLE\.TEST/,
  ],
  [
    'the short name of the host',
    () => ({ service: 'HTTP@www' }),
    'keytab.no-service',
    /HTTP\/www\.example\.test@EXAMPLE\.TEST/,
  ],
  [
    'a realm in lower case',
    () => ({ service: 'HTTP/www.example.test@example.test' }),
    'keytab.no-service',
    /EXAMPLE\.TEST/,
    /case/,
  ],
  [
    'no keytab',
    () => ({ keytab: join(folder, 'absent') }),
    'keytab.missing',
    /is nonexistent or empty/,
    /KRB5_KTNAME/,
  ],
  [
    'a directory as keytab',
    () => ({ keytab: folder }),
    'keytab.unreadable',
    /it is a directory/,
    /name the keytab itself/,
  ],
  [
    'an empty keytab',
    () => ({ keytab: `${write('empty', '')}` }),
    'keytab.empty',
    /is nonexistent or empty/,
    /write the keytab again|export/,
  ],
  [
    'a keytab without entries',
    () => ({ keytab: Buffer.of(5, 2) }),
    'keytab.empty',
    /is nonexistent or empty/,
    /export the keys/,
  ],
  [
    'a keytab of another type',
    () => ({ keytab: 'MEMORY:x' }),
    'keytab.unknown-type',
    /MEMORY/,
    /FILE:path/,
  ],
  [
    'a credential cache',
    () => ({ keytab: Buffer.of(5, 4, 0, 12, 0, 1) }),
    'keytab.not-a-keytab',
    /credential cache/,
    /KRB5CCNAME/,
  ],
  [
    'base64',
    () => ({ keytab: Buffer.from(KEYTAB.toString('base64')) }),
    'keytab.not-a-keytab',
    /base64 -d/,
  ],
  [
    'hexadecimal',
    () => ({ keytab: Buffer.from(KEYTAB.toString('hex')) }),
    'keytab.not-a-keytab',
    /xxd -r -p/,
  ],
  [
    'UTF-16',
    () => ({ keytab: Buffer.from(`\uFEFF${KEYTAB.toString('latin1')}`, 'utf16le') }),
    'keytab.not-a-keytab',
    /UTF-16/,
    /copy it as bytes/,
  ],
  [
    'a byte order mark',
    () => ({ keytab: Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), KEYTAB]) }),
    'keytab.not-a-keytab',
    /byte order mark/,
    /copy it as bytes/,
  ],
  [
    'a text channel',
    () => ({ keytab: Buffer.from(KEYTAB.toString('utf8')) }),
    'keytab.not-a-keytab',
    /copied as text/,
    /copy it as bytes/,
  ],
  [
    'PEM',
    () => ({ keytab: Buffer.from('-----BEGIN CERTIFICATE-----\n') }),
    'keytab.not-a-keytab',
    /certificate/,
    /export a keytab/,
  ],
  [
    'little-endian numbers',
    () => ({
      keytab: Buffer.from('05023000000002000c004558414d504c452e54455354040048545450000000', 'hex'),
    }),
    'keytab.not-a-keytab',
    /little-endian/,
    /kadmin ktadd/,
  ],
  [
    'a keytab that was cut off',
    () => ({ keytab: KEYTAB.subarray(0, 50) }),
    'keytab.bad-entry',
    /truncated/,
    /write the keytab again/,
  ],
  [
    'a line of krb5.conf that is none',
    () => ({ config: '[libdefaults]\nclockskew 60\n' }),
    'config.syntax',
    /krb5\.conf line 2/,
    /name = value/,
  ],
  [
    'a brace before a section',
    () => ({ config: '[realms]\nR = {\n[libdefaults]\n' }),
    'config.syntax',
    /line 3 .*opened in line 2/,
  ],
  [
    'a boolean that is none',
    () => ({ config: '[libdefaults]\nallow_rc4 = maybe\n' }),
    'config.syntax',
    /allow_rc4 = maybe is neither true nor false/,
    /write true or false/,
  ],
  [
    'only misspelt encryption types',
    () => ({ config: '[libdefaults]\npermitted_enctypes = aes265-cts\n' }),
    'config.syntax',
    /permitted_enctypes = aes265-cts leaves no encryption type/,
    /name known ones \(aes256-cts/,
  ],
  [
    'an include that is missing',
    () => ({ config: 'include /nowhere.conf\n' }),
    'config.include',
    /include \/nowhere\.conf cannot be read/,
  ],
  [
    'an unknown replay cache',
    () => ({ args: ['-rcache', 'ccache:x'] }),
    'replay.unknown-type',
    /is unknown/,
    /write dfl:/,
  ],
  [
    'a replay cache below nothing',
    () => ({ args: ['-rcache', `dir:${join(folder, 'a/b')}`] }),
    'replay.cache-failed',
    /ENOENT/,
    /the directory above must exist/,
  ],
  [
    'a replay cache open to others',
    () => ({ args: ['-rcache', `dir:${openDirectory()}`] }),
    'replay.cache-failed',
    /mode 755/,
    /chmod 700/,
  ],
  [
    'a replay cache that workers cannot share',
    () => ({ args: ['-workers', '2'] }),
    'server.option',
    /cannot be shared by workers/,
    /write -rcache dfl:/,
  ],
  [
    'a password in sight',
    () => ({ args: ['-rcache', 'redis://:sesame@127.0.0.1'] }),
    'server.engine',
    /every user of this machine can read its password/,
    /KRB5RCACHENAME/,
  ],
  [
    'a mechanism that is not offered',
    () => ({ args: ['-mech', '1.2.3.4'] }),
    'server.option',
    /-mech may be kerberos_v5, spnego or iakerb/,
  ],
];

function openDirectory(): string {
  const path = join(folder, 'replays');
  mkdirSync(path);
  chmodSync(path, 0o755);
  return path;
}

const WARNINGS: readonly Case[] = [
  [
    'a misspelt setting',
    () => ({ config: '[libdefaults]\nclock_skew = 60\n' }),
    undefined,
    /nothing reads \[libdefaults\] clock_skew; write \[libdefaults\] clockskew/,
  ],
  [
    'a brace that is never closed',
    () => ({ config: '[realms]\nR = {\n' }),
    undefined,
    /line 2 opens a brace that is never closed/,
    /write a line with }/,
  ],
  [
    'krb5.conf in UTF-16',
    () => ({ config: Buffer.from('\uFEFF[libdefaults]\n', 'utf16le') }),
    undefined,
    /not text in UTF-8/,
    /save it as UTF-8/,
  ],
  [
    'keys of single DES only',
    () => ({ keytab: DES }),
    undefined,
    /no key of HTTP\/www.*des-cbc-md5 \(have the KDC use aes256[^(]*then a new password\)$/,
  ],
  [
    'a misspelt encryption type',
    () => ({ config: '[libdefaults]\npermitted_enctypes = aes256-cts aes265-sha2\n' }),
    undefined,
    /permitted_enctypes: aes265-sha2 is not known; write aes256-sha2/,
  ],
];

function rowsOf(cases: readonly Case[]): (readonly [string, Case])[] {
  return cases.map((row) => [row[0], row]);
}

describe('gss-server', () => {
  it.each(rowsOf(REFUSALS))('does not start with %s', async (_cause, row) => {
    const [, given, reason, ...expected] = row;
    const { read, reason: found } = await start(given());
    expect(found).toBe(reason);
    for (const text of expected) expect(read).toMatch(text);
    expect(read).toMatch(/^GSS-API error (?:acquiring credentials|importing name): ./m);
    // Each refusal says what to do.
    expect(read).toMatch(/^hint: ./m);
    expect(read).not.toContain('sesame');
  });

  it.each(rowsOf(WARNINGS))('starts with %s, and warns', async (_cause, row) => {
    const [, given, reason, ...expected] = row;
    const { read, reason: found } = await start(given());
    expect(found).toBe(reason);
    for (const text of expected) expect(read).toMatch(text);
  });

  it('starts without a word where all is well', async () => {
    expect(await start({})).toEqual({ read: '', reason: undefined });
  });

  it('speaks of credentials only where the keytab is at fault', async () => {
    const absent = await start({ keytab: join(folder, 'absent') });
    expect(absent.read).toContain('acquiring credentials: No credentials were supplied');
    const broken = await start({ config: '[libdefaults\n' });
    expect(broken.read).toContain('acquiring credentials: Unspecified GSS failure');
  });
});
