/** What a file replay cache says when it cannot tell: the request is then refused. */
import { KerberosError } from '../../errors.ts';

/** @returns `KRB5_RC_IO`; its message names the file or directory. */
export function replayCacheError(path: string, problem: string, hint: string): KerberosError {
  return new KerberosError('KRB5_RC_IO', {
    message: `Replay cache ${path} ${problem}`,
    hint,
    detail: { path },
  });
}

/** The same for what a system call threw. */
export function systemReplayCacheError(path: string, error: unknown): KerberosError {
  if (error instanceof KerberosError) return error;
  const { code = '', message } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  return new KerberosError('KRB5_RC_IO', {
    message: `Replay cache ${path}: ${message ?? String(error)}`,
    hint: `nobody is let in until this works${HINTS[code] ?? ''}`,
    detail: { path },
    cause: error,
  });
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: ': the user of this process must be able to write there; see KRB5RCACHEDIR',
  EPERM: ': the user of this process must be able to write there; see KRB5RCACHEDIR',
  EROFS: ': name a directory that can be written, with KRB5RCACHEDIR',
  ENOENT: ': the directory above must exist',
  ENOTDIR: ': the directory above must be one',
  ELOOP: ': a symbolic link stands where a file should',
  ENOSPC: ': free some space',
  EDQUOT: ': free some space, or raise the quota',
  EFBIG: ': raise the limit on file sizes',
  EMFILE: ': raise the limit on open files',
  ENFILE: ': raise the limit on open files',
};
