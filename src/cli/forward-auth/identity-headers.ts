/** The headers in which the application learns who the client is. */
import type { HeaderField } from '../../http/authentication.ts';
import type { Identity } from '../../http/identity.ts';
import { UsageError } from '../arguments.ts';

/** Names of headers, each with the field of the identity that it has. */
export type IdentityHeaders = ReadonlyMap<string, keyof Identity>;

/**
 * Reads `Remote-User=principal,Remote-Groups=groups`.
 *
 * @throws {@link UsageError}
 */
export function parseIdentityHeaders(text: string): IdentityHeaders {
  const headers = new Map<string, keyof Identity>();
  const names = new Set<string>();
  for (const pair of text.split(',')) {
    const [, name = '', field = ''] = /^([^=]*)=([^=]*)$/.exec(pair.trim()) ?? [];
    if (!/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(name) || RESERVED.test(name)) {
      throw new UsageError(
        `-headers: expected Name=field, as Remote-User=principal, got '${pair}'`,
      );
    }
    if (!(FIELDS as readonly string[]).includes(field)) {
      throw new UsageError(`-headers: expected one of ${FIELDS.join(', ')}; got '${field}'`);
    }
    if (names.has(asVariable(name))) throw new UsageError(`-headers: ${name} comes twice`);
    names.add(asVariable(name));
    headers.set(name, field as keyof Identity);
  }
  return headers;
}

/**
 * Each header with its value; empty if the identity has none, so that the proxy overwrites what a client
 * sent. Text is UTF-8, as applications read it; lists have commas.
 *
 * @returns Undefined for an identity that a header cannot carry without becoming another one.
 */
export function identityHeaders(
  headers: IdentityHeaders,
  identity: Identity,
): HeaderField[] | undefined {
  const fields: HeaderField[] = [];
  for (const [name, field] of headers) {
    const value = identity[field] ?? '';
    const items = Array.isArray(value) ? (value as readonly string[]) : undefined;
    if (items?.some((item) => item.includes(','))) return undefined;
    const text = items?.join(',') ?? String(value);
    if (!canTravel(text)) return undefined;
    fields.push([name, Buffer.from(text, 'utf8').toString('latin1')]);
  }
  return fields;
}

/**
 * A header of a request that an application may take for one of these. CGI and its successors name
 * variables after headers, and `Remote_User` is the same variable as `Remote-User`.
 *
 * @param rawHeaders - Names and values by turns.
 */
export function findForged(
  headers: IdentityHeaders,
  rawHeaders: readonly string[],
): string | undefined {
  const variables = new Set([...headers.keys()].map(asVariable));
  return rawHeaders.find((name, index) => index % 2 === 0 && variables.has(asVariable(name)));
}

function asVariable(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '_');
}

/** RFC 9110 §5.5: spaces around a value are no part of it, and control characters must not be in it. */
function canTravel(text: string): boolean {
  return !/^\s|\s$|[\p{Cc}\p{Cs}]/u.test(text);
}

const FIELDS: readonly (keyof Identity)[] = [
  'principal',
  'name',
  'realm',
  'localName',
  'userPrincipalName',
  'accountName',
  'displayName',
  'domain',
  'sid',
  'groups',
  'indicators',
  'mechanism',
  'authenticatedAt',
  'expiresAt',
];
// Headers that have a meaning of their own in a response.
const RESERVED =
  /^(?:www-authenticate|set-cookie|content-.*|connection|transfer-encoding|date|keep-alive|upgrade|trailer|location|cache-control|host|authorization|cookie|proxy-.*|x-forwarded-.*)$/i;
