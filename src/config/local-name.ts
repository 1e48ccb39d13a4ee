/** Maps principals to local accounts: krb5.conf's auth_to_local and auth_to_local_names. */
import { KerberosError } from '../errors.ts';
import type { Principal } from '../messages/principal.ts';
import { formatPrincipalName } from '../messages/principal.ts';
import { printable } from '../text.ts';
import type { Fault, LocalNameRule, SelectionPart, Substitution } from './local-name-rule.ts';
import { isFault } from './local-name-rule.ts';
import type { Work } from './regex.ts';

/** The part of a {@link KerberosConfig} that {@link localName} needs. */
export interface LocalNameConfig {
  /** Without it no principal has an account. */
  readonly defaultRealm?: string;
  /** Realm → its mappings; only those of the default realm are used. */
  readonly realms: ReadonlyMap<string, LocalNameMappings>;
}

/** The mappings of one realm's section in `[realms]`. */
export interface LocalNameMappings {
  /**
   * auth_to_local, in order; empty means the rule `DEFAULT`.
   *
   * @internal
   */
  readonly authToLocal: readonly LocalNameRule[];
  /** auth_to_local_names: name of a principal of that realm, without the realm → account. */
  readonly authToLocalNames: ReadonlyMap<string, string>;
}

/**
 * Finds the local account of a principal, as MIT krb5's krb5_aname_to_localname does without plugins:
 * auth_to_local_names first, then the first auth_to_local rule that applies, even if that rule leaves
 * an empty name. Both are read from the section of the default realm.
 *
 * Stricter than MIT krb5, which applies auth_to_local_names to clients of any realm, so that a
 * partner's `alice` gets the account of the local one ("problematic", says localauth_names.c). Here
 * they apply to clients of the default realm. For other realms write a rule that looks at `$0`.
 *
 * Clients choose their names. Where MIT krb5 returns any text, the result here is undefined if
 *
 * - the selection or the account is longer than 1024 characters, or matching and substituting take
 *   more than a bounded number of steps;
 * - the account is `.` or `..`, begins with `/`, begins with a `-` that comes from the client's name,
 *   or contains a control, format or direction character;
 * - a component that a selection or DEFAULT uses contains `/` or `@`: `root\@EXAMPLE.COM` is one
 *   component, and looks like a client of another realm.
 *
 * @returns undefined if the principal has no account.
 * @throws {@link KerberosError} `KRB5_CONFIG_BADFORMAT` if the evaluation reaches a malformed part of
 *   a rule.
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

/** @returns undefined if the rule does not apply; null if it applies and gives no account. */
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
        // A rule that was not evaluated to its end may be there to exclude this client.
        if (work.left < 0) return null;
        if (found?.start !== 0 || found.end !== chars.length) return undefined;
      }
      return checkAccount(substituteAll(text, chars, substitutions, work), selected);
    }
  }
}

function skipOrStop(text: string, { problem, skipsRule }: Fault): undefined {
  if (skipsRule) return;
  throw new KerberosError('KRB5_CONFIG_BADFORMAT', {
    reason: 'config.syntax',
    message: `auth_to_local = ${text} ${problem}`,
  });
}

// MIT krb5: DEFAULT takes name@REALM and name/REALM@REALM of the default realm only.
function defaultName(principal: Principal, realm: string): string | null | undefined {
  const [name, second] = principal.components;
  const count = principal.components.length;
  if (principal.realm !== realm || count > 2 || (count === 2 && second !== realm)) return undefined;
  if (name === undefined || name === '' || SEPARATOR.test(name) || !isBounded(name)) return null;
  return checkAccount(name, name);
}

/** @returns null if a component contains a separator: it could look like another principal. */
function select(selection: readonly SelectionPart[], principal: Principal): string | null {
  let selected = '';
  for (const part of selection) {
    const component = typeof part === 'number' && part > 0 ? principal.components[part - 1]! : '';
    if (SEPARATOR.test(component)) return null;
    selected += typeof part === 'string' ? part : part === 0 ? principal.realm : component;
  }
  return selected;
}

/** Accounts become arguments of commands, parts of paths and lines of logs: null if unsafe there. */
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
    // MIT krb5 searches the rest as a separate text, so ^ matches again after each replacement.
    const match = rule.pattern.search(chars, at, work);
    if (match === undefined) break;
    result.push(...chars.slice(at, match.start), ...replacement);
    at = match.end;
    if (match.end === match.start) {
      // Step over one character, or the same empty match would be found for ever.
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
// Steps of the regular expressions of all rules together: about ten milliseconds.
const MAX_WORK = 200_000;
const SEPARATOR = /[/@]/;
