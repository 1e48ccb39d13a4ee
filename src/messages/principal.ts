/** Principal names and realms (RFC 4120 §5.2.2, §6), and their text form in MIT krb5. */
import { KerberosError } from '../errors.ts';
import { printableName, quotedName } from '../text.ts';
import type { DerReader } from './der/reader.ts';
import { Tag } from './der/reader.ts';
import type { DerWriter } from './der/writer.ts';
import { Limit } from './limits.ts';
import { readInt32, readKerberosString, writeInt32, writeKerberosString } from './primitives.ts';

/** Name types: RFC 4120 §6.2, RFC 6806 §5 (enterprise), RFC 8062 (well-known). */
export const NameType = {
  unknown: 0,
  principal: 1,
  srvInst: 2,
  srvHst: 3,
  srvXhst: 4,
  uid: 5,
  x500Principal: 6,
  smtpName: 7,
  enterprise: 10,
  wellKnown: 11,
} as const;

/** A name without its realm: `{ nameType: 3, components: ['HTTP', 'www.example.com'] }`. */
export interface PrincipalName {
  /** A {@link NameType}; no part of the identity (RFC 4120 §6.2). */
  readonly nameType: number;
  /** The parts of the name, `HTTP` and `www.example.com`. */
  readonly components: readonly string[];
}

/** A name with its realm. */
export interface Principal extends PrincipalName {
  /** The realm, `EXAMPLE.COM`. */
  readonly realm: string;
}

/**
 * `HTTP/www.example.com@EXAMPLE.COM`; characters that {@link parsePrincipal} would misread are
 * escaped.
 */
export function formatPrincipal(principal: Principal): string {
  return `${formatComponents(principal)}@${escapeName(principal.realm)}`;
}

/** The part of {@link formatPrincipal} before the realm. */
export function formatComponents({ components }: PrincipalName): string {
  return components.map(escapeName).join('/');
}

/** {@link formatPrincipal}, made {@link printableName printable}: safe for logs and terminals. */
export function printablePrincipal(principal: Principal): string {
  return printableName(formatPrincipal(principal));
}

/** The components without the realm. As in MIT krb5, an `@` is not escaped. */
export function formatPrincipalName(name: PrincipalName): string {
  return name.components.map((component) => escapeName(component).replaceAll('\\@', '@')).join('/');
}

/**
 * Parses the text form: components separated by `/`, then `@` and the realm. `\` quotes the next
 * character; `\n`, `\t`, `\b` and `\0` are control characters.
 *
 * @param defaultRealm - The realm if the text has none.
 * @returns The name. Its type is inferred as in MIT krb5: `krbtgt/X` is NT-SRV-INST,
 *   `WELLKNOWN/X` is NT-WELLKNOWN, any other is NT-PRINCIPAL.
 * @throws {@link KerberosError} `KRB5_PARSE_MALFORMED`.
 */
export function parsePrincipal(text: string, defaultRealm?: string): Principal {
  return parse(text, defaultRealm, false);
}

/**
 * {@link parsePrincipal} for an enterprise name (RFC 6806 §5), which has one component: the first
 * `@` belongs to the name, a second one precedes the realm.
 */
export function parseEnterprise(text: string, defaultRealm?: string): Principal {
  return { ...parse(text, defaultRealm, true), nameType: NameType.enterprise };
}

function parse(text: string, defaultRealm: string | undefined, enterprise: boolean): Principal {
  const components: string[] = [];
  let ownAt = enterprise;
  let part = '';
  let inRealm = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '\\') {
      i++;
      if (i === text.length) throw malformed(text, 'ends with a lone backslash');
      part += ESCAPED[text[i]!] ?? text[i]!;
    } else if (enterprise && !inRealm && (char === '/' || ownAt)) {
      ownAt &&= char !== '@';
      part += char;
    } else if (char === '/' || char === '@') {
      // MIT krb5 parse.c: a realm must not contain an unquoted separator.
      if (inRealm) throw malformed(text, `has an unquoted ${char} in its realm`);
      components.push(part);
      part = '';
      inRealm = char === '@';
    } else {
      part += char;
    }
  }
  const realm = inRealm ? part : defaultRealm;
  if (!inRealm) components.push(part);
  if (realm === undefined || realm === '') throw malformed(text, 'names no realm');
  if (components.length > Limit.nameComponents) {
    throw malformed(text, `has more than ${Limit.nameComponents} components`);
  }
  return { nameType: inferNameType(components), components, realm };
}

/**
 * The parts of a host-based service name, `service` or `service@host` (RFC 2743 §4.1).
 *
 * @returns The text before the first `@`, which may be empty, and the text after it; `host` is
 *   absent if that is empty, as in `HTTP` and `HTTP@`.
 */
export function splitHostBasedService(text: string): { service: string; host?: string } {
  const at = text.indexOf('@');
  if (at < 0) return { service: text };
  const [service, host] = [text.slice(0, at), text.slice(at + 1)];
  return host === '' ? { service } : { service, host };
}

/** MIT krb5 sn2princ.c: lower case, without the trailing dot of an absolute DNS name. */
export function canonicalHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/**
 * Whether both names denote one principal: equal realm and components, case-sensitive. RFC 4120
 * §6.2: the name type is only a hint and is ignored.
 */
export function principalEqual(a: Principal, b: Principal): boolean {
  if (a.realm !== b.realm || a.components.length !== b.components.length) return false;
  for (let i = 0; i < a.components.length; i++) {
    if (a.components[i] !== b.components[i]) return false;
  }
  return true;
}

/** Whether it is the name of the anonymous principal (RFC 8062 §3), in any realm. */
export function isAnonymousName({ components }: PrincipalName): boolean {
  return components.length === 2 && components[0] === 'WELLKNOWN' && components[1] === 'ANONYMOUS';
}

/** The realm of an anonymous client whose realm is hidden as well (RFC 8062 §3). */
export const ANONYMOUS_REALM = 'WELLKNOWN:ANONYMOUS';

/**
 * Reads a PrincipalName with at least one component. MIT krb5 accepts a name without components; it
 * is refused here, because its text form is that of a name with one empty component.
 */
export function readPrincipalName(reader: DerReader): PrincipalName {
  const name = readAnyPrincipalName(reader);
  if (name.components.length === 0) throw reader.error('a name without components');
  return name;
}

/** Reads a PrincipalName that may have no components, where the name is only informative. */
export function readAnyPrincipalName(reader: DerReader): PrincipalName {
  const outer = reader.enter(Tag.sequence);
  const nameType = reader.field(0, readInt32);
  const components = reader.field(1, readComponents);
  reader.leave(outer);
  return { nameType, components };
}

export function writePrincipalName(writer: DerWriter, name: PrincipalName): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeInt32, name.nameType);
  writer.field(1, writeComponents, name.components);
  writer.end(begun);
}

function readComponents(reader: DerReader): readonly string[] {
  return reader.list(Limit.nameComponents, readKerberosString);
}

function writeComponents(writer: DerWriter, components: readonly string[]): void {
  writer.list(components, writeKerberosString);
}

// RFC 4120 §7.3 (krbtgt), RFC 8062 §3 (WELLKNOWN).
function inferNameType(components: readonly string[]): number {
  if (components.length === 2 && components[0] === 'krbtgt') return NameType.srvInst;
  if (components.length >= 2 && components[0] === 'WELLKNOWN') return NameType.wellKnown;
  return NameType.principal;
}

function escapeName(text: string): string {
  return NEEDS_ESCAPE.test(text) ? text.replace(EVERY_ESCAPE, escapeChar) : text;
}

function escapeChar(char: string): string {
  return `\\${ESCAPES[char] ?? char}`;
}

function malformed(text: string, problem: string): KerberosError {
  return new KerberosError('KRB5_PARSE_MALFORMED', {
    reason: 'name.malformed',
    message: `principal ${quotedName(text)} ${problem}`,
  });
}

// MIT krb5 unparse.c escapes exactly these characters.
const NEEDS_ESCAPE = /[/@\\\0\n\t\b]/;
const EVERY_ESCAPE = /[/@\\\0\n\t\b]/g;
const ESCAPES: Readonly<Record<string, string>> = { '\0': '0', '\n': 'n', '\t': 't', '\b': 'b' };
const ESCAPED: Readonly<Record<string, string>> = { '0': '\0', n: '\n', t: '\t', b: '\b' };
