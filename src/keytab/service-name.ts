/**
 * Which principals of a keytab a credential stands for, and the texts in which operators say so.
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

/**
 * What a credential accepts; a plain value, see {@link parseServiceName}.
 *
 * - `any`: every key of the keytab.
 * - `service`: that service on whatever host, in whatever realm.
 * - `host`: that service on that host, in whatever realm. `host` is lower case.
 * - `principal`: exactly that principal, MIT's "explicit server". Its key also has to be of the
 *   ticket's kvno, whereas the others try keys of every kvno.
 * - `oneOf`: what any of them accepts.
 */
export type ServiceMatcher =
  | { readonly type: 'any' }
  | { readonly type: 'service'; readonly service: string }
  | { readonly type: 'host'; readonly service: string; readonly host: string }
  | { readonly type: 'principal'; readonly principal: Principal }
  | { readonly type: 'oneOf'; readonly matchers: readonly ServiceMatcher[] };

/**
 * Reads the name of a service, or several.
 *
 * | text | accepts |
 * |---|---|
 * | absent, `*` | every key of the keytab |
 * | `HTTP@`, `HTTP` | the service on any host |
 * | `HTTP@www.example.org`, `HTTP/www.example.org` | the service on that host, any realm |
 * | `HTTP/www.example.org@EXAMPLE.ORG` | exactly that principal |
 *
 * What holds a `/` before any `@` is a principal, all else a host-based name (RFC 2743 §4.1): in
 * `HTTP@x` x is a host, in `HTTP/x@y` y is a realm.
 *
 * @throws {@link KerberosError} `KRB5_PARSE_MALFORMED`.
 * @throws TypeError for an empty list, which would accept nobody or be taken for everybody, and for
 *   a list with `*` or with a value that is no text in it: one slip would accept every key.
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
 * The name as MIT krb5 shows it in messages: `host/@` for the service on any host,
 * `host/www.example.org@` for a host in any realm; `*` for any key.
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
 * Whether the matcher accepts keys of a principal, and which: `'matching-kvno'` only those whose
 * kvno the ticket asks for, `'every-kvno'` the others too; `undefined` none.
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
 * MIT krb5 sname_match.c: two components, the service as written (it is case-sensitive: HTTP is
 * not http), the host if there is one, and no realm, since a host-based name has none.
 */
function matchHostBased(
  matcher: { readonly service: string; readonly host?: string },
  { components }: Principal,
): boolean {
  if (components.length !== 2 || components[0] !== matcher.service) return false;
  if (matcher.host === undefined) return true;
  const host = components[1]!;
  // RFC 4120 §6.2.1: host names "MUST be lowercase" in a principal; keytabs from Active Directory
  // have them as the administrator typed them, and DNS tells no difference.
  return host === matcher.host || host.toLowerCase() === matcher.host;
}

function parseListed(name: unknown, i: number): ServiceMatcher {
  if (typeof name === 'string' && name !== '*') return parseServiceName(name);
  const got = typeof name === 'string' ? "'*'" : String(name);
  throw new TypeError(`service names: expected names of services, got ${got} at ${i}`);
}

function parsePrincipalForm(text: string): ServiceMatcher {
  // Without a realm, or with the empty one that MIT shows in messages, the realm is free.
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

/** RFC 2743 §4.1: `service` or `service@host`. MIT krb5 lets the host be empty, too. */
function parseHostBased(text: string): ServiceMatcher {
  const { service, host = '' } = splitHostBasedService(text);
  if (service === '' || /[\s\\]/.test(service)) {
    throw malformed(text, 'names no service', 'write HTTP@www.example.org, or * for any key');
  }
  if (/[\s@/\\]|^\.$/.test(host)) {
    throw malformed(
      text,
      'holds no host name behind its @',
      'write service@host, service/host or service/host@REALM',
    );
  }
  if (host === '') return { type: 'service', service };
  return { type: 'host', service, host: canonicalHost(host) };
}

function malformed(text: string, problem: string, hint: string): KerberosError {
  return new KerberosError('KRB5_PARSE_MALFORMED', {
    message: `service name ${JSON.stringify(text)} ${problem}`,
    hint,
  });
}

// A separator counts unless a backslash quotes it.
const PRINCIPAL_FORM = /^(?:[^\\@/]|\\.)*\//s;
const BEFORE_REALM = /^(?:[^\\@]|\\.?)*/s;
