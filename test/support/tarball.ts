import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { runOrThrow } from './run.ts';

/** A project that has nothing but the package, installed from a tarball as npm publishes it. */
export interface EmptyProject {
  readonly directory: string;
  /** Paths of the files in the tarball, as `dist/index.js`. */
  readonly files: readonly string[];
  [Symbol.dispose](): void;
}

/**
 * Builds the package from its sources, packs it, and installs the tarball. Nothing is downloaded:
 * the dependencies are those of this repository, linked.
 */
export async function installTarball(): Promise<EmptyProject> {
  const directory = mkdtempSync(join(tmpdir(), 'empty-project-'));
  const source = join(directory, 'source');
  const project = join(directory, 'project');
  mkdirSync(project);
  await buildPackage(source);
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', directory];
  const [packed] = JSON.parse(await npm(pack, source)) as [PackedTarball];
  const tarball = join(directory, packed.filename);
  writeJson(join(project, 'package.json'), {
    private: true,
    type: 'module',
    dependencies: { 'krb5-acceptor': `file:${tarball}` },
    overrides: Object.fromEntries(
      RUN_TIME_PACKAGES.map((name) => [name, `file:${join(ROOT, 'node_modules', name)}`]),
    ),
  });
  await npm(['install', '--offline', '--omit=dev', '--no-audit', '--no-fund'], project);
  return {
    directory: project,
    files: packed.files.map(({ path }) => path),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

interface PackedTarball {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** A fresh build: in `dist` of this repository, files of sources that are gone may remain. */
async function buildPackage(target: string): Promise<void> {
  mkdirSync(target);
  for (const name of ['package.json', 'README.md', 'LICENSE', ...readFiles(ROOT)]) {
    cpSync(join(ROOT, name), join(target, name), { recursive: true });
  }
  const types = join(target, 'dist');
  const modules = join(types, 'modules');
  // Types are checked by `npm run check`.
  const places = ['--outDir', modules, '--declarationDir', types];
  await runTsc(['-p', 'tsconfig.build.json', '--noCheck', ...places], ROOT);
  await runOrThrow(process.execPath, [join(ROOT, 'bundle.mjs')], { cwd: target });
  await runOrThrow(process.execPath, [join(ROOT, 'inspect.mjs')], { cwd: target });
}

/** What `files` of package.json names, except for the build and what it leaves out. */
function readFiles(root: string): string[] {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PackageJson;
  return files.filter((name) => name !== 'dist' && !name.startsWith('!'));
}

interface PackageJson {
  readonly files: readonly string[];
}

/** Runs this repository's TypeScript compiler. @throws Error with its messages if it has any. */
export function runTsc(args: readonly string[], cwd: string): Promise<string> {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  return runOrThrow(process.execPath, [tsc, ...args], { cwd });
}

function npm(args: readonly string[], cwd: string): Promise<string> {
  return runOrThrow('npm', args, { cwd });
}

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(value, null, 2));
}

const ROOT = resolve(import.meta.dirname, '../..');

/** The package's dependencies, and theirs. */
const RUN_TIME_PACKAGES: readonly string[] = [
  'asn1js',
  '@noble/ciphers',
  '@noble/hashes',
  '@peculiar/utils',
];
