/** docs/errors.md says what the catalogue says. */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { expect, it } from 'vitest';
import { formatPage } from './format-page.ts';

const page = new URL('../../docs/errors.md', import.meta.url);

it('docs/errors.md is what `npm run docs:errors` writes', () => {
  const text = formatPage();
  if (process.env.UPDATE === '1') writeFileSync(page, text);
  expect(readFileSync(page, 'utf8')).toBe(text);
});
