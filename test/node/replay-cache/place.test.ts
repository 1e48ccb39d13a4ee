import fs, {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FileReplayCache, openReplayCache } from '../../../src/node/index.ts';
import {
  defaultReplayDirectory,
  findReplayDirectory,
} from '../../../src/node/replay-cache/place.ts';

let parent: string;
let warnings: string[];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'replay-place-'));
  warnings = [];
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(parent, { recursive: true });
});

const NAME = `krb5_${process.geteuid?.()}.replays`;

function find(environment: Readonly<Record<string, string>>): string {
  return findReplayDirectory(environment, (message) => warnings.push(message));
}

/** Lets a path belong to somebody else as long as it is there. */
function giveAway(path: string): void {
  const { lstatSync } = fs;
  vi.spyOn(fs, 'lstatSync').mockImplementation(((asked: string, options: object) => {
    const stats = lstatSync(asked, options) as fs.Stats | undefined;
    if (stats !== undefined && asked === path) stats.uid = 4321;
    return stats;
  }) as never);
  syncBuiltinESMExports();
}

describe('the directory of a user', () => {
  it('is named by the environment, else where it survives a restart', () => {
    expect(defaultReplayDirectory({ KRB5RCACHEDIR: '/a', TMPDIR: '/b' })).toBe(`/a/${NAME}`);
    expect(defaultReplayDirectory({ KRB5RCACHEDIR: '', TMPDIR: '/b' })).toBe(`/b/${NAME}`);
    vi.spyOn(fs, 'existsSync').mockImplementation((path) => path === '/var/tmp');
    syncBuiltinESMExports();
    expect(defaultReplayDirectory({ TMPDIR: '' })).toBe(`/var/tmp/${NAME}`);
    vi.spyOn(fs, 'existsSync').mockReturnValue(false);
    syncBuiltinESMExports();
    expect(defaultReplayDirectory({})).toBe(join(tmpdir(), NAME));
  });

  it.each([
    [{ STATE_DIRECTORY: '/s' }, '/s'],
    [{ STATE_DIRECTORY: '/s:/t' }, '/s'],
    [{ STATE_DIRECTORY: '', RUNTIME_DIRECTORY: '/r:/q' }, '/r'],
    [{ XDG_RUNTIME_DIR: '/x' }, '/x'],
    // A restart of the service empties the latter.
    [{ STATE_DIRECTORY: '/s', RUNTIME_DIRECTORY: '/r', XDG_RUNTIME_DIR: '/x' }, '/s'],
    [{ RUNTIME_DIRECTORY: '/r', XDG_RUNTIME_DIR: '/x' }, '/r'],
    [{ KRB5RCACHEDIR: '/k', STATE_DIRECTORY: '/s' }, '/k'],
  ])('is named by the service manager: %j', (environment, expected) => {
    expect(defaultReplayDirectory({ TMPDIR: '/b', ...environment })).toBe(`${expected}/${NAME}`);
  });
});

describe('the directory that is found', () => {
  it('is the default one if that is usable', () => {
    const environment = { RUNTIME_DIRECTORY: parent, TMPDIR: '/b' };
    expect(find(environment)).toBe(join(parent, NAME));
    mkdirSync(join(parent, NAME));
    expect(find(environment)).toBe(join(parent, NAME));
    expect(warnings).toEqual([]);
  });

  it('is elsewhere if the directory of the service manager is missing or not safe', () => {
    const open = join(parent, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const missing = join(parent, 'missing');
    const environment = {
      STATE_DIRECTORY: missing,
      RUNTIME_DIRECTORY: open,
      XDG_RUNTIME_DIR: open,
      TMPDIR: parent,
    };
    expect(find(environment)).toBe(join(parent, NAME));
    expect(warnings).toEqual([
      expect.stringContaining(`The replay cache is not in ${missing}: ENOENT`),
      `The replay cache is not in ${open}: ${open} lets every user rename what is in it`,
      `The replay cache is not in ${open}: ${open} lets every user rename what is in it`,
    ]);
  });

  it('has another name if another user has taken the first one, and keeps it', () => {
    const taken = join(parent, NAME);
    mkdirSync(taken);
    giveAway(taken);
    const environment = { TMPDIR: parent };
    const first = find(environment);
    expect(first.startsWith(`${taken}-`)).toBe(true);
    expect(warnings).toEqual([`The replay cache is ${first}: ${taken} belongs to uid 4321`]);
    expect(find(environment)).toBe(first);
    // Whoever took it leaves, so that the next process may begin with an empty cache.
    rmdirSync(taken);
    expect(find(environment)).toBe(first);
    expect(readdirSync(parent)).toEqual([first.slice(parent.length + 1)]);
  });

  it('has another name if a file of this user has the first one', () => {
    writeFileSync(join(parent, NAME), '');
    expect(find({ KRB5RCACHEDIR: parent })).not.toBe(join(parent, NAME));
    expect(warnings).toEqual([expect.stringContaining('is not a directory')]);
  });

  it('is that of `dfl:`, and works like any other', async () => {
    const taken = join(parent, NAME);
    mkdirSync(taken);
    giveAway(taken);
    const cache = await openReplayCache('dfl:', {
      environment: { TMPDIR: parent },
      onWarning: (message) => warnings.push(message),
    });
    if (!(cache instanceof FileReplayCache)) throw new Error('no cache in files');
    expect(cache.directory).toMatch(/\.replays-\w{6}$/);
    expect(existsSync(cache.directory)).toBe(true);
    expect(warnings).toHaveLength(1);
    await cache.close();
  });

  it('fails if no directory can be determined', () => {
    expect(() => find({ KRB5RCACHEDIR: `${parent}\0` })).toThrow(
      expect.objectContaining({ code: 'KRB5_RC_IO' }),
    );
  });
});
