/** The pages for contributors: short, and true about the files that they name. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };

const root = resolve(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

function pagesIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}

/** Created by a command, or given by the reader. */
const NOT_COMMITTED: readonly string[] = ['docs/api/', 'dist/'];

describe.each(['ARCHITECTURE.md', 'CONTRIBUTING.md', 'RELEASING.md'])('%s', (page) => {
  const text = read(page);

  it('has fewer than 200 lines', () => {
    expect(text.split('\n').length).toBeLessThan(200);
  });

  it('names paths that exist, from the root or from src/', () => {
    const links = [...text.matchAll(/\]\(([\w./-]+)\)/g)];
    const spans = [...text.matchAll(/`([\w.-]+\/[\w./-]*|[\w-]+\.(?:ts|md|json|txt))`/g)];
    const tests = [...text.matchAll(/\b(test\/[\w./-]+\.ts)\b/g)];
    const paths = [...links, ...spans, ...tests].map(([, path]) => path!);
    expect(paths.length).toBeGreaterThan(0);
    const missing = paths
      .filter((path) => !NOT_COMMITTED.some((folder) => path.startsWith(folder)))
      .filter((path) => !['', 'src', 'test'].some((from) => existsSync(join(root, from, path))));
    expect(missing).toEqual([]);
  });

  it('names scripts of package.json', () => {
    const named = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !Object.hasOwn(packageJson.scripts, name))).toEqual([]);
  });
});

/** Written by programs: a row for each flaw, a section for each reason. */
const GENERATED: readonly string[] = ['docs/advisories.md', 'docs/errors.md'];

describe('README.md and the guides', () => {
  const guides = pagesIn('docs');
  const protocols = pagesIn('docs/protocols');

  it.each(['README.md', ...guides, ...protocols])(
    '%s: is short, and links to files that exist',
    (page) => {
      const text = read(page);
      if (!GENERATED.includes(page)) expect(text.split('\n').length).toBeLessThan(200);
      const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[\w-]+)?\)/g)].map(
        ([, to]) => to!,
      );
      const missing = links.filter((to) => !existsSync(join(root, dirname(page), to)));
      expect(missing).toEqual([]);
    },
  );

  it('README.md links to every guide', () => {
    const text = read('README.md');
    expect(guides.filter((page) => !text.includes(`](${page})`))).toEqual([]);
  });

  it('docs/protocols.md links to the page of every protocol', () => {
    const text = read('docs/protocols.md');
    expect(protocols.length).toBeGreaterThan(3);
    const unlinked = protocols.filter((page) => !text.includes(`](${page.slice('docs/'.length)})`));
    expect(unlinked).toEqual([]);
  });

  it('README.md links to its own sections', () => {
    const text = read('README.md');
    const sections = [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title!);
    const anchors = sections.map((title) => title.toLowerCase().replaceAll(' ', '-'));
    const links = [...text.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor!);
    expect(links.filter((anchor) => !anchors.includes(anchor))).toEqual([]);
  });
});

describe('the layers of ARCHITECTURE.md', () => {
  it('are those that architecture.test.ts checks, in the same order', () => {
    const [, source] = /const LAYERS[^=]*= \[([\s\S]*?)\n\];/.exec(
      read('test/architecture.test.ts'),
    )!;
    const checked = [...source!.matchAll(/^ {2}\[(.*)\],$/gm)]
      .map(([, names]) => [...names!.matchAll(/'([^']+)'/g)].map(([, name]) => name!))
      // A layer may be listed before its first file is there.
      .map((names) => names.filter((name) => existsSync(join(root, 'src', name))))
      .filter((names) => names.length > 0);
    const rows = [...read('ARCHITECTURE.md').matchAll(/^\| ((?:`[\w./-]+`(?:, )?)+) \| [A-Z]/gm)];
    const described = rows.map(([, names]) =>
      [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!.replace(/\/$/, '')),
    );
    expect(described).toEqual(checked);
  });
});
