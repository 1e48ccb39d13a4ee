/** Loaded by vitest before each test file: says afterwards which probes the file went through. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';

declare global {
  var __hits: Set<string>;
}

globalThis.__hits = new Set();
const began = performance.now();

afterAll(() => {
  const { testPath } = expect.getState();
  const name = `${testPath!.replace(/\W+/g, '-')}.json`;
  const took = performance.now() - began;
  const report = { testPath, took, hits: [...globalThis.__hits] };
  writeFileSync(join(process.env.MUTATION_HITS!, name), JSON.stringify(report));
});
