import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { compileCInitiators, compileSaslClient } from './c-initiators.ts';
import type { PeerName } from './peers.ts';
import { installPeers, missingPeers } from './peers.ts';
import { freePort } from './ports.ts';
import { run, runOrThrow } from './run.ts';
import { until } from './until.ts';

/** What realm.sh says of the realm that it made, with absolute paths. */
export interface Realm {
  readonly realm: string;
  readonly hostname: string;
  readonly users: Readonly<Record<string, { readonly password: string; readonly keytab?: string }>>;
  readonly enctypes: readonly number[];
  readonly krb5Config: string;
  readonly keytabs: string;
}

/** What the live tests have to work with. */
export interface Interop {
  readonly realm: Realm | null;
  readonly missing: readonly PeerName[];
  /** A directory of this run, removed at its end. */
  readonly directory: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    interop: Interop;
  }
}

const KDC = resolve(import.meta.dirname, '../../fixtures/kdc');

/**
 * Global setup of the live tests: builds the programs, finds a KDC and the peers, and installs what Debian has if
 * that is possible. What cannot be had is named in one line and its tests count as skipped; with CI set that fails.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await runOrThrow('npm', ['run', '--silent', 'build'], { timeout: 600_000 });
  const directory = mkdtempSync(join(tmpdir(), 'krb5-acceptor-'));
  let missing = await missingPeers();
  let kdc = await findKdc(directory, missing);
  const wanted = missing.filter((name) => name !== 'krb5kdc' || kdc === undefined);
  if (wanted.length > 0) {
    const failure = await installPeers(wanted);
    missing = await missingPeers();
    kdc ??= await findKdc(directory, missing);
    reportMissing(missing, kdc, failure);
  }
  if (kdc !== undefined && !missing.includes('java')) {
    await compileInitiator(directory);
  }
  await compileCInitiators(directory, missing);
  if (!missing.includes('cyrus-sasl')) await compileSaslClient(directory);
  project.provide('interop', { realm: kdc?.realm ?? null, missing, directory });
  return async () => {
    await kdc?.stop();
    rmSync(directory, { recursive: true, force: true });
  };
}

interface RunningKdc {
  readonly realm: Realm;
  readonly stop: () => Promise<void>;
}

// A KDC that the environment names, else one of this machine's own, else Docker's.
async function findKdc(
  directory: string,
  missing: readonly PeerName[],
): Promise<RunningKdc | undefined> {
  const named = process.env.KRB5_ACCEPTOR_REALM;
  if (named !== undefined && named !== '') {
    return { realm: readRealm(named), stop: async () => {} };
  }
  if (!missing.includes('krb5kdc')) {
    return startLocalKdc(join(directory, 'realm'));
  }
  const docker = await run('docker', ['version', '--format', '{{.Server.Version}}']);
  return docker.code === 0 ? startDockerKdc(join(directory, 'realm')) : undefined;
}

async function startLocalKdc(directory: string): Promise<RunningKdc> {
  const script = join(KDC, 'realm.sh');
  await runOrThrow(script, ['create', directory, String(await freePort())]);
  const child = spawn(script, ['run', directory], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  const silent = (): string => `krb5kdc does not answer; its log is:\n${readLog(directory)}`;
  const answers = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(silent());
    return (await run(script, ['check', directory])).code === 0;
  };
  try {
    await until(answers, silent);
  } catch (error) {
    await stop();
    throw error;
  }
  return { realm: readRealm(directory), stop };
}

async function startDockerKdc(directory: string): Promise<RunningKdc> {
  mkdirSync(directory);
  const port = String(await freePort());
  const env = { KDC_REALM_DIRECTORY: directory, KDC_PORT: port };
  const project = `krb5-acceptor-${port}`;
  const compose = ['compose', '--project-name', project, '--file', join(KDC, 'compose.yaml')];
  const stop = async (): Promise<void> => {
    await run('docker', [...compose, 'down', '--volumes'], { env, timeout: 60_000 });
  };
  try {
    await runOrThrow('docker', [...compose, 'up', '--build', '--detach', '--wait'], {
      env,
      timeout: 300_000,
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { realm: readRealm(directory), stop };
}

function readRealm(directory: string): Realm {
  const facts = JSON.parse(readFileSync(join(directory, 'realm.json'), 'utf8')) as Realm;
  return {
    ...facts,
    krb5Config: resolve(directory, facts.krb5Config),
    keytabs: resolve(directory, facts.keytabs),
  };
}

function readLog(directory: string): string {
  return readFileSync(join(directory, 'kdc.log'), 'utf8');
}

function reportMissing(
  missing: readonly PeerName[],
  kdc: RunningKdc | undefined,
  failure: string | undefined,
): void {
  const lacking = missing.filter((name) => name !== 'krb5kdc' || kdc === undefined);
  if (lacking.length === 0) {
    return;
  }
  const line = `live interoperation: no ${lacking.join(', ')} (${failure ?? 'installed, but not found'})`;
  if (process.env.CI !== undefined && process.env.CI !== '') {
    throw new Error(line);
  }
  console.warn(`${line}; the tests that need them are skipped`);
}

// Once here instead of in every test: Java would compile the single file anew at each start.
async function compileInitiator(directory: string): Promise<void> {
  const source = resolve(import.meta.dirname, '../interop/clients/Initiator.java');
  await runOrThrow('javac', ['-d', join(directory, 'java'), source]);
}
