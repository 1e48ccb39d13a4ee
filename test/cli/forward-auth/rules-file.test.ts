/** The rules file as it changes. */
import { mkdtempSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { RulesError } from '../../../src/cli/forward-auth/rules.ts';
import { RulesFile } from '../../../src/cli/forward-auth/rules-file.ts';

const START = 1_800_000_000_000;
let now = START;
let path = '';
let lines: string[] = [];

beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'rules-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  path = join(directory, 'rules');
  now = START;
  lines = [];
});

/** Writes the file at a time of the test's clock. */
function write(text: string | Uint8Array, at = now): void {
  writeFileSync(path, text);
  utimesSync(path, at / 1000, at / 1000);
}

function open(): RulesFile {
  return new RulesFile(
    path,
    () => now,
    (line) => lines.push(line.replaceAll(path, 'F')),
  );
}

function pathsOf(file: RulesFile): string[] {
  return [...file.current().paths.keys()];
}

describe('RulesFile', () => {
  it('follows the file, at most once a second', () => {
    write('/a any');
    const file = open();
    write('/b any', now - 5000);
    expect(pathsOf(file)).toEqual(['/a']);
    now += 1000;
    expect(pathsOf(file)).toEqual(['/b']);
    expect(lines).toEqual(['rules file F has changed: the new rules are in use']);
  });

  it('follows a file that takes its place', () => {
    write('/a any');
    const file = open();
    writeFileSync(`${path}.new`, '/b any');
    utimesSync(`${path}.new`, 1, 1);
    renameSync(`${path}.new`, path);
    now += 1000;
    expect(pathsOf(file)).toEqual(['/b']);
  });

  it('waits until a file has been written: its beginning may lack the rules that close', () => {
    write('/ any\n/admin none');
    const file = open();
    now += 1000;
    write('/ any', now - 10);
    expect(pathsOf(file)).toEqual(['', '/admin']);
    now += 1000;
    expect(pathsOf(file)).toEqual(['']);
  });

  it('takes a file with a time in the future, and looks on when the clock was set back', () => {
    write('/a any');
    const file = open();
    now -= 1_000_000;
    write('/b any', now + 5_000_000);
    expect(pathsOf(file)).toEqual(['/b']);
  });

  it.each([
    [
      'is malformed',
      () => write('/b everybody', START - 5000),
      "line 1: expected user=, realm=, sid=, indicator=, method=, any or none, got 'everybody'",
    ],
    ['was emptied', () => truncate(), 'expected at least one rule'],
    ['is gone', () => rmSync(path), 'No such file or directory'],
    [
      'is too long',
      () => write(`/b any\n${'#'.repeat(65_530)}`, START - 5000),
      'expected at most 65536 bytes',
    ],
    ['is not UTF-8', () => write(Uint8Array.of(0x2f, 0xff), START - 5000), 'expected UTF-8'],
  ])('keeps the rules of a file that %s, and says so once', (_, damage, reason) => {
    write('/a any');
    const file = open();
    damage();
    for (let i = 0; i < 3; i++) {
      now += 1000;
      expect(pathsOf(file)).toEqual(['/a']);
    }
    expect(lines).toEqual([`rules file F: ${reason}; the rules read before stay in use`]);
    write('/c any', now - 5000);
    now += 1000;
    expect(pathsOf(file)).toEqual(['/c']);
  });

  function truncate(): void {
    truncateSync(path);
    utimesSync(path, 1, 1);
  }

  it('must be there at the start', () => {
    expect(open).toThrow(new RulesError('No such file or directory'));
    write('/');
    expect(open).toThrow(RulesError);
  });
});
