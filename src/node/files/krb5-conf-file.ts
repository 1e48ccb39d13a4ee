/** krb5.conf from the file system: where MIT krb5 looks for it, and what it includes. */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ProfileSection, ProfileSource } from '../../config/profile.ts';
import { Profile, parseProfile } from '../../config/profile.ts';
import type { KerberosConfig } from '../../config/settings.ts';
import { parseKerberosConfig } from '../../config/settings.ts';
import { KerberosError } from '../../errors.ts';
import { defaultConfigFiles, splitFileList } from './platform-paths.ts';

/**
 * Reads the Kerberos configuration.
 *
 * @param files - File names between colons (semicolons on Windows). If absent, `KRB5_CONFIG`; if that
 *   is not set, or empty, `/etc/krb5.conf`, or the place that Windows has for it. A file
 *   that does not exist or that this process may not read is skipped; a directory means its files.
 *   The first file that has a value wins.
 * @returns The settings; the defaults if there is no file at all.
 * @throws {@link KerberosError} `KRB5_CONFIG_BADFORMAT` if a file is malformed, or what it includes
 *   cannot be read.
 */
export function loadKerberosConfig(files?: string): KerberosConfig {
  // An empty variable is how scripts unset one.
  const named = files ?? (process.env.KRB5_CONFIG || undefined);
  return parseKerberosConfig(
    loadFiles(named === undefined ? defaultConfigFiles() : splitFileList(named)),
  );
}

/** As {@link loadKerberosConfig}, but the tree itself. */
export function loadProfile(files: string): Profile {
  return loadFiles(splitFileList(files));
}

function loadFiles(files: readonly string[]): Profile {
  const sections: ProfileSection[] = [];
  for (const file of files) {
    const path = file.startsWith('~/') ? join(homedir(), file.slice(2)) : file;
    const section = openFile(path);
    if (section !== undefined) sections.push(section);
  }
  return new Profile(sections);
}

function openFile(path: string): ProfileSection | undefined {
  try {
    if (statSync(path).isDirectory()) {
      return parseProfile({ name: path, text: `includedir ${path}` }, readIncluded);
    }
    return parseProfile(readSource(path), readIncluded);
  } catch (error) {
    // MIT krb5, prof_init.c: these are skipped, all else is an error.
    if (SKIPPED.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw asKerberosError(error, path);
  }
}

function readIncluded(directive: 'include' | 'includedir', path: string): ProfileSource[] {
  try {
    if (directive === 'include') return [readSource(path)];
    return readdirSync(path)
      .filter(isIncludedName)
      .sort()
      .map((name) => readSource(join(path, name)));
  } catch (error) {
    throw asKerberosError(error, `${directive} ${path}`);
  }
}

function readSource(path: string): ProfileSource {
  // How a configuration without any setting is named.
  if (path === '/dev/null') return { name: path, text: '' };
  const fd = openSync(path, OPEN_FLAGS);
  try {
    const stats = fstatSync(fd);
    // MIT krb5: a directory among included files is as an empty file.
    if (stats.isDirectory()) return { name: path, text: '' };
    if (!stats.isFile()) throw unreadable(path, 'it is not a regular file');
    if (stats.size > MAX_BYTES) throw unreadable(path, `it has more than ${MAX_BYTES} bytes`);
    // Comments may be in any encoding: what is not UTF-8 becomes U+FFFD.
    return { name: path, text: readFileSync(fd, 'utf8').replace(/^\uFEFF/, '') };
  } finally {
    closeSync(fd);
  }
}

function asKerberosError(error: unknown, what: string): KerberosError {
  if (error instanceof KerberosError) return error;
  const { code } = error as NodeJS.ErrnoException;
  return unreadable(what, code ?? 'unknown error', error);
}

function unreadable(what: string, why: string, cause?: unknown): KerberosError {
  const message = `${what} cannot be read: ${why}`;
  return new KerberosError('KRB5_CONFIG_BADFORMAT', { message, cause });
}

// MIT krb5, prof_parse.c: no hidden files, and no editor's or package manager's left-overs.
function isIncludedName(name: string): boolean {
  return !name.startsWith('.') && (name.endsWith('.conf') || /^[0-9A-Za-z_-]*$/.test(name));
}

// O_NONBLOCK: a FIFO must not hold us until somebody writes to it. Windows lacks it.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
// As much as a profile may have in all.
const MAX_BYTES = 64_000_000;
const SKIPPED: ReadonlySet<string> = new Set(['ENOENT', 'EACCES', 'EPERM']);
