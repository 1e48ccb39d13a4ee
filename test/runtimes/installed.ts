/**
 * The runtimes that the package is tested in: npm's packages of their binaries, installed without
 * running a program of theirs, and Debian's Chromium.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from '../support/run.ts';

/** A runtime by the name of its package in `package.json` beside this file. */
export type RuntimeName = 'node-20' | 'node-22' | 'node-24' | 'deno' | 'bun' | 'workerd';

/**
 * The command line that runs a script, without the script; undefined if the runtime is not here and
 * cannot be installed, which is said once. With CI set that is an error instead.
 */
export async function installed(name: RuntimeName): Promise<readonly string[] | undefined> {
  let binary = findBinary(name);
  if (binary === undefined) {
    await installAll();
    binary = findBinary(name);
  }
  if (binary !== undefined) return [binary, ...RUNTIMES[name].options];
  const line = `no ${name} for this machine, so nothing is tested in it`;
  if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(line);
  console.warn(line);
  return undefined;
}

interface Runtime {
  /** The folder with the binary's package, or with one for each kind of machine. */
  readonly folder: string;
  readonly file: string;
  readonly options: readonly string[];
}

function findBinary(name: RuntimeName): string | undefined {
  const { folder, file } = RUNTIMES[name];
  const path = join(PACKAGES, folder);
  if (!existsSync(path)) return undefined;
  return [path, ...readdirSync(path).map((entry) => join(path, entry))]
    .map((directory) => join(directory, file))
    .find((candidate) => existsSync(candidate));
}

/** All at once: they are one lock file. */
async function installAll(): Promise<void> {
  const args = ['ci', '--ignore-scripts', '--no-bin-links', '--no-audit', '--no-fund'];
  mkdirSync(CACHE, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    copyFileSync(join(import.meta.dirname, file), join(CACHE, file));
  }
  const { code, stderr } = await run('npm', args, { cwd: CACHE, timeout: 300_000 });
  if (code !== 0) console.warn(`runtimes: npm ci failed: ${stderr.trim().split('\n').at(-1)}`);
}

/** Of this checkout, beside the peers that are not installed; `npm ci` empties it. */
const CACHE = resolve(import.meta.dirname, '../../node_modules/.cache/krb5-acceptor/runtimes');
const PACKAGES = join(CACHE, 'node_modules');
const NODE = { file: 'bin/node', options: [] };
const RUNTIMES: Readonly<Record<RuntimeName, Runtime>> = {
  'node-20': { folder: 'node-20', ...NODE },
  'node-22': { folder: 'node-22', ...NODE },
  'node-24': { folder: 'node-24', ...NODE },
  deno: { folder: '@deno', file: 'deno', options: ['run', '--allow-all', '--no-lock', '--quiet'] },
  bun: { folder: '@oven', file: 'bin/bun', options: [] },
  workerd: { folder: '@cloudflare', file: 'bin/workerd', options: ['serve'] },
};
