/**
 * `npm run fuzz`: mutants of genuine tokens, tickets, PACs, files and names, thrown at whatever
 * reads them. It stops at the first input that does what no input may do, and saves it.
 */
import { resolve } from 'node:path';
import type { Case, Target } from './case.ts';
import type { Finding, Verdict } from './examine.ts';
import { examine, watchRejections } from './examine.ts';
import { minimise } from './minimise.ts';
import { mutate } from './mutate/index.ts';
import type { FuzzOptions } from './options.ts';
import { parseOptions } from './options.ts';
import { Prng } from './prng.ts';
import { saveCase } from './store.ts';
import { allTargets } from './targets/index.ts';

/** A target with what the run has learnt about it. */
class Campaign {
  readonly target: Target;
  readonly pool: Case[];
  readonly outcomes = new Set<string>();
  /** What is known to be wrong: each is saved once. */
  readonly findings = new Set<string>();
  cases = 0;
  slowest = 0;
  largest = 0;

  constructor(target: Target) {
    this.target = target;
    this.pool = [...target.seeds];
  }

  note(input: Case, { outcome, milliseconds, bytes }: Verdict): void {
    this.cases++;
    this.slowest = Math.max(this.slowest, milliseconds);
    this.largest = Math.max(this.largest, bytes);
    if (this.outcomes.has(outcome)) return;
    this.outcomes.add(outcome);
    // What leads to a new place may lead further.
    const size = input.reduce((sum, part) => sum + part.length, 0);
    if (this.pool.length < MAX_POOL && size <= MAX_POOLED) this.pool.push(input);
  }

  /** Whether it was found before; figures in it do not make another one of it. */
  knows({ problem, detail }: Finding): boolean {
    const kind = `${problem} ${detail.replace(/\d+/g, '')}`;
    if (this.findings.has(kind)) return true;
    this.findings.add(kind);
    return false;
  }
}

async function main(options: FuzzOptions): Promise<number> {
  watchRejections();
  console.log(`seed ${options.seed}, ${options.seconds} s`);
  const campaigns = (await allTargets())
    .filter(({ name }) => options.only === undefined || options.only.test(name))
    .map((target) => new Campaign(target));
  if (campaigns.length === 0) throw new Error('no target has such a name');
  for (const campaign of campaigns) await tryGenuine(campaign, options);
  const findings = await run(campaigns, options);
  for (const { target } of campaigns) await target.close?.();
  print(campaigns, options);
  return findings === 0 ? 0 : 1;
}

/** The seeds themselves: nothing may be wrong with them, and what they warm up is not measured. */
async function tryGenuine(campaign: Campaign, { slow }: FuzzOptions): Promise<void> {
  const { target } = campaign;
  for (const seed of target.seeds) {
    const verdict = await examine(target, seed, slow);
    if (verdict.finding === undefined) continue;
    const { problem, detail } = verdict.finding;
    throw new Error(`${target.name}: a genuine input: ${problem}: ${detail}`);
  }
}

/** @returns How many findings there were. */
async function run(campaigns: readonly Campaign[], options: FuzzOptions): Promise<number> {
  let deadline = performance.now() + options.seconds * 1000;
  let findings = 0;
  for (let round = 0; ; round++) {
    for (const [index, campaign] of campaigns.entries()) {
      if (performance.now() > deadline) return findings;
      if (round % (campaign.target.every ?? 1) !== 0) continue;
      const prng = new Prng(options.seed ^ Math.imul(round + 1, 0x9e3779b1) ^ (index << 20));
      const { pool, target } = campaign;
      const input = mutate(prng.pick(pool), prng.pick(pool), target.shape, prng);
      const verdict = await examine(target, input, options.slow);
      campaign.note(input, verdict);
      if (verdict.finding === undefined || campaign.knows(verdict.finding)) continue;
      findings++;
      const interrupted = performance.now();
      const source = `npm run fuzz, seed ${options.seed}, round ${round}`;
      await report(campaign, input, verdict, source, options.slow);
      deadline += performance.now() - interrupted;
      if (!options.keepGoing) return findings;
    }
  }
}

async function report(
  { target }: Campaign,
  input: Case,
  { finding }: Verdict,
  source: string,
  slow: number,
): Promise<void> {
  const { problem, detail } = finding!;
  console.log(`\n${target.name}: ${problem}: ${detail}`);
  const small = await minimise(target, input, finding!, MINIMISE_LIMIT, slow);
  console.log(`saved ${saveCase(FIXTURES, target.name, small, finding!, source)}`);
}

function print(campaigns: readonly Campaign[], { seconds }: FuzzOptions): void {
  console.log('\ntarget                          cases  outcomes  slowest ms  largest MiB');
  let total = 0;
  for (const { target, cases, outcomes, slowest, largest } of campaigns) {
    total += cases;
    const columns = [
      String(cases).padStart(8),
      String(outcomes.size).padStart(10),
      slowest.toFixed(1).padStart(12),
      (largest / 1_048_576).toFixed(1).padStart(13),
    ];
    console.log(target.name.padEnd(29) + columns.join(''));
  }
  console.log(`${total} cases in ${seconds} s`);
}

const FIXTURES = resolve('fixtures/fuzz');
const MAX_POOL = 400;
// Bytes: long ones can be made from short ones at any time.
const MAX_POOLED = 8192;
const MINIMISE_LIMIT = 30_000;

process.exitCode = await main(parseOptions(process.argv.slice(2)));
