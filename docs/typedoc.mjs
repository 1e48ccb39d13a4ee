/** `npm run docs:api`: the public names of every entry, as pages in `docs/api/`. */
import { readFileSync } from 'node:fs';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));

export default {
  entryPoints: Object.values(exports)
    .filter((target) => typeof target === 'object')
    .map(({ types }) => types.replace('./dist/', '../src/').replace('.d.ts', '.ts')),
  tsconfig: '../tsconfig.node.json',
  out: 'api',
  readme: '../README.md',
  disableGit: true,
  disableSources: true,
  // What an interface inherits from Node's or a framework's is documented there.
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  treatWarningsAsErrors: true,
  // Tables whose keys are printed in full, an interface for @internal members, and a class that
  // the entry exports under the same name.
  intentionallyNotExported: [
    'NUMBERS',
    'RoutineError',
    'SupplementaryStatus',
    'ServiceKeys',
    'crypto/key.ts:EncryptionKey',
  ],
  plugin: [linkAcrossEntries],
};

/** A docstring may link to a public name that its file does not import. */
function linkAcrossEntries(app) {
  app.converter.addUnknownSymbolResolver((reference, reflection) => {
    if (reference.moduleSource !== undefined) return undefined;
    const [name, ...rest] = reference.symbolReference?.path?.map(({ path }) => path) ?? [];
    const modules = reflection.project.children ?? [];
    const targets = modules.map((module) => module.getChildByName([name, ...rest]));
    const target = targets.find((found) => found !== undefined);
    return target && { target };
  });
}
