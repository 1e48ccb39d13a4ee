import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KerberosError } from '../../../src/errors.ts';
import type { Keytab } from '../../../src/keytab/keytab.ts';
import { formatKeytab, parseKeytab } from '../../../src/keytab/keytab.ts';
import { keytabFile, loadKeytab } from '../../../src/node/files/keytab-file.ts';
import type { KeytabWarning } from '../../../src/node/files/keytab-warning.ts';
import { keytabOf } from '../../keytab/support.ts';

let directory: string;
let path: string;
let warnings: KeytabWarning[];
const onWarning = (warning: KeytabWarning) => {
  warnings.push(warning);
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keytab-file-'));
  path = join(directory, 'web.keytab');
  warnings = [];
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true });
});

const first = keytabOf(['HTTP/a@R', 1, 18]);
const second = keytabOf(['HTTP/a@R', 1, 18], ['HTTP/a@R', 2, 18]);

/** Writes the file as if it had been written some minutes ago, each time a minute later. */
let written = 0;
function write(content: Keytab | Uint8Array, mode = 0o600): void {
  writeFileSync(path, content instanceof Uint8Array ? content : formatKeytab(content));
  chmodSync(path, mode);
  settle();
}
function settle(): void {
  const time = Date.now() / 1000 - 36_000 + 60 * written++;
  utimesSync(path, time, time);
}

/** Root may read everything: for the time of a call, be somebody else. */
async function asNobody<T>(run: () => Promise<T>): Promise<T> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    return await run();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

/** Makes it another user's: root gives it away, who may not becomes another. @returns Its owner. */
function giveAway(target: string): number {
  const user = process.geteuid!();
  if (user === 0) chownSync(target, 6666, 6666);
  else vi.spyOn(process as { geteuid(): number }, 'geteuid').mockReturnValue(4321);
  return user === 0 ? 6666 : user;
}

async function rejection(promise: Promise<unknown>): Promise<KerberosError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof KerberosError) return error;
  throw new Error(`expected a KerberosError, got ${String(error)}`);
}

function kvnos(keytab: Keytab): number[] {
  return keytab.entries.map((entry) => entry.kvno);
}

describe('loadKeytab', () => {
  it('reads a file by its path, its name or the environment', async () => {
    write(second);
    expect(kvnos(await loadKeytab(path))).toEqual([1, 2]);
    expect(kvnos(await loadKeytab(`FILE:${path}`))).toEqual([1, 2]);
    const environment = { KRB5_KTNAME: `WRFILE:${path}` };
    expect(kvnos(await loadKeytab(undefined, { environment, onWarning }))).toEqual([1, 2]);
    expect(warnings).toEqual([]);
  });

  it('reads a keytab without entries', async () => {
    write(keytabOf());
    expect((await loadKeytab(path)).entries).toEqual([]);
  });

  it('follows a symbolic link, as in a Kubernetes secret', async () => {
    write(first);
    const link = join(directory, 'link');
    symlinkSync(path, link);
    expect(kvnos(await loadKeytab(link))).toEqual([1]);
  });

  it('says that a file is missing', async () => {
    const error = await rejection(loadKeytab(path));
    expect(error.code).toBe('KRB5_KT_NOTFOUND');
    // MIT's words in brackets, as scripts look for them.
    expect(error.message).toBe(
      `keytab file ${path} not found (Keytab FILE:${path} is nonexistent or empty)`,
    );
    expect(error.reason).toBe('keytab.missing');
    expect(error.hint).toContain('KRB5_KTNAME');
    expect(error.detail).toEqual({ path });
  });

  it('says that a part of the path is a file', async () => {
    write(first);
    const error = await rejection(loadKeytab(join(path, 'x')));
    expect(error.code).toBe('KRB5_KT_NOTFOUND');
    expect(error.hint).toBe('a directory of its path is a file');
  });

  it('says that it is a directory', async () => {
    const error = await rejection(loadKeytab(directory));
    expect(error.code).toBe('KRB5_KT_IOERR');
    expect(error.message).toBe(`keytab file ${directory}: it is a directory`);
  });

  it('does not block on a FIFO', async () => {
    execFileSync('mkfifo', [path]);
    const error = await rejection(loadKeytab(path));
    expect(error.code).toBe('KRB5_KT_IOERR');
    expect(error.message).toBe(`keytab file ${path}: it is not a regular file`);
  });

  it('says that a loop of links cannot be read', async () => {
    symlinkSync(path, path);
    const error = await rejection(loadKeytab(path));
    expect(error.code).toBe('KRB5_KT_IOERR');
    expect(error.message).toBe(`keytab file ${path} cannot be read: ELOOP`);
  });

  it('says that permission is denied', async () => {
    write(first, 0o000);
    const error = await rejection(asNobody(() => loadKeytab(path)));
    expect(error.code).toBe('KRB5_KT_IOERR');
    expect(error.message).toBe(`keytab file ${path} cannot be read: permission denied`);
    expect(error.hint).toContain('chmod 600');
  });

  it('names the directory above it that may not be entered', async () => {
    const locked = join(directory, 'locked');
    mkdirSync(join(locked, 'deep'), { recursive: true });
    chmodSync(directory, 0o755);
    chmodSync(locked, 0o700);
    const file = join(locked, 'deep', 'web.keytab');
    writeFileSync(file, formatKeytab(first), { mode: 0o644 });
    const error = await rejection(asNobody(() => loadKeytab(file)));
    expect(error.message).toBe(`keytab file ${file} cannot be read: permission denied`);
    expect(error.hint).toContain(
      `let the user of this process enter the directory ${locked} first`,
    );
  });

  it('refuses an empty file, a damaged one and one that is not a keytab, by name', async () => {
    write(new Uint8Array(0));
    const empty = await rejection(loadKeytab(path));
    expect(empty.code).toBe('KRB5_KT_FORMAT');
    expect(empty.message).toBe(
      `keytab file ${path}: keytab of 0 bytes has no version (Keytab FILE:${path} is nonexistent or empty)`,
    );
    expect(empty.reason).toBe('keytab.empty');
    expect(empty.hint).toContain('write the keytab again');
    write(formatKeytab(first).subarray(0, 20));
    expect((await rejection(loadKeytab(path))).message).toContain(`${path}: keytab is truncated`);
    write(new TextEncoder().encode('BQIAAABX'));
    const text = await rejection(loadKeytab(path));
    expect(text.message).toContain('not a keytab');
    expect(text.hint).toContain('base64');
    expect(text).toMatchObject({
      reason: 'keytab.not-a-keytab',
      detail: { path, looksLike: 'base64' },
    });
  });

  it('refuses a file of more than 16 MiB without reading it', async () => {
    write(first);
    truncateSync(path, 16 * 1024 * 1024 + 1);
    const error = await rejection(loadKeytab(path));
    expect(error.code).toBe('KRB5_KT_IOERR');
    expect(error.message).toBe(`keytab file ${path}: it is larger than 16 MiB`);
    truncateSync(path, 16 * 1024 * 1024);
    expect(kvnos(await loadKeytab(path))).toEqual([1]);
  });

  it.each([
    [0o640, '0640: its group'],
    [0o660, '0660: its group'],
    [0o644, '0644: other users'],
    [0o602, '0602: other users'],
  ])('warns of mode %o', async (mode, who) => {
    write(first, mode);
    await loadKeytab(path, { onWarning });
    expect(warnings).toEqual([
      {
        kind: 'permissions',
        path,
        message:
          `keytab file ${path} has mode ${who} can read or replace its keys, and so ` +
          `impersonate the service, or any client to it; chmod 600 ${path}`,
        reason: 'keytab.too-open',
        text: expect.stringMatching(/any client to it$/),
        remedies: [`chmod 600 ${path}`],
      },
    ]);
  });

  it('warns of an owner who is another user', async () => {
    write(first);
    const owner = giveAway(path);
    await loadKeytab(path, { onWarning });
    expect(warnings).toContainEqual(
      expect.objectContaining({
        kind: 'owner',
        path,
        message: expect.stringContaining(`belongs to uid ${owner}`),
        reason: 'keytab.too-open',
      }),
    );
  });

  it.each([
    ['the directory', () => chmodSync(directory, 0o777), 'lets every user rename'],
    ['one above it', () => chmodSync(directory, 0o770), 'lets its group rename'],
    ['its owner', () => giveAway(directory), 'belongs to uid'],
  ])('warns of %s, if another can put a file in its place', async (_, spoil, problem) => {
    const below = join(directory, 'below');
    mkdirSync(below);
    const file = join(below, 'web.keytab');
    writeFileSync(file, formatKeytab(first), { mode: 0o600 });
    spoil();
    await loadKeytab(file, { onWarning });
    const warning = warnings.find(({ kind }) => kind === 'directory');
    expect(warning?.path).toBe(file);
    expect(warning?.message).toContain(`${directory} ${problem}`);
    // Nor does a link from a safe place make it safe.
    const safe = mkdtempSync(join(tmpdir(), 'keytab-link-'));
    try {
      symlinkSync(file, join(safe, 'link'));
      warnings = [];
      await loadKeytab(join(safe, 'link'), { onWarning });
      expect(warnings.map(({ kind }) => kind)).toContain('directory');
    } finally {
      rmSync(safe, { recursive: true });
    }
  });

  it.each(['demo', 'rotated', 'version1'])(
    'warns of the sample keys in %s.keytab',
    async (name) => {
      const sample = readFileSync(new URL(`../../../keytabs/${name}.keytab`, import.meta.url));
      write(sample);
      await loadKeytab(path, { onWarning });
      expect(warnings).toMatchObject([{ kind: 'sample-keys', path }]);
      expect(warnings[0]!.message).toContain('host/demo.example.org@EXAMPLE.ORG');
      // Under whatever name, and each of them.
      for (const { key } of parseKeytab(sample).entries) {
        write({ ...first, entries: [...first.entries, { ...first.entries[0]!, key }] });
        warnings = [];
        await loadKeytab(path, { onWarning });
        expect(warnings.map(({ kind }) => kind)).toEqual(['sample-keys']);
      }
    },
  );

  it('has the runtime print warnings without onWarning', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    write(first, 0o644);
    const read = keytabFile(path);
    await read();
    await read();
    await loadKeytab(path);
    expect(emitWarning.mock.calls).toEqual([
      [expect.stringContaining('mode 0644'), { code: 'KRB5_ACCEPTOR_KEYTAB' }],
      [expect.stringContaining('mode 0644'), { code: 'KRB5_ACCEPTOR_KEYTAB' }],
    ]);
  });

  it.each([0o600, 0o400, 0o700, 0o611])('does not warn of mode %o', async (mode) => {
    write(first, mode);
    await loadKeytab(path, { onWarning });
    expect(warnings).toEqual([]);
  });

  it('refuses other types before it looks', async () => {
    expect((await rejection(loadKeytab('MEMORY:x'))).code).toBe('KRB5_KT_UNKNOWN_TYPE');
    expect(() => keytabFile('MEMORY:x')).toThrow(KerberosError);
  });
});

describe('keytabFile', () => {
  it('gives the same keytab until the file changes', async () => {
    write(first);
    const read = keytabFile(path, { onWarning });
    const before = await read();
    expect(await read()).toBe(before);
    write(second);
    const after = await read();
    expect(kvnos(after)).toEqual([1, 2]);
    expect(await read()).toBe(after);
    expect(warnings).toEqual([]);
  });

  it('keeps the keys of an unreadable file until it is readable again', async () => {
    write(first);
    const read = keytabFile(path, { onWarning });
    const before = await read();
    write(second);
    chmodSync(directory, 0o000);
    expect(await asNobody(read)).toBe(before);
    expect(warnings.map(({ error }) => error?.code)).toEqual(['KRB5_KT_IOERR']);
    // The file itself does not change by this.
    chmodSync(directory, 0o700);
    expect(kvnos(await read())).toEqual([1, 2]);
  });

  it('has the reason in failure while the file cannot be used', async () => {
    write(first);
    const read = keytabFile(path, { onWarning });
    await read();
    expect(read.failure).toBeUndefined();
    rmSync(path);
    await read();
    expect(read.failure?.code).toBe('KRB5_KT_NOTFOUND');
    write(first);
    await read();
    expect(read.failure).toBeUndefined();
  });

  it('gives the same keytab when the file was only touched', async () => {
    write(first);
    const read = keytabFile(path);
    const before = await read();
    settle();
    expect(await read()).toBe(before);
    write(keytabOf(['HTTP/b@R', 1, 18]));
    expect(await read()).not.toBe(before);
  });

  it('detects a replacement of the same size and time', async () => {
    write(first);
    const read = keytabFile(path);
    await read();
    const time = Date.now() / 1000 - 100_000;
    utimesSync(path, time, time);
    await read();
    const other = join(directory, 'new');
    writeFileSync(other, formatKeytab(keytabOf(['HTTP/a@R', 9, 18])), { mode: 0o600 });
    utimesSync(other, time, time);
    renameSync(other, path);
    expect(kvnos(await read())).toEqual([9]);
  });

  it('detects a second write within a tick of the file system’s clock', async () => {
    writeFileSync(path, formatKeytab(first), { mode: 0o600 });
    const now = Date.now() / 1000;
    utimesSync(path, now, now);
    const read = keytabFile(path);
    await read();
    writeFileSync(path, formatKeytab(keytabOf(['HTTP/a@R', 9, 18])));
    utimesSync(path, now, now);
    expect(kvnos(await read())).toEqual([9]);
  });

  it('rejects until there is a keytab, and then resolves', async () => {
    const read = keytabFile(path, { onWarning });
    expect((await rejection(read())).code).toBe('KRB5_KT_NOTFOUND');
    write(formatKeytab(first).subarray(0, 20));
    expect((await rejection(read())).code).toBe('KRB5_KT_FORMAT');
    expect((await rejection(read())).code).toBe('KRB5_KT_FORMAT');
    write(keytabOf());
    expect(await rejection(read())).toMatchObject({
      reason: 'keytab.empty',
      message: `keytab file ${path} has no entries (Keytab FILE:${path} is nonexistent or empty)`,
    });
    write(first);
    expect(kvnos(await read())).toEqual([1]);
    expect(warnings).toEqual([]);
  });

  it.each<[string, () => void, string, string]>([
    ['gone', () => rmSync(path), 'KRB5_KT_NOTFOUND', 'not found'],
    [
      'cut off',
      () => write(formatKeytab(second).subarray(0, 60)),
      'KRB5_KT_FORMAT',
      'keytab is truncated',
    ],
    ['damaged', () => write(new Uint8Array(50)), 'KRB5_KT_FORMAT', 'not a keytab'],
    ['zero bytes long', () => write(new Uint8Array(0)), 'KRB5_KT_FORMAT', 'has no version'],
    ['without entries', () => write(keytabOf()), 'KRB5_KT_FORMAT', 'has no entries'],
    [
      'a directory now',
      () => {
        rmSync(path);
        mkdirSync(path);
      },
      'KRB5_KT_IOERR',
      'it is a directory',
    ],
  ])('keeps the keys of a file that is %s, and warns once', async (_, spoil, code, message) => {
    write(first);
    const read = keytabFile(path, { onWarning });
    const before = await read();
    spoil();
    expect(await read()).toBe(before);
    expect(await read()).toBe(before);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.kind).toBe('reload');
    expect(warnings[0]?.path).toBe(path);
    expect(warnings[0]?.error?.code).toBe(code);
    expect(warnings[0]?.message).toContain(message);
    expect(warnings[0]?.message).toContain('the keys read before stay in use');
    rmSync(path, { recursive: true, force: true });
    write(second);
    expect(kvnos(await read())).toEqual([1, 2]);
    spoil();
    await read();
    expect(warnings.filter(({ error }) => error?.code === code)).toHaveLength(2);
  });

  it('reads a keytab to which a tool adds entry by entry', async () => {
    const bytes = formatKeytab(second);
    const one = formatKeytab(first).length;
    write(bytes.subarray(0, one));
    const read = keytabFile(path, { onWarning });
    expect(kvnos(await read())).toEqual([1]);
    appendFileSync(path, bytes.subarray(one, one + 10));
    settle();
    expect(kvnos(await read())).toEqual([1]);
    expect(warnings).toHaveLength(1);
    appendFileSync(path, bytes.subarray(one + 10));
    settle();
    expect(kvnos(await read())).toEqual([1, 2]);
  });

  it('reads once for simultaneous calls', async () => {
    write(first, 0o644);
    const read = keytabFile(path, { onWarning });
    const keytabs = await Promise.all(Array.from({ length: 50 }, () => read()));
    expect(new Set(keytabs).size).toBe(1);
    expect(warnings).toHaveLength(1);
    write(second, 0o644);
    const again = await Promise.all(Array.from({ length: 50 }, () => read()));
    expect(new Set(again).size).toBe(1);
    expect(kvnos(again[0]!)).toEqual([1, 2]);
  });

  it('warns of the mode once, and again when it gets worse', async () => {
    write(first, 0o640);
    const read = keytabFile(path, { onWarning });
    await read();
    write(second, 0o640);
    await read();
    expect(warnings).toHaveLength(1);
    chmodSync(path, 0o644);
    await read();
    expect(warnings.map(({ message }) => /mode (\d+)/.exec(message)?.[1])).toEqual([
      '0640',
      '0644',
    ]);
  });

  it('is consistent while another writes all the time', async () => {
    write(first);
    const read = keytabFile(path, { onWarning });
    const allowed = ['1', '1,2'];
    for (let i = 0; i < 40; i++) {
      const reading = read();
      writeFileSync(path, formatKeytab(i % 2 === 0 ? second : first));
      expect(allowed).toContain(kvnos(await reading).join());
    }
    write(second);
    expect(kvnos(await read())).toEqual([1, 2]);
  });
});
