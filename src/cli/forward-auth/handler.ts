/** Answers the requests of a proxy: GET /auth, and those of this machine: GET /healthz and /metrics. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Acceptor } from '../../acceptor.ts';
import { explain } from '../../errors.ts';
import { GssError } from '../../gss/status.ts';
import type { Authenticated, Guest } from '../../http/authentication.ts';
import { clientReader, PROXY_HEADERS } from '../../http/forwarded.ts';
import { factsOf } from '../../http/outcome/facts.ts';
import { formatHostAddress, parseHostAddress } from '../../messages/host-address.ts';
import type { HttpResponse } from '../../node/http-request.ts';
import type { Kerberos } from '../../node/kerberos.ts';
import type { RequestFacts } from '../../observe/observer.ts';
import { printableName } from '../../text.ts';
import { errorRecord, ticketRecord } from '../record.ts';
import type { IdentityHeaders } from './identity-headers.ts';
import { findForged, identityHeaders } from './identity-headers.ts';
import { formatMetrics } from './metrics.ts';
import type { OriginalHeaders, OriginalRequest } from './original-request.ts';
import { readOriginal, restore } from './original-request.ts';
import type { AuthRecord, Peer, Told } from './records.ts';
import { notesOf } from './records.ts';
import { againstRules, faultOf, forgedHeader, notTrusted, unsuitableName } from './refusals.ts';
import type { Rules } from './rules.ts';
import { findObjection, findRule } from './rules.ts';

/** What a {@link forwardAuthHandler} answers with. */
export interface ForwardAuth {
  readonly signOn: Kerberos;
  /** The acceptor of {@link signOn}, which counts. */
  readonly acceptor: Pick<Acceptor, 'statistics' | 'observer'>;
  /** Has the hooks of {@link signOn}. */
  readonly told: Told;
  readonly headers: IdentityHeaders;
  readonly original: OriginalHeaders;
  /** Whether the other end of a connection may be a proxy. */
  readonly isProxy: (address: string | undefined) => boolean;
  /** The present rules; undefined if everybody may enter everywhere. */
  readonly rules?: () => Rules;
  /** Takes a record of each decision. */
  readonly record: (record: AuthRecord) => void;
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
      async (error: unknown) => {
        await refuse(site, exchangeOf(request), 503, faultOf(error));
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

/** What is known of a request before it is judged. */
interface Exchange {
  readonly peer: Peer;
  readonly request?: string;
}

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
      return isForwarded(request) ? 404 : await healthOf(site);
    case '/metrics':
      if (isForwarded(request) || !site.isProxy(request.socket.remoteAddress)) return 404;
      response.setHeader('Content-Type', 'text/plain; version=0.0.4');
      response.end(formatMetrics(site.acceptor.statistics));
      return undefined;
    default:
      return 404;
  }
}

/** A client whose path the proxy passes on as it is must get none of the answers for this machine. */
function isForwarded({ headers }: IncomingMessage): boolean {
  return PROXY_HEADERS.some((name) => headers[name] !== undefined);
}

async function healthOf({ signOn }: ForwardAuth): Promise<Status> {
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
  const peer = exchangeOf(request);
  if (!site.isProxy(remoteAddress)) {
    // What it says about a client is not believed.
    const own = { peer: parseHostAddress(remoteAddress) };
    return await refuse(site, own, 403, notTrusted(remoteAddress));
  }
  const forged = findForged(site.headers, request.rawHeaders);
  if (forged !== undefined) return await refuse(site, peer, 403, forgedHeader(forged));
  let original: OriginalRequest;
  try {
    original = readOriginal(request, site.original);
  } catch (error) {
    if (!(error instanceof GssError)) throw error;
    return await refuse(site, peer, 503, error);
  }
  restore(request, original);
  const exchange = { ...peer, request: describe(original) };
  const client = await site.signOn(request, response);
  for (const { event, error, facts } of site.told.take(request)) {
    record(site, exchange, {
      event,
      status: response.statusCode,
      ...ticketRecord(facts),
      ...(error && errorRecord(error)),
    });
  }
  return client && (await admit(site, exchange, original, client, response));
}

async function admit(
  site: ForwardAuth,
  exchange: Exchange & { readonly request: string },
  original: OriginalRequest,
  client: Authenticated | Guest,
  response: ServerResponse,
): Promise<Status> {
  if (client.outcome === 'guest') {
    // A preflight: the application gets no name.
    for (const name of site.headers.keys()) response.setHeader(name, '');
    record(site, exchange, { event: 'guest', status: 200 });
    return 200;
  }
  const { identity, via, context } = client;
  const facts = factsOf(identity, context);
  const rules = site.rules?.();
  const rule = rules && findRule(rules, original.uri);
  const decided = { via, ...(rule !== undefined && { rule: printableName(rule) }) };
  const objection = rules && findObjection(rules, { ...original, identity });
  if (objection !== undefined) {
    const why = againstRules(identity, exchange.request, rule, objection);
    return await refuse(site, exchange, 403, why, facts, decided);
  }
  const headers = identityHeaders(site.headers, identity);
  if (headers === undefined) {
    return await refuse(site, exchange, 403, unsuitableName(identity), facts, decided);
  }
  for (const [name, value] of headers) response.setHeader(name, value);
  const accepted = { ...decided, ...ticketRecord(facts), ...notesOf(context) };
  record(site, exchange, { event: 'accepted', status: 200, ...accepted });
  return 200;
}

/** Counts, publishes and records a refusal that the acceptor does not know of. */
async function refuse<S extends Status>(
  site: ForwardAuth,
  exchange: Exchange,
  status: S,
  error: GssError,
  facts: RequestFacts = {},
  decided: Pick<AuthRecord, 'via' | 'rule'> = {},
): Promise<S> {
  await explain(error);
  site.acceptor.observer.refused(error, facts, exchange.peer);
  const why = { ...decided, ...ticketRecord(facts), ...errorRecord(error) };
  record(site, exchange, { event: 'refused', status, ...why });
  return status;
}

function record(
  site: ForwardAuth,
  { peer, request }: Exchange,
  { event, status, ...facts }: AuthRecord,
): void {
  site.record({
    event,
    status,
    ...(peer && { peer: formatHostAddress(peer) }),
    ...(request !== undefined && { request }),
    ...facts,
  });
}

/** The client's address is what the proxy says, which is the only one that may ask. */
function exchangeOf({
  socket: { remoteAddress: peerAddress },
  headers,
}: IncomingMessage): Exchange {
  const { peerAddress: peer } = readClient({ peerAddress }, (name) => headers[name]?.toString());
  return { peer };
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

const readClient = clientReader(true);
