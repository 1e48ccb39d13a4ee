/** Reads one keytab file, and explains why it cannot. */
import type { BigIntStats } from 'node:fs';
import { constants, statSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { KerberosErrorName } from '../../errors.ts';
import { KerberosError } from '../../errors.ts';
import type { Refusal } from '../../explain/reasons.ts';
import type { Keytab } from '../../keytab/keytab.ts';
import { parseKeytab } from '../../keytab/keytab.ts';

/** Identifies a file and its version: a write, or another file in its place, changes the stamp. */
export interface FileStamp {
  readonly device: bigint;
  readonly inode: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Nanoseconds since 1970. */
  readonly modified: bigint;
  /** Nanoseconds since 1970, of the inode (ctime). */
  readonly changed: bigint;
  /** Permission bits, `0o600`. */
  readonly mode: number;
  /** The owner's uid. */
  readonly owner: number;
}

/** Whether both stamps are of the same version of the same file. */
export function sameStamp(a: FileStamp, b: FileStamp | undefined): boolean {
  return (
    b !== undefined &&
    a.device === b.device &&
    a.inode === b.inode &&
    a.size === b.size &&
    a.modified === b.modified &&
    a.changed === b.changed
  );
}

/** Stats the file. @throws {@link KerberosError} `KRB5_KT_NOTFOUND`, `KRB5_KT_IOERR`. */
export async function stampKeytabFile(path: string): Promise<FileStamp> {
  try {
    return stampOf(await stat(path, { bigint: true }));
  } catch (error) {
    throw describe(path, error);
  }
}

/**
 * Reads and parses the file; its bytes are wiped.
 *
 * @throws {@link KerberosError} `KRB5_KT_NOTFOUND`, `KRB5_KT_IOERR`, `KRB5_KT_FORMAT`; the
 *   message begins with the path.
 */
export async function readKeytabFile(path: string, crypto?: CryptoProvider): Promise<Keytab> {
  let handle: FileHandle | undefined;
  try {
    // Without O_NONBLOCK, opening a FIFO would block one of Node's few file threads forever.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const bytes = await readWhole(handle);
      if (bytes === undefined) continue;
      try {
        return parseKeytab(bytes, crypto === undefined ? {} : { crypto });
      } finally {
        bytes.fill(0);
      }
    }
    throw new KerberosError('KRB5_KT_IOERR', {
      reason: 'keytab.changing',
      message: 'it is being written continuously',
    });
  } catch (error) {
    throw describe(path, error);
  } finally {
    await handle?.close();
  }
}

/** Reads the whole file; undefined if it changed meanwhile. */
async function readWhole(handle: FileHandle): Promise<Uint8Array | undefined> {
  const before = await handle.stat({ bigint: true });
  if (before.isDirectory())
    throw new KerberosError('KRB5_KT_IOERR', {
      reason: 'keytab.unreadable',
      detail: { problem: 'it is a directory' },
      message: 'it is a directory',
    });
  if (!before.isFile())
    throw new KerberosError('KRB5_KT_IOERR', {
      reason: 'keytab.unreadable',
      detail: { problem: 'it is not a regular file' },
      message: 'it is not a regular file',
    });
  if (before.size > MAX_FILE_BYTES) {
    throw new KerberosError('KRB5_KT_IOERR', {
      reason: 'keytab.unreadable',
      detail: { problem: `it is larger than ${MAX_FILE_BYTES >> 20} MiB` },
      message: `it is larger than ${MAX_FILE_BYTES >> 20} MiB`,
    });
  }
  const bytes = new Uint8Array(Number(before.size));
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  const after = await handle.stat({ bigint: true });
  if (length === bytes.length && sameStamp(stampOf(before), stampOf(after))) return bytes;
  bytes.fill(0);
  return undefined;
}

function stampOf(stats: BigIntStats): FileStamp {
  return {
    device: stats.dev,
    inode: stats.ino,
    size: stats.size,
    modified: stats.mtimeNs,
    changed: stats.ctimeNs,
    mode: Number(stats.mode & 0o7777n),
    owner: Number(stats.uid),
  };
}

/** The same fault, with the path in its message. */
function describe(path: string, error: unknown): KerberosError {
  if (error instanceof KerberosError) {
    const { code, reason, ownHint: hint } = error;
    const mit = reason === 'keytab.empty' ? mitWords(path) : '';
    const message = `keytab file ${path}: ${error.message}${mit}`;
    const refusal = { reason, detail: { ...error.detail, path } } as Refusal;
    return new KerberosError(code, { ...refusal, message, hint, cause: error });
  }
  const systemCode = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [code, reason, problem, hint] = SYSTEM_ERRORS[systemCode] ?? [
    'KRB5_KT_IOERR',
    'keytab.unreadable',
    `cannot be read: ${systemCode || String(error)}`,
    undefined,
  ];
  const blocked = systemCode === 'EACCES' ? blockingDirectory(path) : undefined;
  const remedy =
    blocked === undefined
      ? hint
      : `let the user of this process enter the directory ${blocked} first; ${hint}`;
  return new KerberosError(code, {
    ...(blocked === undefined
      ? { reason, detail: { path, ...problemOf(systemCode, error) } }
      : { reason: 'keytab.directory-unreadable', detail: { path, directory: blocked } }),
    message: `keytab file ${path} ${problem}${reason === 'keytab.missing' ? mitWords(path) : ''}`,
    hint: remedy,
    cause: error,
  });
}

/** MIT krb5, krb5_kt_have_content: scripts and search engines know these words. */
export function mitWords(path: string): string {
  return ` (Keytab FILE:${path} is nonexistent or empty)`;
}

function problemOf(systemCode: string, error: unknown): { problem?: string } {
  if (systemCode === 'ENOENT') return {};
  if (systemCode === 'EACCES') return { problem: 'permission denied' };
  return { problem: systemCode || String(error) };
}

/** The first directory of the path that this process may not enter. */
function blockingDirectory(path: string): string | undefined {
  const directories: string[] = [];
  for (let at = dirname(resolve(path)); ; at = dirname(at)) {
    directories.unshift(at);
    if (at === dirname(at)) break;
  }
  // Looking up `.` in a directory needs permission to enter it.
  return directories.find((directory) => {
    try {
      statSync(`${directory}/.`);
      return false;
    } catch {
      return true;
    }
  });
}

type FileReason = 'keytab.missing' | 'keytab.unreadable';

const SYSTEM_ERRORS: Readonly<
  Record<
    string,
    readonly [code: KerberosErrorName, reason: FileReason, problem: string, hint: string]
  >
> = {
  ENOENT: [
    'KRB5_KT_NOTFOUND',
    'keytab.missing',
    'not found',
    'check the name, or set KRB5_KTNAME; a keytab is made by kadmin ktadd, ktpass or msktutil',
  ],
  ENOTDIR: ['KRB5_KT_NOTFOUND', 'keytab.missing', 'not found', 'a directory of its path is a file'],
  EACCES: [
    'KRB5_KT_IOERR',
    'keytab.unreadable',
    'cannot be read: permission denied',
    'make it readable for the user of this process and for nobody else: chown, chmod 600',
  ],
};
const MAX_FILE_BYTES = 16_777_216;
const MAX_ATTEMPTS = 3;
