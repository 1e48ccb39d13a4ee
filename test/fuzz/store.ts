/** Found inputs, as fixtures: each is replayed by the unit tests for ever after. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fromHex, toHex } from '../../src/bytes.ts';
import type { Case } from './case.ts';
import type { Finding } from './examine.ts';

export interface SavedCase {
  readonly name: string;
  readonly target: string;
  /** What was wrong with it when it was found. */
  readonly problem: string;
  readonly input: Case;
}

/** @param source - Which run found it. @returns The file's path. */
export function saveCase(
  directory: string,
  target: string,
  input: Case,
  { problem, detail }: Finding,
  source: string,
): string {
  const hash = createHash('sha256');
  for (const part of input) hash.update(part).update('|');
  const path = resolve(directory, `${target}-${hash.digest('hex').slice(0, 8)}.json`);
  mkdirSync(directory, { recursive: true });
  const saved = { source, target, problem, detail, parts: input.map(toHex) };
  writeFileSync(path, `${JSON.stringify(saved, null, 2)}\n`);
  return path;
}

export function loadCases(directory: string): SavedCase[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .map((name) => {
      const text = readFileSync(resolve(directory, name), 'utf8');
      const { target, problem, detail, parts } = JSON.parse(text);
      return { name, target, problem: `${problem}: ${detail}`, input: parts.map(fromHex) };
    });
}
