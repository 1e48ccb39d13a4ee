/** Keytab files: found by name, read once or followed as they change. */
import { platform } from 'node:process';
import type { CryptoProvider } from '../crypto/provider.ts';
import { KerberosError } from '../errors.ts';
import type { Keytab } from '../keytab/keytab.ts';
import { principalEqual } from '../messages/principal.ts';
import type { KeytabNameOptions } from './keytab-name.ts';
import { resolveKeytabName } from './keytab-name.ts';
import type { FileStamp } from './keytab-reader.ts';
import { readKeytabFile, sameStamp, stampKeytabFile } from './keytab-reader.ts';

/** Something that an operator should hear about; nothing failed because of it. */
export interface KeytabWarning {
  /**
   * - `permissions`: the group or others can read the file.
   * - `reload`: the file changed, and what it is now cannot be used: the keys read before stay in
   *   use. `error` says why.
   */
  readonly kind: 'permissions' | 'reload';
  readonly path: string;
  readonly message: string;
  readonly error?: KerberosError;
}

export interface KeytabFileOptions extends KeytabNameOptions {
  /** What the keys compute with; the default provider if absent. */
  readonly crypto?: CryptoProvider;
  /** Called at most once for each change of the file; absent, warnings are dropped. */
  readonly onWarning?: (warning: KeytabWarning) => void;
}

/**
 * Reads a keytab file once.
 *
 * @param name - `FILE:path`, `WRFILE:path` or a path; absent, `KRB5_KTNAME` or the system default.
 * @throws {@link KerberosError} `KRB5_KT_NOTFOUND` (no such file), `KRB5_KT_IOERR` (cannot be
 *   read, not a file, larger than 16 MiB), `KRB5_KT_FORMAT`, `KRB5_KT_UNKNOWN_TYPE`.
 */
export async function loadKeytab(name?: string, options: KeytabFileOptions = {}): Promise<Keytab> {
  const path = resolveKeytabName(name, options);
  const keytab = await readKeytabFile(path, options.crypto);
  warnOfPermissions(path, (await stampKeytabFile(path)).mode, options);
  return keytab;
}

/**
 * Follows a keytab file: the function returned gives what the file holds now, and reads it only if
 * it has changed. It is what `acquireCredential` takes as its keytab.
 *
 * While the file gives the same keys, it gives the same object. Once a keytab was read, a file
 * that is gone, cut off, damaged, empty or unreadable is a warning, and the keys read before stay
 * in use: tools that write a keytab in place let readers see it half-written.
 *
 * @param name - As {@link loadKeytab}; resolved here, once.
 * @returns Rejects as {@link loadKeytab} while there never was a usable keytab. Calls at the same
 *   time share one reading.
 * @throws {@link KerberosError} `KRB5_KT_UNKNOWN_TYPE`.
 */
export function keytabFile(name?: string, options: KeytabFileOptions = {}): () => Promise<Keytab> {
  const path = resolveKeytabName(name, options);
  const state: FollowedFile = { path, options, seen: undefined };
  let reading: Promise<Keytab> | undefined;
  return () => {
    reading ??= follow(state).finally(() => {
      reading = undefined;
    });
    return reading;
  };
}

interface FollowedFile {
  readonly path: string;
  readonly options: KeytabFileOptions;
  /** The last keytab that could be used. */
  keytab?: Keytab;
  /** The file as it was looked at last, usable or not; absent: it has to be read again. */
  seen: FileStamp | undefined;
  /** What the last warnings were about, so that each is given once. */
  warnedMode?: number;
  warnedFault?: string;
}

async function follow(file: FollowedFile): Promise<Keytab> {
  const { path, options } = file;
  try {
    const stamp = await stampKeytabFile(path);
    if (file.keytab !== undefined && sameStamp(stamp, file.seen)) return file.keytab;
    // Taken before reading: what is written meanwhile gives another stamp.
    file.seen = isSettled(stamp) ? stamp : undefined;
    const keytab = await readKeytabFile(path, options.crypto);
    // Rewriting a keytab in place begins with one that has no entries.
    if (keytab.entries.length === 0 && file.keytab?.entries.length) throw noEntries(path);
    if (file.keytab === undefined || !sameKeys(keytab, file.keytab)) file.keytab = keytab;
    delete file.warnedFault;
    if (stamp.mode !== file.warnedMode) warnOfPermissions(path, stamp.mode, options);
    file.warnedMode = stamp.mode;
    return file.keytab;
  } catch (error) {
    if (file.keytab === undefined || !(error instanceof KerberosError)) throw error;
    // What denied us the file may go away without a change of the file itself.
    if (error.code !== 'KRB5_KT_FORMAT') file.seen = undefined;
    if (error.message !== file.warnedFault) {
      file.warnedFault = error.message;
      options.onWarning?.({
        kind: 'reload',
        path,
        message: `${error.message}; the keys read before stay in use`,
        error,
      });
    }
    return file.keytab;
  }
}

/**
 * A file system's clock ticks every few milliseconds, or every two seconds: a file that was
 * written this recently can be written once more without its stamp telling.
 */
function isSettled(stamp: FileStamp): boolean {
  return Date.now() - Number(stamp.modified / 1_000_000n) > 2000;
}

/** Whether nothing is gained by a new keytab: its keys would have to be scheduled anew. */
function sameKeys(a: Keytab, b: Keytab): boolean {
  return (
    a.entries.length === b.entries.length &&
    a.entries.every((entry, i) => {
      const other = b.entries[i]!;
      return (
        entry.kvno === other.kvno &&
        entry.timestamp === other.timestamp &&
        principalEqual(entry.principal, other.principal) &&
        entry.key.equals(other.key)
      );
    })
  );
}

function warnOfPermissions(path: string, mode: number, options: KeytabFileOptions): void {
  // Windows has no such bits; Node makes them up.
  if (platform === 'win32' || (mode & 0o066) === 0) return;
  const who = (mode & 0o006) === 0 ? 'its group' : 'other users';
  options.onWarning?.({
    kind: 'permissions',
    path,
    message:
      `keytab file ${path} has mode ${mode.toString(8).padStart(4, '0')}: ${who} can get at ` +
      `its keys, and with them be this service or anybody to it; chmod 600 ${path}`,
  });
}

function noEntries(path: string): KerberosError {
  return new KerberosError('KRB5_KT_FORMAT', `keytab file ${path} has no entries any more`, {
    hint: 'export the keys into it again',
  });
}
