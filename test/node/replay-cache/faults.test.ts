import fs, {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FileReplayCacheOptions } from '../../../src/node/replay-cache/file.ts';
import { FileReplayCache } from '../../../src/node/replay-cache/file.ts';
import { kerberosErrorOf } from '../../support/library-errors.ts';
import { runs } from '../../support/properties.ts';
import { NOW, NOW_SECONDS } from '../../support/realm-kit.ts';
import { ciphertextOf, recordOf } from './support.ts';

let parent: string;
let directory: string;
let opened: FileReplayCache[];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'replay-cache-'));
  directory = join(parent, 'cache');
  opened = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  for (const cache of opened) await cache.close();
  rmSync(parent, { recursive: true });
});

async function open(options: FileReplayCacheOptions = {}): Promise<FileReplayCache> {
  const cache = await FileReplayCache.open({ directory, clock: () => NOW, ...options });
  opened.push(cache);
  return cache;
}

const record = (id: number, later = 0) => recordOf(ciphertextOf(id), NOW_SECONDS + later);

/** The file that the records of `NOW_SECONDS` are in. */
const logPath = (): string => join(directory, `replays-${Math.floor(NOW_SECONDS / 64)}`);

const refusal = (message: string) =>
  expect.objectContaining({ code: 'KRB5_RC_IO', message: expect.stringContaining(message) });

type BreakableCall = 'writeSync' | 'readSync' | 'fstatSync' | 'openSync' | 'closeSync';

/** Lets a call of `node:fs` fail, for every module. */
function breakCall(name: BreakableCall, code: string): void {
  vi.spyOn(fs, name).mockImplementation(() => {
    throw Object.assign(new Error(`${code}: it failed, ${name}`), { code });
  });
  syncBuiltinESMExports();
}
function repairCalls(): void {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
}

describe('a replay cache on a disk that fails', () => {
  it.each([
    ['writeSync', 'ENOSPC', 'free some space'],
    ['writeSync', 'EIO', 'nobody is let in until this works'],
    ['writeSync', 'EDQUOT', 'quota'],
    ['readSync', 'EIO', 'nobody is let in until this works'],
    ['fstatSync', 'EIO', 'nobody is let in until this works'],
    ['openSync', 'EMFILE', 'open files'],
    ['openSync', 'EROFS', 'KRB5RCACHEDIR'],
  ] as const)(
    'refuses all while %s gives %s, and recovers afterwards',
    async (name, code, hint) => {
      const cache = await open();
      expect(cache.checkAndStore(record(1))).toBe(true);
      breakCall(name, code);
      // The file of a later minute is not open yet.
      const later = name === 'openSync' ? 100 : 0;
      for (let id = 10; id < 20; id++) {
        const error = kerberosErrorOf(() => cache.checkAndStore(record(id, later)));
        expect(error).toMatchObject({ code: 'KRB5_RC_IO', detail: { path: expect.any(String) } });
        expect(error.message).toContain(code);
        expect(error.hint).toContain(hint);
      }
      expect(cache.checkAndStore(record(1))).toBe(false);
      repairCalls();
      expect(cache.checkAndStore(record(30, later))).toBe(true);
      expect(cache.checkAndStore(record(1))).toBe(false);
      const restarted = await open();
      expect(restarted.checkAndStore(record(30, later))).toBe(false);
      expect(restarted.checkAndStore(record(1))).toBe(false);
    },
  );

  it.each(Array.from({ length: 31 }, (_, i) => i + 1))(
    'refuses when only %i bytes of a record are written, and recovers afterwards',
    async (length) => {
      const cache = await open();
      cache.checkAndStore(record(1));
      const { writeSync } = fs;
      vi.spyOn(fs, 'writeSync').mockImplementation(((fd: number, bytes: Uint8Array) =>
        writeSync(fd, bytes, 0, length, null)) as never);
      syncBuiltinESMExports();
      expect(() => cache.checkAndStore(record(2))).toThrow(
        refusal(`took ${length} of the 32 bytes`),
      );
      repairCalls();
      expect(cache.checkAndStore(record(3))).toBe(true);
      const restarted = await open();
      expect([1, 3, 4].map((id) => restarted.checkAndStore(record(id)))).toEqual([
        false,
        false,
        true,
      ]);
      expect([1, 3, 4].map((id) => cache.checkAndStore(record(id)))).toEqual([false, false, false]);
    },
  );

  it('refuses a fresh record that could not be synced to the disk', async () => {
    const cache = await open({ durable: true });
    vi.spyOn(fs, 'fdatasync').mockImplementation((_fd, callback) =>
      callback(Object.assign(new Error('EIO: it failed, fdatasync'), { code: 'EIO' })),
    );
    syncBuiltinESMExports();
    await expect(cache.checkAndStore(record(1))).rejects.toThrow(refusal('EIO'));
    repairCalls();
    expect(await cache.checkAndStore(record(2))).toBe(true);
    expect(cache.checkAndStore(record(1))).toBe(false);
  });

  it('refuses a record that the disk did not keep', async () => {
    const cache = await open();
    vi.spyOn(fs, 'writeSync').mockImplementation(() => 32);
    syncBuiltinESMExports();
    expect(() => cache.checkAndStore(record(2))).toThrow(
      refusal('does not contain the record just written to it'),
    );
  });

  it('refuses while an expired file cannot be closed, and forgets it once', async () => {
    let now = NOW;
    const cache = await open({ clock: () => now });
    for (let id = 0; id < 3; id++) cache.checkAndStore(record(id));
    now += 3_600_000;
    breakCall('closeSync', 'EIO');
    expect(() => cache.checkAndStore(record(9, 3600))).toThrow(refusal('EIO'));
    repairCalls();
    // The clock's next minute looks for what is over again.
    now += 64_000;
    expect(cache.checkAndStore(record(10, 3664))).toBe(true);
    expect(cache.checkAndStore(record(10, 3664))).toBe(false);
    expect(cache.size).toBe(1);
  });

  it('fails the requests that wait, too', async () => {
    const writer = await open();
    for (let id = 0; id < 10_000; id++) writer.checkAndStore(record(id, 100));
    const reader = await open();
    const waiting = [20_000, 20_001].map((id) => reader.checkAndStore(record(id, 100)));
    breakCall('readSync', 'EIO');
    expect(await Promise.allSettled(waiting)).toEqual([
      { status: 'rejected', reason: refusal('EIO') },
      { status: 'rejected', reason: refusal('EIO') },
    ]);
    repairCalls();
    expect(await reader.checkAndStore(record(20_002, 100))).toBe(true);
    expect(reader.checkAndStore(record(9_999, 100))).toBe(false);
  });
});

describe('a replay cache whose files were changed by others', () => {
  it('skips the remains of records after a crash, anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(fc.nat({ max: 20 }), fc.record({ torn: fc.integer({ min: 1, max: 31 }) })),
          {
            maxLength: 40,
          },
        ),
        async (steps) => {
          rmSync(directory, { recursive: true, force: true });
          const running = await open();
          running.checkAndStore(record(1000));
          const known = new Set([1000]);
          let torn = false;
          for (const step of steps) {
            if (typeof step === 'number') {
              expect(running.checkAndStore(record(step))).toBe(!known.has(step));
              torn &&= known.has(step);
              known.add(step);
            } else if (!torn) {
              const whole = readFileSync(logPath()).subarray(-32);
              appendFileSync(logPath(), whole.subarray(0, step.torn));
              torn = true;
            }
          }
          const restarted = await open();
          for (const id of known) expect(restarted.checkAndStore(record(id))).toBe(false);
          expect(restarted.checkAndStore(record(2000))).toBe(true);
          expect(running.checkAndStore(record(2000))).toBe(false);
          for (const cache of opened.splice(0)) await cache.close();
        },
      ),
      { numRuns: runs(60) },
    );
  });

  it.each([
    ['at once', 0],
    ['after much that is to be read first', 10_000],
  ])(
    'accepts, %s, a record that completes the torn record of another process',
    async (_, others) => {
      const cache = await open();
      const writer = await open();
      for (let id = 0; id <= others; id++) writer.checkAndStore(record(id));
      const whole = readFileSync(logPath()).subarray(-32);
      appendFileSync(logPath(), whole.subarray(0, 31));
      // The next record begins with the only byte that is missing.
      let next = 20_000;
      while (ciphertextOf(next).at(-16) !== whole[31]) next++;
      expect(await cache.checkAndStore(record(next))).toBe(true);
      for (const each of [cache, writer, await open()]) {
        expect(each.checkAndStore(record(next))).toBe(false);
        expect(each.checkAndStore(record(others))).toBe(false);
      }
      expect(writer.checkAndStore(record(19_999))).toBe(true);
      expect(cache.checkAndStore(record(19_999))).toBe(false);
    },
  );

  it.each([
    ['text', Buffer.from('this file was something else once, and not a replay cache')],
    ['zeros, which a loss of power leaves', Buffer.alloc(4096)],
    ['ones', Buffer.alloc(100, 0xff)],
  ])('refuses the minutes of a file that has %s in it, and no others', async (_, garbage) => {
    const cache = await open();
    cache.checkAndStore(record(1));
    appendFileSync(logPath(), garbage);
    for (const each of [cache, await open()]) {
      for (const id of [2, 3]) {
        expect(() => each.checkAndStore(record(id))).toThrow(refusal('is damaged'));
      }
      expect(each.checkAndStore(record(4, 100))).toBe(each === cache);
    }
  });

  it.each([0, 1, 31, 32, 33, 63, 64, 95])(
    'refuses, in all processes, the minutes of a file that was cut to %i bytes',
    async (length) => {
      const cache = await open();
      for (let id = 0; id < 3; id++) cache.checkAndStore(record(id));
      const other = await open();
      truncateSync(logPath(), length);
      for (const each of [cache, other, await open()]) {
        expect(() => each.checkAndStore(record(9))).toThrow(refusal('is damaged'));
        expect(() => each.checkAndStore(record(10))).toThrow(refusal('is damaged'));
      }
      expect(cache.checkAndStore(record(4, 100))).toBe(true);
    },
  );

  it('refuses the minutes of a file that was overwritten', async () => {
    const cache = await open();
    for (let id = 0; id < 3; id++) cache.checkAndStore(record(id));
    const content = readFileSync(logPath());
    writeFileSync(logPath(), Buffer.concat([content, content, content]).subarray(32));
    expect(() => cache.checkAndStore(record(9))).toThrow(refusal('is damaged'));
  });

  it.each([
    ['removed', () => rmSync(logPath())],
    ['removed with its directory', () => rmSync(directory, { recursive: true })],
    [
      'replaced by an empty one',
      () => {
        writeFileSync(join(directory, 'new'), '', { mode: 0o600 });
        renameSync(join(directory, 'new'), logPath());
      },
    ],
  ])('restores a file that was %s, with all its records', async (_, remove) => {
    const cache = await open();
    const other = await open();
    for (let id = 0; id < 3; id++) cache.checkAndStore(record(id));
    // What one of the two has not read yet is in the removed file still.
    for (let id = 3; id < 6; id++) other.checkAndStore(record(id));
    remove();
    expect(() => cache.checkAndStore(record(6))).toThrow(refusal('was removed'));
    const restarted = await open();
    for (let id = 0; id < 6; id++) expect(restarted.checkAndStore(record(id))).toBe(false);
    expect(restarted.checkAndStore(record(7))).toBe(true);
    expect(() => other.checkAndStore(record(8))).toThrow(refusal('was removed'));
    for (const each of [cache, other, restarted]) {
      for (let id = 0; id < 6; id++) expect(each.checkAndStore(record(id))).toBe(false);
      expect(each.checkAndStore(record(7))).toBe(false);
    }
    expect(cache.checkAndStore(record(9))).toBe(true);
    expect(other.checkAndStore(record(9))).toBe(false);
  });

  it('does not restore a file that was forgotten', async () => {
    let now = NOW;
    const slow = await open();
    slow.checkAndStore(record(1));
    const fast = await open({ clock: () => now });
    for (let hour = 0; hour < 4; hour++) {
      now += 3_600_000;
      fast.checkAndStore(recordOf(ciphertextOf(2 + hour), now / 1000));
    }
    expect(() => slow.checkAndStore(record(9))).toThrow(refusal('that time was forgotten already'));
    expect(slow.checkAndStore(record(1))).toBe(false);
  });

  it('restores a removed file with the rest, if it is truncated meanwhile', async () => {
    const cache = await open();
    for (let id = 0; id < 3; id++) cache.checkAndStore(record(id));
    rmSync(logPath());
    const { readSync } = fs;
    const lengths: number[] = [];
    vi.spyOn(fs, 'readSync').mockImplementation(((
      fd: number,
      bytes: Uint8Array,
      at: number,
      length: number,
      from: number,
    ) => {
      // Of four records, the last is gone by now.
      const taken = from >= 96 ? 0 : readSync(fd, bytes, at, Math.min(length, 96), from);
      lengths.push(taken);
      return taken;
    }) as never);
    syncBuiltinESMExports();
    expect(() => cache.checkAndStore(record(3))).toThrow(refusal('was removed'));
    expect(lengths).toEqual([96, 0]);
    repairCalls();
    const restarted = await open();
    expect([0, 1, 2, 3].map((id) => restarted.checkAndStore(record(id)))).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  it('does not remake a file on a disk that is full, and tries again', async () => {
    const cache = await open();
    cache.checkAndStore(record(1));
    rmSync(logPath());
    const { writeSync } = fs;
    let calls = 0;
    vi.spyOn(fs, 'writeSync').mockImplementation(((fd: number, bytes: Uint8Array) => {
      // The record itself still fits, into what the removed file has.
      if (calls++ % 2 === 0) return writeSync(fd, bytes, 0, bytes.length, null);
      return writeSync(fd, bytes, 0, 16, null);
    }) as never);
    syncBuiltinESMExports();
    expect(() => cache.checkAndStore(record(2))).toThrow(refusal('cannot be restored'));
    repairCalls();
    expect(() => cache.checkAndStore(record(3))).toThrow(refusal('was removed'));
    const restarted = await open();
    expect(restarted.checkAndStore(record(1))).toBe(false);
    expect(restarted.checkAndStore(record(4))).toBe(true);
    expect(cache.checkAndStore(record(4))).toBe(false);
  });
});

describe('a replay cache that others could reach', () => {
  it('refuses a directory that is open to others, and a file in its place', async () => {
    mkdirSync(directory);
    for (const mode of [0o755, 0o770, 0o707, 0o701]) {
      chmodSync(directory, mode);
      await expect(open()).rejects.toThrow(refusal(`(mode ${mode.toString(8)})`));
    }
    rmSync(directory, { recursive: true });
    mkdirSync(join(parent, 'elsewhere'), { mode: 0o700 });
    symlinkSync(join(parent, 'elsewhere'), directory);
    await expect(open()).rejects.toThrow(refusal('is not a directory'));
    unlinkSync(directory);
    writeFileSync(directory, '');
    await expect(open()).rejects.toThrow(refusal('is not a directory'));
    expect(readdirSync(join(parent, 'elsewhere'))).toEqual([]);
  });

  it('refuses a directory of another user', async () => {
    mkdirSync(directory, { mode: 0o700 });
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) chownSync(directory, 65_534, 65_534);
    const foreign = isRoot ? directory : '/usr';
    await expect(open({ directory: foreign })).rejects.toThrow(refusal('belongs to uid'));
  });

  it('refuses a directory that others may replace', async () => {
    chmodSync(parent, 0o777);
    await expect(open()).rejects.toThrow(refusal('lets every user rename what is in it'));
    chmodSync(parent, 0o1777);
    await expect(open()).resolves.toBeInstanceOf(FileReplayCache);
  });

  it('refuses a directory that its parent’s owner may rename', async () => {
    const { uid, ...stats } = fs.statSync(parent);
    vi.spyOn(fs, 'statSync').mockReturnValue({ ...stats, mode: 0o40_755, uid: uid + 1 } as never);
    syncBuiltinESMExports();
    await expect(open()).rejects.toThrow(refusal('who can rename what is in it'));
    vi.spyOn(fs, 'statSync').mockReturnValue({ ...stats, mode: 0o40_755, uid: 0 } as never);
    syncBuiltinESMExports();
    await expect(open()).resolves.toBeInstanceOf(FileReplayCache);
  });

  it('refuses a network file system', async () => {
    vi.spyOn(fs, 'statfsSync').mockReturnValue({ type: 0x6969 } as never);
    syncBuiltinESMExports();
    await expect(open()).rejects.toThrow(refusal('is on a network file system'));
  });

  it('refuses a directory without a parent', async () => {
    const error = await open({ directory: join(parent, 'no', 'cache') }).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'KRB5_RC_IO',
      message: expect.stringContaining('ENOENT'),
      hint: expect.stringContaining('the directory above must exist'),
    });
  });

  it('is refused without write permission', async () => {
    const isRoot = process.geteuid?.() === 0;
    mkdirSync(directory, { mode: 0o500 });
    chmodSync(parent, 0o755);
    if (isRoot) chownSync(directory, 65_534, 65_534);
    if (isRoot) process.seteuid?.(65_534);
    try {
      await expect(open()).rejects.toThrow(refusal('EACCES'));
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it.each([
    ['a symbolic link', 'ELOOP', (path: string, victim: string) => symlinkSync(victim, path)],
    ['a hard link', 'has a second name', (path: string, victim: string) => linkSync(victim, path)],
    ['a directory', 'EISDIR', (path: string) => mkdirSync(path)],
    [
      'readable by others',
      '(mode 644)',
      (path: string) => writeFileSync(path, '', { mode: 0o644 }),
    ],
  ])('refuses a file that is %s, and leaves alone what it points to', async (_, problem, plant) => {
    const victim = join(parent, 'victim');
    writeFileSync(victim, 'precious', { mode: 0o600 });
    mkdirSync(directory, { mode: 0o700 });
    plant(logPath(), victim);
    await expect(open()).rejects.toThrow(refusal(problem));
    rmSync(logPath(), { recursive: true });
    const cache = await open();
    const later = join(dirname(logPath()), `replays-${Math.floor(NOW_SECONDS / 64) + 1}`);
    plant(later, victim);
    expect(() => cache.checkAndStore(record(1, 64))).toThrow(refusal(problem));
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    // Other minutes are served.
    expect(cache.checkAndStore(record(1))).toBe(true);
  });
});
