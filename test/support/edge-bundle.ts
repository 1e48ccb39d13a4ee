/** Single sign-on as a bundler for an edge runtime makes it, and the files of it that are loaded. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { HANGING } from './until.ts';

/** A minified file of a bundle. */
export interface Chunk {
  readonly fileName: string;
  readonly code: string;
  /** Files that are loaded with it. */
  readonly imports: readonly string[];
}

/** Bytes. */
export interface Size {
  readonly minified: number;
  readonly gzip: number;
}

/**
 * What a worker needs for single sign-on.
 *
 * @param core - The file of `krb5-acceptor`.
 * @param http - The file of `krb5-acceptor/http`.
 */
export function signOnJob(core: string, http: string): string {
  return `
    export { acquireCredential, createAcceptor, parseKeytab } from ${JSON.stringify(core)};
    export { negotiate } from ${JSON.stringify(http)};`;
}

/**
 * Bundles a module of this text without Node.js' own modules. All that is loaded at the start is the
 * first file, as in a worker.
 */
export async function bundle(code: string): Promise<Chunk[]> {
  const built = await rolldown({
    input: 'job',
    platform: 'neutral',
    preserveEntrySignatures: 'allow-extension',
    resolve: { mainFields: ['module', 'main'] },
    external: /^node:/,
    checks: { ineffectiveDynamicImport: false },
    plugins: [
      {
        name: 'job',
        resolveId: (id) => (id === 'job' ? JOB : null),
        load: (id) => (id === JOB ? code : null),
      },
    ],
  });
  const { output } = await built.generate({
    format: 'esm',
    minify: true,
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name].mjs',
    codeSplitting: { groups: [{ name: 'start', test: (id) => id === JOB }] },
  });
  return output.filter((part) => part.type === 'chunk');
}

/** The files that the first one loads. */
export function loadedAtStart(chunks: readonly Chunk[]): Chunk[] {
  const names = new Set<string>();
  const load = (fileName: string): void => {
    if (names.has(fileName)) return;
    names.add(fileName);
    chunks.find((chunk) => chunk.fileName === fileName)?.imports.forEach(load);
  };
  load(chunks[0]!.fileName);
  return chunks.filter(({ fileName }) => names.has(fileName));
}

/** A client's first token, and what the acceptor needs to accept it. */
export interface SignOn {
  /** An MIT keytab. */
  readonly keytab: Uint8Array;
  readonly token: Uint8Array;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Tokens of clients that sign on before. */
  readonly earlier?: readonly Uint8Array[];
  /** The application data of the channel's bindings. */
  readonly bindings?: Uint8Array;
  /** Whether the credential gets a function of its keytab. */
  readonly isFollowed?: boolean;
  /** Whether the bundle runs without `node:crypto`. */
  readonly pure?: boolean;
}

/** The outcome of a sign-on in a bundle of {@link signOnJob}, and the files that were loaded until then. */
export interface Outcome {
  /** HTTP status of `negotiate`. */
  readonly status: number;
  readonly client?: string;
  readonly error?: string;
  /** Whether it had a PAC. */
  readonly pac: boolean;
  /** Bytes of the exported context. */
  readonly exported?: number;
  readonly loaded: readonly Chunk[];
}

/** Signs on in a process of its own, which has nothing loaded yet. */
export function signOn(
  chunks: readonly Chunk[],
  { keytab, token, now, earlier = [], bindings, isFollowed, pure }: SignOn,
): Outcome {
  const folder = mkdtempSync(join(tmpdir(), 'edge-'));
  try {
    for (const { fileName, code } of chunks) {
      const note = `(globalThis.loaded ??= []).push(${JSON.stringify(fileName)});\n`;
      writeFileSync(join(folder, fileName), note + code);
    }
    writeFileSync(join(folder, 'run.mjs'), RUN);
    const given = {
      keytab: Buffer.from(keytab).toString('base64'),
      headers: [...earlier, token].map((one) => `Negotiate ${Buffer.from(one).toString('base64')}`),
      ...(bindings && { bindings: Buffer.from(bindings).toString('base64') }),
      now,
      start: `./${chunks[0]!.fileName}`,
      isFollowed: isFollowed === true,
      pure: pure === true,
    };
    const printed = execFileSync(
      process.execPath,
      [join(folder, 'run.mjs'), JSON.stringify(given)],
      { encoding: 'utf8', timeout: HANGING },
    );
    const { loaded, ...outcome } = JSON.parse(printed) as Outcome & { loaded: string[] };
    return { ...outcome, loaded: chunks.filter(({ fileName }) => loaded.includes(fileName)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of files that are compressed one by one. */
export function sizeOf(chunks: readonly Chunk[]): Size {
  const files = chunks.map(({ code }) => Buffer.from(code));
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
  return {
    minified: sum(files.map((file) => file.length)),
    gzip: sum(files.map((file) => gzipSync(file, { level: 9 }).length)),
  };
}

// Rolldown's mark of a module that is no file.
const JOB = '\0job';

const RUN = `
const given = JSON.parse(process.argv[2]);
if (given.pure) process.getBuiltinModule = undefined;
const { acquireCredential, createAcceptor, negotiate, parseKeytab } = await import(given.start);
const keytab = parseKeytab(new Uint8Array(Buffer.from(given.keytab, 'base64')));
const credential = await acquireCredential({ keytab: given.isFollowed ? () => keytab : keytab });
const acceptor = createAcceptor({ credential, clock: () => given.now });
const channel = given.bindings === undefined
  ? {}
  : { channelBindings: { applicationData: new Uint8Array(Buffer.from(given.bindings, 'base64')) } };
let last;
for (const header of given.headers) last = await negotiate(acceptor, header, channel);
const { status, context, error } = last;
const pac = context?.pac !== undefined;
console.log(JSON.stringify({
  status, pac, client: context?.initiator.toString(), error: error && String(error), loaded,
  exported: context?.export().length,
}));
`;
