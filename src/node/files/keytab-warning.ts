/** What an operator should hear about a keytab file that can be read. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import process, { platform } from 'node:process';
import type { KerberosError } from '../../errors.ts';
import type { Keytab, KeytabEntry } from '../../keytab/keytab.ts';
import { printablePrincipal } from '../../messages/principal.ts';
import type { FileStamp } from './keytab-reader.ts';
import { findPathFault } from './safe-path.ts';

/** Something that an operator should hear about; nothing failed because of it. */
export interface KeytabWarning {
  /**
   * - `permissions`: the group or others can read the file.
   * - `owner`: the file belongs to somebody who is neither root nor the user of this process.
   * - `directory`: somebody else can put another file in its place.
   * - `sample-keys`: it holds keys of the sample keytabs that are published with this package.
   * - `reload`: the file changed, and what it is now cannot be used: the keys read before stay in
   *   use. `error` says why.
   */
  readonly kind: 'permissions' | 'owner' | 'directory' | 'sample-keys' | 'reload';
  readonly path: string;
  readonly message: string;
  readonly error?: KerberosError;
}

/** The warnings about a file that was read, in no case more than one of each kind. */
export function judgeKeytabFile(path: string, stamp: FileStamp, keytab: Keytab): KeytabWarning[] {
  return [
    permissionsWarning(path, stamp),
    ownerWarning(path, stamp),
    directoryWarning(path),
    sampleKeysWarning(path, keytab),
  ].filter((warning) => warning !== undefined);
}

function permissionsWarning(path: string, { mode }: FileStamp): KeytabWarning | undefined {
  // Windows has no such bits; Node makes them up.
  if (platform === 'win32' || (mode & 0o066) === 0) return undefined;
  const who = (mode & 0o006) === 0 ? 'its group' : 'other users';
  return {
    kind: 'permissions',
    path,
    message:
      `keytab file ${path} has mode ${mode.toString(8).padStart(4, '0')}: ${who} can get at ` +
      `its keys, and with them be this service or anybody to it; chmod 600 ${path}`,
  };
}

function ownerWarning(path: string, { owner }: FileStamp): KeytabWarning | undefined {
  const user = process.geteuid?.();
  if (user === undefined || owner === 0 || owner === user) return undefined;
  return {
    kind: 'owner',
    path,
    message: `keytab file ${path} belongs to uid ${owner}, who can put other keys into it; chown it`,
  };
}

function directoryWarning(path: string): KeytabWarning | undefined {
  try {
    const fault = findPathFault(path) ?? findPathFault(realpathSync(path));
    if (fault === undefined) return undefined;
    const message =
      `keytab file ${path}: ${fault.path} ${fault.problem}, and so put a file with other keys in ` +
      'its place; chown or chmod it';
    return { kind: 'directory', path, message };
  } catch {
    // The file was read: the way to it has changed since, and the next look tells.
    return undefined;
  }
}

function sampleKeysWarning(path: string, keytab: Keytab): KeytabWarning | undefined {
  const entry = findSampleKey(keytab);
  if (entry === undefined) return undefined;
  const name = printablePrincipal(entry.principal);
  return {
    kind: 'sample-keys',
    path,
    message:
      `keytab file ${path} holds a published sample key (${name}): whoever knows it is anybody to ` +
      'this service; use it for trials only',
  };
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
