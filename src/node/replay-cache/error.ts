/** Errors of a file replay cache, with which a request is refused. */
import { KerberosError } from '../../errors.ts';

/** @returns A `KRB5_RC_IO`; its message is `Replay cache <path> <problem>`. */
export function replayCacheError(path: string, problem: string, hint: string): KerberosError {
  return new KerberosError('KRB5_RC_IO', {
    reason: 'replay.cache-failed',
    message: `Replay cache ${path} ${problem}`,
    hint,
    detail: { path, problem, remedy: hint },
  });
}

/** The same for the error of a system call; a {@link KerberosError} is returned as it is. */
export function systemReplayCacheError(path: string, error: unknown): KerberosError {
  if (error instanceof KerberosError) return error;
  const { code = '', message } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  return new KerberosError('KRB5_RC_IO', {
    reason: 'replay.cache-failed',
    message: `Replay cache ${path}: ${message ?? String(error)}`,
    detail: {
      path,
      problem: `failed: ${message ?? String(error)}`,
      ...(REMEDIES[code] !== undefined && { remedy: REMEDIES[code] }),
    },
    hint: `nobody is let in until this works${HINTS[code] ?? ''}`,
    cause: error,
  });
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: ': the user of this process must be able to write there; see KRB5RCACHEDIR',
  EPERM: ': the user of this process must be able to write there; see KRB5RCACHEDIR',
  EROFS: ': set KRB5RCACHEDIR to a directory that can be written',
  ENOENT: ': the directory above must exist',
  ENOTDIR: ': a directory of its path is a file',
  ELOOP: ': a symbolic link is in the place of a file',
  ENOSPC: ': free some space',
  EDQUOT: ': free some space, or raise the quota',
  EFBIG: ': raise the limit on file sizes',
  EMFILE: ': raise the limit on open files',
  ENFILE: ': raise the limit on open files',
};
const MAY_WRITE =
  'let the user of this process write there, or name another directory (KRB5RCACHEDIR, -rcache dir:/path)';
const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: MAY_WRITE,
  EPERM: MAY_WRITE,
  EROFS: 'name a directory that can be written (KRB5RCACHEDIR, -rcache dir:/path)',
  ENOENT: 'make the directory above it, or name another one (KRB5RCACHEDIR, -rcache dir:/path)',
  ENOTDIR: 'correct the path: one of its directories is a file',
  ELOOP: 'remove the symbolic link that is in the place of a file',
  ENOSPC: 'free some space on its disk',
  EDQUOT: 'free some space, or raise the quota',
  EFBIG: 'raise the limit on file sizes (ulimit -f)',
  EMFILE: 'raise the limit on open files (ulimit -n, LimitNOFILE)',
  ENFILE: 'raise the limit on open files (fs.file-max)',
};
