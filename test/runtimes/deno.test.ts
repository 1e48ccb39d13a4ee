import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { scratch } from '../support/realm.ts';
import { runOrThrow } from '../support/run.ts';
import { installed } from './installed.ts';
import { describeServerRuntime } from './suite.ts';

await describeServerRuntime('deno');

const deno = await installed('deno');
const ROOT = resolve(import.meta.dirname, '../..');

describe.runIf(deno)('an example on Deno', () => {
  it('is a replay cache on Deno KV that keeps the promises of the interface', async () => {
    const built = (file: string) => pathToFileURL(join(ROOT, 'dist', file)).href;
    const imports = {
      'krb5-acceptor': built('index.js'),
      'krb5-acceptor/testing': built('testing/index.js'),
    };
    const map = join(scratch(), 'imports.json');
    writeFileSync(map, JSON.stringify({ imports }));
    const [program, ...options] = deno!;
    const args = [...options, '--unstable-kv', '--import-map', map];
    const example = join(ROOT, 'examples/replay-deno-kv.ts');
    const output = await runOrThrow(program!, [...args, example]);
    expect(output).toBe('the cache keeps its promises\n');
  });
});
