/** The examples of docs/testing.md, run as they are printed there. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import * as vitest from 'vitest';
import { describe, expect, it } from 'vitest';
import { sourceOfEntries } from '../support/public-api.ts';

interface Example {
  readonly title: string;
  readonly code: string;
}

const text = readFileSync('docs/testing.md', 'utf8');
const examples: readonly Example[] = text.split(/^## /m).flatMap((section) => {
  const [title = ''] = section.split('\n');
  return [...section.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => ({
    title,
    code: code!,
  }));
});
const hasTests = ({ code }: Example) => code.includes("from 'vitest'");
const sources = new Map(sourceOfEntries());

/** Runs a module, whose imports of this package are those of src/. Its tests are registered here. */
async function runModule({ code }: Example): Promise<void> {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const body = outputText
    .replace(/^import (\w+) from '(.+?)';$/gm, "const { default: $1 } = await load('$2');")
    .replace(/^import (\{.+?\}) from '(.+?)';$/gm, "const $1 = await load('$2');");
  const run = new Function('load', `return (async () => { ${body} })();`);
  await run(load);
}

async function load(specifier: string): Promise<unknown> {
  return specifier === 'vitest' ? vitest : await import(sources.get(specifier) ?? specifier);
}

describe.each(examples.filter(hasTests))('$title', async (example) => {
  await runModule(example);
});

describe('an example without tests', () => {
  it.each(examples.filter((example) => !hasTests(example)))('runs: $title', async (example) => {
    await expect(runModule(example)).resolves.toBeUndefined();
  });
});
