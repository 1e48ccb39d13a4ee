/** One CommonJS script of some modules: what `node --build-snapshot` takes, which knows no others. */
import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, resolve } from 'node:path';
import ts from 'typescript';

/**
 * @param entry - Path of the module that is run: TypeScript or JavaScript, and so what it imports.
 * @returns Its text, and that of all that it imports, each in a function of its own.
 */
export function bundle(entry: string): string {
  const modules = new Map<string, string>();
  add(entry, modules);
  const functions = [...modules].map(
    ([path, text]) => `${JSON.stringify(path)}: (module, exports, require) => {\n${text}\n},`,
  );
  return `
const builtin = require;
const loaded = new Map();
const modules = {
${functions.join('\n')}
};
function load(path) {
  if (!(path in modules)) return builtin(path);
  let module = loaded.get(path);
  if (module === undefined) {
    loaded.set(path, (module = { exports: {} }));
    modules[path](module, module.exports, load);
  }
  return module.exports;
}
load(${JSON.stringify(entry)});
`;
}

function add(path: string, modules: Map<string, string>): void {
  if (modules.has(path)) return;
  modules.set(path, '');
  const { outputText } = ts.transpileModule(readFileSync(path, 'utf8'), {
    fileName: path,
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: false,
    },
  });
  const text = outputText.replace(/\brequire\("([^"]+)"\)/g, (_, specifier: string) => {
    const target = resolveFrom(path, specifier);
    if (!isBuiltin(target)) add(target, modules);
    return `require(${JSON.stringify(target)})`;
  });
  modules.set(path, text);
}

function resolveFrom(path: string, specifier: string): string {
  if (specifier.startsWith('.')) return resolve(dirname(path), specifier);
  return isBuiltin(specifier) ? specifier : createRequire(path).resolve(specifier);
}
