/** The command line of the bench. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Fewer rounds, shorter ones, and only the jobs that targets are about. */
  readonly quick: boolean;
  /** Where to write the results as JSON. */
  readonly json?: string;
  /** Which jobs. */
  readonly only?: RegExp;
  readonly rounds: number;
  /** A checkout of an earlier version with its bench built: it takes part instead of the peers. */
  readonly against?: string;
  /** Whether to fetch and build npm's `kerberos` first. */
  readonly installKerberos: boolean;
}

export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string' },
      against: { type: 'string' },
      'install-kerberos': { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 7 : 11));
  if (!Number.isSafeInteger(rounds) || rounds < 1) {
    throw new RangeError(`--rounds: expected a number of rounds, got ${values.rounds}`);
  }
  return {
    quick: values.quick,
    rounds,
    installKerberos: values['install-kerberos'],
    ...(values.json !== undefined && { json: values.json }),
    ...(values.only !== undefined && { only: new RegExp(values.only) }),
    ...(values.against !== undefined && { against: values.against }),
  };
}
