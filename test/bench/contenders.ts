/** Who takes part: ourselves, and of the others those that are on this machine. */
import type { ExecFileSyncOptionsWithStringEncoding } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Ability, Contender } from './contender.ts';
import type { BenchOptions } from './options.ts';
import type { BenchRealm } from './realm.ts';
import { HOST_BASED_SERVICE } from './realm.ts';
import type { WorkerCommand } from './worker-process.ts';

export interface Field {
  readonly contenders: readonly Contender[];
  /** A line for each that is missing: why, and how to have it. */
  readonly absent: readonly string[];
}

/**
 * Looks for contenders and builds what has to be built; the fewest that will do for a quick run.
 * Against an earlier version of this library only the two versions take part.
 *
 * @throws Error if the earlier version's bench is not built.
 */
export function findContenders(realm: BenchRealm, { quick, against }: BenchOptions): Field {
  const own = ownContenders(realm, BUILD, PACKAGE);
  if (against !== undefined) {
    const build = resolve(against, 'test/bench/build');
    if (!existsSync(build)) throw new Error(`${build}: missing; run "npm run bench" there once`);
    const before = ownContenders(realm, build, resolve(against, 'dist/index.js')).map(
      (contender) => ({
        ...contender,
        name: `${contender.name} before`,
        own: false,
      }),
    );
    return { contenders: [...own, ...before], absent: [] };
  }
  const found = [...own, ...mitContenders(realm)];
  if (!quick) found.push(...javaContenders(realm), nativeContender(realm));
  const contenders = found.filter((contender) => typeof contender !== 'string');
  return {
    contenders: quick ? contenders.filter(({ name }) => QUICK.includes(name)) : contenders,
    absent: found.filter((contender) => typeof contender === 'string'),
  };
}

/** npm's `kerberos` is looked for here. */
export const NATIVE_FOLDER: string = resolve(import.meta.dirname, '../../kerberos');

/**
 * @param build - Where `npm run bench` of a version has compiled it to.
 * @param built - The file of its package, made by `npm run build`.
 */
function ownContenders(realm: BenchRealm, build: string, built: string): Contender[] {
  // The program's place in earlier versions comes last.
  const gssServer = ['src/cli/gss-server/main.js', 'src/cli/gss-server.js']
    .map((path) => join(build, path))
    .find(existsSync)!;
  return ['default', 'noble', 'node'].map(
    (backend): Contender => ({
      name: backend,
      own: true,
      abilities: [
        'accept',
        'messages',
        'transfer',
        'sasl',
        ...(backend === 'default' ? ALONE : []),
      ],
      command: { program: process.execPath, args: [join(build, WORKERS, 'own.js'), backend] },
      // gss-server has Node's primitives, and a file for its replay cache, as MIT's has.
      server: (port, keytab) => ({
        program: process.execPath,
        args: [
          gssServer,
          ...['-port', String(port), '-keytab', keytab, '-rcache', `dir:${realm.folder}`],
          HOST_BASED_SERVICE,
        ],
        env: { KRB5_CONFIG: realm.krb5Conf },
      }),
      built,
      warmUp: 12,
    }),
  );
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
  const rcache = { KRB5RCACHENAME: 'dfl:', KRB5RCACHEDIR: realm.folder };
  const server = mitServer(realm, rcache);
  const cyrus = cyrusWorker(realm);
  return [
    { ...contender('MIT+rcache', rcache), ...server },
    contender('MIT', { KRB5RCACHENAME: 'none:' }),
    cyrus === undefined
      ? 'Cyrus SASL: install cc, libsasl2-dev and libsasl2-modules-gssapi-mit'
      : { name: 'Cyrus', own: false, abilities: ['sasl'], command: cyrus, warmUp: 1 },
    ...(server === undefined ? ["MIT's gss-server: install cc and krb5-gss-samples"] : []),
  ];
}

/** Debian's gss-server, with TCP_NODELAY as ours has it, so that nobody wins by Nagle. */
function mitServer(
  realm: BenchRealm,
  env: Readonly<Record<string, string>>,
): Pick<Contender, 'abilities' | 'server'> | undefined {
  const library = join(realm.folder, 'nodelay.so');
  try {
    const source = join(SOURCES, 'nodelay.c');
    execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl'], QUIET);
  } catch {
    return undefined;
  }
  if (!existsSync(GSS_SERVER)) return undefined;
  return {
    abilities: ['accept', 'messages', 'transfer', 'flows'],
    server: (port, keytab) => ({
      program: GSS_SERVER,
      args: ['-port', String(port), '-keytab', keytab, HOST_BASED_SERVICE],
      env: { ...env, KRB5_CONFIG: realm.krb5Conf, LD_PRELOAD: library },
    }),
  };
}

/** The server of Cyrus SASL on MIT krb5. */
function cyrusWorker(realm: BenchRealm): WorkerCommand | undefined {
  const program = join(realm.folder, 'cyrus');
  try {
    const flags = execFileSync('krb5-config', ['--cflags', '--libs', 'gssapi'], QUIET);
    const args = ['-O2', '-DCYRUS', '-o', program, join(SOURCES, 'mit.c'), '-lsasl2'];
    execFileSync('cc', [...args, ...flags.trim().split(/\s+/)], QUIET);
  } catch {
    return undefined;
  }
  return { program, args: [], env: { KRB5_CONFIG: realm.krb5Conf, KRB5RCACHENAME: 'none:' } };
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
      args: [join(BUILD, WORKERS, 'native.js'), NATIVE_FOLDER],
      env: { KRB5_CONFIG: realm.krb5Conf, KRB5RCACHENAME: 'dfl:', KRB5RCACHEDIR: realm.folder },
    },
    warmUp: 2,
  };
}

const QUICK: readonly string[] = ['default', 'noble', 'node', 'MIT+rcache'];
// Once for all backends of ours.
const ALONE: readonly Ability[] = ['flows', 'cold start'];
const GSS_SERVER = '/usr/bin/gss-server';
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
const BUILD = resolve(import.meta.dirname, '../..');
const WORKERS = 'test/bench/workers';
const PACKAGE = resolve(BUILD, '../../../dist/index.js');
const SOURCES = resolve(import.meta.dirname, '../../../workers');
const QUIET: ExecFileSyncOptionsWithStringEncoding = {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
};
