/** Warnings for the operator about a keytab file that can be read. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import process, { platform } from 'node:process';
import type { KerberosError } from '../../errors.ts';
import type { Reason } from '../../explain/reasons.ts';
import type { Keytab, KeytabEntry } from '../../keytab/keytab.ts';
import { printablePrincipal } from '../../messages/principal.ts';
import type { FileStamp } from './keytab-reader.ts';
import { findPathFault } from './safe-path.ts';

/** A fault of a keytab file that the operator should know; the keys are used all the same. */
export interface KeytabWarning {
  /**
   * - `permissions`: its group or others can read or write the file.
   * - `owner`: the file belongs neither to root nor to the user of this process.
   * - `directory`: another user can replace the file, because of a directory on its path.
   * - `sample-keys`: it holds keys of the sample keytabs, which are published with this project.
   * - `reload`: the file changed and can no longer be used; the keys read before stay in use.
   *   `error` is the reason.
   */
  readonly kind: 'permissions' | 'owner' | 'directory' | 'sample-keys' | 'reload';
  /** The keytab file. */
  readonly path: string;
  /** One sentence for the operator, with the remedies. */
  readonly message: string;
  /** What is wrong: `keytab.too-open`, `keytab.sample`; with `reload` the reason of `error`. */
  readonly reason: Reason;
  /** What is wrong, in one sentence without a full stop. */
  readonly text: string;
  /** What to do, the likeliest first. */
  readonly remedies: readonly string[];
  /** Only with `reload`. */
  readonly error?: KerberosError;
}

/** The warnings about a file that was read, at most one of each kind. */
export function judgeKeytabFile(path: string, stamp: FileStamp, keytab: Keytab): KeytabWarning[] {
  return [
    permissionsWarning(path, stamp),
    ownerWarning(path, stamp),
    directoryWarning(path),
    sampleKeysWarning(path, keytab),
  ].filter((warning) => warning !== undefined);
}

function permissionsWarning(path: string, { mode }: FileStamp): KeytabWarning | undefined {
  // Windows has no permission bits; Node invents them.
  if (platform === 'win32' || (mode & 0o066) === 0) return undefined;
  const who = (mode & 0o006) === 0 ? 'its group' : 'other users';
  return keytabWarning(
    'permissions',
    path,
    `has mode ${mode.toString(8).padStart(4, '0')}: ${who} can read or replace its keys, and so ` +
      'impersonate the service, or any client to it',
    `chmod 600 ${path}`,
  );
}

function ownerWarning(path: string, { owner }: FileStamp): KeytabWarning | undefined {
  const user = process.geteuid?.();
  if (user === undefined || owner === 0 || owner === user) return undefined;
  return keytabWarning(
    'owner',
    path,
    `belongs to uid ${owner}, who can put other keys into it`,
    'chown it',
  );
}

function directoryWarning(path: string): KeytabWarning | undefined {
  try {
    const fault = findPathFault(path) ?? findPathFault(realpathSync(path));
    if (fault === undefined) return undefined;
    return keytabWarning(
      'directory',
      path,
      `: ${fault.path} ${fault.problem}, and so put a file with other keys in its place`,
      'chown or chmod it',
    );
  } catch {
    // The file was read, so its path has changed since; the next read reports that.
    return undefined;
  }
}

function sampleKeysWarning(path: string, keytab: Keytab): KeytabWarning | undefined {
  const entry = findSampleKey(keytab);
  if (entry === undefined) return undefined;
  const name = printablePrincipal(entry.principal);
  return keytabWarning(
    'sample-keys',
    path,
    `holds a published sample key (${name}), with which anyone can impersonate any client to this ` +
      'service',
    'use it for trials only',
  );
}

/** @param problem - The predicate of a sentence about the file, or what follows a colon. */
function keytabWarning(
  kind: KeytabWarning['kind'],
  path: string,
  problem: string,
  remedy: string,
): KeytabWarning {
  const text = `keytab file ${path}${problem.startsWith(':') ? '' : ' '}${problem}`;
  const reason = kind === 'sample-keys' ? 'keytab.sample' : 'keytab.too-open';
  return { kind, path, message: `${text}; ${remedy}`, reason, text, remedies: [remedy] };
}

/** Finds a key of the published sample keytabs among the first thousand entries. */
function findSampleKey({ entries }: Keytab): KeytabEntry | undefined {
  return entries.slice(0, MAX_EXAMINED).find(({ key }) => {
    const bytes = key.bytes();
    const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
    bytes.fill(0);
    return DIGESTS.has(digest);
  });
}

const MAX_EXAMINED = 1000;
// SHA-256 of each key in keytabs/*.keytab, the first half.
const DIGESTS: ReadonlySet<string> = new Set([
  'eba01d34f79b25e39e648d758db5eb03',
  '31e146004bdde215c93aea58c85d7cf1',
  '9e1af60852a18ca5522982f4bb64fa39',
  'a24627ded5f4b926f7707c4dc202a8aa',
  '095e57e92e08e5bc392de5538ce8012a',
  '1a1b7ca04cd4438584db0e28fe5b74e9',
  'dc582887a378e6e1e1b51577876b1db4',
  'ea9d352b1f6712306820d7313631dcf7',
  '0986c2015a09b0dd82f3cf41e8badb73',
]);
