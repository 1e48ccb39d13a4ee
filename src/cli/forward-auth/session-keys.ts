/** The file with the keys of sessions. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import process, { platform } from 'node:process';
import { findPathFault } from '../../node/files/safe-path.ts';
import { UsageError } from '../arguments.ts';
import { systemErrorText } from '../text.ts';

/**
 * Reads keys, one on each line. Who can read the file can sign on as anybody, as with a keytab.
 *
 * @param warn - Told if others than its owner can read or replace the file.
 * @throws {@link UsageError} without showing a key.
 */
export function readSessionKeys(path: string, warn: (message: string) => void): string[] {
  const text = readText(path);
  for (const problem of problemsOf(path)) warn(`session key file ${path} ${problem}`);
  const keys = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (keys.length === 0 || keys.length > MAX_KEYS || !keys.every((key) => KEY.test(key))) {
    throw new UsageError(
      `-session-key: ${path}: expected one to ${MAX_KEYS} lines, each with the base64 of 32 random ` +
        'bytes (openssl rand -base64 32)',
    );
  }
  return keys;
}

function readText(path: string): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new UsageError(`-session-key: ${path}: expected a regular file`);
    if (stats.size > MAX_BYTES)
      throw new UsageError(`-session-key: ${path} has more than ${MAX_BYTES} bytes`);
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`-session-key: ${path}: ${systemErrorText(error)}`);
  }
}

function problemsOf(path: string): string[] {
  // Windows has no permission bits; Node invents them.
  if (platform === 'win32') return [];
  const { mode, uid } = statSync(path);
  const user = process.geteuid?.();
  const problems: string[] = [];
  if ((mode & 0o066) !== 0) {
    const octal = (mode & 0o7777).toString(8).padStart(4, '0');
    problems.push(`has mode ${octal}: others can sign on as anybody; chmod 600 ${path}`);
  }
  if (uid !== 0 && uid !== user)
    problems.push(`belongs to uid ${uid}, who can sign on as anybody; chown it`);
  const fault = findPathFault(path) ?? findPathFault(realpathSync(path));
  if (fault !== undefined)
    problems.push(`can be replaced: ${fault.path} ${fault.problem}; chown or chmod it`);
  return problems;
}

const MAX_BYTES = 4096;
const MAX_KEYS = 16;
// 32 bytes.
const KEY = /^[A-Za-z0-9+/]{43}=$/;
