/**
 * `npm run size`: what the package adds to a bundle. Each job is bundled on its own from `dist`, as
 * one minified file with everything that it loads, now or later, except for Node.js' own modules.
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

const everything = { name: 'all entries', code: entries.map(({ code }) => code).join('\n') };

// Rolldown's mark of a module that is no file.
const JOB = '\0job';

console.log(row('bytes', 'minified', 'gzip'));
for (const { name, code } of [...entries, everything, ...tasks]) {
  const { minified, gzip } = await measure(code);
  console.log(row(name, String(minified), String(gzip)));
}

async function measure(code: string): Promise<{ minified: number; gzip: number }> {
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
  const { output } = await bundle.generate({ format: 'esm', minify: true, codeSplitting: false });
  const bytes = Buffer.from(output[0].code);
  return { minified: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
}

function row(name: string, minified: string, gzip: string): string {
  return `${name.padEnd(24)}${minified.padStart(10)}${gzip.padStart(10)}`;
}
