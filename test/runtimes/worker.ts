/** Workers for workerd, the runtime of Cloudflare's workers. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** Which of Node's modules a worker has: none, or those of `nodejs_compat`. */
export type WorkerKind = (typeof WORKER_KINDS)[number];
export const WORKER_KINDS = ['without Node’s modules', 'with Node’s modules'] as const;

/**
 * Writes a worker.
 *
 * @param code - One module. Its environment has `KEYTAB`: the variable `KEYTAB_CONTENTS` of workerd's own.
 * @returns The name of a configuration for workerd, which listens on a free port.
 */
export function writeWorker(
  directory: string,
  code: string,
  kind: WorkerKind,
  environment: WorkerEnvironment = {},
): string {
  const config = join(directory, 'config.capnp');
  writeFileSync(join(directory, 'worker.js'), code);
  writeFileSync(config, configOf(COMPATIBILITY_DATES[kind], environment));
  return config;
}

/** What a worker has beside its keytab. */
export interface WorkerEnvironment {
  readonly texts?: Readonly<Record<string, string>>;
  /** Classes of Durable Objects, in memory, by the name of their binding. */
  readonly objects?: Readonly<Record<string, string>>;
}

/** A program of the conformance suite as one module. What it reads of its process is the worker's environment. */
export async function bundleServer(entry: string): Promise<string> {
  const bundle = await rolldown({
    input: entry,
    platform: 'browser',
    external: /^cloudflare:/,
    plugins: [
      {
        name: 'the process of a worker',
        resolveId: (id) => (id in PROCESS ? `\0${id}` : null),
        load: (id) => PROCESS[id.slice(1)] ?? null,
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
  return output[0].code;
}

function configOf(
  compatibilityDate: string,
  { texts = {}, objects = {} }: WorkerEnvironment,
): string {
  const bindings = [
    '(name = "KEYTAB", fromEnvironment = "KEYTAB_CONTENTS")',
    ...Object.entries(texts).map(([name, text]) => `(name = "${name}", text = "${text}")`),
    ...Object.entries(objects).map(
      ([name, one]) => `(name = "${name}", durableObjectNamespace = "${one}")`,
    ),
  ];
  const classes = Object.values(objects).map(
    (one) => `(className = "${one}", uniqueKey = "the tests' ${one}")`,
  );
  return `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .main) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "main") ],
);
const main :Workerd.Worker = (
  modules = [ (name = "worker.js", esModule = embed "worker.js") ],
  compatibilityDate = "${compatibilityDate}",
  bindings = [ ${bindings.join(', ')} ],
  durableObjectNamespaces = [ ${classes.join(', ')} ],
  durableObjectStorage = (inMemory = void),
);
`;
}

/** Modules of Node.js that `site.mjs` imports. */
const PROCESS: Readonly<Record<string, string>> = {
  'node:process': `
    export { env } from 'cloudflare:workers';
    export const argv = [];
    export const versions = {};`,
  'node:fs': 'export const readFileSync = undefined;',
};

// nodejs_compat is a default since 2026-08-04.
const COMPATIBILITY_DATES: Readonly<Record<WorkerKind, string>> = {
  'without Node’s modules': '2026-08-01',
  'with Node’s modules': '2026-11-01',
};
