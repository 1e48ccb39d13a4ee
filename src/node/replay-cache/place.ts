/** Finds the default directory of a replay cache. */
import { accessSync, constants, existsSync, lstatSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { tell } from '../../hooks.ts';
import { printWarning } from '../../warning.ts';
import { findPathFault } from '../files/safe-path.ts';
import { systemReplayCacheError } from './error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The preferred default directory of a replay cache, a private one for each user, in
 *
 * 1. `KRB5RCACHEDIR`, as in MIT krb5;
 * 2. the directory that a service manager made for the service: `STATE_DIRECTORY`, which survives a
 *    restart, else `RUNTIME_DIRECTORY` (systemd.exec(5)); in a user's session `XDG_RUNTIME_DIR`;
 * 3. `TMPDIR` or `/var/tmp`, as in MIT krb5 (`LOCALAPPDATA` on Windows).
 *
 * MIT krb5's programs have their own file in 1 and 3, and share no records with this cache.
 */
export function defaultReplayDirectory(environment: Environment = process.env): string {
  return candidates(environment)[0]!;
}

/**
 * {@link defaultReplayDirectory}, or another one if that is unusable: the next of the places above if
 * one is missing or other users could change it. In the last place, where every user may create
 * directories, it has another name if another user has taken the first; later processes find it again.
 *
 * @param onWarning - Called with the reason if the directory is not the preferred one. If absent, the
 *   runtime prints it as a warning.
 * @param makeUnique - Makes the directory with another name; by default it is a new one.
 * @throws {@link KerberosError} `KRB5_RC_IO` if no directory can be determined.
 */
export function findReplayDirectory(
  environment: Environment = process.env,
  onWarning: (message: string) => void = warnProcess,
  makeUnique: (prefix: string) => string = mkdtempSync,
): string {
  const warn = (message: string): void => tell('onWarning', onWarning, message);
  const places = candidates(environment);
  const last = places.pop()!;
  for (const place of places) {
    const problem = problemOf(place);
    if (problem === undefined) return place;
    warn(`The replay cache is not in ${dirname(place)}: ${problem}`);
  }
  try {
    return ownDirectory(last, warn, makeUnique);
  } catch (error) {
    throw systemReplayCacheError(last, error);
  }
}

function candidates(environment: Environment): string[] {
  const { KRB5RCACHEDIR, STATE_DIRECTORY, RUNTIME_DIRECTORY, XDG_RUNTIME_DIR } = environment;
  // The effective user, as in MIT krb5.
  const user = process.geteuid?.();
  const name = user === undefined ? 'krb5.replays' : `krb5_${user}.replays`;
  const shared =
    (isWindows ? environment.LOCALAPPDATA : environment.TMPDIR) ||
    (existsSync(VAR_TMP) ? VAR_TMP : tmpdir());
  const given = [firstOf(STATE_DIRECTORY), firstOf(RUNTIME_DIRECTORY), XDG_RUNTIME_DIR];
  const parents = KRB5RCACHEDIR ? [KRB5RCACHEDIR] : [...given, shared];
  return parents.filter((parent) => parent).map((parent) => join(parent!, name));
}

/** systemd.exec(5): several directories are separated by colons. */
function firstOf(directories: string | undefined): string | undefined {
  return isWindows ? undefined : directories?.split(':').find((path) => path !== '');
}

/** Why the place cannot be used. Faults of our own directory there are reported when it is opened. */
function problemOf(place: string): string | undefined {
  try {
    const fault = findPathFault(place);
    if (fault !== undefined) return `${fault.path} ${fault.problem}`;
    const occupant = occupantOf(place);
    if (occupant === undefined) accessSync(dirname(place), constants.W_OK);
    return occupant === undefined || occupant === OURS ? undefined : `${place} ${occupant}`;
  } catch (error) {
    return (error as Error).message;
  }
}

function ownDirectory(
  preferred: string,
  warn: (message: string) => void,
  makeUnique: (prefix: string) => string,
): string {
  const occupant = occupantOf(preferred);
  if (occupant === OURS) return preferred;
  const others = namesIn(dirname(preferred))
    .filter((name) => name.startsWith(`${basename(preferred)}-`))
    .map((name) => join(dirname(preferred), name))
    .filter((path) => occupantOf(path) === OURS);
  // Used even if the preferred name is free again, because it has the records.
  const [known] = others.sort();
  if (occupant === undefined) return known ?? preferred;
  const chosen = known ?? makeUnique(`${preferred}-`);
  warn(`The replay cache is ${chosen}: ${preferred} ${occupant}`);
  return chosen;
}

/** {@link OURS}, or what is wrong with the occupant; undefined if there is none. */
function occupantOf(path: string): string | undefined {
  const user = process.geteuid?.();
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (user !== undefined && stats.uid !== user) return `belongs to uid ${stats.uid}`;
  return stats.isDirectory() ? OURS : 'is not a directory';
}

function warnProcess(message: string): void {
  printWarning(message, 'KRB5_ACCEPTOR_REPLAY_CACHE');
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    // Opening the cache reports the fault.
    return [];
  }
}

const OURS = 'is ours';
const isWindows = process.platform === 'win32';
const VAR_TMP = '/var/tmp';
