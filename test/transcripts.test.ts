import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Transcript } from './support/transcript.ts';
import { replay } from './support/transcript.ts';

const directory = new URL('../fixtures/transcripts/', import.meta.url);
const files = readdirSync(directory).filter((name) => name.endsWith('.json'));

/** What MIT krb5 and Heimdal sent and verified is understood, and answered in the same bytes, ever after. */
describe('a recorded exchange', () => {
  it('is there for every enctype and every way to begin', () => {
    const enctypes = new Set(files.map((name) => /etype(\d+)/.exec(name)?.[1]));
    expect([...enctypes].sort()).toEqual(['16', '17', '18', '19', '20', '23', '25', '26']);
    expect(files.filter((name) => name.includes('dce')).length).toBeGreaterThan(1);
  });

  it.each(files)('%s, also when it moves from process to process', async (name) => {
    const transcript = JSON.parse(readFileSync(new URL(name, directory), 'utf8')) as Transcript;
    expect(transcript.source).toMatch(/^(MIT krb5|Heimdal)/);
    await replay(transcript);
    await replay(transcript, true);
  });
});
