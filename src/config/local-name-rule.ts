/** Parses the rules of auth_to_local: `DEFAULT` and `RULE:[2:$1.$0](regex)s/from/to/g`. */
import type { Regex } from './regex.ts';
import { compileRegex } from './regex.ts';

/** A literal text, or the number after `$`: 0 is the realm, 1 the first component. */
export type SelectionPart = string | number;

/** A malformed part of a rule. It is an error only when the evaluation of the rule reaches it. */
export interface Fault {
  /** A predicate for messages, whose subject is the rule: `'has an open parenthesis'`. */
  readonly problem: string;
  /**
   * True for a malformed regular expression: MIT krb5 treats it as one that does not match and tries
   * the next rule. Any other fault ends the search, and the principal has no account.
   */
  readonly skipsRule: boolean;
}

/** `s/pattern/replacement/` or `s/pattern/replacement/g`. */
export interface Substitution {
  /** The expression to search for. */
  readonly pattern: Regex;
  /** Inserted literally: it has no references to groups. */
  readonly replacement: string;
  /** `g`: replace every match, not only the first. */
  readonly everywhere: boolean;
}

/** One value of auth_to_local. */
export type LocalNameRule =
  | { readonly kind: 'default' }
  | {
      readonly kind: 'rule';
      readonly text: string;
      /** Number of components that the principal must have; if absent, any, and all are selected. */
      readonly components?: number;
      readonly selection: readonly SelectionPart[] | Fault;
      /** Must match the whole selection. */
      readonly match?: Regex | Fault;
      readonly substitutions: readonly (Substitution | Fault)[];
    }
  /** Cannot be used for any principal. */
  | { readonly kind: 'malformed'; readonly text: string; readonly fault: Fault };

/** Parses one value of auth_to_local. */
export function parseLocalNameRule(text: string): LocalNameRule {
  const colon = text.indexOf(':');
  const type = colon < 0 ? text : text.slice(0, colon);
  if (type === 'DEFAULT') return { kind: 'default' };
  if (type !== 'RULE' || colon < 0) {
    return { kind: 'malformed', text, fault: stops('is neither DEFAULT nor RULE:…') };
  }
  return parseRule(text, text.slice(colon + 1));
}

/** @returns The faults of a rule, each a predicate for a warning to its author; usually empty. */
export function problemsOf(rule: LocalNameRule): string[] {
  switch (rule.kind) {
    case 'default':
      return [];
    case 'malformed':
      return [rule.fault.problem];
    case 'rule':
      return [rule.selection, rule.match, ...rule.substitutions].flatMap((part) =>
        isFault(part) ? [part.problem] : [],
      );
  }
}

/** Whether a part of a rule is a fault. */
export function isFault(part: object | undefined): part is Fault {
  return part !== undefined && 'problem' in part;
}

// MIT krb5, localauth_rule.c, evaluates a rule from left to right, so a fault counts only if reached.
function parseRule(text: string, rule: string): LocalNameRule {
  const counted = /^\[(\d{1,5}):/.exec(rule);
  if (counted === null && rule.startsWith('[')) {
    return { kind: 'malformed', text, fault: stops(NO_SELECTION) };
  }
  if (counted === null) return { kind: 'rule', text, selection: [], ...parseRest(rule) };
  const components = Number(counted[1]);
  const format = rule.slice(counted[0].length);
  const end = format.indexOf(']');
  if (end < 0) {
    return { kind: 'rule', text, components, selection: stops(NO_SELECTION), substitutions: [] };
  }
  const selection = parseSelection(format.slice(0, end), components);
  return { kind: 'rule', text, components, selection, ...parseRest(format.slice(end + 1)) };
}

function parseSelection(format: string, components: number): readonly SelectionPart[] | Fault {
  // MIT krb5 reads these numbers with strtol, which skips blanks and a sign: refused here.
  if (/\$[ \t-\r+-]/.test(format)) return stops('has a $ that is not followed by a number');
  // split() puts the captured digits at the odd positions.
  const parts = format.split(/\$(\d{0,5})/).map((part, i) => (i % 2 === 0 ? part : Number(part)));
  const stray = parts.find((part) => typeof part === 'number' && part > components);
  return stray === undefined ? parts : stops(`selects $${stray} of ${components} components`);
}

function parseRest(text: string): {
  match?: Regex | Fault;
  substitutions: readonly (Substitution | Fault)[];
} {
  if (!text.startsWith('(')) return { substitutions: parseSubstitutions(text) };
  const end = text.indexOf(')');
  if (end < 0) return { match: stops('has an open parenthesis'), substitutions: [] };
  const substitutions = parseSubstitutions(text.slice(end + 1));
  return { match: compile(text.slice(1, end)), substitutions };
}

function parseSubstitutions(text: string): (Substitution | Fault)[] {
  const substitutions: (Substitution | Fault)[] = [];
  let rest = text;
  while (rest !== '') {
    rest = rest.replace(BLANKS, '');
    const parts = /^s\/([^/]*)\/([^/]*)\/(g?)/.exec(rest);
    if (parts === null) {
      substitutions.push(stops('has a substitution that is not of the form s/a/b/'));
      break;
    }
    const pattern = compile(parts[1]!);
    substitutions.push(
      isFault(pattern)
        ? pattern
        : { pattern, replacement: parts[2]!, everywhere: parts[3] === 'g' },
    );
    rest = rest.slice(parts[0].length);
  }
  return substitutions;
}

function compile(pattern: string): Regex | Fault {
  const regex = compileRegex(pattern);
  if (typeof regex !== 'string') return regex;
  const problem = `has a regular expression that cannot be used: ${pattern}`;
  // An expression that only this parser cannot read may be there to exclude a client: no account then.
  return { problem, skipsRule: regex === 'malformed' };
}

function stops(problem: string): Fault {
  return { problem, skipsRule: false };
}

// isspace() of the C locale. MIT krb5 expects a substitution after them.
const BLANKS = /^[ \t-\r]+/;
const NO_SELECTION = 'has no selection of the form [2:$1;$2]';
