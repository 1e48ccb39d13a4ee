/** docs/advisories.md says what the records say, and each record has its test. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { formatPage } from './format-page.ts';
import { ABSENT } from './records/absent.ts';
import { RECORDS } from './records/index.ts';

const page = new URL('../../docs/advisories.md', import.meta.url);

describe('docs/advisories.md', () => {
  it('is what `npm run docs:advisories` writes', () => {
    const text = formatPage(RECORDS, ABSENT);
    if (process.env.UPDATE === '1') writeFileSync(page, text);
    expect(readFileSync(page, 'utf8')).toBe(text);
  });
});

describe('the records', () => {
  it('are of all test files of this directory', () => {
    const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'));
    const expected = [...Object.keys(RECORDS), 'page'].map((name) => `${name}.test.ts`);
    expect(files.sort()).toEqual(expected.sort());
  });

  it('each have one test, which runs', () => {
    for (const [file, advisories] of Object.entries(RECORDS)) {
      const source = readFileSync(new URL(`${file}.test.ts`, import.meta.url), 'utf8');
      const tests = [...source.matchAll(/^advisory\('(\w+)', /gm)].map(([, name]) => name!);
      expect(tests.sort(), file).toEqual(Object.keys(advisories).sort());
    }
  });

  it('name each advisory once, and end in sentences', () => {
    const all = [...Object.values(RECORDS).flatMap((records) => Object.values(records)), ...ABSENT];
    for (const { flaw, here, ids } of all) {
      expect(flaw, ids[0]).toMatch(/^[A-Z“].*\.$/);
      expect(here, ids[0]).toMatch(/^[A-Z“].*\.$/);
    }
    const ids = Object.values(RECORDS).flatMap((records) =>
      Object.values(records).flatMap((record) => record.ids),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });
});
