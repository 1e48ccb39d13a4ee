/** The command line of the soak. */
import type { Backend } from './server-process.ts';

export interface SoakOptions {
  readonly seconds: number;
  /** What the server computes with. */
  readonly backend: Backend;
  /** Connections that do nothing. */
  readonly idle: number;
  /** Flows of good clients in a second. */
  readonly rate: number;
  /** Where the figures go as JSON. */
  readonly json: string | undefined;
}

/** @throws Error with the usage. */
export function parseOptions(argv: readonly string[]): SoakOptions {
  const values = new Map<string, string>();
  for (let i = 0; i < argv.length; i += 2) {
    const name = argv[i]!;
    if (!OPTIONS.includes(name) || argv[i + 1] === undefined) throw new Error(USAGE);
    values.set(name, argv[i + 1]!);
  }
  const number = (name: string, fallback: number): number => {
    const value = Number(values.get(name) ?? fallback);
    if (!(value > 0)) throw new Error(USAGE);
    return value;
  };
  const backend = values.get('--backend') ?? 'noble';
  if (backend !== 'noble' && backend !== 'node') throw new Error(USAGE);
  return {
    seconds: number('--seconds', 60),
    backend,
    idle: number('--idle', 3000),
    rate: number('--rate', 20),
    json: values.get('--json'),
  };
}

const OPTIONS = ['--seconds', '--backend', '--idle', '--rate', '--json'];
const USAGE =
  'usage: npm run soak -- [--seconds N] [--backend noble|node] [--idle N] [--rate N] [--json FILE]';
