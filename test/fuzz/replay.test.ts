import { resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { examine } from './examine.ts';
import { mutate } from './mutate/index.ts';
import { Prng } from './prng.ts';
import { loadCases } from './store.ts';
import { allTargets } from './targets/index.ts';

// The fuzzer's own limit is 50, and it runs alone.
const MAX_MILLISECONDS = 500;

const targets = await allTargets();
const cases = loadCases(resolve('fixtures/fuzz'));

afterAll(async () => {
  for (const target of targets) await target.close?.();
});

describe('what the fuzzer has found', () => {
  it.each(cases.map((found) => [found.name, found] as const))('%s', async (_, found) => {
    const target = targets.find(({ name }) => name === found.target);
    expect(target, `target ${found.target}`).toBeDefined();
    const { finding } = await examine(target!, found.input, MAX_MILLISECONDS);
    expect(finding, found.problem).toBeUndefined();
  });

  it('is there', () => {
    expect(cases.length).toBeGreaterThan(0);
  });
});

describe.each(targets.map((target) => [target.name, target] as const))(
  'fuzzing %s',
  (_, target) => {
    it('takes what is genuine, and survives a few mutants', async () => {
      for (const seed of target.seeds) {
        const { outcome, finding } = await examine(target, seed, MAX_MILLISECONDS);
        expect(finding, outcome).toBeUndefined();
      }
      const prng = new Prng(20_260_601);
      for (let left = 30; left > 0; left--) {
        const seed = prng.pick(target.seeds);
        const input = mutate(seed, prng.pick(target.seeds), target.shape, prng);
        const { finding } = await examine(target, input, MAX_MILLISECONDS);
        expect(
          finding,
          `${input.map((part) => Buffer.from(part).toString('hex'))}`,
        ).toBeUndefined();
      }
    });
  },
);
