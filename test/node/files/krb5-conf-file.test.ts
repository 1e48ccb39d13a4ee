import { execFileSync } from 'node:child_process';
import fs, { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { KerberosError } from '../../../src/errors.ts';
import { loadKerberosConfig, loadProfile } from '../../../src/node/files/krb5-conf-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'krb5-conf-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

function write(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof KerberosError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

describe('loadKerberosConfig', () => {
  it('reads the files of KRB5_CONFIG, the first value winning', () => {
    const a = write('a.conf', '[libdefaults]\ndefault_realm = A\n');
    const b = write('b.conf', '[libdefaults]\ndefault_realm = B\nclockskew = 7\n');
    vi.stubEnv('KRB5_CONFIG', `${a}:${join(folder, 'missing')}:${b}`);
    expect(loadKerberosConfig()).toMatchObject({ defaultRealm: 'A', clockSkew: 7 });
    expect(loadKerberosConfig(b).defaultRealm).toBe('B');
  });

  it('has defaults where there is no file', () => {
    expect(loadKerberosConfig(join(folder, 'missing')).clockSkew).toBe(300);
    expect(loadKerberosConfig('').clockSkew).toBe(300);
  });

  it('warns of a named file that is missing or unreadable, and not of a missing default', () => {
    const missing = join(folder, 'missing');
    vi.stubEnv('KRB5_CONFIG', missing);
    expect(loadKerberosConfig().problems).toEqual([
      {
        reason: 'config.missing',
        text: `${missing} does not exist, so its settings are not used`,
        remedies: ['correct the name (KRB5_CONFIG, the option config), or make the file'],
      },
    ]);
    vi.stubEnv('KRB5_CONFIG', '');
    for (const code of ['ENOENT', 'EACCES']) {
      vi.spyOn(fs, 'statSync').mockImplementation(() => {
        throw Object.assign(new Error(code), { code });
      });
      syncBuiltinESMExports();
      expect(loadKerberosConfig().warnings).toEqual(
        code === 'ENOENT'
          ? []
          : [
              '/etc/krb5.conf cannot be read (EACCES), so its settings are not used; let the user ' +
                'of this process read it: chmod a+r /etc/krb5.conf',
            ],
      );
    }
  });

  it('warns of UTF-16, as PowerShell writes it', () => {
    const file = write(
      'utf16.conf',
      Buffer.from('\uFEFF[libdefaults]\nclockskew = 1\n', 'utf16le'),
    );
    const { clockSkew, warnings } = loadKerberosConfig(file);
    expect(clockSkew).toBe(300);
    expect(warnings).toEqual([
      `${file} is not text in UTF-8 or ASCII; save it as UTF-8 (in PowerShell: Set-Content ` +
        '-Encoding utf8), or copy it as bytes',
    ]);
  });

  it('skips a byte order mark and takes any encoding in comments', () => {
    const bytes = Uint8Array.from([
      0xef, 0xbb, 0xbf, 0x5b, 0x61, 0x5d, 10, 0x23, 0xe9, 10, 0x62, 0x3d, 0x63,
    ]);
    expect(loadProfile([write('latin.conf', bytes)]).value('a', 'b')).toBe('c');
  });

  it('includes files, and of directories those with proper names, in order', () => {
    write('d/20-x', '[a]\nb = 20');
    write('d/10.conf', '[a]\nb = 10');
    write('d/Z_z', '[a]\nb = Z');
    // MIT krb5 opens a directory, reads nothing and goes on.
    write('d/disabled/old.conf', '[a]\nb = wrong');
    for (const name of ['.hidden.conf', '10.conf~', '10.conf.rpmsave', 'x.bak', '#x#']) {
      write(`d/${name}`, '[a]\nb = wrong');
    }
    const main = write('main.conf', `[a]\nb = 0\nincludedir ${join(folder, 'd')}\n`);
    expect(loadProfile([main]).values('a', 'b')).toEqual(['0', '10', '20', 'Z']);
    expect(loadProfile([join(folder, 'd')]).values('a', 'b')).toEqual(['10', '20', 'Z']);
    const none = write('none.conf', `[a]\nb = 0\ninclude ${join(folder, 'd')}\n`);
    expect(loadProfile([none]).values('a', 'b')).toEqual(['0']);
    const one = write('one.conf', `include ${join(folder, 'd', '20-x')}\n`);
    expect(loadProfile([one]).values('a', 'b')).toEqual(['20']);
  });

  it('warns of a directory in which it reads nothing, as where KRB5_CONFIG names the wrong one', () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    for (const name of ['', 'krb5.conf.bak']) {
      if (name !== '') write(`empty/${name}`, '[libdefaults]\n');
      const { problems } = loadKerberosConfig(empty);
      expect(problems).toMatchObject([{ reason: 'config.missing' }]);
      expect(problems[0]!.text).toMatch(/empty is a directory, in which nothing is read: /);
      expect(problems[0]!.remedies[0]).toContain('name the file itself');
    }
    write('empty/krb5.conf', '[libdefaults]\n');
    expect(loadKerberosConfig(empty).problems).toEqual([]);
  });

  it('refuses malformed files, and files that cannot be included', () => {
    const broken = write('broken.conf', '[libdefaults]\n}\n');
    expect(codeOf(() => loadKerberosConfig(broken))).toBe(
      `KRB5_CONFIG_BADFORMAT: ${broken} line 2 has a brace that closes nothing`,
    );
    const missing = join(folder, 'nowhere');
    for (const directive of ['include', 'includedir']) {
      const file = write('inc.conf', `${directive} ${missing}\n`);
      expect(codeOf(() => loadKerberosConfig(file))).toBe(
        `KRB5_CONFIG_BADFORMAT: ${directive} ${missing} cannot be read: ENOENT`,
      );
    }
    const loop = write('loop.conf', `include ${join(folder, 'loop.conf')}\n`);
    expect(codeOf(() => loadKerberosConfig(loop))).toContain('includes too deep');
  });

  it('takes the files of a directory in the order of their names, whatever the system gives', () => {
    const names = ['b', 'a', 'B', '9', '10'];
    for (const name of names) write(`order/${name}`, `[a]\nb = ${name}\n`);
    for (const listed of [names, [...names].reverse()]) {
      vi.spyOn(fs, 'readdirSync').mockReturnValue(listed as never);
      syncBuiltinESMExports();
      expect(loadProfile([join(folder, 'order')]).values('a', 'b')).toEqual([
        '10',
        '9',
        'B',
        'a',
        'b',
      ]);
    }
  });

  it.each([
    ['is not set', undefined],
    // As scripts unset one.
    ['is empty', ''],
  ])('is of /etc/krb5.conf if KRB5_CONFIG %s', (_, value) => {
    vi.stubEnv('KRB5_CONFIG', value);
    const looked: unknown[] = [];
    vi.spyOn(fs, 'statSync').mockImplementation(((path: string) => {
      looked.push(path);
      throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    }) as never);
    syncBuiltinESMExports();
    expect(loadKerberosConfig().defaultRealm).toBeUndefined();
    expect(looked).toEqual(['/etc/krb5.conf']);
  });

  it('reads one file where the name is a path of Windows', () => {
    const cwd = process.cwd();
    write('C:\\krb5.ini', '[libdefaults]\ndefault_realm = DRIVE\n');
    process.chdir(folder);
    try {
      vi.stubEnv('KRB5_CONFIG', 'C:\\krb5.ini');
      expect(loadKerberosConfig().defaultRealm).toBe('DRIVE');
    } finally {
      process.chdir(cwd);
    }
  });

  it('reads regular files only, and never blocks', () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const including = write('fifo.conf', `include ${fifo}\n`);
    const problem = `${fifo} cannot be read: it is not a regular file`;
    for (const file of [fifo, including]) {
      expect(codeOf(() => loadKerberosConfig(file))).toBe(`KRB5_CONFIG_BADFORMAT: ${problem}`);
    }
    expect(codeOf(() => loadProfile(['/dev/zero']))).toContain('/dev/zero cannot be read');
    expect(loadKerberosConfig('/dev/null').defaultRealm).toBeUndefined();
  });

  it('reads no file above the limit of a profile', () => {
    const file = write('sparse.conf', '');
    truncateSync(file, 64_000_001);
    expect(codeOf(() => loadProfile([file]))).toBe(
      `KRB5_CONFIG_BADFORMAT: ${file} cannot be read: it has more than 64000000 bytes`,
    );
  });

  it('refuses a file that cannot be read for another reason than its absence', () => {
    const file = write('bad-disk.conf', '[libdefaults]\n');
    const faults = [
      [Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }), 'EIO'],
      [new RangeError('too long for a string'), 'unknown error'],
    ] as const;
    for (const [fault, text] of faults) {
      vi.spyOn(fs, 'readFileSync').mockImplementation(() => {
        throw fault;
      });
      syncBuiltinESMExports();
      expect(codeOf(() => loadKerberosConfig(file))).toBe(
        `KRB5_CONFIG_BADFORMAT: ${file} cannot be read: ${text}`,
      );
    }
  });

  it('expands a home directory', () => {
    vi.stubEnv('HOME', folder);
    write('home.conf', '[libdefaults]\ndefault_realm = HOME\n');
    expect(loadKerberosConfig('~/home.conf').defaultRealm).toBe('HOME');
  });
});
