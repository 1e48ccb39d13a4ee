/** Finds a keytab file by name, and reads it once or follows its changes. */
import type { CryptoProvider } from '../../crypto/provider.ts';
import { cryptoProvider } from '../../crypto/provider.ts';
import { KerberosError } from '../../errors.ts';
import { tell } from '../../hooks.ts';
import type { KeytabProvider } from '../../keytab/key-source.ts';
import type { Keytab } from '../../keytab/keytab.ts';
import { sameKeys } from '../../keytab/succession.ts';
import { publishWarning } from '../../observe/warnings.ts';
import type { OptionRules } from '../../options.ts';
import { callback, checkOptions, objectWith, text } from '../../options.ts';
import { printWarning } from '../../warning.ts';
import { followTraceVariable } from '../observe/trace-file.ts';
import type { KeytabNameOptions } from './keytab-name.ts';
import { resolveKeytabName } from './keytab-name.ts';
import type { FileStamp } from './keytab-reader.ts';
import { mitWords, readKeytabFile, sameStamp, stampKeytabFile } from './keytab-reader.ts';
import type { KeytabWarning } from './keytab-warning.ts';
import { judgeKeytabFile } from './keytab-warning.ts';

/** Options of {@link keytabFile} and {@link loadKeytab}. */
export interface KeytabFileOptions extends KeytabNameOptions {
  /** The crypto provider of the keys; the default provider if absent. */
  readonly crypto?: CryptoProvider;
  /**
   * Called once for each fault of the file. If absent, the runtime prints it as a warning. An
   * exception of the callback becomes a warning of the process.
   */
  readonly onWarning?: (warning: KeytabWarning) => void;
}

/**
 * Reads a keytab file once.
 *
 * @param name - `FILE:path`, `WRFILE:path` or a path. If absent: `KRB5_KTNAME`, then
 *   `options.defaultName`, then `/etc/krb5.keytab`.
 * @throws TypeError, RangeError for an invalid option.
 * @throws {@link KerberosError} `KRB5_KT_NOTFOUND` (no such file), `KRB5_KT_IOERR` (cannot be
 *   read, not a file, larger than 16 MiB), `KRB5_KT_FORMAT`, `KRB5_KT_UNKNOWN_TYPE`.
 */
export async function loadKeytab(name?: string, options: KeytabFileOptions = {}): Promise<Keytab> {
  checkOptions('loadKeytab', options, KEYTAB_FILE_OPTIONS);
  followTraceVariable();
  const path = resolveKeytabName(name, options);
  const keytab = await readKeytabFile(path, options.crypto);
  for (const warning of judgeKeytabFile(path, await stampKeytabFile(path), keytab)) {
    warn(warning, options);
  }
  return keytab;
}

/**
 * Follows a keytab file. The function that this returns resolves to the file's present contents, and
 * reads the file only if it has changed; pass it to `acquireCredential` as `keytab`.
 *
 * While the keys are the same, the result is the same object. Once a keytab was read, a file that is
 * missing, truncated, damaged, empty or unreadable causes a warning, and the keys read before stay
 * in use, because tools that write a keytab in place let readers see it half-written.
 *
 * @param name - As for {@link loadKeytab}; resolved once, by this call.
 * @returns A function that rejects as {@link loadKeytab} does until it has read a usable keytab once.
 *   Simultaneous calls share one read.
 * @throws {@link KerberosError} `KRB5_KT_UNKNOWN_TYPE`.
 * @throws TypeError, RangeError for an invalid option.
 *
 * @example
 * ```ts
 * import { acquireCredential } from 'krb5-acceptor';
 * import { keytabFile } from 'krb5-acceptor/node';
 *
 * const keytab = keytabFile('/etc/krb5.keytab');
 * const credential = await acquireCredential({ keytab });
 * ```
 */
export function keytabFile(name?: string, options: KeytabFileOptions = {}): KeytabFile {
  checkOptions('keytabFile', options, KEYTAB_FILE_OPTIONS);
  followTraceVariable();
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

/** The function that {@link keytabFile} returns. */
export interface KeytabFile extends KeytabProvider {
  /** Resolves to the present contents of the file. */
  (): Promise<Keytab>;
  /** Why the file cannot be used now, while the keys read before stay in use; else undefined. */
  readonly failure: KerberosError | undefined;
}

interface FollowedFile {
  readonly path: string;
  readonly options: KeytabFileOptions;
  /** The last usable keytab. */
  keytab?: Keytab;
  /** The stamp of the last read, successful or not; undefined: the file must be read again. */
  seen: FileStamp | undefined;
  /** The present fault of the file, while earlier keys are in use. */
  failure: KerberosError | undefined;
  /** The messages of the warnings already given, so that each is given once. */
  told: readonly string[];
}

async function follow(file: FollowedFile): Promise<Keytab> {
  const { path, options } = file;
  try {
    const stamp = await stampKeytabFile(path);
    if (file.keytab !== undefined && sameStamp(stamp, file.seen)) return file.keytab;
    // The stamp is taken before reading: a write in between changes the next stamp.
    file.seen = isSettled(stamp) ? stamp : undefined;
    const keytab = await readKeytabFile(path, options.crypto);
    // It opens no ticket; rewriting a keytab in place begins with it.
    if (keytab.entries.length === 0) throw noEntries(path);
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
    // The obstacle may disappear without a change of the file itself.
    if (error.code !== 'KRB5_KT_FORMAT') file.seen = undefined;
    const before = file.failure?.message;
    file.failure = error;
    if (error.message !== before) {
      const message = `${error.message}; the keys read before stay in use`;
      const remedies = error.hint === undefined ? [] : [error.hint];
      const { reason } = error;
      warn({ kind: 'reload', path, message, reason, text: message, remedies, error }, options);
    }
    return file.keytab;
  }
}

/**
 * Whether any further write would change the stamp. A file system's clock ticks every few
 * milliseconds, or every two seconds on some.
 */
function isSettled(stamp: FileStamp): boolean {
  return Date.now() - Number(stamp.modified / 1_000_000n) > 2000;
}

function warn(warning: KeytabWarning, { onWarning }: KeytabFileOptions): void {
  publishWarning(warning);
  if (onWarning === undefined) printWarning(warning.message, 'KRB5_ACCEPTOR_KEYTAB');
  else tell('onWarning', onWarning, warning);
}

function noEntries(path: string): KerberosError {
  return new KerberosError('KRB5_KT_FORMAT', {
    reason: 'keytab.empty',
    detail: { path, problem: 'it has no entries' },
    message: `keytab file ${path} has no entries${mitWords(path)}`,
    hint: 'export the keys into it again',
  });
}

export const KEYTAB_FILE_OPTIONS: OptionRules<KeytabFileOptions> = {
  environment: objectWith('an environment'),
  defaultName: text,
  crypto: cryptoProvider,
  onWarning: callback,
};
