/** Resolves keytab names: `FILE:path`, a path, or the default. */
import { env } from 'node:process';
import { KerberosError } from '../../errors.ts';
import { defaultKeytabName, expandPathTokens } from './platform-paths.ts';

/** Where keytab names come from if none is given. */
export interface KeytabNameOptions {
  /** The environment in which `KRB5_KTNAME` is looked up; the process's own if absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /**
   * `default_keytab_name` of krb5.conf, used without a name and without `KRB5_KTNAME`; default
   * `FILE:/etc/krb5.keytab`, or `FILE:C:\Windows\krb5kt` on Windows.
   */
  readonly defaultName?: string;
}

/**
 * Resolves a keytab name to the path of a file.
 *
 * @param name - `FILE:path`, `WRFILE:path` or a path. If absent: `KRB5_KTNAME`, then the default
 *   name.
 * @throws {@link KerberosError} `KRB5_KT_UNKNOWN_TYPE` for `MEMORY:`, `DIR:` and the like, and
 *   for a name without a path.
 */
export function resolveKeytabName(
  name: string | undefined,
  options: KeytabNameOptions = {},
): string {
  const fromEnvironment = (options.environment ?? env).KRB5_KTNAME;
  // An empty variable is how scripts unset one.
  const text = name ?? (fromEnvironment || defaultNameOf(options));
  const path = pathOf(text);
  if (path === '' || path.includes('\0')) {
    throw unknown(text, 'names no file', 'write FILE:/path/of/the.keytab');
  }
  return path;
}

/** MIT krb5, ktdefname.c: only the name in krb5.conf may have tokens such as `%{uid}`. */
function defaultNameOf({ defaultName, environment }: KeytabNameOptions): string {
  if (defaultName === undefined) return defaultKeytabName(environment);
  const expanded = expandPathTokens(defaultName);
  if (expanded !== undefined) return expanded;
  throw unknown(defaultName, 'has an unknown token', 'write %{uid}, %{euid} or %{username}');
}

/** MIT krb5, ktbase.c: the text before the first colon is the type, except in a path. */
function pathOf(text: string): string {
  const colon = text.indexOf(':');
  if (colon < 0 || text.startsWith('/') || WINDOWS_DRIVE.test(text)) return text;
  const type = text.slice(0, colon);
  // Tools once needed WRFILE for writing; for a reader the two are the same.
  if (type === 'FILE' || type === 'WRFILE') return text.slice(colon + 1);
  throw unknown(
    text,
    `has the type ${JSON.stringify(type)}`,
    'only keytab files are supported: FILE:path, or a path without a colon before any /',
  );
}

function unknown(text: string, problem: string, hint: string): KerberosError {
  return new KerberosError('KRB5_KT_UNKNOWN_TYPE', {
    reason: 'keytab.unknown-type',
    message: `keytab name ${JSON.stringify(text)} ${problem}`,
    hint,
  });
}

const WINDOWS_DRIVE = /^[A-Za-z]:/;
