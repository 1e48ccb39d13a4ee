import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryReplayCache } from '../../../src/ap/replay-cache.ts';
import type { ReplayCacheNameOptions } from '../../../src/node/index.ts';
import { FileReplayCache, openReplayCache } from '../../../src/node/index.ts';
import { NOW, NOW_SECONDS } from '../../support/realm-kit.ts';
import { ciphertextOf, recordOf } from './support.ts';

let parent: string;
let opened: FileReplayCache[];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'replay-cache-'));
  opened = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const cache of opened) await cache.close();
  rmSync(parent, { recursive: true });
});

/** The directory of the cache that a name means. */
async function directoryOf(
  name: string | undefined,
  environment: Readonly<Record<string, string>> = {},
  options: ReplayCacheNameOptions = {},
): Promise<string> {
  const cache = await openReplayCache(name, { environment, ...options });
  if (!(cache instanceof FileReplayCache)) throw new Error(`${name} is no directory`);
  opened.push(cache);
  return cache.directory;
}

const user = process.geteuid?.();

describe('the name of a replay cache', () => {
  it('may be a directory', async () => {
    const path = join(parent, 'cache');
    expect(await directoryOf(`dir:${path}`)).toBe(path);
    expect(await directoryOf(path)).toBe(path);
    expect(await directoryOf(`file2:${path}`)).toBe(`${path}.replays`);
    expect(await directoryOf('dfl:', { KRB5RCACHEDIR: parent })).toBe(
      join(parent, `krb5_${user}.replays`),
    );
    expect(readdirSync(parent).sort()).toEqual(['cache', 'cache.replays', `krb5_${user}.replays`]);
  });

  it('is looked up where MIT krb5 does', async () => {
    const environment = {
      KRB5RCACHENAME: `dir:${join(parent, 'named')}`,
      KRB5RCACHETYPE: 'dfl',
      KRB5RCACHEDIR: parent,
    };
    const options = { defaultName: `dir:${join(parent, 'configured')}` };
    const standard = join(parent, `krb5_${user}.replays`);
    expect(await directoryOf(join(parent, 'given'), environment)).toBe(join(parent, 'given'));
    expect(await directoryOf(undefined, environment, options)).toBe(join(parent, 'named'));
    const unset = { ...environment, KRB5RCACHENAME: '' };
    expect(await directoryOf(undefined, unset, options)).toBe(standard);
    const neither = { KRB5RCACHEDIR: parent };
    expect(await directoryOf(undefined, neither, options)).toBe(join(parent, 'configured'));
    expect(await directoryOf(undefined, neither)).toBe(standard);
  });

  it('may have the tokens of krb5.conf', async () => {
    const expected = [process.getuid?.(), process.getuid?.(), user, userInfo().username, ''].join();
    mkdirSync(join(parent, 'a'), { mode: 0o700 });
    const defaultName = `dir:${parent}/a/%{uid},%{USERID},%{euid},%{username},%{null}`;
    expect(await directoryOf(undefined, {}, { defaultName })).toBe(join(parent, 'a', expected));
    await expect(openReplayCache(`dir:${parent}/%{uid}`, { environment: {} })).resolves.toEqual(
      expect.objectContaining({ directory: `${parent}/%{uid}` }),
    );
    await expect(
      openReplayCache(undefined, { environment: {}, defaultName: 'dir:%{LIBDIR}/x' }),
    ).rejects.toMatchObject({ code: 'KRB5_RC_TYPE_NOTFOUND' });
  });

  it('may have the directory of temporary files, and the id 0 on systems without user ids', async () => {
    vi.stubEnv('TMPDIR', parent);
    expect(await directoryOf(undefined, {}, { defaultName: 'dir:%{TEMP}/a' })).toBe(
      join(parent, 'a'),
    );
    const { getuid, geteuid } = process;
    const without = process as { getuid: unknown; geteuid: unknown };
    try {
      without.getuid = undefined;
      without.geteuid = undefined;
      const defaultName = `dir:${parent}/%{uid}-%{euid}`;
      expect(await directoryOf(undefined, {}, { defaultName })).toBe(join(parent, '0-0'));
    } finally {
      Object.assign(process, { getuid, geteuid });
    }
  });

  it('may be memory or none', async () => {
    const memory = await openReplayCache('memory:', { maxEntries: 1, clock: () => NOW });
    expect(memory).toBeInstanceOf(MemoryReplayCache);
    const record = recordOf(ciphertextOf(1), NOW_SECONDS);
    expect(memory.checkAndStore(record)).toBe(true);
    expect(memory.checkAndStore(record)).toBe(false);
    expect(() => memory.checkAndStore(recordOf(ciphertextOf(2), NOW_SECONDS))).toThrow('full');
    const none = await openReplayCache(undefined, { environment: { KRB5RCACHETYPE: 'none' } });
    expect(none.checkAndStore(record)).toBe(true);
    expect(none.checkAndStore(record)).toBe(true);
  });

  it.each(['', 'cache', 'dir:', 'file2:', 'dir:a\0b', 'FILE:/tmp/x', 'redis:x', ':x'])(
    'is refused as %j',
    async (name) => {
      await expect(openReplayCache(name)).rejects.toMatchObject({
        code: 'KRB5_RC_TYPE_NOTFOUND',
        message: expect.stringContaining(JSON.stringify(name)),
        hint: expect.stringContaining('dir:'),
      });
    },
  );

  it.each(['redis://user:secret@host', 'unix:/run/x?password=secret', 'postgres:u:secret@h/d'])(
    'is not repeated where it may hold a password: %s',
    async (name) => {
      const error = await openReplayCache(name).catch((thrown: Error) => thrown);
      expect(error).toMatchObject({ code: 'KRB5_RC_TYPE_NOTFOUND' });
      expect(String(error)).not.toContain('secret');
    },
  );
});
