/**
 * Which realms a ticket came through, and whether they may stand between its client and us
 * (RFC 4120 §2.7 and §3.3.3.1).
 */

import { decodeUtf8 } from '../bytes.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import { ANONYMOUS_REALM } from '../messages/principal.ts';
import { printableName } from '../text.ts';
import type { RealmPaths } from './realm-path.ts';
import { configuredPath, realmPath } from './realm-path.ts';

/**
 * Checks that every realm of a ticket's transited field lies on the path between the client's
 * realm and ours: the one in `[capaths]`, else up and down the hierarchy. Where `[capaths]` names
 * realms between the two, a ticket that went through none of them is refused as well; MIT krb5 does
 * not look at an empty field. For tickets whose KDC did not set TRANSITED-POLICY-CHECKED.
 *
 * @param contents - The transited field's contents, of type DOMAIN-X500-COMPRESS; may be empty.
 * @throws {@link KerberosError} `KRB_AP_ERR_ILL_CR_TKT` with the realms in its detail.
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
  // MIT krb5: our own realm is not among those that a ticket goes through.
  const allowed = path.slice(0, -1);
  const stray = transited.find((realm) => !allowed.includes(realm));
  const [from, to] = [clientRealm, serverRealm].map(printableName);
  if (stray !== undefined) {
    const through = printableName(stray);
    throw new KerberosError('KRB_AP_ERR_ILL_CR_TKT', undefined, {
      hint:
        `the ticket went through realm ${through}, which is not on the path from ${from} to ${to}; ` +
        `if that is right, say so in the subsection ${from} of [capaths]: ${to} = ${through}`,
      detail: { transited, path },
    });
  }
  // MIT krb5 has no path from a realm to itself either.
  if (clientRealm === serverRealm && !isEmpty(contents))
    throw illegal('leads from a realm to itself');
  const configured = configuredPath(clientRealm, serverRealm, config.capaths) ?? [];
  if (configured.length <= 2 || transited.some((realm) => realm !== clientRealm)) return;
  throw new KerberosError('KRB_AP_ERR_ILL_CR_TKT', undefined, {
    hint:
      `the ticket went through no realm, and [capaths] names a path from ${from} to ${to}; ` +
      `if the realms trust each other directly, write ${to} = . in the subsection ${from}`,
    detail: { transited, path },
  });
}

/**
 * The realms that a DOMAIN-X500-COMPRESS encoding stands for (RFC 4120 §3.3.3.1); their order
 * says nothing.
 *
 * @throws {@link KerberosError} `KRB_AP_ERR_ILL_CR_TKT` if it is malformed, has a name of more
 *   than 512 characters or a gap beside one, or is longer than 4096 bytes.
 */
export function expandTransited(
  contents: Uint8Array,
  clientRealm: string,
  serverRealm: string,
): string[] {
  if (contents.length > MAX_CONTENTS) throw illegal('is too long');
  if (isEmpty(contents)) return [];
  // MIT krb5: some implementations end it with a NUL.
  const text = decode(contents).replace(/\0$/, '');
  // RFC 4120 §3.3.3.1: an encoding holds no NUL. MIT krb5 reads no further than a leading one.
  if (text.includes('\0')) throw illegal('has a NUL in it');
  const realms = new Set<string>();
  let previous = text.startsWith(',') ? clientRealm : '';
  let gap = false;
  const subfields = splitSubfields(text);
  for (const [i, subfield] of subfields.entries()) {
    if (subfield.name === '') {
      if (subfield.alone) throw illegal('has a subfield of nothing but blanks');
      // RFC 4120 §3.3.3.1: a null subfield stands for all realms between its neighbours.
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
  /** Written with a leading space: it is not joined to the one before it. */
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
      // RFC 4120 §3.3.3.1: a backslash takes the next character as it is.
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

/** Adds the realms strictly between two of which one is a part of the other. */
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
  return new KerberosError('KRB_AP_ERR_ILL_CR_TKT', `The ticket's transited field ${problem}`);
}

const MAX_CONTENTS = 4096;
const MAX_REALM = 512;
