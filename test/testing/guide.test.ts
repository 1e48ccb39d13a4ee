/** The examples of docs/testing.md and docs/test-realm.md, run as they are printed there. */
import { describe, expect, it } from 'vitest';
import type { Example } from '../support/guide.ts';
import { examples, runModule, startsPrograms } from '../support/guide.ts';

const here = examples.filter((example) => !startsPrograms(example));
const hasTests = ({ code }: Example) => code.includes("from 'vitest'");

describe.each(here.filter(hasTests))('$title', async (example) => {
  await runModule(example);
});

describe('an example without tests', () => {
  it.each(here.filter((example) => !hasTests(example)))('runs: $title', async (example) => {
    await expect(runModule(example)).resolves.toBeUndefined();
  });
});

it('all others are run by the live tests', () => {
  const elsewhere = examples.filter(startsPrograms).map(({ title }) => title);
  expect(elsewhere).toEqual(['kinit, curl, Java and browsers']);
});
