/** The command line of the fuzzer. */

export interface FuzzOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Only targets whose name matches. */
  readonly only: RegExp | undefined;
  /** Milliseconds of processor time that an input may take: more on a busy machine. */
  readonly slow: number;
  /** Go on after a finding; it is saved in any case. */
  readonly keepGoing: boolean;
}

/** @throws Error with the usage. */
export function parseOptions(argv: readonly string[]): FuzzOptions {
  const values = new Map<string, string>();
  const rest = [...argv];
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '--keep-going') values.set(name, '');
    else if (WITH_VALUE.includes(name) && rest.length > 0) values.set(name, rest.shift()!);
    else throw new Error(USAGE);
  }
  const seconds = Number(values.get('--seconds') ?? 60);
  const seed = Number(values.get('--seed') ?? Math.floor(Math.random() * 0x1_0000_0000));
  const slow = Number(values.get('--slow') ?? 50);
  if (!(seconds > 0 && slow > 0) || !Number.isSafeInteger(seed)) throw new Error(USAGE);
  const only = values.get('--only');
  return {
    seconds,
    seed,
    slow,
    only: only === undefined ? undefined : new RegExp(only),
    keepGoing: values.has('--keep-going'),
  };
}

const WITH_VALUE = ['--seconds', '--seed', '--slow', '--only'];
const USAGE =
  'usage: npm run fuzz -- [--seconds N] [--seed N] [--slow MILLISECONDS] [--only REGEXP] [--keep-going]\n' +
  '  a run repeats with its seed, as far as it goes in its time';
