/** A log file of a program: appended to, for its owner only, and opened again after a rotation. */
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { SERVER } from '../explain/entries/server.ts';
import { systemErrorText } from './text.ts';

/** An open log file. */
export interface LogFile {
  /** Writes all of it at once. A full disk stops the log, not the service: stderr says so once. */
  readonly write: (bytes: Uint8Array) => void;
  /**
   * Opens the path again. If that fails, the log stays in the old file and stderr says why. Absent for
   * `/dev/null`.
   */
  readonly reopen?: () => void;
  /** A fault that the operator should know. */
  readonly warning?: string;
}

/** Why a log file cannot be opened, and what to do about it. */
export function logFileFault(
  path: string,
  error: unknown,
): { readonly problem: string; readonly remedies: readonly string[] } {
  const problem = systemErrorText(error);
  return { problem, remedies: SERVER['server.log-file'].remedies({ path, problem }) };
}

/**
 * @param path - Created with mode 0600. `/dev/null` means no log.
 * @throws The system's error if the file cannot be opened.
 */
export function openLogFile(path: string): LogFile {
  if (path === '/dev/null') return { write: () => {} };
  // The log names clients, and may hold their messages and tokens.
  const open = (): number => openSync(path, 'a', 0o600);
  let descriptor = open();
  let complained = false;
  const write = (bytes: Uint8Array): void => {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if (!complained) process.stderr.write(`writing ${path}: ${systemErrorText(error)}\n`);
      complained = true;
    }
  };
  const reopen = (): void => {
    try {
      const fresh = open();
      closeSync(descriptor);
      descriptor = fresh;
      complained = false;
    } catch (error) {
      process.stderr.write(`opening ${path}: ${systemErrorText(error)}\n`);
    }
  };
  const mode = fstatSync(descriptor).mode & 0o777;
  // Windows has no modes.
  if (process.geteuid === undefined || (mode & 0o077) === 0) return { write, reopen };
  const octal = mode.toString(8);
  return {
    write,
    reopen,
    warning: `${path} is open to other users (mode ${octal}): chmod 600 ${path}`,
  };
}
