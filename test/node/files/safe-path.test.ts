import fs, { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findPathFault } from '../../../src/node/files/safe-path.ts';

let top: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'safe-path-'));
  mkdirSync(join(top, 'a', 'b'), { recursive: true, mode: 0o755 });
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(top, { recursive: true });
});

/** Lets a file of this path belong to somebody else. */
function giveAway(name: 'statSync' | 'lstatSync', path: string): void {
  const original = fs[name] as (path: string) => fs.Stats;
  vi.spyOn(fs, name).mockImplementation(((asked: string) => {
    const stats = original(asked);
    if (asked === path) stats.uid = 4321;
    return stats;
  }) as never);
  syncBuiltinESMExports();
}

describe('the way to a file', () => {
  it('is safe where only root and this user may change it', () => {
    expect(findPathFault(join(top, 'a', 'b', 'file'))).toBeUndefined();
    // The file itself is not looked at.
    chmodSync(join(top, 'a', 'b'), 0o777);
    expect(findPathFault(join(top, 'a', 'b'))).toBeUndefined();
    expect(findPathFault('/file')).toBeUndefined();
  });

  it.each([
    [0o757, 'lets every user rename what is in it'],
    [0o777, 'lets every user rename what is in it'],
    [0o775, 'lets its group rename what is in it'],
    [0o1777, undefined],
    [0o1775, undefined],
    [0o755, undefined],
  ])('of a directory of mode %o above it', (mode, problem) => {
    chmodSync(join(top, 'a'), mode);
    const fault = findPathFault(join(top, 'a', 'b', 'file'));
    expect(fault).toEqual(problem && { path: join(top, 'a'), problem });
  });

  it('is not safe if a directory above it belongs to another user', () => {
    giveAway('statSync', join(top, 'a'));
    expect(findPathFault(join(top, 'a', 'b', 'file'))).toEqual({
      path: join(top, 'a'),
      problem: 'belongs to uid 4321, who can rename what is in it',
    });
  });

  it('includes symbolic links and the directories that hold them', () => {
    mkdirSync(join(top, 'links'), { mode: 0o755 });
    symlinkSync('../a/./b', join(top, 'links', 'relative'));
    symlinkSync(join(top, 'links', 'relative'), join(top, 'links', 'absolute'));
    const file = join(top, 'links', 'absolute', 'file');
    expect(findPathFault(file)).toBeUndefined();
    chmodSync(join(top, 'a'), 0o777);
    expect(findPathFault(file)?.path).toBe(join(top, 'a'));
    chmodSync(join(top, 'a'), 0o755);
    chmodSync(join(top, 'links'), 0o777);
    expect(findPathFault(file)?.path).toBe(join(top, 'links'));
  });

  it('is not safe through another user’s link, even in a sticky directory', () => {
    chmodSync(top, 0o1777);
    const link = join(top, 'link');
    symlinkSync('a', link);
    expect(findPathFault(join(link, 'file'))).toBeUndefined();
    giveAway('lstatSync', link);
    expect(findPathFault(join(link, 'file'))).toEqual({
      path: link,
      problem: 'is a symbolic link of uid 4321, who can change it',
    });
  });

  it('ends', () => {
    symlinkSync('loop', join(top, 'loop'));
    expect(findPathFault(join(top, 'loop', 'file'))?.problem).toBe(
      'is behind too many symbolic links',
    );
    expect(() => findPathFault(join(top, 'nowhere', 'file'))).toThrow('ENOENT');
  });

  it('is not checked on systems without user ids', () => {
    chmodSync(top, 0o777);
    vi.spyOn(process as { geteuid: unknown }, 'geteuid', 'get').mockReturnValue(undefined);
    expect(findPathFault(join(top, 'a', 'file'))).toBeUndefined();
  });
});
