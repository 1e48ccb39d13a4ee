/** The directory of a file replay cache: its safety, its files, and the groups that have expired. */
import type { Stats } from 'node:fs';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statfsSync,
  unlinkSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import type { KerberosError } from '../../errors.ts';
import { findPathFault } from '../files/safe-path.ts';
import { replayCacheError } from './error.ts';

/**
 * One log of records, `replays-N`, for each group of client times. An expired log is renamed to
 * `over-N` in one step, so that later processes know that the group was forgotten.
 */
export class ReplayDirectory {
  readonly path: string;
  /** Keeps the prepared directory open, so that no other directory gets its inode number. */
  #held: number | undefined;

  constructor(path: string) {
    this.path = resolve(path);
  }

  /**
   * Creates the directory unless it exists.
   *
   * @throws {@link KerberosError} `KRB5_RC_IO` if another user could change its files.
   */
  prepare(): void {
    const fault = findPathFault(this.path);
    if (fault !== undefined) throw this.#unsafe(fault.path, fault.problem);
    try {
      mkdirSync(this.path, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const stats = lstatSync(this.path);
    if (!stats.isDirectory()) throw this.#unsafe(this.path, 'is not a directory');
    this.#checkOwner(this.path, stats, 'chmod 700');
    this.#hold(stats);
    if (
      process.platform === 'linux' &&
      NETWORK_FILE_SYSTEMS.has(statfsSync(this.path).type >>> 0)
    ) {
      throw this.#unsafe(this.path, 'is on a network file system, where appending is not atomic');
    }
  }

  /** Closes the descriptor of the directory, which may be used again. */
  close(): void {
    if (this.#held !== undefined) closeSync(this.#held);
    this.#held = undefined;
  }

  logPath(group: number): string {
    return join(this.path, `${LOG}${group}`);
  }

  /**
   * Opens the log of a group for appending and reading, and creates it unless it exists.
   *
   * @returns A file descriptor, the caller's to close.
   * @throws {@link KerberosError} `KRB5_RC_IO` if others can access the file, or the group was
   *   forgotten.
   */
  openLog(group: number): number {
    this.prepare();
    const path = this.logPath(group);
    const fd = openSync(path, LOG_FLAGS, 0o600);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw this.#unsafe(path, 'is not a regular file');
      this.#checkOwner(path, stats, 'chmod 600');
      if (stats.nlink > 1) throw this.#unsafe(path, 'has a second name elsewhere');
      // Another directory may have been in its place while the log was opened.
      this.#hold(lstatSync(this.path));
      // After the log was created: another process that forgets this group renames its log first, and
      // a log created anew lacks the records of the old one.
      if (this.forgot(group)) {
        throw replayCacheError(
          this.path,
          'cannot answer: that time was forgotten already',
          'the clock went back, or a process that allows less skew shares the cache: such requests ' +
            'are refused until the clock has passed that time; if that takes too long, stop the ' +
            'servers and remove the directory',
        );
      }
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  }

  /** Whether this process or another one has forgotten the group. */
  forgot(group: number): boolean {
    return group <= (groupsOf(this.#names(), OVER).at(-1) ?? Number.NEGATIVE_INFINITY);
  }

  /** Forgets the groups below this one, for all processes and for good. */
  forgetBelow(group: number): void {
    const names = this.#names();
    // Two stay, so that another process that reads the directory now sees at least one of them.
    for (const over of groupsOf(names, OVER).slice(0, -2)) {
      ignoreAbsence(() => unlinkSync(join(this.path, `${OVER}${over}`)));
    }
    for (const old of groupsOf(names, LOG)) {
      if (old >= group) break;
      ignoreAbsence(() => renameSync(this.logPath(old), join(this.path, `${OVER}${old}`)));
    }
  }

  /** Writes the names of new logs to the disk, so that they survive a power failure. */
  sync(): void {
    // Windows cannot open directories; its file system journals their names.
    if (isWindows) return;
    const fd = openSync(this.path, constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** The names in the directory; none if it was removed. */
  #names(): readonly string[] {
    return ignoreAbsence(() => readdirSync(this.path)) ?? [];
  }

  /**
   * Checks that the directory is the same as before: one that was put in its place lacks the records.
   * A new directory is accepted only if the former one was removed; its records are in memory.
   */
  #hold(now: Stats): void {
    // Windows cannot open directories.
    if (isWindows) return;
    const held = this.#held === undefined ? undefined : fstatSync(this.#held);
    if (held !== undefined && held.dev === now.dev && held.ino === now.ino) return;
    if (held !== undefined && held.nlink > 0) {
      throw replayCacheError(
        this.path,
        'is another directory than before',
        'nobody is let in until the former one is back or removed, or the server is restarted: who ' +
          'renamed it?',
      );
    }
    const fd = openSync(this.path, DIRECTORY_FLAGS);
    const opened = fstatSync(fd);
    if (opened.dev !== now.dev || opened.ino !== now.ino) {
      closeSync(fd);
      throw this.#unsafe(this.path, 'was replaced while it was opened');
    }
    this.close();
    this.#held = fd;
  }

  #checkOwner(path: string, stats: Stats, remedy: string): void {
    const user = process.geteuid?.();
    // Windows has neither owner nor mode here; the directory is in the user's own profile.
    if (user === undefined) return;
    if (stats.uid !== user) throw this.#unsafe(path, `belongs to uid ${stats.uid}, not ${user}`);
    if ((stats.mode & 0o077) !== 0) {
      const mode = (stats.mode & 0o777).toString(8);
      throw this.#unsafe(path, `is open to other users (mode ${mode})`, `${remedy} ${path}`);
    }
  }

  #unsafe(path: string, problem: string, remedy?: string): KerberosError {
    return replayCacheError(
      path,
      problem,
      remedy ?? 'name a private directory on a local disk, or remove what is there',
    );
  }
}

/** The numbers of the files of this kind, in ascending order. */
function groupsOf(names: readonly string[], kind: string): number[] {
  const groups: number[] = [];
  for (const name of names) {
    if (name.startsWith(kind) && NUMBER.test(name.slice(kind.length))) {
      groups.push(Number(name.slice(kind.length)));
    }
  }
  return groups.sort((a, b) => a - b);
}

/** Ignores ENOENT: another process may have done the same a moment before. */
function ignoreAbsence<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

const isWindows = process.platform === 'win32';
const LOG = 'replays-';
const OVER = 'over-';
const NUMBER = /^-?\d{1,15}$/;
// O_NONBLOCK: opening a FIFO in the file's place must not wait. Windows lacks it and O_NOFOLLOW.
const LOG_FLAGS =
  constants.O_RDWR |
  constants.O_APPEND |
  constants.O_CREAT |
  (constants.O_NOFOLLOW ?? 0) |
  (constants.O_NONBLOCK ?? 0);
const DIRECTORY_FLAGS =
  constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);
// statfs(2), f_type: NFS, SMB, SMB2, CIFS, 9P, AFS, CEPH, Lustre, GPFS, CODA.
const NETWORK_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x01021997, 0x5346414f, 0x00c36400, 0x0bd00bd0,
  0x47504653, 0x73757245,
]);
