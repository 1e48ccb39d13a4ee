/** The response to a request that was denied, for servers that have no page of their own. */
import type { Denied, HeaderField } from './authentication.ts';

/** A whole response. */
export interface Answer {
  /** The HTTP status. */
  readonly status: number;
  /** Append each to the response; they include `Content-Type`. */
  readonly headers: readonly HeaderField[];
  /** The text to send as UTF-8. It does not contain the reason, which is for the operator. */
  readonly body: string;
}

/**
 * Makes the response to a denied request: plain text, or JSON (RFC 9457) if the client prefers it. The
 * response does not contain the reason of a refusal.
 *
 * @param denied - What an authenticator returned.
 * @param accept - The request's header `Accept`.
 *
 * @example
 * ```ts
 * import type { Denied } from 'krb5-acceptor/http';
 * import { answerDenied } from 'krb5-acceptor/http';
 *
 * export function respond(denied: Denied, request: Request): Response {
 *   const { status, headers, body } = answerDenied(denied, request.headers.get('accept'));
 *   return new Response(body, { status, headers: headers.map(([name, value]) => [name, value]) });
 * }
 * ```
 */
export function answerDenied(denied: Denied, accept?: string | null): Answer {
  const { status } = denied;
  const title = TITLES[status];
  const [type, body] = prefersJson(accept)
    ? ['application/problem+json', JSON.stringify({ type: 'about:blank', title, status })]
    : ['text/plain; charset=utf-8', `${title}\n`];
  return { status, headers: [...denied.headers, ['Content-Type', type]], body };
}

/**
 * Whether a client accepts JSON more than any text (RFC 9110 §12.5.1). Wildcards do not count: browsers
 * and curl send them with everything.
 *
 * @param accept - The header `Accept`; malformed parts of it are ignored.
 */
export function prefersJson(accept: string | null | undefined): boolean {
  if (accept === null || accept === undefined || accept.length > MAX_ACCEPT) return false;
  let json = 0;
  let text = 0;
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const quality = qualityOf(parameters);
    if (JSON_TYPE.test(type)) json = Math.max(json, quality);
    else if (type.startsWith('text/') || type === 'application/xhtml+xml') {
      text = Math.max(text, quality);
    }
  }
  return json > text;
}

function qualityOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  if (weight === undefined) return 1;
  // RFC 9110 §12.4.2.
  return /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight.slice(2)) : 0;
}

const TITLES: Readonly<Record<Denied['status'], string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  407: 'Proxy Authentication Required',
  503: 'Service Unavailable',
};
const JSON_TYPE = /^application\/(?:[a-z0-9!#$&^_.+-]+\+)?json$/;
const MAX_ACCEPT = 1024;
