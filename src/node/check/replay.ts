/** Tries the place of a replay cache, and leaves it as it was. */
import { closeSync, existsSync, openSync, rmdirSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { ReplayDirectory } from '../replay-cache/directory.ts';
import { systemReplayCacheError } from '../replay-cache/error.ts';
import type { ReplayCacheNameOptions } from '../replay-cache/name.ts';
import { resolveReplayCacheName } from '../replay-cache/name.ts';
import type { Finding } from './finding.ts';
import { findingOf, ok, warning } from './finding.ts';

/** @param name - As for `openReplayCache`. */
export function checkReplayCacheName(
  name: string | undefined,
  options: Pick<ReplayCacheNameOptions, 'defaultName' | 'environment'>,
): Finding[] {
  const findings: Finding[] = [];
  try {
    const onWarning = (text: string): void => {
      findings.push(warning('replay-cache', 'replay.cache-failed', text, ELSEWHERE));
    };
    // Nothing is made here: tryDirectory makes the directory, and removes it.
    const unique = (prefix: string): string => `${prefix}${process.pid}`;
    const cache = resolveReplayCacheName(name, { ...options, onWarning }, unique);
    switch (cache.type) {
      case 'none':
        return [
          warning(
            'replay-cache',
            'server.no-replay-cache',
            NONE,
            'write -rcache dfl:, or set KRB5RCACHENAME',
          ),
        ];
      case 'memory':
        return [ok('replay-cache', MEMORY)];
      case 'directory':
        tryDirectory(cache.path);
        findings.push(ok('replay-cache', `${cache.path}: private and writable`));
    }
  } catch (error) {
    findings.push(findingOf('replay-cache', error));
  }
  return findings;
}

/** @throws {@link KerberosError} `KRB5_RC_IO` */
function tryDirectory(path: string): void {
  const isNew = !existsSync(path);
  const directory = new ReplayDirectory(path);
  try {
    directory.prepare();
    // Not the name of a log, so that no server reads it.
    const trial = join(path, `check-${process.pid}`);
    const fd = openSync(trial, 'wx', 0o600);
    try {
      writeSync(fd, new Uint8Array(RECORD_BYTES));
    } finally {
      closeSync(fd);
      unlinkSync(trial);
    }
  } catch (error) {
    throw systemReplayCacheError(path, error);
  } finally {
    directory.close();
    if (isNew) removeIfEmpty(path);
  }
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // A server that started meanwhile uses it, or it was never made.
  }
}

const RECORD_BYTES = 32;
const NONE =
  'there is no replay cache: a recorded request can be used again while its ticket is valid';
const MEMORY =
  'in memory: a restart forgets it, and other processes do not share it; for several processes ' +
  'write dfl: or dir:/path';
const ELSEWHERE = 'set KRB5RCACHEDIR to a directory of this user, or name one: -rcache dir:/path';
