/** Scripts of the tests as runtimes take them, on top of the package as it was built. */
import { resolve } from 'node:path';
import { rolldown } from 'rolldown';

/** Where the package is: beside the script, or in it. */
export type Linking = 'beside' | 'within';

/**
 * One JavaScript module of a test script. What it imports of `src/` must be an entry of the package,
 * and becomes that of `dist/`.
 *
 * @param entry - Path of a TypeScript module.
 * @param linking - `within` for a runtime without files: everything is in the module then.
 */
export async function bundleScript(entry: string, linking: Linking): Promise<string> {
  const bundle = await rolldown({
    input: entry,
    platform: linking === 'within' ? 'neutral' : 'node',
    resolve: { mainFields: ['module', 'main'] },
    external: /^node:/,
    // Node.js 22 knows no `using`.
    transform: { target: 'es2022' },
    plugins: [
      {
        name: 'the built package',
        resolveId: (id, importer) => {
          if (importer === undefined) return null;
          const path = resolve(importer, '..', id);
          if (!path.startsWith(SOURCES)) return null;
          // As bundlers do, which have the condition `default`.
          const from = linking === 'within' ? `${BUILT}modules/` : BUILT;
          const built = path.replace(SOURCES, from).replace(/\.ts$/, '.js');
          if (!ENTRIES.includes(path.slice(SOURCES.length))) {
            throw new Error(`${importer}: ${id} is no entry of the package`);
          }
          return { id: built, external: linking === 'beside' ? 'absolute' : false };
        },
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
  return output[0].code;
}

const ROOT = resolve(import.meta.dirname, '../..');
const SOURCES = `${ROOT}/src/`;
const BUILT = `${ROOT}/dist/`;
const ENTRIES: readonly string[] = [
  'index.ts',
  'crypto/legacy/index.ts',
  'http/index.ts',
  'node/index.ts',
  'sasl/index.ts',
  'testing/index.ts',
];
