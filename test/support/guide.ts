/** The examples of docs/testing.md and docs/test-realm.md, run as they are printed there. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import * as vitest from 'vitest';
import { sourceOfEntries } from './public-api.ts';

export interface Example {
  readonly title: string;
  readonly code: string;
}

export const examples: readonly Example[] = ['docs/testing.md', 'docs/test-realm.md']
  .flatMap((page) => readFileSync(page, 'utf8').split(/^## /m))
  .flatMap((section) => {
    const [title = ''] = section.split('\n');
    return [...section.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => ({
      title,
      code: code!,
    }));
  });

/** Whether it needs programs that a machine may not have. */
export function startsPrograms({ code }: Example): boolean {
  return code.includes("from 'node:child_process'");
}

/** Runs a module, whose imports of this package are those of src/. Its tests are registered here. */
export async function runModule({ code }: Example): Promise<void> {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const body = outputText
    .replace(/^import (\w+) from '(.+?)';$/gm, "const { default: $1 } = await load('$2');")
    .replace(/^import (\{.+?\}) from '(.+?)';$/gm, "const $1 = await load('$2');");
  const run = new Function('load', `return (async () => { ${body} })();`);
  await run(load);
}

const sources = new Map(sourceOfEntries());

async function load(specifier: string): Promise<unknown> {
  return specifier === 'vitest' ? vitest : await import(sources.get(specifier) ?? specifier);
}
