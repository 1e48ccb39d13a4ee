/** The page of gss-inspect as a file: small, whole, and allowed nothing. test/interop opens it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { runOrThrow } from '../../support/run.ts';

const root = resolve(import.meta.dirname, '../../..');
let page: string;

beforeAll(async () => {
  await runOrThrow(process.execPath, [join(root, 'inspect.mjs')], { cwd: root });
  page = readFileSync(join(root, 'dist/gss-inspect.html'), 'utf8');
});

/** The contents of the only element of a name. */
function contentsOf(name: 'script' | 'style'): string {
  const found = [...page.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))];
  expect(found.length).toBe(1);
  return found[0]![1]!;
}

describe('the page of gss-inspect', () => {
  it('has less than 150 kB when it is compressed', () => {
    expect(gzipSync(page, { level: 9 }).length).toBeLessThan(150_000);
  });

  it('allows its own script and style by their hashes, and nothing else', () => {
    const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)!;
    const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    expect(policy!.split('; ')).toEqual([
      "default-src 'none'",
      `script-src ${hash(contentsOf('script'))}`,
      `style-src ${hash(contentsOf('style'))}`,
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
    // The policy holds for what follows it.
    expect(page.indexOf('Content-Security-Policy')).toBeLessThan(page.indexOf('<style>'));
  });

  it('is whole: it names no other file, and no handler in its markup', () => {
    const markup = page.replace(/<(script|style)>[\s\S]*?<\/\1>/g, '');
    expect(markup).not.toMatch(/\b(?:src|action|on\w+|style)=|href="(?!#)|<link|<img|<base/);
    expect(contentsOf('style')).not.toMatch(/url\(|@import/);
  });

  it('has no way to make markup of text', () => {
    const sources = ['dom.ts', 'main.ts', 'tree.ts'].map((name) =>
      readFileSync(join(root, 'src/inspect/page', name), 'utf8'),
    );
    for (const source of sources) {
      expect(source).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/);
    }
  });
});
