/**
 * Checks of the options that callers give. A slip (a misspelt name, a variable that is not set, a
 * forgotten `await`) must fail where it was made: an option that is silently ignored may be the one
 * that keeps somebody out.
 */

/** One rule for each option of `T`: the compiler finds the option without a rule. */
export type OptionRules<T> = { readonly [Name in keyof T]-?: OptionRule };

export interface OptionRule {
  /** @throws TypeError, RangeError naming the option. Not asked about `undefined`. */
  readonly check: (value: unknown, name: string) => void;
  /**
   * - `optional`: an explicit `undefined` is as an option that is absent.
   * - `definite`: the option may be absent, but an explicit `undefined` is refused, because what
   *   happens in its absence allows more: its author meant to set it.
   * - `required`.
   */
  readonly presence: 'optional' | 'definite' | 'required';
}

/**
 * Checks options by their rules.
 *
 * @param label - What takes the options, for messages: `'createAcceptor'`.
 * @param path - What precedes their names in messages: `'limits.'`.
 * @throws TypeError for a name that has no rule, with the nearest that has one; for what is missing
 *   or of the wrong kind. RangeError for a number or a word that is none of those allowed.
 */
export function checkOptions<T extends object>(
  label: string,
  options: T,
  rules: OptionRules<T>,
  path = '',
): void {
  if (!isPlainObject(options)) {
    const names = Object.keys(rules).join(', ');
    throw new TypeError(`${label}: expected an object with ${names}; got ${describe(options)}`);
  }
  for (const name in options) {
    if (!Object.hasOwn(rules, name)) throw unknownOption(label, name, Object.keys(rules));
    const rule = rules[name];
    const value = options[name];
    if (value !== undefined) rule.check(value, path + name);
    else if (rule.presence === 'definite') throw indefinite(path + name);
  }
  for (const name in rules) {
    if (rules[name].presence !== 'required' || options[name] !== undefined) continue;
    // The rule says what it should be.
    rules[name].check(undefined, path + name);
  }
}

/** An option of a kind: another value is a TypeError. */
export function kind(expected: string, accepts: (value: unknown) => boolean): OptionRule {
  return ruleOf(TypeError, expected, accepts, (value) => describe(value));
}

/** A number or word out of those allowed: another value is a RangeError, which shows it. */
export function range(expected: string, accepts: (value: unknown) => boolean): OptionRule {
  return ruleOf(RangeError, expected, accepts, (value) =>
    typeof value === 'string' ? value.slice(0, MAX_SHOWN) : describe(value),
  );
}

/** One of some words. Any other word would be taken for the weakest of them. */
export function oneOf(...words: readonly string[]): OptionRule {
  return range(words.join(', '), (value) => words.includes(value as string));
}

/** A whole number, at least `least` and at most `most`. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): OptionRule {
  const limits =
    most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `from ${least} to ${most}`;
  return range(
    `a whole number, ${limits}`,
    (value) =>
      Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  );
}

/** Seconds, fractions allowed, that the runtimes' timers can count. */
export function seconds(least: 'above 0' | 'at least 0' = 'above 0'): OptionRule {
  return range(
    `a number ${least} and at most ${MAX_SECONDS}`,
    (value) =>
      typeof value === 'number' &&
      (least === 'above 0' ? value > 0 : value >= 0) &&
      value <= MAX_SECONDS,
  );
}

/** A list, each item of which the rule takes. */
export function listOf(rule: OptionRule): OptionRule {
  const list = kind('a list', Array.isArray);
  return {
    presence: 'optional',
    check: (value, name) => {
      list.check(value, name);
      for (const item of value as readonly unknown[]) rule.check(item, name);
    },
  };
}

/** A list as the rule has it, with something in it. */
export function nonEmpty(list: OptionRule): OptionRule {
  return {
    presence: 'optional',
    check: (value, name) => {
      list.check(value, name);
      if ((value as readonly unknown[]).length > 0) return;
      throw new RangeError(`${name}: expected at least one, got an empty list`);
    },
  };
}

/** What a function's rule takes, if it is a function; else what the other rule does. */
export function either(callbackRule: OptionRule, other: OptionRule): OptionRule {
  return {
    presence: 'optional',
    check: (value, name) => (typeof value === 'function' ? callbackRule : other).check(value, name),
  };
}

/** An object that has methods of these names. */
export function objectWith(expected: string, ...methods: readonly string[]): OptionRule {
  return kind(
    expected,
    (value) =>
      isPlainObject(value) &&
      methods.every((name) => typeof Reflect.get(value, name) === 'function'),
  );
}

/** Options within an option. */
export function optionsOf<T extends object>(rules: OptionRules<T>): OptionRule {
  return {
    presence: 'optional',
    check: (value, name) => checkOptions(name, value as T, rules, `${name}.`),
  };
}

/** The rule, for an option whose explicit `undefined` would allow more than its author meant. */
export function definite(rule: OptionRule): OptionRule {
  return { ...rule, presence: 'definite' };
}

export function required(rule: OptionRule): OptionRule {
  return { ...rule, presence: 'required' };
}

/** Whether somebody will be answered later, where an answer is wanted at once. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof Reflect.get(value, 'then') === 'function'
  );
}

export const flag: OptionRule = kind('true or false', (value) => typeof value === 'boolean');

export const text: OptionRule = kind('text', (value) => typeof value === 'string' && value !== '');

export const bytes: OptionRule = kind('a Uint8Array', (value) => value instanceof Uint8Array);

export const callback: OptionRule = kind('a function', (value) => typeof value === 'function');

/** A function whose answer is needed at once: an async one is found before it is first called. */
export const promptCallback: OptionRule = kind(
  'a function that is not async',
  (value) =>
    typeof value === 'function' && Reflect.get(value, Symbol.toStringTag) !== 'AsyncFunction',
);

function ruleOf(
  Refusal: new (message: string) => Error,
  expected: string,
  accepts: (value: unknown) => boolean,
  show: (value: unknown) => string,
): OptionRule {
  return {
    presence: 'optional',
    check: (value, name) => {
      if (!isThenable(value) && accepts(value)) return;
      const Wrong = value === undefined || isThenable(value) ? TypeError : Refusal;
      throw new Wrong(`${name}: expected ${expected}, got ${show(value)}`);
    },
  };
}

function indefinite(name: string): TypeError {
  return new TypeError(
    `${name}: expected a value, got undefined; leave the option away to have its default`,
  );
}

function unknownOption(label: string, name: string, known: readonly string[]): TypeError {
  const [nearest] = known
    .map((other) => ({ other, distance: distanceOf(name.slice(0, MAX_SHOWN), other) }))
    .sort((a, b) => a.distance - b.distance);
  const advice =
    nearest !== undefined && nearest.distance <= Math.max(2, nearest.other.length / 2)
      ? `is ${nearest.other} meant?`
      : `there are ${known.join(', ')}`;
  return new TypeError(
    `${label}: expected no option ${JSON.stringify(name.slice(0, MAX_SHOWN))}; ${advice}`,
  );
}

/** How many letters must be changed, put in or left out (Levenshtein); case counts for nothing. */
function distanceOf(a: string, b: string): number {
  const [from, to] = [a.toLowerCase(), b.toLowerCase()];
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}

/** What a value is; the text of a string may be a secret. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (isThenable(value)) return 'a promise: is an await missing?';
  switch (typeof value) {
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value).slice(0, MAX_SHOWN);
    case 'string':
      return value === '' ? 'empty text' : 'text';
    case 'function':
      return 'a function';
    default:
      return Array.isArray(value) ? 'a list' : 'an object';
  }
}

/** Whether it can hold options: an object, and none of those that are taken for one by mistake. */
export function isPlainObject(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !isThenable(value)
  );
}

const MAX_SHOWN = 60;
// They count milliseconds in 31 bits.
const MAX_SECONDS = 2_147_483;
