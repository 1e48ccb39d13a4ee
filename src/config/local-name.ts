/** From a principal to the name of a local account: krb5.conf's auth_to_local. */
import { KerberosError } from '../errors.ts';
import type { Principal } from '../messages/principal.ts';
import { formatPrincipalName } from '../messages/principal.ts';
import { printable } from '../text.ts';
import type { Fault, LocalNameRule, SelectionPart, Substitution } from './local-name-rule.ts';
import { isFault } from './local-name-rule.ts';
import type { Work } from './regex.ts';

/** What {@link localName} needs of the configuration. */
export interface LocalNameConfig {
  readonly defaultRealm?: string;
  readonly realms: ReadonlyMap<string, LocalNameMappings>;
}

/** Of the default realm's section in `[realms]`. */
export interface LocalNameMappings {
  /**
   * auth_to_local, in order; empty: the default rule alone.
   *
   * @internal
   */
  readonly authToLocal: readonly LocalNameRule[];
  /** auth_to_local_names: principal of the default realm, without it → account. */
  readonly authToLocalNames: ReadonlyMap<string, string>;
}

/**
 * The local account of a principal, as MIT krb5's krb5_aname_to_localname finds it without
 * plugins: auth_to_local_names, then the auth_to_local rules, the first that applies, even if it
 * leaves nothing of the name. Both are those of the default realm.
 *
 * Stricter than MIT krb5, where auth_to_local_names hold for clients of any realm, so that a partner's
 * `alice` has the account of our own ("problematic", says localauth_names.c): here they hold for
 * clients of the default realm. For others write a rule that looks at the realm, `$0`.
 *
 * The name is the client's. Where MIT krb5 gives any text, there is no account here if
 *
 * - the selection string or the account is longer than 1024 characters, or takes more than a
 *   bounded number of steps to match and substitute;
 * - the account is `.` or `..`, begins with `/`, begins with `-` though the client's name has one, or
 *   has control, format or direction characters in it;
 * - a single component that is used, by a selection or by DEFAULT, has `/` or `@` in it:
 *   `root\@EXAMPLE.COM` is one component, and reads like a client of another realm.
 *
 * @returns undefined if there is none.
 * @throws {@link KerberosError} `KRB5_CONFIG_BADFORMAT` if what is malformed of a rule is reached.
 */
export function localName(principal: Principal, config: LocalNameConfig): string | undefined {
  const realm = config.defaultRealm;
  if (realm === undefined) return undefined;
  const mappings = config.realms.get(realm);
  const named =
    principal.realm === realm
      ? mappings?.authToLocalNames.get(formatPrincipalName(principal))
      : undefined;
  if (named !== undefined) return named;
  const rules = mappings?.authToLocal ?? [];
  if (rules.length === 0) return defaultName(principal, realm) ?? undefined;
  const work: Work = { left: MAX_WORK };
  for (const rule of rules) {
    const name = applyRule(rule, principal, realm, work);
    if (name !== undefined) return name ?? undefined;
  }
  return undefined;
}

/** @returns undefined if the rule does not apply; null if it does, and there is no account. */
function applyRule(
  rule: LocalNameRule,
  principal: Principal,
  realm: string,
  work: Work,
): string | null | undefined {
  switch (rule.kind) {
    case 'default':
      return defaultName(principal, realm);
    case 'malformed':
      return skipOrStop(rule.text, rule.fault);
    case 'rule': {
      const { text, components, selection, match, substitutions } = rule;
      if (components !== undefined && components !== principal.components.length) return undefined;
      if (isFault(selection)) return skipOrStop(text, selection);
      const selected =
        components === undefined ? formatPrincipalName(principal) : select(selection, principal);
      if (selected === null || !isBounded(selected)) return null;
      const chars = Array.from(selected);
      if (isFault(match)) return skipOrStop(text, match);
      if (match !== undefined) {
        const found = match.search(chars, 0, work);
        // A rule that was not judged to its end may be there to keep somebody out.
        if (work.left < 0) return null;
        if (found?.start !== 0 || found.end !== chars.length) return undefined;
      }
      return checkAccount(substituteAll(text, chars, substitutions, work), selected);
    }
  }
}

function skipOrStop(text: string, { problem, skipsRule }: Fault): undefined {
  if (skipsRule) return;
  throw new KerberosError('KRB5_CONFIG_BADFORMAT', `auth_to_local = ${text} ${problem}`);
}

// MIT krb5: name@REALM and name/REALM@REALM, of the default realm only.
function defaultName(principal: Principal, realm: string): string | null | undefined {
  const [name, second] = principal.components;
  const count = principal.components.length;
  if (principal.realm !== realm || count > 2 || (count === 2 && second !== realm)) return undefined;
  if (name === undefined || name === '' || SEPARATOR.test(name) || !isBounded(name)) return null;
  return checkAccount(name, name);
}

/** @returns null if a component could be taken for several, or for a name with its realm. */
function select(selection: readonly SelectionPart[], principal: Principal): string | null {
  let selected = '';
  for (const part of selection) {
    const component = typeof part === 'number' && part > 0 ? principal.components[part - 1]! : '';
    if (SEPARATOR.test(component)) return null;
    selected += typeof part === 'string' ? part : part === 0 ? principal.realm : component;
  }
  return selected;
}

/** Accounts become arguments of commands, parts of paths and lines of logs. */
function checkAccount(
  account: string | null | undefined,
  selected: string,
): string | null | undefined {
  if (account === null || account === undefined) return account;
  const isOption = account.startsWith('-') && selected.includes('-');
  const isPath = account === '.' || account === '..' || account.startsWith('/');
  return isOption || isPath || printable(account) !== account ? null : account;
}

function substituteAll(
  text: string,
  chars: readonly string[],
  substitutions: readonly (Substitution | Fault)[],
  work: Work,
): string | null | undefined {
  let current = chars;
  for (const substitution of substitutions) {
    if (isFault(substitution)) return skipOrStop(text, substitution);
    current = substitute(current, substitution, work);
    if (work.left < 0 || current.length > MAX_NAME) return null;
  }
  return current.length === 0 ? null : current.join('');
}

function substitute(chars: readonly string[], rule: Substitution, work: Work): string[] {
  const replacement = Array.from(rule.replacement);
  const result: string[] = [];
  let at = 0;
  while (at <= chars.length && result.length <= MAX_NAME) {
    // MIT krb5 searches what is left as a text of its own: ^ matches after each replacement.
    const match = rule.pattern.search(chars, at, work);
    if (match === undefined) break;
    result.push(...chars.slice(at, match.start), ...replacement);
    at = match.end;
    if (match.end === match.start) {
      // An empty match would be found here for ever: step over one character.
      result.push(...chars.slice(at, at + 1));
      at++;
    }
    if (!rule.everywhere) break;
  }
  result.push(...chars.slice(at));
  return result;
}

function isBounded(text: string): boolean {
  return text.length <= MAX_NAME && !text.includes('\0');
}

const MAX_NAME = 1024;
// Steps of expressions: some ten milliseconds.
const MAX_WORK = 200_000;
const SEPARATOR = /[/@]/;
