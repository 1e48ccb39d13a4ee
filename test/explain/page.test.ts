/** docs/errors.md says what the catalogue says. */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { expect, it } from 'vitest';
import {
  BEFORE_THE_SERVER,
  CLIENT_WORDS,
  describedReasons,
  formatPage,
  MIT_WORDS,
} from './format-page.ts';

const page = new URL('../../docs/errors.md', import.meta.url);

it('docs/errors.md is what `npm run docs:errors` writes', () => {
  const text = formatPage();
  if (process.env.UPDATE === '1') writeFileSync(page, text);
  expect(readFileSync(page, 'utf8')).toBe(text);
});

it('the words of MIT krb5 and of clients lead to reasons that there are', () => {
  const known = describedReasons();
  const ofClients = [...Object.values(CLIENT_WORDS), ...BEFORE_THE_SERVER].map(([, led]) => led);
  const led = [...Object.values(MIT_WORDS), ...ofClients].flatMap((one) => one.split(' '));
  expect(led.filter((reason) => !known.has(reason as never))).toEqual([]);
});
