/** Where a replay cache is if nobody says so. */
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
 * The directory that a replay cache has if none is named: a private one for each user, in
 *
 * 1. `KRB5RCACHEDIR`, as MIT krb5 has it;
 * 2. what a service manager made for the service: `STATE_DIRECTORY`, which outlives a restart, else
 *    `RUNTIME_DIRECTORY` (systemd.exec(5)); for a user's session `XDG_RUNTIME_DIR`;
 * 3. `TMPDIR` or `/var/tmp`, as MIT krb5 has it (`LOCALAPPDATA` on Windows).
 *
 * MIT krb5's programs look for a file of their own in 1 and 3; they do not share records with us.
 */
export function defaultReplayDirectory(environment: Environment = process.env): string {
  return candidates(environment)[0]!;
}

/**
 * {@link defaultReplayDirectory}, or another one where that cannot be had: the next of the places
 * above if one is missing or others could change it; in the last, where every user may make
 * directories, one of another name if somebody else has taken ours. Our own is found again by the
 * processes that come later.
 *
 * @param onWarning - Told why it is another one; a warning of the process if absent.
 * @throws {@link KerberosError} `KRB5_RC_IO` if it cannot be found out.
 */
export function findReplayDirectory(
  environment: Environment = process.env,
  onWarning: (message: string) => void = warnProcess,
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
    return ownDirectory(last, warn);
  } catch (error) {
    throw systemReplayCacheError(last, error);
  }
}

function candidates(environment: Environment): string[] {
  const { KRB5RCACHEDIR, STATE_DIRECTORY, RUNTIME_DIRECTORY, XDG_RUNTIME_DIR } = environment;
  // As in MIT krb5, the user counts whose rights the process has.
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

/** Why there can be no replay cache of ours; what of it can be mended, its opening says. */
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

function ownDirectory(preferred: string, warn: (message: string) => void): string {
  const occupant = occupantOf(preferred);
  if (occupant === OURS) return preferred;
  const others = namesIn(dirname(preferred))
    .filter((name) => name.startsWith(`${basename(preferred)}-`))
    .map((name) => join(dirname(preferred), name))
    .filter((path) => occupantOf(path) === OURS);
  // Also where the name is free again: what this one knows must not be forgotten.
  const [known] = others.sort();
  if (occupant === undefined) return known ?? preferred;
  const chosen = known ?? mkdtempSync(`${preferred}-`);
  warn(`The replay cache is ${chosen}: ${preferred} ${occupant}`);
  return chosen;
}

/** What is there: our directory, or what else; undefined if there is nothing. */
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
    // The opening of the cache says what is wrong with it.
    return [];
  }
}

const OURS = 'is ours';
const isWindows = process.platform === 'win32';
const VAR_TMP = '/var/tmp';
