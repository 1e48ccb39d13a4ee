/** Command lines in the style of gss-server: options with one dash or two, and values after them or `=`. */

import type { RecordFormat } from './record.ts';

/** The command line is wrong; the message says what was expected. */
export class UsageError extends Error {
  /** `UsageError`. */
  override readonly name: string = 'UsageError';
}

/** The options that a program has, without dashes. */
export interface KnownOptions {
  /** Those without a value. */
  readonly switches: ReadonlySet<string>;
  /** Those with one. */
  readonly texts: ReadonlySet<string>;
}

/** A command line, read. */
export interface Values {
  readonly switches: ReadonlySet<string>;
  readonly texts: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

/**
 * @param argv - The arguments after the program's name.
 * @throws {@link UsageError} for an unknown option, a missing value, or a value for an option that takes
 *   none.
 */
export function readArguments(argv: readonly string[], known: KnownOptions): Values {
  const switches = new Set<string>();
  const texts = new Map<string, string>();
  const positionals: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    if (argument === '--') {
      positionals.push(...argv.slice(i + 1));
      break;
    }
    const option = /^--?([^=]+)(?:=(.*))?$/s.exec(argument);
    if (option === null) {
      positionals.push(argument);
      continue;
    }
    const [, name, attached] = option as unknown as [string, string, string | undefined];
    if (known.switches.has(name)) {
      if (attached !== undefined) throw new UsageError(`-${name} takes no value`);
      switches.add(name);
    } else if (known.texts.has(name)) {
      const value = attached ?? argv[++i];
      if (value === undefined) throw new UsageError(`-${name} needs a value`);
      texts.set(name, value);
    } else {
      throw new UsageError(`unknown option ${argument}`);
    }
  }
  return { switches, texts, positionals };
}

/** The value of an option; undefined if it was not given. @throws {@link UsageError} if it is empty. */
export function text({ texts }: Values, name: string): string | undefined {
  const value = texts.get(name);
  if (value === '') throw new UsageError(`-${name}: expected a value, got an empty text`);
  return value;
}

/** The value of an option, from `min` to `max`. @throws {@link UsageError} for any other value. */
export function integer(
  { texts }: Values,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const value = texts.get(name);
  if (value === undefined) return undefined;
  const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) {
    throw new UsageError(`-${name}: expected a number from ${min} to ${max}, got '${value}'`);
  }
  return number;
}

/** The realms of an option, separated by commas. @throws {@link UsageError} for what is no realm. */
export function realms(values: Values, name: string): readonly string[] | undefined {
  const list = text(values, name)?.split(',');
  if (list?.some((realm) => !/^[^*\s]+$/.test(realm)) === true) {
    throw new UsageError(`-${name}: expected names of realms, separated by commas`);
  }
  return list;
}

/** The value of -log, the form of records. @throws {@link UsageError} */
export function recordFormat({ texts }: Values): RecordFormat {
  const value = texts.get('log') ?? 'text';
  if (value === 'text' || value === 'json') return value;
  throw new UsageError(`-log: expected text or json, got '${value}'`);
}
