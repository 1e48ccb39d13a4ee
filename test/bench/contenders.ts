/** Who takes part: ourselves, and of the others those that are on this machine. */
import type { ExecFileSyncOptionsWithStringEncoding } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Contender } from './contender.ts';
import type { BenchRealm } from './realm.ts';
import type { WorkerCommand } from './worker-process.ts';

export interface Field {
  readonly contenders: readonly Contender[];
  /** A line for each that is missing: why, and how to have it. */
  readonly absent: readonly string[];
}

/** Looks for contenders and builds what has to be built. @param quick - The usual ones only. */
export function findContenders(realm: BenchRealm, quick: boolean): Field {
  const found = [...ownContenders(), ...mitContenders(realm)];
  if (!quick) found.push(...javaContenders(realm), nativeContender(realm));
  return {
    contenders: found.filter((contender) => typeof contender !== 'string'),
    absent: found.filter((contender) => typeof contender === 'string'),
  };
}

/** npm's `kerberos` is looked for here. */
export const NATIVE_FOLDER: string = resolve(import.meta.dirname, '../../kerberos');

function ownContenders(): Contender[] {
  return ['noble', 'node'].map((backend) => ({
    name: backend,
    own: true,
    abilities: ['accept', 'messages', 'transfer'],
    command: { program: process.execPath, args: [join(COMPILED, 'own.js'), backend] },
    warmUp: 4,
  }));
}

function mitContenders(realm: BenchRealm): (Contender | string)[] {
  const worker = mitWorker(realm);
  if (typeof worker === 'string') return [worker];
  const contender = (name: string, env: Readonly<Record<string, string>>): Contender => ({
    name,
    own: false,
    abilities: ['accept', 'messages', 'transfer'],
    command: { ...worker, env: { ...worker.env, ...env } },
    warmUp: 1,
  });
  return [
    contender('MIT+rcache', { KRB5RCACHENAME: 'dfl:', KRB5RCACHEDIR: realm.folder }),
    contender('MIT', { KRB5RCACHENAME: 'none:' }),
  ];
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
  const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
  try {
    execFileSync(python, ['-c', 'import gssapi'], QUIET);
    return { program: python, args: [join(SOURCES, 'mit.py')], env };
  } catch {
    return 'MIT krb5: install cc and libkrb5-dev, or python3-gssapi';
  }
}

function javaContenders(realm: BenchRealm): (Contender | string)[] {
  try {
    execFileSync('java', ['-version'], QUIET);
    execFileSync('javac', ['-d', realm.folder, join(SOURCES, 'Jgss.java')], QUIET);
  } catch {
    return ['JGSS: install a JDK, 11 or later'];
  }
  const contender = (name: string, options: readonly string[]): Contender => ({
    name,
    own: false,
    // RFC 2743 §2.2.8 is optional, and JGSS does not have it for Kerberos.
    abilities: ['accept', 'messages'],
    command: {
      program: 'java',
      args: [
        ...options,
        `-Djava.security.krb5.conf=${realm.krb5Conf}`,
        '-cp',
        realm.folder,
        'Jgss',
      ],
    },
    warmUp: 8,
  });
  return [contender('JGSS', []), contender('JGSS soft', WITHOUT_INTRINSICS)];
}

function nativeContender(realm: BenchRealm): Contender | string {
  if (!existsSync(join(NATIVE_FOLDER, 'node_modules', 'kerberos'))) {
    return "npm's kerberos: npm run bench -- --install-kerberos builds it (needs libkrb5-dev)";
  }
  return {
    name: 'npm kerberos',
    own: false,
    abilities: ['accept'],
    command: {
      program: process.execPath,
      args: [join(COMPILED, 'native.js'), NATIVE_FOLDER],
      env: { KRB5_CONFIG: realm.krb5Conf, KRB5RCACHENAME: 'dfl:', KRB5RCACHEDIR: realm.folder },
    },
    warmUp: 2,
  };
}

// What the processor has for AES and SHA is to Java what a compiled library is to us.
const WITHOUT_INTRINSICS = [
  '-XX:+UnlockDiagnosticVMOptions',
  '-XX:-UseAES',
  '-XX:-UseAESIntrinsics',
  '-XX:-UseSHA1Intrinsics',
  '-XX:-UseSHA256Intrinsics',
  '-XX:-UseSHA512Intrinsics',
];
// Compiled, this file is in test/bench/build/test/bench.
const COMPILED = resolve(import.meta.dirname, 'workers');
const SOURCES = resolve(import.meta.dirname, '../../../workers');
const QUIET: ExecFileSyncOptionsWithStringEncoding = {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
};
