/** Parses the command line of gss-inspect. */
import type { Values } from '../arguments.ts';
import { integer, readArguments, text, UsageError } from '../arguments.ts';

/** The options of gss-inspect, one property each; undefined where an option was not given. */
export interface InspectArguments {
  /** Paths; `-` is the standard input. */
  readonly files: readonly string[];
  /** What to lay out instead of files. */
  readonly token: string | undefined;
  readonly keytab: string | undefined;
  readonly service: string | undefined;
  /** Milliseconds since 1970. */
  readonly time: number | undefined;
  /** Seconds. */
  readonly skew: number | undefined;
  readonly shownBytes: number | undefined;
  readonly weak: boolean;
  readonly secrets: boolean;
  readonly json: boolean;
}

/** What the command line asks for. */
export type ParsedArguments =
  | { readonly action: 'inspect'; readonly arguments: InspectArguments }
  | { readonly action: 'help' }
  | { readonly action: 'version' }
  | { readonly action: 'usage'; readonly message: string };

/** @param argv - The arguments after the program's name. */
export function parseArguments(argv: readonly string[]): ParsedArguments {
  try {
    return parse(argv);
  } catch (error) {
    if (error instanceof UsageError) return { action: 'usage', message: error.message };
    throw error;
  }
}

function parse(argv: readonly string[]): ParsedArguments {
  // A dash alone is the standard input, and no option.
  const values = readArguments(argv, { switches: SWITCHES, texts: TEXTS });
  const { switches, positionals } = values;
  if (switches.has('help')) return { action: 'help' };
  if (switches.has('version')) return { action: 'version' };
  const token = text(values, 'token');
  if (token !== undefined && positionals.length > 0) {
    throw new UsageError('-token: expected no files beside it');
  }
  return {
    action: 'inspect',
    arguments: {
      files: positionals,
      token,
      keytab: text(values, 'keytab'),
      service: text(values, 'service'),
      time: time(values),
      skew: integer(values, 'skew', 0, MAX_SECONDS),
      shownBytes: integer(values, 'bytes', 1, MAX_BYTES),
      weak: switches.has('weak'),
      secrets: switches.has('secrets'),
      json: switches.has('json'),
    },
  };
}

function time(values: Values): number | undefined {
  const value = text(values, 'time');
  if (value === undefined) return undefined;
  const milliseconds = ISO_TIME.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(milliseconds)) return milliseconds;
  throw new UsageError(`-time: expected a time such as 2026-11-23T17:38:00Z, got '${value}'`);
}

// Without a zone, a time would depend on the machine.
const ISO_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;
const MAX_SECONDS = 2_147_483;
const MAX_BYTES = 65_536;
const SWITCHES: ReadonlySet<string> = new Set(['weak', 'secrets', 'json', 'help', 'version']);
const TEXTS: ReadonlySet<string> = new Set(['token', 'keytab', 'service', 'time', 'skew', 'bytes']);
