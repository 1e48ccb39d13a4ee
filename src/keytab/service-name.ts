/**
 * The principals of a keytab for which a credential accepts tickets, and the syntax in which operators
 * name them.
 */
import { KerberosError } from '../errors.ts';
import type { Principal } from '../messages/principal.ts';
import {
  canonicalHost,
  formatPrincipal,
  parsePrincipal,
  principalEqual,
  splitHostBasedService,
} from '../messages/principal.ts';
import { quotedName } from '../text.ts';

/**
 * The services that a credential accepts: a plain value, made by {@link parseServiceName}.
 *
 * - `any`: every key of the keytab.
 * - `service`: that service on any host, in any realm.
 * - `host`: that service on that host, in any realm. `host` is lower case.
 * - `principal`: exactly that principal, MIT's "explicit server". Only keys of the ticket's kvno are
 *   tried; the other types try keys of every kvno.
 * - `oneOf`: everything that one of the matchers accepts; at least two.
 */
export type ServiceMatcher =
  | { readonly type: 'any' }
  | { readonly type: 'service'; readonly service: string }
  | { readonly type: 'host'; readonly service: string; readonly host: string }
  | { readonly type: 'principal'; readonly principal: Principal }
  | { readonly type: 'oneOf'; readonly matchers: readonly ServiceMatcher[] };

/**
 * Reads one or more service names.
 *
 * | text | accepts |
 * |---|---|
 * | absent, `*` | every key of the keytab |
 * | `HTTP@`, `HTTP` | the service on any host |
 * | `HTTP@www.example.org`, `HTTP/www.example.org` | the service on that host, any realm |
 * | `HTTP/www.example.org@EXAMPLE.ORG` | exactly that principal |
 *
 * A text with a `/` before any `@` is a principal, any other text a host-based name (RFC 2743 §4.1):
 * x is a host in `HTTP@x`, and y is a realm in `HTTP/x@y`.
 *
 * @throws {@link KerberosError} `KRB5_PARSE_MALFORMED`.
 * @throws TypeError for an empty list, which could mean no service or every service, and for a list
 *   that contains `*` or a value that is not text: one slip would accept every key.
 */
export function parseServiceName(text?: string | readonly string[]): ServiceMatcher {
  if (text === undefined || text === '*') return { type: 'any' };
  if (typeof text !== 'string') {
    if (text.length === 0) throw new TypeError('service names: expected at least one, got none');
    const matchers = text.map(parseListed);
    return matchers.length === 1 ? matchers[0]! : { type: 'oneOf', matchers };
  }
  return PRINCIPAL_FORM.test(text) ? parsePrincipalForm(text) : parseHostBased(text);
}

/**
 * The name as MIT krb5 prints it in messages: `host/@` for the service on any host,
 * `host/www.example.org@` for a host in any realm; `*` for any key. A list is joined by `, `.
 */
export function formatServiceName(matcher: ServiceMatcher): string {
  switch (matcher.type) {
    case 'any':
      return '*';
    case 'service':
      return formatPrincipal({ nameType: 0, components: [matcher.service, ''], realm: '' });
    case 'host':
      return formatPrincipal({
        nameType: 0,
        components: [matcher.service, matcher.host],
        realm: '',
      });
    case 'principal':
      return formatPrincipal(matcher.principal);
    case 'oneOf':
      return matcher.matchers.map(formatServiceName).join(', ');
  }
}

/**
 * Which keys of a principal the matcher accepts.
 *
 * @returns `'matching-kvno'` for those of the ticket's kvno, `'every-kvno'` for all of them, undefined
 *   for none.
 */
export function matchService(
  matcher: ServiceMatcher,
  principal: Principal,
): 'matching-kvno' | 'every-kvno' | undefined {
  switch (matcher.type) {
    case 'any':
      return 'every-kvno';
    case 'service':
    case 'host':
      return matchHostBased(matcher, principal) ? 'every-kvno' : undefined;
    case 'principal':
      // MIT krb5 rd_req_dec.c try_one_princ: an explicit server is looked up by its kvno.
      return principalEqual(matcher.principal, principal) ? 'matching-kvno' : undefined;
    case 'oneOf': {
      let found: 'matching-kvno' | undefined;
      for (const one of matcher.matchers) {
        const match = matchService(one, principal);
        if (match === 'every-kvno') return match;
        found ??= match;
      }
      return found;
    }
  }
}

/**
 * MIT krb5 sname_match.c: the principal has two components, the service, which is case-sensitive (HTTP
 * is not http), and the host, if the matcher has one. Its realm is not compared.
 */
function matchHostBased(
  matcher: { readonly service: string; readonly host?: string },
  { components }: Principal,
): boolean {
  if (components.length !== 2 || components[0] !== matcher.service) return false;
  if (matcher.host === undefined) return true;
  const host = components[1]!;
  // RFC 4120 §6.2.1: host names "MUST be lowercase" in a principal, but keytabs of Active Directory
  // have them as the administrator typed them, and DNS ignores case.
  return host === matcher.host || host.toLowerCase() === matcher.host;
}

function parseListed(name: unknown, i: number): ServiceMatcher {
  if (typeof name === 'string' && name !== '*') return parseServiceName(name);
  const got = typeof name === 'string' ? "'*'" : String(name);
  throw new TypeError(`service names: expected names of services, got ${got} at ${i}`);
}

function parsePrincipalForm(text: string): ServiceMatcher {
  const url = URL_FORM.exec(text);
  if (url !== null) throw malformed(text, 'is a URL', `write HTTP@${canonicalHost(url[1]!)}`);
  // Without a realm, or with the empty one that MIT prints in messages, any realm is accepted.
  const name = BEFORE_REALM.exec(text)![0];
  if (text.length - name.length > 1) {
    return { type: 'principal', principal: parsePrincipal(text) };
  }
  const { components } = parsePrincipal(name, 'ANY');
  if (components.length !== 2) {
    throw malformed(text, `has ${components.length} components`, 'add its realm: a/b/c@REALM');
  }
  const [service, host] = components as [string, string];
  if (service === '') throw malformed(text, 'names no service', 'write HTTP/www.example.org');
  if (host === '' || host === '.') {
    throw malformed(text, 'names no host', `write ${service}@ to accept ${service} on any host`);
  }
  return { type: 'host', service, host: canonicalHost(host) };
}

/** RFC 2743 §4.1: `service` or `service@host`. As in MIT krb5, the host may be empty. */
function parseHostBased(text: string): ServiceMatcher {
  const { service, host = '' } = splitHostBasedService(text);
  if (service === '' || /[\s\\]/.test(service)) {
    throw malformed(text, 'names no service', 'write HTTP@www.example.org, or * for any key');
  }
  if (/[\s@/\\]|^\.$/.test(host)) {
    const name = canonicalHost(/[^\s@/\\]*/.exec(host.trim())![0]) || 'www.example.org';
    throw malformed(
      text,
      'has no valid host name after its @',
      `write ${service}@${name}, or ${service}/${name}@REALM for exactly this principal`,
    );
  }
  if (host === '') return { type: 'service', service };
  return { type: 'host', service, host: canonicalHost(host) };
}

function malformed(text: string, problem: string, hint: string): KerberosError {
  return new KerberosError('KRB5_PARSE_MALFORMED', {
    reason: 'name.malformed',
    message: `service name ${quotedName(text)} ${problem}`,
    hint,
  });
}

// A backslash quotes the character after it: a quoted separator does not count.
const PRINCIPAL_FORM = /^(?:[^\\@/]|\\.)*\//s;
const URL_FORM = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/:@?#\s]+)/;
const BEFORE_REALM = /^(?:[^\\@]|\\.?)*/s;
