/** Who may enter which path: the rules file of krb5-forward-auth, and its decisions. */
import { KerberosError } from '../../errors.ts';
import type { Identity } from '../../http/identity.ts';
import { formatPrincipal, parsePrincipal } from '../../messages/principal.ts';
import { printableName } from '../../text.ts';

/** The rules of a site. */
export interface Rules {
  /** The alternatives of each path, without a slash at its end; of `/`, under the empty text. */
  readonly paths: ReadonlyMap<string, readonly Alternative[]>;
  /** The number of segments of the longest path. */
  readonly depth: number;
}

/** Conditions that must all hold; none of them: everybody may enter. */
type Alternative = readonly ((identity: Identity, method: string) => boolean)[];

/** What is asked of the rules. */
export interface Question {
  readonly identity: Identity;
  /** The method of the client's request. */
  readonly method: string;
  /** The request target of the client's request, as sent. */
  readonly uri: string;
}

/** A rules file is malformed; the message names the line. */
export class RulesError extends Error {
  /** `RulesError`. */
  override readonly name: string = 'RulesError';
}

/**
 * Reads rules: a path and its conditions on each line, `#` begins a comment line.
 *
 *     /           realm=EXAMPLE.COM
 *     /admin      sid=S-1-5-21-1-2-3-512 indicator=pkinit
 *     /admin      user=root/admin@EXAMPLE.COM
 *     /status     any
 *
 * @throws {@link RulesError} for whatever is not understood, and for a file without rules.
 */
export function parseRules(text: string): Rules {
  if (text.length > MAX_TEXT) throw new RulesError(`expected at most ${MAX_TEXT} characters`);
  const paths = new Map<string, Alternative[]>();
  let depth = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.split(/[ \t\r]+/).filter((word) => word !== '');
    const [path, ...conditions] = words;
    if (path === undefined || path.startsWith('#')) continue;
    const key = atLine(index, () => rulePath(path));
    const alternative = atLine(index, () => readConditions(conditions));
    const alternatives = paths.get(key) ?? [];
    if (alternative !== undefined) alternatives.push(alternative);
    paths.set(key, alternatives);
    depth = Math.max(depth, key.split('/').length - 1);
  }
  if (paths.size === 0) throw new RulesError('expected at least one rule');
  return { paths, depth };
}

/**
 * Judges a request. The longest path that is the request's, or above it, decides alone.
 *
 * @returns Why the client may not enter; undefined if it may.
 */
export function findObjection(
  rules: Rules,
  { identity, method, uri }: Question,
): string | undefined {
  const path = requestedPath(uri);
  if (path === undefined) return 'its path can be read in more than one way';
  const deciding = decidingPath(rules, path);
  if (deciding === undefined) return 'no rule is about its path';
  const alternatives = rules.paths.get(deciding)!;
  const permitted = alternatives.some((conditions) =>
    conditions.every((holds) => holds(identity, method)),
  );
  return permitted ? undefined : `no rule of ${deciding || '/'} permits it`;
}

/** The path in the rules that decides about a request target; undefined if none does. */
export function findRule(rules: Rules, uri: string): string | undefined {
  const path = requestedPath(uri);
  const deciding = path === undefined ? undefined : decidingPath(rules, path);
  return deciding === undefined ? undefined : deciding || '/';
}

/**
 * {@link plainPath} of a client's request. A URI is ASCII (RFC 3986 §2), and other bytes are not: some servers take
 * them for UTF-8, and others, as Node.js, for Latin-1.
 */
function requestedPath(uri: string): string | undefined {
  return /[^ -~]/.test(uri.replace(/\?.*$/s, '')) ? undefined : plainPath(uri);
}

/**
 * The path of a request target, decoded once. Servers differ about dot segments, empty segments, encoded
 * slashes, backslashes, parameters after `;` and control characters: a path with any of these could be
 * another one for the application, and has no plain form.
 */
export function plainPath(uri: string): string | undefined {
  const raw = uri.replace(/\?.*$/s, '');
  if (!raw.startsWith('/') || raw.length > MAX_PATH || AMBIGUOUS.test(raw)) return undefined;
  const path = decoded(raw);
  if (path === undefined || /[\p{Cc}\p{Cs}]/u.test(path)) return undefined;
  return /\/(?:\.{0,2}\/|\.{1,2}$)/.test(path) ? undefined : path;
}

function decidingPath({ paths, depth }: Rules, path: string): string | undefined {
  const segments = path.replace(/\/$/, '').split('/', depth + 1);
  for (let count = segments.length; count > 0; count--) {
    const candidate = segments.slice(0, count).join('/');
    if (paths.has(candidate)) return candidate;
  }
  return undefined;
}

function rulePath(text: string): string {
  if (!text.startsWith('/'))
    throw new RulesError(`expected a path that begins with /, got ${shown(text)}`);
  if (text.includes('*') || text.includes('?')) {
    throw new RulesError('a path has no wildcards: it is about itself and what is below it');
  }
  const path = plainPath(text);
  if (path === undefined)
    throw new RulesError(`the path ${shown(text)} could be read in more than one way`);
  return path.replace(/\/$/, '');
}

/** @returns Undefined for `none`. */
function readConditions(words: readonly string[]): Alternative | undefined {
  if (words.length === 0) throw new RulesError('expected conditions, any or none after the path');
  if (words.length === 1 && words[0] === 'any') return [];
  if (words.length === 1 && words[0] === 'none') return undefined;
  const seen = new Set<string>();
  return words.map((word) => {
    const [, name = '', list = ''] = /^([a-z]+)=(.+)$/.exec(word) ?? [];
    const kind = KINDS.get(name);
    if (kind === undefined) {
      throw new RulesError(
        `expected ${[...KINDS.keys()].join('=, ')}=, any or none, got ${shown(word)}`,
      );
    }
    if (seen.has(name)) throw new RulesError(`${name}= comes twice: write its values after commas`);
    seen.add(name);
    return kind(new Set(list.split(',').map((value) => checked(name, value))));
  });
}

function checked(name: string, value: string): string {
  if (name === 'user') return checkedUser(value);
  if (VALUES[name]!.test(value)) return value;
  throw new RulesError(`${name}=: got ${shown(value)}`);
}

/** Spelt as identities spell it. */
function checkedUser(value: string): string {
  try {
    if (value === '') throw new RulesError('user=: got an empty name');
    return formatPrincipal(parsePrincipal(value));
  } catch (error) {
    if (error instanceof KerberosError) {
      throw new RulesError(
        `user=: expected a name with its realm, as alice@EXAMPLE.COM: ${error.message}`,
      );
    }
    throw error;
  }
}

function atLine<T>(index: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RulesError) throw new RulesError(`line ${index + 1}: ${error.message}`);
    throw error;
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function shown(text: string): string {
  return `'${printableName(text)}'`;
}

const KINDS: ReadonlyMap<string, (values: ReadonlySet<string>) => Alternative[number]> = new Map([
  [
    'user',
    (values) =>
      ({ principal }) =>
        values.has(principal),
  ],
  [
    'realm',
    (values) =>
      ({ realm }) =>
        values.has(realm),
  ],
  [
    'sid',
    (values) =>
      ({ sid, groups }) =>
        (sid !== undefined && values.has(sid)) || groups.some((group) => values.has(group)),
  ],
  [
    'indicator',
    (values) =>
      ({ indicators }) =>
        indicators.some((one) => values.has(one)),
  ],
  ['method', (values) => (_, method) => values.has(method)],
]);
const VALUES: Readonly<Record<string, RegExp>> = {
  realm: /^[^\p{Cc}@/]+$/u,
  sid: /^S-1(?:-(?:0x[0-9A-Fa-f]{12}|[0-9]{1,15}))(?:-[0-9]{1,10}){0,15}$/,
  indicator: /^[^\p{Cc}]+$/u,
  method: /^[A-Z][A-Z-]*$/,
};
const AMBIGUOUS = /[\\;#]|%(?:2f|5c|3b)/i;
const MAX_TEXT = 65_536;
const MAX_PATH = 16_384;
