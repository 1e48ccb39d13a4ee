import { execFileSync } from 'node:child_process';
import fs, {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ReplayDirectory } from '../../../src/node/replay-cache/directory.ts';

let parent: string;
let path: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'replay-directory-'));
  path = join(parent, 'cache');
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(parent, { recursive: true });
});

describe('the directory that it is in', () => {
  it('is not a file that others could have put there: each directory above counts', () => {
    mkdirSync(join(parent, 'a', 'b'), { recursive: true });
    const directory = new ReplayDirectory(join(parent, 'a', 'b', 'cache'));
    directory.prepare();
    for (const [mode, problem] of [
      [0o777, 'lets every user rename what is in it'],
      [0o770, 'lets its group rename what is in it'],
    ] as const) {
      chmodSync(join(parent, 'a'), mode);
      for (const ask of [() => directory.prepare(), () => directory.openLog(1)]) {
        expect(ask).toThrow(
          expect.objectContaining({
            code: 'KRB5_RC_IO',
            message: `Replay cache ${join(parent, 'a')} ${problem}`,
          }),
        );
      }
    }
    expect(readdirSync(directory.path)).toEqual([]);
    directory.close();
  });

  it('stays the one that it was, unless it was removed', () => {
    const directory = new ReplayDirectory(path);
    fs.closeSync(directory.openLog(1));
    renameSync(path, `${path}-aside`);
    mkdirSync(path, { mode: 0o700 });
    expect(() => directory.openLog(2)).toThrow(
      expect.objectContaining({
        code: 'KRB5_RC_IO',
        message: `Replay cache ${path} is another directory than before`,
      }),
    );
    rmSync(path, { recursive: true });
    renameSync(`${path}-aside`, path);
    fs.closeSync(directory.openLog(2));
    rmSync(path, { recursive: true });
    fs.closeSync(directory.openLog(3));
    directory.close();
    // Closed, it remembers nothing.
    renameSync(path, `${path}-aside`);
    fs.closeSync(directory.openLog(4));
    directory.close();
  });

  it('is checked again once a log is open', () => {
    const directory = new ReplayDirectory(path);
    directory.prepare();
    const { openSync } = fs;
    vi.spyOn(fs, 'openSync').mockImplementation((name, ...rest) => {
      // For a moment another directory has the name.
      renameSync(path, `${path}-aside`);
      mkdirSync(path, { mode: 0o700 });
      return openSync(name, ...rest);
    });
    const closed = vi.spyOn(fs, 'closeSync');
    syncBuiltinESMExports();
    expect(() => directory.openLog(1)).toThrow('is another directory than before');
    expect(closed).toHaveBeenCalledTimes(1);
    directory.close();
  });
});

describe('the logs in it', () => {
  it('are not opened if another kind of file has their name, and opening does not block', () => {
    const directory = new ReplayDirectory(path);
    directory.prepare();
    execFileSync('mkfifo', ['-m', '600', directory.logPath(7)]);
    const opened = vi.spyOn(fs, 'openSync');
    const closed = vi.spyOn(fs, 'closeSync');
    syncBuiltinESMExports();
    expect(() => directory.openLog(7)).toThrow(
      expect.objectContaining({
        code: 'KRB5_RC_IO',
        message: expect.stringContaining('is not a regular file'),
      }),
    );
    expect(closed.mock.calls).toEqual([[opened.mock.results[0]!.value]]);
  });

  it('are forgotten once, by whichever process, and never come back', () => {
    const directory = new ReplayDirectory(path);
    directory.prepare();
    for (const group of [-2, 1, 2, 3, 4]) writeFileSync(directory.logPath(group), '');
    for (const other of ['replays-x', 'replays-', 'over-1e9', 'over-+5', 'replays-5.old']) {
      writeFileSync(join(path, other), '');
    }
    const rename = fs.renameSync;
    vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      // Another process was faster with this one.
      if (String(from) === directory.logPath(1)) rmSync(from);
      rename(from, to);
    });
    syncBuiltinESMExports();
    directory.forgetBelow(4);
    expect(
      readdirSync(path)
        .filter((name) => /-?\d$/.test(name))
        .sort(),
    ).toEqual(['over-+5', 'over--2', 'over-1e9', 'over-2', 'over-3', 'replays-4']);
    expect([-3, 1, 3, 4].map((group) => directory.forgot(group))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(() => directory.openLog(3)).toThrow('that time was forgotten already');
  });

  it('are not known to be forgotten if the directory cannot be read', () => {
    const directory = new ReplayDirectory(path);
    expect(directory.forgot(0)).toBe(false);
    directory.prepare();
    vi.spyOn(fs, 'readdirSync').mockImplementation(() => {
      throw Object.assign(new Error('EIO: i/o error, scandir'), { code: 'EIO' });
    });
    syncBuiltinESMExports();
    for (const ask of [() => directory.forgot(0), () => directory.openLog(0)]) {
      expect(ask).toThrow(/EIO/);
    }
    expect(() => directory.forgetBelow(9)).toThrow(/EIO/);
  });
});

describe('on Windows, where users have no numbers and modes mean nothing', () => {
  let windows: typeof import('../../../src/node/replay-cache/directory.ts');
  let place: typeof import('../../../src/node/replay-cache/place.ts');

  beforeEach(async () => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue('win32');
    vi.spyOn(process as { geteuid: unknown }, 'geteuid', 'get').mockReturnValue(undefined);
    vi.resetModules();
    windows = await import('../../../src/node/replay-cache/directory.ts');
    place = await import('../../../src/node/replay-cache/place.ts');
  });

  it('the directory is in the user’s own profile', () => {
    const environment = { LOCALAPPDATA: '/profile', TMPDIR: '/tmp' };
    expect(place.defaultReplayDirectory(environment)).toBe('/profile/krb5.replays');
    expect(place.defaultReplayDirectory({ ...environment, KRB5RCACHEDIR: '/a' })).toBe(
      '/a/krb5.replays',
    );
  });

  it('modes are ignored, and no directory is opened for fsync', () => {
    mkdirSync(path);
    chmodSync(parent, 0o777);
    chmodSync(path, 0o777);
    const directory = new windows.ReplayDirectory(path);
    directory.prepare();
    const opened = vi.spyOn(fs, 'openSync');
    syncBuiltinESMExports();
    directory.sync();
    expect(opened).not.toHaveBeenCalled();
    fs.closeSync(directory.openLog(1));
    expect(existsSync(directory.logPath(1))).toBe(true);
  });
});
