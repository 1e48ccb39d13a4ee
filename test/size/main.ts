/**
 * `npm run size`: what the package adds to a bundle. Each job is bundled on its own from `dist`, as
 * minified files, without Node.js' own modules: what is loaded at the start, and what is loaded on
 * demand, when something rare is met.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

// From test/size/build/test/size, where this is compiled to.
const root = resolve(import.meta.dirname, '../../../../..');
const { name: packageName, exports } = JSON.parse(
  readFileSync(resolve(root, 'package.json'), 'utf8'),
) as { name: string; exports: Readonly<Record<string, string | { readonly default: string }>> };

interface Job {
  readonly name: string;
  readonly code: string;
}

const entries: readonly Job[] = Object.entries(exports).flatMap(([entry, target]) =>
  typeof target === 'string'
    ? []
    : [{ name: entry.replace('.', packageName), code: `export * from '${target.default}';` }],
);

const tasks: readonly Job[] = [
  { name: 'parse a keytab', code: "export { parseKeytab } from './dist/modules/index.js';" },
  {
    name: 'SSO at the edge',
    code: `
      export { acquireCredential, createAcceptor, parseKeytab } from './dist/modules/index.js';
      export { negotiate } from './dist/modules/http/index.js';`,
  },
];

const everything: Job = {
  name: 'all entries',
  // Names of two entries may be the same.
  code: entries.map(({ code }, i) => code.replace('*', `* as entry${i}`)).join('\n'),
};

// Rolldown's mark of a module that is no file.
const JOB = '\0job';

console.log(row('bytes', 'minified', 'gzip', 'on demand', 'gzip'));
for (const { name, code } of [...entries, everything, ...tasks]) {
  const { start, onDemand } = await measure(code);
  const figures = [start.minified, start.gzip, onDemand.minified, onDemand.gzip];
  console.log(row(name, ...figures.map(String)));
}

interface Size {
  readonly minified: number;
  readonly gzip: number;
}

async function measure(code: string): Promise<{ start: Size; onDemand: Size }> {
  const bundle = await rolldown({
    input: 'job',
    platform: 'neutral',
    resolve: { mainFields: ['module', 'main'] },
    external: /^node:/,
    plugins: [
      {
        name: 'job',
        resolveId: (id, importer) =>
          importer === JOB ? resolve(root, id) : id === 'job' ? JOB : null,
        load: (id) => (id === JOB ? code : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  const chunks = output.filter((part) => part.type === 'chunk');
  const atStart = new Set<string>();
  const load = (fileName: string): void => {
    if (atStart.has(fileName)) return;
    atStart.add(fileName);
    chunks.find((chunk) => chunk.fileName === fileName)?.imports.forEach(load);
  };
  load(output[0].fileName);
  return {
    start: sizeOf(chunks.filter(({ fileName }) => atStart.has(fileName))),
    onDemand: sizeOf(chunks.filter(({ fileName }) => !atStart.has(fileName))),
  };
}

/** Of files that are compressed one by one. */
function sizeOf(chunks: readonly { readonly code: string }[]): Size {
  const files = chunks.map(({ code }) => Buffer.from(code));
  return {
    minified: sum(files.map((file) => file.length)),
    gzip: sum(files.map((file) => gzipSync(file, { level: 9 }).length)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function row(name: string, ...cells: readonly string[]): string {
  return name.padEnd(24) + cells.map((cell) => cell.padStart(11)).join('');
}
