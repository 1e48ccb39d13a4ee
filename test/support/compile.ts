import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

/** A program of ours as JavaScript, for child processes: Node 20 does not run TypeScript. */
export interface CompiledProgram {
  /** The file to run. */
  readonly path: string;
  [Symbol.dispose](): void;
}

/** Compiles a file and whatever it imports, without checking types, into a directory of its own. */
export function compileProgram(entry: string): CompiledProgram {
  const directory = mkdtempSync(join(tmpdir(), 'compiled-program-'));
  const pending = [entry];
  for (const file of pending) {
    const source = readFileSync(file, 'utf8');
    const { outputText } = ts.transpileModule(source, { compilerOptions: OPTIONS });
    const target = compiledPath(directory, file);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
    for (const { fileName } of ts.preProcessFile(source).importedFiles) {
      const imported = resolve(dirname(file), fileName);
      if (fileName.startsWith('.') && !pending.includes(imported)) pending.push(imported);
    }
  }
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  return {
    path: compiledPath(directory, entry),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

function compiledPath(directory: string, file: string): string {
  return join(directory, relative(ROOT, file)).replace(/\.ts$/, '.js');
}

const ROOT = resolve(import.meta.dirname, '../..');
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
};
