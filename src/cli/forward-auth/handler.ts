/** Answers the requests of a proxy: GET /auth, and GET /healthz. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Authenticated, Guest } from '../../http/authentication.ts';
import { PROXY_HEADERS } from '../../http/forwarded.ts';
import type { Identity } from '../../http/identity.ts';
import type { HttpResponse } from '../../node/http-request.ts';
import type { Kerberos } from '../../node/kerberos.ts';
import { describeThrown, printableName } from '../../text.ts';
import type { IdentityHeaders } from './identity-headers.ts';
import { findForged, identityHeaders } from './identity-headers.ts';
import type { OriginalHeaders, OriginalRequest } from './original-request.ts';
import { ProxyError, readOriginal, restore } from './original-request.ts';
import type { Rules } from './rules.ts';
import { findObjection } from './rules.ts';

/** What a {@link forwardAuthHandler} answers with. */
export interface ForwardAuth {
  readonly signOn: Kerberos;
  readonly headers: IdentityHeaders;
  readonly original: OriginalHeaders;
  /** Whether the other end of a connection may be a proxy. */
  readonly isProxy: (address: string | undefined) => boolean;
  /** The present rules; undefined if everybody may enter everywhere. */
  readonly rules?: () => Rules;
  /** Told of requests that were refused without, or in spite of, an identity. */
  readonly onRefused: (line: string) => void;
  /** Told of requests that may enter. */
  readonly onAccepted?: (line: string) => void;
}

/** The listener of an HTTP server. */
export function forwardAuthHandler(site: ForwardAuth): RequestListener {
  return (request, response) => {
    // Bodies are never used; whatever comes is discarded.
    request.resume();
    // Answers are about one request.
    response.setHeader('Cache-Control', 'no-store');
    judge(site, request, response).then(
      (status) => status && end(response, status),
      (error: unknown) => {
        site.onRefused(`fault: ${describeThrown(error)}`);
        if (response.headersSent) response.destroy();
        else end(response, 503);
      },
    );
  };
}

/** Ends the response to a client that must sign on. */
export function answerChallenge(_: unknown, response: HttpResponse): void {
  keepOneCookie(response);
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end('Unauthorized\n');
}

type Status = 200 | 403 | 404 | 503;

/** @returns The status; undefined if the request has been answered. */
async function judge(
  site: ForwardAuth,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Status | undefined> {
  switch (request.url?.replace(/\?.*$/s, '')) {
    case '/auth':
      return await authenticate(site, request, response);
    case '/healthz':
      return await healthOf(site, request);
    default:
      return 404;
  }
}

/** A client whose path the proxy passes on as it is must not be let in by the answer about health. */
async function healthOf({ signOn }: ForwardAuth, { headers }: IncomingMessage): Promise<Status> {
  if (PROXY_HEADERS.some((name) => headers[name] !== undefined)) return 404;
  return await signOn.ready.then(
    () => 200,
    () => 503,
  );
}

async function authenticate(
  site: ForwardAuth,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Status | undefined> {
  const { remoteAddress } = request.socket;
  if (!site.isProxy(remoteAddress)) {
    site.onRefused(`${remoteAddress} is no trusted proxy: see -trust`);
    return 403;
  }
  const forged = findForged(site.headers, request.rawHeaders);
  if (forged !== undefined) {
    site.onRefused(
      `a request has the header ${printableName(forged)}: a client sent it, and the proxy did not ` +
        'remove it',
    );
    return 403;
  }
  const original = readOrReport(site, request);
  if (original === undefined) return 503;
  restore(request, original);
  const client = await site.signOn(request, response);
  return client && admit(site, original, client, response);
}

function admit(
  site: ForwardAuth,
  original: OriginalRequest,
  client: Authenticated | Guest,
  response: ServerResponse,
): Status {
  if (client.outcome === 'guest') {
    // A preflight: the application gets no name.
    for (const name of site.headers.keys()) response.setHeader(name, '');
    return 200;
  }
  const { identity, via } = client;
  const who = printableName(identity.principal);
  const headers = identityHeaders(site.headers, identity);
  const objection = objectionTo(site, original, identity);
  if (headers === undefined || objection !== undefined) {
    const why = objection ?? 'a header cannot carry the names';
    site.onRefused(`${who} may not ${describe(original)}: ${why}`);
    return 403;
  }
  for (const [name, value] of headers) response.setHeader(name, value);
  site.onAccepted?.(`${who} by ${via}: ${describe(original)}`);
  return 200;
}

function objectionTo(
  { rules }: ForwardAuth,
  { method, uri }: OriginalRequest,
  identity: Identity,
): string | undefined {
  return rules && findObjection(rules(), { identity, method, uri });
}

function readOrReport(site: ForwardAuth, request: IncomingMessage): OriginalRequest | undefined {
  try {
    return readOriginal(request, site.original);
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    site.onRefused(error.message);
    return undefined;
  }
}

function describe({ method, host, uri }: OriginalRequest): string {
  // A query may hold secrets.
  return printableName(`${method} ${host}${uri.replace(/\?.*$/s, '')}`);
}

/**
 * nginx passes on one cookie: of several it takes the first, or joins them to one that is broken. Cookies
 * that end an exchange can be left out, for they end by themselves.
 */
function keepOneCookie(response: HttpResponse): void {
  const cookies = [response.getHeader('Set-Cookie') ?? []].flat().map(String);
  const lasting = cookies.filter((cookie) => !cookie.endsWith('; Max-Age=0'));
  if (cookies.length > 1) response.setHeader('Set-Cookie', lasting);
}

function end(response: ServerResponse, status: Status): void {
  keepOneCookie(response);
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(`${STATUS_CODES[status]}\n`);
}
