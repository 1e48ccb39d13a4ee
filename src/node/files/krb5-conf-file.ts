/** Reads krb5.conf and the files that it includes from the places where MIT krb5 looks. */
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
import type { ConfigProblem, ProfileSection, ProfileSource } from '../../config/profile.ts';
import { Profile, parseProfile } from '../../config/profile.ts';
import type { KerberosConfig } from '../../config/settings.ts';
import { parseKerberosConfig } from '../../config/settings.ts';
import { KerberosError } from '../../errors.ts';
import { publishWarning } from '../../observe/warnings.ts';
import { printableName } from '../../text.ts';
import { followTraceVariable } from '../observe/trace-file.ts';
import { defaultConfigFiles, splitFileList } from './platform-paths.ts';

/**
 * Reads the Kerberos configuration, synchronously.
 *
 * @param files - File names separated by colons (semicolons on Windows). If absent, `KRB5_CONFIG`; if
 *   that is unset or empty, `/etc/krb5.conf`, or the places of MIT krb5 on Windows and macOS. A file
 *   that does not exist or that this process may not read is skipped, and is one of the result's
 *   `warnings` unless it is a missing default file; a directory means its files. For each value the
 *   first file that has it wins.
 * @returns The settings; the defaults if there is no file.
 * @throws {@link KerberosError} `KRB5_CONFIG_BADFORMAT` if a file is malformed, is no regular file or
 *   is larger than 64 MB, or if a file that it includes cannot be read.
 *
 * @example
 * ```ts
 * import type { AcceptorCredential } from 'krb5-acceptor';
 * import { acceptorPolicy, createAcceptor } from 'krb5-acceptor';
 * import { loadKerberosConfig } from 'krb5-acceptor/node';
 *
 * export function configuredAcceptor(credential: AcceptorCredential) {
 *   return createAcceptor({ credential, ...acceptorPolicy(loadKerberosConfig()) });
 * }
 * ```
 */
export function loadKerberosConfig(files?: string): KerberosConfig {
  const config = parseKerberosConfig(loadNamedProfile(files));
  for (const problem of config.problems) publishWarning(problem);
  return config;
}

/** The sections and values of the files that {@link loadKerberosConfig} reads. */
export function loadNamedProfile(files?: string): Profile {
  followTraceVariable();
  // An empty variable is how scripts unset one.
  const named = files ?? (process.env.KRB5_CONFIG || undefined);
  return named === undefined
    ? loadProfile(defaultConfigFiles(), MAY_BE_MISSING)
    : loadProfile(splitFileList(named));
}

/**
 * The sections and values of these files.
 *
 * @param harmless - Codes of system errors that need no warning.
 */
export function loadProfile(
  files: readonly string[],
  harmless: ReadonlySet<string> = new Set(),
): Profile {
  const sections: ProfileSection[] = [];
  const problems: ConfigProblem[] = [];
  for (const file of files) {
    const path = file.startsWith('~/') ? join(homedir(), file.slice(2)) : file;
    const section = openFile(path);
    if (typeof section === 'object') sections.push(section);
    else if (!harmless.has(section)) problems.push(skipped(path, section));
  }
  return new Profile(sections, problems);
}

/** The file, or the code of the system error because of which it is skipped. */
function openFile(path: string): ProfileSection | string {
  try {
    if (statSync(path).isDirectory()) {
      if (!readdirSync(path).some(isIncludedName)) return EMPTY;
      return parseProfile({ name: path, text: `includedir ${path}` }, readIncluded);
    }
    return parseProfile(readSource(path), readIncluded);
  } catch (error) {
    // MIT krb5, prof_init.c: these errors skip the file, all others are reported.
    const { code = '' } = error as NodeJS.ErrnoException;
    if (SKIPPED.has(code)) return code;
    throw asKerberosError(error, path);
  }
}

function skipped(path: string, code: string): ConfigProblem {
  if (code === EMPTY) {
    return {
      reason: 'config.missing',
      text: `${printableName(path)} is a directory, in which nothing is read: files end in .conf, or have letters, digits, - and _ only`,
      remedies: ['name the file itself in KRB5_CONFIG', 'or put a file *.conf into the directory'],
    };
  }
  if (code === 'ENOENT') {
    return {
      reason: 'config.missing',
      text: `${printableName(path)} does not exist, so its settings are not used`,
      remedies: ['correct the name (KRB5_CONFIG, the option config), or make the file'],
    };
  }
  return {
    reason: 'config.unreadable',
    text: `${printableName(path)} cannot be read (${code}), so its settings are not used`,
    remedies: [`let the user of this process read it: chmod a+r ${printableName(path)}`],
  };
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
  // The usual name of an empty configuration.
  if (path === '/dev/null') return { name: path, text: '' };
  const fd = openSync(path, OPEN_FLAGS);
  try {
    const stats = fstatSync(fd);
    // MIT krb5: a directory among the included files counts as an empty file.
    if (stats.isDirectory()) return { name: path, text: '' };
    if (!stats.isFile()) throw unreadable(path, 'it is not a regular file');
    if (stats.size > MAX_BYTES) throw unreadable(path, `it has more than ${MAX_BYTES} bytes`);
    // Comments may have any encoding: bytes that are not UTF-8 become U+FFFD.
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
  const inclusion = /^include(?:dir)? (.*)$/s.exec(what);
  return new KerberosError('KRB5_CONFIG_BADFORMAT', {
    reason: inclusion === null ? 'config.unreadable' : 'config.include',
    detail: { path: inclusion?.[1] ?? what, problem: inclusion === null ? why : message },
    message,
    cause,
  });
}

// MIT krb5, prof_parse.c: no hidden files, and no backups of editors and package managers.
function isIncludedName(name: string): boolean {
  return !name.startsWith('.') && (name.endsWith('.conf') || /^[0-9A-Za-z_-]*$/.test(name));
}

// O_NONBLOCK: opening a FIFO must not wait for a writer. Windows lacks the flag.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
// Beside the codes of system errors: a directory without files that are read.
const EMPTY = 'EMPTY';
// The limit of a whole profile.
const MAX_BYTES = 64_000_000;
const MAY_BE_MISSING: ReadonlySet<string> = new Set(['ENOENT']);
const SKIPPED: ReadonlySet<string> = new Set(['ENOENT', 'EACCES', 'EPERM']);
