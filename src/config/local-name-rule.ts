/** The rules of auth_to_local: `DEFAULT` and `RULE:[2:$1.$0](regex)s/from/to/g`. */
import type { Regex } from './regex.ts';
import { compileRegex } from './regex.ts';

/** A literal text, or the number after `$`: 0 the realm, 1 the first component. */
export type SelectionPart = string | number;

/** `s/pattern/replacement/`, with `g` everywhere. */
export interface Substitution {
  readonly pattern: Regex;
  readonly replacement: string;
  readonly everywhere: boolean;
}

export type LocalNameRule =
  | { readonly kind: 'default' }
  | {
      readonly kind: 'rule';
      /** How many components the principal must have; absent: any, and it is used as a whole. */
      readonly components?: number;
      readonly selection: readonly SelectionPart[];
      /** Must match all of the selection. */
      readonly match?: Regex;
      readonly substitutions: readonly Substitution[];
    }
  /** An error when it is reached, as in MIT krb5. */
  | { readonly kind: 'malformed'; readonly text: string; readonly problem: string };

/** Parses one value of auth_to_local. */
export function parseLocalNameRule(text: string): LocalNameRule {
  const colon = text.indexOf(':');
  const type = colon < 0 ? text : text.slice(0, colon);
  if (type === 'DEFAULT') return { kind: 'default' };
  if (type !== 'RULE' || colon < 0) {
    return { kind: 'malformed', text, problem: 'is neither DEFAULT nor RULE:…' };
  }
  try {
    return parseRule(text.slice(colon + 1));
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { kind: 'malformed', text, problem: error.message };
  }
}

class Malformed extends Error {}

function parseRule(text: string): LocalNameRule {
  const selection = /^\[(\d{1,5}):([^\]]*)\]/.exec(text);
  if (selection === null && text.startsWith('[')) {
    throw new Malformed('has no selection of the form [2:$1;$2]');
  }
  const rest = text.slice(selection?.[0].length ?? 0);
  const match = /^\(([^)]*)\)/.exec(rest);
  if (match === null && rest.startsWith('(')) throw new Malformed('has an open parenthesis');
  const components = selection === null ? undefined : Number(selection[1]);
  return {
    kind: 'rule',
    ...(components === undefined ? {} : { components }),
    selection: selection === null ? [] : parseSelection(selection[2]!, components!),
    ...(match === null ? {} : { match: compile(match[1]!) }),
    substitutions: parseSubstitutions(rest.slice(match?.[0].length ?? 0)),
  };
}

function parseSelection(format: string, components: number): SelectionPart[] {
  // Odd members are what the parentheses caught: the digits after a dollar sign.
  return format.split(/\$(\d{0,5})/).map((part, i) => {
    if (i % 2 === 0) return part;
    const number = Number(part);
    if (number > components) throw new Malformed(`selects $${part} of ${components} components`);
    return number;
  });
}

function parseSubstitutions(text: string): Substitution[] {
  const substitutions: Substitution[] = [];
  let rest = text.trimStart();
  while (rest !== '') {
    const parts = /^s\/([^/]*)\/([^/]*)\/(g?)/.exec(rest);
    if (parts === null) throw new Malformed('has a substitution that is not of the form s/a/b/');
    substitutions.push({
      pattern: compile(parts[1]!),
      replacement: parts[2]!,
      everywhere: parts[3] === 'g',
    });
    rest = rest.slice(parts[0].length).trimStart();
  }
  return substitutions;
}

function compile(pattern: string): Regex {
  const regex = compileRegex(pattern);
  if (regex === undefined) {
    throw new Malformed(`has a regular expression that cannot be used: ${pattern}`);
  }
  return regex;
}
