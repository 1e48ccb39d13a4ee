/**
 * The realms that a ticket crossed, and whether each lies on the path between the client's realm and
 * the server's: `[capaths]`, else the hierarchy of realm names (RFC 4120 §1.1, §2.7, §3.3.3.1).
 */
import { decodeUtf8 } from '../bytes.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import { ANONYMOUS_REALM } from '../messages/principal.ts';
import { printableName } from '../text.ts';

/**
 * `[capaths]`: client realm → server realm → the intermediate realms in order. A first value that
 * begins with `.` means that the two realms trust each other directly.
 */
export type RealmPaths = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/**
 * Checks that every realm of a ticket's transited field lies on the path between the client's realm
 * and the server's, see {@link realmPath}. Meant for tickets whose KDC did not set the flag
 * TRANSITED-POLICY-CHECKED.
 *
 * Stricter than MIT krb5, which does not look at an empty field: where `[capaths]` names intermediate
 * realms, a ticket that crossed none of them is refused.
 *
 * @param contents - Contents of the transited field, of type DOMAIN-X500-COMPRESS; may be empty.
 * @throws {@link KerberosError} `KRB_AP_ERR_ILL_CR_TKT`; `detail.transited` and `detail.path` list the
 *   realms, at most 16 of each.
 */
export function checkTransited(
  contents: Uint8Array,
  clientRealm: string,
  serverRealm: string,
  config: { readonly capaths: RealmPaths },
): void {
  // RFC 8062 §3: the anonymous realm hides the client's own, so that there is no path to check.
  if (clientRealm === ANONYMOUS_REALM) return;
  const transited = expandTransited(contents, clientRealm, serverRealm);
  const path = realmPath(clientRealm, serverRealm, config.capaths);
  // MIT krb5: a ticket does not cross the server's own realm.
  const allowed = path.slice(0, -1);
  const stray = transited.find((realm) => !allowed.includes(realm));
  const [from, to] = [clientRealm, serverRealm].map(printableName);
  const detail = { transited: shown(transited), path: shown(path) };
  if (stray !== undefined) {
    const through = printableName(stray);
    throw new KerberosError('KRB_AP_ERR_ILL_CR_TKT', {
      reason: 'realm.transited',
      hint:
        `the ticket went through realm ${through}, which is not on the path from ${from} to ${to}; ` +
        `if that is right, say so in the subsection ${from} of [capaths]: ${to} = ${through}`,
      detail,
    });
  }
  // As in MIT krb5, a realm has no path to itself.
  if (clientRealm === serverRealm && !isEmpty(contents)) {
    throw illegal('leads from a realm to itself');
  }
  const configured = configuredPath(clientRealm, serverRealm, config.capaths) ?? [];
  if (configured.length <= 2 || transited.some((realm) => realm !== clientRealm)) return;
  throw new KerberosError('KRB_AP_ERR_ILL_CR_TKT', {
    reason: 'realm.transited',
    hint:
      `the ticket went through no realm, and [capaths] names a path from ${from} to ${to}; ` +
      `if the realms trust each other directly, write ${to} = . in the subsection ${from}`,
    detail,
  });
}

/** For the operator: printable, and at most 16, the last one among them. */
function shown(realms: readonly string[]): string[] {
  const left = realms.length - MAX_SHOWN;
  const some =
    left <= 0
      ? realms
      : [...realms.slice(0, MAX_SHOWN - 2), `${left + 1} more`, ...realms.slice(-1)];
  return some.map(printableName);
}

/**
 * The realms from the client's to the server's, both included: the path of `[capaths]`, else
 * (RFC 4120 §1.1) up to the nearest common ancestor, or to both top levels, and down again.
 *
 * @returns A new array; empty if the two realms are the same.
 */
export function realmPath(clientRealm: string, serverRealm: string, capaths: RealmPaths): string[] {
  if (clientRealm === serverRealm) return [];
  return (
    configuredPath(clientRealm, serverRealm, capaths) ?? hierarchicalPath(clientRealm, serverRealm)
  );
}

/** The path of `[capaths]`, both ends included. */
function configuredPath(
  clientRealm: string,
  serverRealm: string,
  capaths: RealmPaths,
): string[] | undefined {
  const between = capaths.get(clientRealm)?.get(serverRealm);
  if (between === undefined || between.length === 0) return undefined;
  const isDirect = between[0]!.startsWith('.');
  return isDirect ? [clientRealm, serverRealm] : [clientRealm, ...between, serverRealm];
}

function hierarchicalPath(clientRealm: string, serverRealm: string): string[] {
  const up = ancestors(clientRealm);
  const down = ancestors(serverRealm);
  const common = up.findIndex((realm) => down.includes(realm));
  if (common < 0) return [...up, ...down.reverse()];
  const top = up[common]!;
  return [...up.slice(0, common + 1), ...down.slice(0, down.indexOf(top)).reverse()];
}

/** `A.B.C`, `B.C`, `C`: the realm and its parents. */
function ancestors(realm: string): string[] {
  const labels = realm.slice(0, MAX_REALM).split('.');
  return labels.map((_, i) => labels.slice(i).join('.')).filter((name) => name !== '');
}

/**
 * Expands a DOMAIN-X500-COMPRESS encoding (RFC 4120 §3.3.3.1).
 *
 * @param contents - UTF-8, at most 4096 bytes.
 * @param clientRealm - The implied realm before a leading comma.
 * @param serverRealm - The implied realm after a trailing comma.
 * @returns Each realm once; the order has no meaning.
 * @throws {@link KerberosError} `KRB_AP_ERR_ILL_CR_TKT` if the encoding is malformed or too long, or
 *   holds a realm of more than 512 characters.
 */
export function expandTransited(
  contents: Uint8Array,
  clientRealm: string,
  serverRealm: string,
): string[] {
  if (contents.length > MAX_CONTENTS) throw illegal('is too long');
  if (isEmpty(contents)) return [];
  // MIT krb5: some implementations append a NUL.
  const text = decode(contents).replace(/\0$/, '');
  // RFC 4120 §3.3.3.1: an encoding holds no NUL. MIT krb5 stops reading at a leading one.
  if (text.includes('\0')) throw illegal('has a NUL in it');
  const realms = new Set<string>();
  let previous = text.startsWith(',') ? clientRealm : '';
  let gap = false;
  const subfields = splitSubfields(text);
  for (const [i, subfield] of subfields.entries()) {
    if (subfield.name === '') {
      if (subfield.alone) throw illegal('has a subfield of nothing but blanks');
      // RFC 4120 §3.3.3.1: a null subfield means all realms between its neighbours.
      gap = true;
      continue;
    }
    const realm = join(subfield, previous);
    if (realm.length > MAX_REALM) throw illegal('has an overlong realm');
    realms.add(realm);
    if (gap) addBetween(realms, realm, subfield.alone ? '' : previous);
    previous = realm;
    gap = false;
    if (i === subfields.length - 1) return [...realms];
  }
  addBetween(realms, previous, serverRealm);
  return [...realms];
}

interface Subfield {
  readonly name: string;
  /** A leading space: the name is complete, not relative to the one before it. */
  readonly alone: boolean;
}

function splitSubfields(text: string): Subfield[] {
  const subfields: Subfield[] = [];
  let name = '';
  let alone = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === ',') {
      subfields.push({ name, alone });
      name = '';
      alone = false;
    } else if (char === '\\') {
      // RFC 4120 §3.3.3.1: a backslash quotes the next character.
      i++;
      if (i === text.length) throw illegal('ends with a lone backslash');
      name += text[i]!;
    } else if (char === ' ' && name === '') {
      alone = true;
    } else {
      name += char;
    }
  }
  subfields.push({ name, alone });
  return subfields;
}

function join(subfield: Subfield, previous: string): string {
  const { name, alone } = subfield;
  if (alone) return name;
  // RFC 4120 §3.3.3.1: an X.500 name grows to the right, a domain name to the left.
  if (name.startsWith('/')) return previous + name;
  return name.endsWith('.') ? name + previous : name;
}

/** Adds the realms strictly between an ancestor and its descendant. */
function addBetween(realms: Set<string>, a: string, b: string): void {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (long.length > MAX_REALM) throw illegal('has a gap beside an overlong realm');
  if (short === long) return;
  if (short === '') throw illegal('has a gap without an end');
  if (short.startsWith('/') !== long.startsWith('/')) {
    throw illegal('has a gap between names of different styles');
  }
  if (short.startsWith('/')) {
    if (!long.startsWith(short)) throw illegal('has a gap between unrelated realms');
    for (let i = short.length + 1; i < long.length; i++) {
      if (long[i] === '/') realms.add(long.slice(0, i));
    }
  } else {
    if (!long.endsWith(short)) throw illegal('has a gap between unrelated realms');
    for (let i = long.length - short.length - 1; i > 0; i--) {
      if (long[i - 1] === '.') realms.add(long.slice(i));
    }
  }
}

function isEmpty(contents: Uint8Array): boolean {
  return contents.length === 0 || (contents.length === 1 && contents[0] === 0);
}

function decode(contents: Uint8Array): string {
  try {
    return decodeUtf8(contents, 'transited field');
  } catch (error) {
    if (error instanceof DecodeError) throw illegal('is not valid UTF-8');
    throw error;
  }
}

function illegal(problem: string): KerberosError {
  return new KerberosError('KRB_AP_ERR_ILL_CR_TKT', {
    reason: 'realm.transited-field',
    message: `The ticket's transited field ${problem}`,
  });
}

const MAX_CONTENTS = 4096;
const MAX_REALM = 512;
const MAX_SHOWN = 16;
