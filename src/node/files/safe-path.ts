/** Finds out who can change where a path leads, as sshd's StrictModes (OpenSSH, misc.c:safe_path). */
import { lstatSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';

/** Why a path is not safe. */
export interface PathFault {
  /** The directory or symbolic link. */
  readonly path: string;
  /** The predicate of a sentence about `path`, such as `lets every user rename what is in it`. */
  readonly problem: string;
}

/**
 * Checks that only root and this user can put another file or directory in the place of a path. Each
 * directory above it, and each that holds a symbolic link on the path, must belong to one of the two,
 * and must not be writable to others unless it is sticky, as /tmp is. The caller checks the file or
 * directory itself.
 *
 * @returns The first fault from the root downwards; undefined if there is none, or on Windows.
 * @throws The system's error, `ENOENT` or `EACCES`, if the path cannot be followed.
 */
export function findPathFault(path: string): PathFault | undefined {
  const user = process.geteuid?.();
  if (user === undefined) return undefined;
  const pending = partsOf(dirname(resolve(path)));
  let at = '/';
  let links = 0;
  let fault = directoryFault(at, user);
  while (fault === undefined && pending.length > 0) {
    const name = pending.shift()!;
    // `at` has no symbolic links left, so its parent is dirname.
    const next = name === '..' ? dirname(at) : join(at, name);
    const stats = lstatSync(next);
    if (!stats.isSymbolicLink()) {
      at = next;
      fault = directoryFault(at, user);
    } else if (stats.uid !== 0 && stats.uid !== user) {
      // Its owner may replace it, even in a sticky directory.
      fault = { path: next, problem: `is a symbolic link of uid ${stats.uid}, who can change it` };
    } else if (++links > MAX_LINKS) {
      fault = { path: next, problem: 'is behind too many symbolic links' };
    } else {
      const target = readlinkSync(next);
      if (target.startsWith('/')) at = '/';
      pending.unshift(...partsOf(target));
    }
  }
  return fault;
}

function directoryFault(path: string, user: number): PathFault | undefined {
  const { mode, uid } = statSync(path);
  if (uid !== 0 && uid !== user) {
    return { path, problem: `belongs to uid ${uid}, who can rename what is in it` };
  }
  // In a sticky directory users can rename only their own files.
  if ((mode & STICKY) !== 0) return undefined;
  if ((mode & OTHERS_WRITE) !== 0) return { path, problem: 'lets every user rename what is in it' };
  if ((mode & GROUP_WRITES) !== 0) return { path, problem: 'lets its group rename what is in it' };
  return undefined;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

const STICKY = 0o1000;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
// The limit of Linux.
const MAX_LINKS = 40;
