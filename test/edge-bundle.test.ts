/** What a bundler for browsers and edge runtimes makes of the entries that such runtimes load. */
import { resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { beforeAll, describe, expect, it } from 'vitest';
import { sourceOfEntries } from './support/public-api.ts';

const sources = new Map(sourceOfEntries());
const ENTRIES = ['', '/http', '/hono', '/fetch', '/legacy', '/testing'].map(
  (entry) => `krb5-acceptor${entry}`,
);

interface Bundle {
  readonly code: string;
  /** Modules that the bundle imports. */
  readonly left: readonly string[];
  readonly warnings: readonly string[];
}

async function bundleFor(entry: string): Promise<Bundle> {
  const warnings: string[] = [];
  const bundle = await rolldown({
    input: resolve(sources.get(entry)!),
    platform: 'browser',
    external: /^node:/,
    onLog: (_level, { message }) => warnings.push(message),
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false, minify: true });
  const [{ code, fileName, imports, dynamicImports }] = output;
  const left = [...imports, ...dynamicImports].filter((name) => name !== fileName);
  return { code, left, warnings };
}

describe.each(ENTRIES)('%s', (entry) => {
  let bundle: Bundle;

  beforeAll(async () => {
    bundle = await bundleFor(entry);
  });

  it('is one file that imports nothing, without a warning of the bundler', () => {
    expect(bundle.left).toEqual([]);
    expect(bundle.warnings).toEqual([]);
  });

  it('evaluates no text as code, and names nothing that edge checkers look for', () => {
    const found = FORBIDDEN.flatMap((pattern) => [
      ...bundle.code.matchAll(new RegExp(pattern, 'g')),
    ]);
    expect(found.map(({ index }) => bundle.code.slice(index - 60, index + 60))).toEqual([]);
  });
});

describe('the check', () => {
  it('finds the modules of Node.js that an entry imports', async () => {
    expect((await bundleFor('krb5-acceptor/node')).left).toContain('node:http');
  });

  it.each([
    'process.getBuiltinModule("node:crypto")',
    'process?.env',
    'require("crypto")',
    'eval("1")',
    'new Function("1")',
    'await import("node:fs")',
  ])('finds %s', (code) => {
    expect(FORBIDDEN.some((pattern) => pattern.test(code))).toBe(true);
  });
});

/** Checkers look for these words, and do not ask whether they are reached. */
const FORBIDDEN: readonly RegExp[] = [
  /\bprocess\s*(?:\?\.|\.|\[)/,
  /\brequire\s*\(/,
  /\beval\s*\(/,
  /\bFunction\s*\(/,
  /\bimport\s*\(/,
  /\bWebAssembly\b/,
  /\b(?:setImmediate|__dirname|__filename)\b/,
];
