/**
 * `npm run mutate`: puts small faults into the sources, one at a time, and looks whether a unit test
 * notices. A fault that no test notices is printed: a test is missing there, or the code is not
 * needed, or the fault changes nothing.
 *
 * Mutants never touch the disk: vitest gets them in the place of the file. Each meets only the test
 * files that run the block it is in, which a first run with probes finds out.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Mutant, Source } from './mutants.ts';
import { mutate, readSource, withProbes } from './mutants.ts';
import type { MutationOptions } from './options.ts';
import { parseOptions } from './options.ts';
import { RunnerProcess } from './runner-process.ts';

type Verdict = 'killed' | 'survived' | 'timeout' | 'not covered';

interface Result {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  /** What noticed it. */
  readonly by?: string;
}

/** A test file: what it runs, and how long it takes. */
interface TestFile {
  readonly testPath: string;
  readonly took: number;
  readonly hits: Pick<ReadonlySet<string>, 'has'>;
  /** By path of a source: how many of its blocks it runs, how many of its mutants it killed. */
  readonly reach: Map<string, number>;
  readonly kills: Map<string, number>;
}

async function main(options: MutationOptions): Promise<number> {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map((name) => join('src', name).replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => readSource(path, readFileSync(path, 'utf8')));
  const all = sources
    .flatMap(({ mutants }) => mutants)
    .filter((mutant) => options.only.test(describe(mutant)));
  const chosen = sampleOf(all, options);
  console.log(`${chosen.length} of ${all.length} mutants, seed ${options.seed}`);
  const paths = new Set(chosen.map(({ path }) => path));
  const tests =
    options.by?.map(asReachingAll) ?? (await probe(sources.filter(({ path }) => paths.has(path))));
  await expectToPass(tests);
  const results = await testAll(chosen, sources, tests, options);
  print(results);
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(results, null, 1));
  return results.some(({ verdict }) => !isKilled(verdict)) ? 1 : 0;
}

/** Runs all tests with probes in the sources. */
async function probe(sources: readonly Source[]): Promise<readonly TestFile[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mutation-'));
  const runner = new RunnerProcess({ MUTATION_HITS: folder });
  try {
    const probed = sources.map((source) => [resolve(source.path), withProbes(source)]);
    const job = { sources: Object.fromEntries(probed), tests: [], probe: true };
    const outcome = await runner.run(job, 600_000);
    if (outcome?.passed !== true) throw new Error(`the tests fail as it is: ${outcome?.failure}`);
    return readdirSync(folder).map((name) => {
      const file = JSON.parse(readFileSync(join(folder, name), 'utf8'));
      const reach = new Map<string, number>();
      for (const hit of file.hits) {
        const path = hit.replace(/:.*/, '');
        reach.set(path, (reach.get(path) ?? 0) + 1);
      }
      return { ...file, hits: new Set(file.hits), reach, kills: new Map() };
    });
  } finally {
    runner.kill();
    rmSync(folder, { recursive: true });
  }
}

function asReachingAll(path: string): TestFile {
  const hits = { has: () => true };
  return { testPath: resolve(path), took: 0, hits, reach: new Map(), kills: new Map() };
}

/** The sources as they are, in the way in which mutants are tested. */
async function expectToPass(tests: readonly TestFile[]): Promise<void> {
  const runner = new RunnerProcess({});
  const job = { sources: {}, tests: tests.map(({ testPath }) => testPath), probe: false };
  const outcome = await runner.run(job, 600_000);
  runner.kill();
  if (outcome?.passed !== true) throw new Error(`the tests fail as it is: ${outcome?.failure}`);
}

/** @returns In the order of `mutants`. */
async function testAll(
  mutants: readonly Mutant[],
  sources: readonly Source[],
  tests: readonly TestFile[],
  options: MutationOptions,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    const runner = new RunnerProcess({});
    for (let at = next++; at < mutants.length; at = next++) {
      const mutant = mutants[at]!;
      const { text } = sources.find(({ path }) => path === mutant.path)!;
      const near = testsOf(mutant, tests).slice(0, options.tests);
      const result = await testOne(mutant, text, near, runner);
      results[at] = result;
      done++;
      if (isKilled(result.verdict)) continue;
      console.log(`${done}/${mutants.length} ${result.verdict}: ${describe(mutant)}`);
    }
    runner.kill();
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return results;
}

async function testOne(
  mutant: Mutant,
  text: string,
  tests: readonly TestFile[],
  runner: RunnerProcess,
): Promise<Result> {
  if (tests.length === 0) return { mutant, verdict: 'not covered' };
  const job = {
    sources: { [resolve(mutant.path)]: mutate(text, mutant) },
    tests: tests.map(({ testPath }) => testPath),
    probe: false,
  };
  // Other work on the machine must not look like a mutant that never ends.
  const patience = 20_000 + 3 * tests.reduce((sum, { took }) => sum + took, 0);
  const outcome = await runner.run(job, patience);
  if (outcome === undefined) return { mutant, verdict: 'timeout' };
  if (outcome.passed) return { mutant, verdict: 'survived' };
  const { kills } = tests.find(({ testPath }) => testPath === outcome.file) ?? tests[0]!;
  kills.set(mutant.path, (kills.get(mutant.path) ?? 0) + 1);
  return { mutant, verdict: 'killed', by: outcome.failure ?? '' };
}

/**
 * The tests that run the mutant's block: first its file's own, then those that run much of the file
 * and killed much of it, in short time.
 */
function testsOf({ path, block }: Mutant, tests: readonly TestFile[]): readonly TestFile[] {
  const hit = block < 0 ? path : `${path}:${block}`;
  const own = resolve(path.replace(/^src/, 'test').replace(/\.ts$/, '.test.ts'));
  const cost = ({ testPath, took, reach, kills }: TestFile): number =>
    testPath === own ? 0 : took / (reach.get(path) ?? 1) ** 2 / (1 + 10 * (kills.get(path) ?? 0));
  return tests.filter(({ hits }) => hits.has(hit)).sort((a, b) => cost(a) - cost(b));
}

function print(results: readonly Result[]): void {
  const count = (some: readonly Result[], verdict: Verdict): number =>
    some.filter((result) => result.verdict === verdict).length;
  const line = (name: string, some: readonly Result[]): void => {
    const killed = some.filter(({ verdict }) => isKilled(verdict)).length;
    const figures = VERDICTS.map((verdict) => `${`${count(some, verdict)}`.padStart(11)}`);
    console.log(`${name.padEnd(36)}${figures.join('')}${percent(killed, some.length)}`);
  };
  console.log(`\n${''.padEnd(36)}${VERDICTS.map((name) => name.padStart(11)).join('')}  score`);
  const paths = new Set(results.map(({ mutant }) => mutant.path));
  for (const path of paths) {
    line(
      path,
      results.filter(({ mutant }) => mutant.path === path),
    );
  }
  line('all', results);
  console.log();
  for (const { mutant, verdict } of results) {
    if (!isKilled(verdict)) console.log(`${describe(mutant)}  (${verdict})`);
  }
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)}%`.padStart(8);
}

function isKilled(verdict: Verdict): boolean {
  return verdict === 'killed' || verdict === 'timeout';
}

function describe({ path, line, column, before, after }: Mutant): string {
  return `${path}:${line}:${column}  ${oneLine(before)} -> ${oneLine(after)}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 100);
}

/** The first mutants of an order that the seed gives, back in the order of the sources. */
function sampleOf(
  mutants: readonly Mutant[],
  { sample, seed }: MutationOptions,
): readonly Mutant[] {
  if (sample === undefined || sample >= mutants.length) return mutants;
  // Multiplicative congruential generator, modulus 2^31 - 1 (Lehmer).
  let state = seed % 0x7fff_ffff;
  const keyed = mutants.map((_, at) => {
    state = Number((BigInt(state) * 48_271n) % 0x7fff_ffffn);
    return { at, key: state };
  });
  keyed.sort((a, b) => a.key - b.key);
  const chosen = keyed.slice(0, sample).map(({ at }) => at);
  return chosen.sort((a, b) => a - b).map((at) => mutants[at]!);
}

const VERDICTS: readonly Verdict[] = ['killed', 'timeout', 'survived', 'not covered'];

process.exitCode = await main(parseOptions(process.argv.slice(2)));
