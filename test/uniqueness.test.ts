import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './support/bundle.ts';
import { run } from './support/run.ts';
import type { Clone } from './support/snapshot-guest.ts';

const directory = mkdtempSync(join(tmpdir(), 'krb5-snapshot-'));
const clones: Clone[] = [];

beforeAll(async () => {
  const script = join(directory, 'guest.cjs');
  const blob = join(directory, 'guest.blob');
  writeFileSync(script, bundle(join(import.meta.dirname, 'support', 'snapshot-guest.ts')));
  const node = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(process.execPath, args);
    expect(code, stderr).toBe(0);
    return stdout;
  };
  await node('--snapshot-blob', blob, '--build-snapshot', script);
  for (let i = 0; i < 2; i++) {
    clones.push(JSON.parse(await node('--snapshot-blob', blob)) as Clone);
  }
});

afterAll(() => rmSync(directory, { recursive: true }));

// There is no fork in JavaScript: a process is cloned by what froze it, and Node's own startup
// snapshot is the one that a test can make.
describe('two clones of a frozen acceptor that had served a client', () => {
  it('share no subkey, no sequence number, and nothing that randomness gave', () => {
    const [a, b] = clones as [Clone, Clone];
    expect(a.subkey).toHaveLength(64);
    expect(a.subkey).not.toBe(b.subkey);
    expect(a.sequenceNumber).not.toBe(b.sequenceNumber);
    expect(a.drawn.filter((bytes) => b.drawn.includes(bytes))).toEqual([]);
  });

  it('take all of it from the runtime after they were thawed', () => {
    for (const { subkey, sequenceNumber, drawn } of clones) {
      // One call for the subkey, the sequence number and the AP-REP, one for confounders.
      expect(drawn.map((bytes) => bytes.length / 2)).toEqual([64, 256]);
      const [first] = drawn as [string];
      expect(first.slice(0, 64)).toBe(subkey);
      const number = Number.parseInt(first.slice(64, 72), 16) & 0x3fff_ffff;
      expect(Number.parseInt(sequenceNumber, 16)).toBe(number);
    }
  });
});
