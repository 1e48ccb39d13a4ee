/**
 * Parses POSIX extended regular expressions (POSIX.1-2017 XBD §9.4), the syntax of auth_to_local
 * rules, into a tree. Character classes are ASCII only, as in the C locale.
 */

/** Tests whether a character (one code point) is in a set. */
export type CharTest = (char: string) => boolean;

/** A node of a parsed expression. `max` of a repetition may be infinite. */
export type RegexNode =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'sequence' | 'choice'; readonly nodes: readonly RegexNode[] }
  | {
      readonly kind: 'repeat';
      readonly node: RegexNode;
      readonly min: number;
      readonly max: number;
    };

/**
 * Parses an expression.
 *
 * @returns The tree; `malformed` if POSIX and glibc give the expression no meaning; `unsupported` if
 *   it is longer than 1024 characters, nests or repeats too much, or uses what POSIX leaves undefined:
 *   back-references, and GNU's anchors for words and buffers.
 */
export function parseRegex(pattern: string): RegexNode | RegexRefusal {
  if (pattern.length > MAX_PATTERN) return 'unsupported';
  try {
    const parser = new RegexParser(Array.from(pattern));
    return parser.choice(0);
  } catch (error) {
    if (error instanceof Malformed) return 'malformed';
    if (error instanceof Unsupported) return 'unsupported';
    throw error;
  }
}

/** Why an expression cannot be used. */
export type RegexRefusal = 'malformed' | 'unsupported';

class Malformed extends Error {}
class Unsupported extends Error {}

class RegexParser {
  readonly #chars: readonly string[];
  #at = 0;

  constructor(chars: readonly string[]) {
    this.#chars = chars;
  }

  choice(depth: number): RegexNode {
    if (depth > MAX_DEPTH) throw new Unsupported();
    const nodes = [this.#sequence(depth)];
    while (this.#accept('|')) nodes.push(this.#sequence(depth));
    return nodes.length === 1 ? nodes[0]! : { kind: 'choice', nodes };
  }

  #sequence(depth: number): RegexNode {
    const nodes: RegexNode[] = [];
    for (let char = this.#peek(); char !== undefined; char = this.#peek()) {
      if (char === '|' || (char === ')' && depth > 0)) break;
      this.#at++;
      const atom = this.#atom(char, depth);
      const node = this.#repeated(atom);
      // As in glibc, an anchor cannot be repeated.
      if (node !== atom && (char === '^' || char === '$')) throw new Malformed();
      nodes.push(node);
    }
    return nodes.length === 1 ? nodes[0]! : { kind: 'sequence', nodes };
  }

  #atom(char: string, depth: number): RegexNode {
    switch (char) {
      case '(': {
        const node = this.choice(depth + 1);
        if (!this.#accept(')')) throw new Malformed();
        return node;
      }
      case '[':
        return { kind: 'char', test: this.#bracket() };
      case '.':
        return { kind: 'char', test: () => true };
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '\\':
        return { kind: 'char', test: this.#escaped() };
      case '*':
      case '+':
      case '?':
      case '{':
        // XBD §9.4.6: undefined at the start of an expression; glibc refuses it.
        throw new Malformed();
      default:
        return { kind: 'char', test: is(char) };
    }
  }

  #repeated(atom: RegexNode): RegexNode {
    let node = atom;
    for (let depth = 0; ; depth++) {
      const range = this.#range();
      if (range === undefined) return node;
      if (depth > MAX_DEPTH) throw new Unsupported();
      node = { kind: 'repeat', node, ...range };
    }
  }

  #range(): { min: number; max: number } | undefined {
    if (this.#accept('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#accept('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#accept('?')) return { min: 0, max: 1 };
    if (!this.#accept('{')) return undefined;
    const min = this.#number();
    const comma = this.#accept(',');
    const max = comma ? this.#number() : min;
    // glibc: `{,}` means `*`; `{}` is malformed.
    if (!this.#accept('}') || (min === undefined && !comma)) throw new Malformed();
    const range = { min: min ?? 0, max: max ?? Number.POSITIVE_INFINITY };
    if (range.min > range.max) throw new Malformed();
    return range;
  }

  #number(): number | undefined {
    let digits = '';
    while (/[0-9]/.test(this.#peek() ?? '')) digits += this.#take();
    if (digits === '') return undefined;
    if (digits.length > 5 || Number(digits) > MAX_REPEAT) throw new Unsupported();
    return Number(digits);
  }

  #escaped(): CharTest {
    const char = this.#take();
    if (char === 'w') return (c) => /^\w$/.test(c);
    if (char === 'W') return (c) => !/^\w$/.test(c);
    if (char === 's') return CLASSES.space!;
    if (char === 'S') return (c) => !CLASSES.space!(c);
    if (/[1-9bB<>`']/.test(char)) throw new Unsupported();
    return is(char);
  }

  #bracket(): CharTest {
    const negated = this.#accept('^');
    const tests: CharTest[] = [];
    do {
      tests.push(this.#bracketItem());
    } while (!this.#accept(']'));
    return (char) => tests.some((test) => test(char)) !== negated;
  }

  // XBD §9.3.5: a `]` in the first place and a `-` in the first or last place are literal.
  #bracketItem(): CharTest {
    const start = this.#take();
    if (start !== '[') return this.#rangeFrom(start);
    if (this.#accept('.')) return this.#rangeFrom(this.#collatingElement('.'));
    if (this.#accept(':')) return this.#notInRange(this.#characterClass());
    if (this.#accept('=')) return this.#notInRange(is(this.#collatingElement('=')));
    return this.#rangeFrom(start);
  }

  #rangeFrom(start: string): CharTest {
    if (!this.#atRange()) return is(start);
    this.#at++;
    const end = this.#rangeEnd();
    const [low, high] = [start.codePointAt(0)!, end.codePointAt(0)!];
    if (low > high) throw new Malformed();
    return (char) => {
      const point = char.codePointAt(0)!;
      return low <= point && point <= high;
    };
  }

  #rangeEnd(): string {
    const end = this.#take();
    if (end !== '[') return end;
    if (this.#accept('.')) return this.#collatingElement('.');
    if (this.#accept(':') || this.#accept('=')) throw new Malformed();
    return end;
  }

  /** XBD §9.3.5: a range cannot start or end with a character class or an equivalence class. */
  #notInRange(test: CharTest): CharTest {
    if (this.#atRange()) throw new Malformed();
    return test;
  }

  #atRange(): boolean {
    return this.#peek() === '-' && this.#chars[this.#at + 1] !== ']';
  }

  /** Parses the rest of `[:alpha:]`. */
  #characterClass(): CharTest {
    const name = this.#upTo(':');
    const test = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
    if (test === undefined) throw new Malformed();
    return test;
  }

  /** Parses the rest of `[.x.]` or `[=x=]`. */
  #collatingElement(mark: string): string {
    const name = this.#upTo(mark);
    if (Array.from(name).length !== 1) throw new Malformed();
    return name;
  }

  #upTo(mark: string): string {
    let name = '';
    while (!(this.#peek() === mark && this.#chars[this.#at + 1] === ']')) name += this.#take();
    this.#at += 2;
    return name;
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #take(): string {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw new Malformed();
    return char;
  }

  #accept(char: string): boolean {
    if (this.#chars[this.#at] !== char) return false;
    this.#at++;
    return true;
  }
}

function is(expected: string): CharTest {
  return (char) => char === expected;
}

function matches(pattern: RegExp): CharTest {
  return (char) => pattern.test(char);
}

const CLASSES: Readonly<Record<string, CharTest>> = {
  alnum: matches(/^[0-9A-Za-z]$/),
  alpha: matches(/^[A-Za-z]$/),
  blank: matches(/^[ \t]$/),
  cntrl: (char) => char < ' ' || char === '\x7f',
  digit: matches(/^[0-9]$/),
  graph: matches(/^[!-~]$/),
  lower: matches(/^[a-z]$/),
  print: matches(/^[ -~]$/),
  punct: matches(/^[!-/:-@[-`{-~]$/),
  space: matches(/^[ \t-\r]$/),
  upper: matches(/^[A-Z]$/),
  xdigit: matches(/^[0-9A-Fa-f]$/),
};

const MAX_PATTERN = 1024;
const MAX_DEPTH = 32;
const MAX_REPEAT = 255;
