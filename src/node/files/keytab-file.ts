/** Keytab files: found by name, read once or followed as they change. */
import type { CryptoProvider } from '../../crypto/provider.ts';
import { cryptoProvider } from '../../crypto/provider.ts';
import { KerberosError } from '../../errors.ts';
import { tell } from '../../hooks.ts';
import type { Keytab } from '../../keytab/keytab.ts';
import { sameKeys } from '../../keytab/succession.ts';
import type { KeytabProvider } from '../../krb5/key-source.ts';
import type { OptionRules } from '../../options.ts';
import { callback, checkOptions, objectWith, text } from '../../options.ts';
import { printWarning } from '../../warning.ts';
import type { KeytabNameOptions } from './keytab-name.ts';
import { resolveKeytabName } from './keytab-name.ts';
import type { FileStamp } from './keytab-reader.ts';
import { readKeytabFile, sameStamp, stampKeytabFile } from './keytab-reader.ts';
import type { KeytabWarning } from './keytab-warning.ts';
import { judgeKeytabFile } from './keytab-warning.ts';

export interface KeytabFileOptions extends KeytabNameOptions {
  /** What the keys compute with; the default provider if absent. */
  readonly crypto?: CryptoProvider;
  /** Told once of each fault of the file. If absent, the runtime prints it as a warning. */
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
  checkOptions('loadKeytab', options, KEYTAB_FILE_OPTIONS);
  const path = resolveKeytabName(name, options);
  const keytab = await readKeytabFile(path, options.crypto);
  for (const warning of judgeKeytabFile(path, await stampKeytabFile(path), keytab)) {
    warn(warning, options);
  }
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
export function keytabFile(name?: string, options: KeytabFileOptions = {}): KeytabFile {
  checkOptions('keytabFile', options, KEYTAB_FILE_OPTIONS);
  const path = resolveKeytabName(name, options);
  const state: FollowedFile = { path, options, seen: undefined, failure: undefined, told: [] };
  let reading: Promise<Keytab> | undefined;
  const read = () => {
    reading ??= follow(state).finally(() => {
      reading = undefined;
    });
    return reading;
  };
  return Object.defineProperty(read, 'failure', { get: () => state.failure }) as KeytabFile;
}

/** What {@link keytabFile} returns. */
export interface KeytabFile extends KeytabProvider {
  (): Promise<Keytab>;
  /** Why the file cannot be used now, while the keys read before stay in use. */
  readonly failure: KerberosError | undefined;
}

interface FollowedFile {
  readonly path: string;
  readonly options: KeytabFileOptions;
  /** The last keytab that could be used. */
  keytab?: Keytab;
  /** The file as it was looked at last, usable or not; absent: it has to be read again. */
  seen: FileStamp | undefined;
  /** What is wrong with it now, though earlier keys serve. */
  failure: KerberosError | undefined;
  /** The warnings that hold for the file as it is, so that each is given once. */
  told: readonly string[];
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
    file.failure = undefined;
    const warnings = judgeKeytabFile(path, stamp, file.keytab);
    const { told } = file;
    file.told = warnings.map(({ message }) => message);
    for (const warning of warnings) {
      if (!told.includes(warning.message)) warn(warning, options);
    }
    return file.keytab;
  } catch (error) {
    if (file.keytab === undefined || !(error instanceof KerberosError)) throw error;
    // What denied us the file may go away without a change of the file itself.
    if (error.code !== 'KRB5_KT_FORMAT') file.seen = undefined;
    const before = file.failure?.message;
    file.failure = error;
    if (error.message !== before) {
      const message = `${error.message}; the keys read before stay in use`;
      warn({ kind: 'reload', path, message, error }, options);
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

function warn(warning: KeytabWarning, { onWarning }: KeytabFileOptions): void {
  if (onWarning === undefined) printWarning(warning.message, 'KRB5_ACCEPTOR_KEYTAB');
  else tell('onWarning', onWarning, warning);
}

function noEntries(path: string): KerberosError {
  return new KerberosError('KRB5_KT_FORMAT', {
    message: `keytab file ${path} has no entries any more`,
    hint: 'export the keys into it again',
  });
}

export const KEYTAB_FILE_OPTIONS: OptionRules<KeytabFileOptions> = {
  environment: objectWith('an environment'),
  defaultName: text,
  crypto: cryptoProvider,
  onWarning: callback,
};
