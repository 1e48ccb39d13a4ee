/** The command line of the mutation tester. */

export interface MutationOptions {
  /** Only mutants that match, in the form in which survivors are printed. */
  readonly only: RegExp;
  /** How many mutants to try, chosen by the seed; all if absent. */
  readonly sample: number | undefined;
  readonly seed: number;
  /** How many test files a mutant meets at most: the likeliest to notice it. */
  readonly tests: number;
  /** The test files that mutants meet, in this order; absent: those that a run with probes finds. */
  readonly by: readonly string[] | undefined;
  /** Processes that test mutants at the same time. */
  readonly jobs: number;
  /** Where the report goes as JSON. */
  readonly json: string | undefined;
}

/** @throws Error with the usage. */
export function parseOptions(argv: readonly string[]): MutationOptions {
  const values = new Map<string, string>();
  for (let at = 0; at < argv.length; at += 2) {
    const [name, value] = [argv[at]!, argv[at + 1]];
    if (!NAMES.includes(name) || value === undefined) throw new Error(USAGE);
    values.set(name, value);
  }
  const sample = values.get('--sample');
  return {
    only: new RegExp(values.get('--only') ?? '^src/(ap|gss|crypto)/'),
    sample: sample === undefined ? undefined : positive(sample),
    seed: positive(values.get('--seed') ?? '1'),
    tests: positive(values.get('--tests') ?? '16'),
    by: values.get('--by')?.split(','),
    jobs: positive(values.get('--jobs') ?? '2'),
    json: values.get('--json'),
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(USAGE);
  return value;
}

const NAMES = ['--only', '--sample', '--seed', '--tests', '--by', '--jobs', '--json'];
const USAGE =
  'usage: npm run mutate -- [--only REGEXP] [--sample N] [--seed N] [--tests N] [--jobs N]\n' +
  '                        [--by TEST-FILE,...] [--json PATH]\n' +
  '  REGEXP is matched with lines such as: src/tokens/sequence.ts:32:5  a < b -> ((a) <= (b))';
