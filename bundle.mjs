/**
 * The second step of `npm run build`: each entry and each program as one file in `dist`, with what they
 * share in `dist/chunks`. Loading the package takes time for each file, and `dist/modules` has one for
 * each source.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { build } from 'rolldown';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.values(exports)
  .filter((target) => typeof target === 'object')
  .map(({ types }) => types.replace('./dist/', '').replace('.d.ts', ''));
const programs = readdirSync('dist/modules/cli', { withFileTypes: true })
  .filter((item) => item.isDirectory())
  .map(({ name }) => `cli/${name}/main`);
const names = [...entries, ...programs];

await build({
  input: Object.fromEntries(names.map((name) => [name, `dist/modules/${name}.js`])),
  platform: 'neutral',
  // Here everything is loaded with the entries; on demand is for bundles of less than an entry.
  checks: { ineffectiveDynamicImport: false },
  // Packages stay packages: they are the user's to update.
  external: (id) => !id.startsWith('.') && !isAbsolute(id),
  output: {
    dir: 'dist',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    comments: { jsdoc: false },
    codeSplitting: {
      // A group holds what its modules import, too: with the core in one piece there are few files.
      groups: [
        { name: 'core', test: /dist[\\/]modules[\\/]index\.js$/, priority: 2 },
        { name: 'http', test: /dist[\\/]modules[\\/]http[\\/]index\.js$/, priority: 1 },
        // Else it would be in the chunk of Node, which imports what only Node has.
        { name: 'sasl', test: /dist[\\/]modules[\\/]sasl[\\/]index\.js$/, priority: 1 },
        { name: 'node', test: /dist[\\/]modules[\\/]node[\\/]index\.js$/ },
      ],
    },
  },
});
