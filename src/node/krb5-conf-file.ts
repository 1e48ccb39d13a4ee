/** krb5.conf from the file system: where MIT krb5 looks for it, and what it includes. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ProfileSection, ProfileSource } from '../config/profile.ts';
import { Profile, parseProfile } from '../config/profile.ts';
import type { KerberosConfig } from '../config/settings.ts';
import { parseKerberosConfig } from '../config/settings.ts';
import { KerberosError } from '../errors.ts';

/**
 * Reads the Kerberos configuration.
 *
 * @param files - File names between colons; `KRB5_CONFIG` if absent, else `/etc/krb5.conf`. A file
 *   that is not there, or that we may not read, is skipped; a directory stands for its files.
 *   The first file that has a value wins.
 * @returns The settings; the defaults if there is no file at all.
 * @throws {@link KerberosError} `KRB5_CONFIG_BADFORMAT` if a file is malformed, or what it includes
 *   cannot be read.
 */
export function loadKerberosConfig(
  files: string = process.env.KRB5_CONFIG ?? DEFAULT_FILE,
): KerberosConfig {
  return parseKerberosConfig(loadProfile(files));
}

/** As {@link loadKerberosConfig}, but the tree itself. */
export function loadProfile(files: string): Profile {
  const sections: ProfileSection[] = [];
  for (const file of files.split(':')) {
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
  // MIT krb5: a directory among included files is as an empty file.
  if (statSync(path).isDirectory()) return { name: path, text: '' };
  // Comments may be in any encoding: what is not UTF-8 becomes U+FFFD.
  return { name: path, text: readFileSync(path, 'utf8').replace(/^\uFEFF/, '') };
}

function asKerberosError(error: unknown, what: string): KerberosError {
  if (error instanceof KerberosError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const message = `${what} cannot be read: ${code ?? 'unknown error'}`;
  return new KerberosError('KRB5_CONFIG_BADFORMAT', message, { cause: error });
}

// MIT krb5, prof_parse.c: no hidden files, and no editor's or package manager's left-overs.
function isIncludedName(name: string): boolean {
  return !name.startsWith('.') && (name.endsWith('.conf') || /^[0-9A-Za-z_-]*$/.test(name));
}

const DEFAULT_FILE = '/etc/krb5.conf';
const SKIPPED: ReadonlySet<string> = new Set(['ENOENT', 'EACCES', 'EPERM']);
