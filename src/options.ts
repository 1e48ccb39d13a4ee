/**
 * Checks options against rules. A slip (a misspelt name, a variable that is not set, a forgotten
 * `await`) must fail where it is made: the option that is silently ignored may be the one that keeps an
 * attacker out.
 */

/** One rule for each option of `T`: an option without a rule does not compile. */
export type OptionRules<T> = { readonly [Name in keyof T]-?: OptionRule };

/** The rule of one option. */
export interface OptionRule {
  /**
   * Checks a value. It is called with `undefined` only if the option is required and missing.
   *
   * @param name - The option with its path, for the message.
   * @throws TypeError, RangeError naming the option, what was expected and what was given.
   */
  readonly check: (value: unknown, name: string) => void;
  /**
   * - `optional`: an explicit `undefined` means the same as an absent option.
   * - `definite`: the option may be absent, but an explicit `undefined` is refused: it was meant to be
   *   set, and the default would allow more.
   * - `required`: the option must be present.
   */
  readonly presence: 'optional' | 'definite' | 'required';
}

/**
 * Checks options against their rules.
 *
 * @param label - The function that takes the options, for messages: `'createAcceptor'`.
 * @param path - The prefix of option names in messages: `'limits.'`.
 * @throws TypeError for an unknown option, suggesting the most similar known one, for a missing one and
 *   for one of the wrong kind. RangeError for a number or word that is not allowed.
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
  const names = new Set<Extract<keyof T, string>>();
  for (const name in options) {
    if (!Object.hasOwn(rules, name)) throw unknownOption(label, name, Object.keys(rules));
    names.add(name);
  }
  // The loop above does not see the getters of a class.
  for (const name in rules) names.add(name);
  for (const name of names) {
    const { check, presence } = rules[name];
    const value = options[name];
    // Without a required option this throws the rule's own message, which says what is expected.
    if (value !== undefined || presence === 'required') check(value, path + name);
    else if (presence === 'definite' && name in options) throw indefinite(path + name);
  }
}

/** A value of a kind; any other is a TypeError. @param expected - A noun phrase: `'a function'`. */
export function kind(expected: string, accepts: (value: unknown) => boolean): OptionRule {
  return ruleOf(TypeError, expected, accepts, (value) => describe(value));
}

/** A number or word in a range; any other is a RangeError that shows the value. */
export function range(expected: string, accepts: (value: unknown) => boolean): OptionRule {
  return ruleOf(RangeError, expected, accepts, (value) =>
    typeof value === 'string' ? value.slice(0, MAX_SHOWN) : describe(value),
  );
}

/** One of the given words. Without this check an unknown word would silently mean one of them. */
export function oneOf(...words: readonly string[]): OptionRule {
  return range(words.join(', '), (value) => words.includes(value as string));
}

/** A whole number from `least` to `most`, both included. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): OptionRule {
  const limits =
    most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `from ${least} to ${most}`;
  return range(
    `a whole number, ${limits}`,
    (value) =>
      Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  );
}

/** Seconds, whole or not, within the limits of the runtimes' timers. */
export function seconds(least: 'above 0' | 'at least 0' = 'above 0'): OptionRule {
  return range(
    `a number ${least} and at most ${MAX_SECONDS}`,
    (value) =>
      typeof value === 'number' &&
      (least === 'above 0' ? value > 0 : value >= 0) &&
      value <= MAX_SECONDS,
  );
}

/** A list whose items satisfy the rule; it may be empty. */
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

/** A list that satisfies the rule and is not empty. */
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

/** The first rule for a function, the other rule for any other value. */
export function either(callbackRule: OptionRule, other: OptionRule): OptionRule {
  return {
    presence: 'optional',
    check: (value, name) => (typeof value === 'function' ? callbackRule : other).check(value, name),
  };
}

/** An object with methods of these names. */
export function objectWith(expected: string, ...methods: readonly string[]): OptionRule {
  return kind(
    expected,
    (value) =>
      isPlainObject(value) &&
      methods.every((name) => typeof Reflect.get(value, name) === 'function'),
  );
}

/** An option that is an object of options. */
export function optionsOf<T extends object>(rules: OptionRules<T>): OptionRule {
  return {
    presence: 'optional',
    check: (value, name) => checkOptions(name, value as T, rules, `${name}.`),
  };
}

/** The rule with presence `definite`: refuses an explicit `undefined`. */
export function definite(rule: OptionRule): OptionRule {
  return { ...rule, presence: 'definite' };
}

/** The rule with presence `required`. */
export function required(rule: OptionRule): OptionRule {
  return { ...rule, presence: 'required' };
}

/** Whether a value is a promise, or anything else that `await` would wait for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof Reflect.get(value, 'then') === 'function'
  );
}

/** True or false. */
export const flag: OptionRule = kind('true or false', (value) => typeof value === 'boolean');

/** Text that is not empty. */
export const text: OptionRule = kind('text', (value) => typeof value === 'string' && value !== '');

/** A Uint8Array. */
export const bytes: OptionRule = kind('a Uint8Array', (value) => value instanceof Uint8Array);

/** A function, async or not. */
export const callback: OptionRule = kind('a function', (value) => typeof value === 'function');

/** A function whose result is used at once: an async function is refused before its first call. */
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
    `${name}: expected a value, got undefined; omit the option to use its default`,
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

/** The Levenshtein distance: number of letters to change, insert or remove; case is ignored. */
export function distanceOf(a: string, b: string): number {
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

/** Describes a value for messages. Text is not shown, since it may be a secret. */
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

/** Whether a value can hold options: an object, but no list, no bytes and no promise. */
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
// Timers of the runtimes count milliseconds in 31 bits.
const MAX_SECONDS = 2_147_483;
