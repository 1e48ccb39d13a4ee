/** Who takes part: ourselves, and of the others those that are on this machine. */
import type { ExecFileSyncOptionsWithStringEncoding } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { BenchRealm } from './realm.ts';
import type { WorkerCommand } from './worker-process.ts';

export interface Contender {
  /** As in the table's head. */
  readonly name: string;
  readonly command: WorkerCommand;
  /** Rounds of one job before anything is measured: compilers must have seen the code often. */
  readonly warmUp: number;
}

export interface Field {
  readonly contenders: readonly Contender[];
  /** A line for each that is missing, and why. */
  readonly absent: readonly string[];
}

export const OWN = 'noble';
export const MIT = 'MIT';
export const MIT_REPLAY = 'MIT+rcache';

/** Looks for contenders and builds what has to be built. */
export function findContenders(realm: BenchRealm): Field {
  const contenders: Contender[] = [{ name: OWN, command: ownWorker(), warmUp: 4 }];
  const absent: string[] = [];
  const mit = mitWorker(realm);
  if (typeof mit === 'string') {
    absent.push(mit);
  } else {
    const rcache = { KRB5RCACHENAME: 'dfl:', KRB5RCACHEDIR: realm.folder };
    contenders.push(
      { name: MIT_REPLAY, command: withEnv(mit, rcache), warmUp: 1 },
      { name: MIT, command: withEnv(mit, { KRB5RCACHENAME: 'none:' }), warmUp: 1 },
    );
  }
  return { contenders, absent };
}

function ownWorker(): WorkerCommand {
  return { program: process.execPath, args: [resolve(import.meta.dirname, 'workers/own.js')] };
}

/** @returns How to start it, or why it cannot be had. */
function mitWorker(realm: BenchRealm): WorkerCommand | string {
  const env = { KRB5_CONFIG: realm.krb5Conf };
  try {
    const flags = execFileSync('krb5-config', ['--cflags', '--libs', 'gssapi'], QUIET);
    const program = join(realm.folder, 'mit');
    const args = ['-O2', '-o', program, join(SOURCES, 'mit.c'), ...flags.trim().split(/\s+/)];
    execFileSync('cc', args, QUIET);
    return { program, args: [], env };
  } catch {
    // No compiler or no headers: Debian's Python binding may be there.
  }
  try {
    execFileSync(PYTHON, ['-c', 'import gssapi'], QUIET);
    return { program: PYTHON, args: [join(SOURCES, 'mit.py')], env };
  } catch {
    return 'MIT krb5: neither cc with libkrb5-dev nor python3-gssapi is here';
  }
}

function withEnv(command: WorkerCommand, env: Readonly<Record<string, string>>): WorkerCommand {
  return { ...command, env: { ...command.env, ...env } };
}

const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
// Compiled, this file is at test/bench/build/test/bench.
const SOURCES = resolve(import.meta.dirname, '../../../workers');
const QUIET: ExecFileSyncOptionsWithStringEncoding = {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
};
