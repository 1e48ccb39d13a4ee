/** A `fetch` that signs on as browsers do (RFC 4559), for tests. */
import { GssError } from '../gss/status.ts';
import { decodeBase64, encodeBase64 } from '../http/base64.ts';
import type { Keytab } from '../keytab/keytab.ts';
import type { OptionRules } from '../options.ts';
import { callback, checkOptions, flag } from '../options.ts';
import { CookieJar } from './cookie-jar.ts';
import type { Initiator } from './initiator.ts';
import { createInitiator } from './initiator.ts';
import type { InitiatorOptions, InitiatorResult } from './initiator-options.ts';
import { INITIATOR_OPTIONS } from './initiator-options.ts';
import type { MintedTicket, MintTicketOptions } from './mint.ts';
import { MINT_OPTIONS, mintTicket } from './mint.ts';
import type { Draft } from './redirect.ts';
import { draftOf, followRedirects } from './redirect.ts';

/** The runtime's `fetch`, as the types of the program declare it. */
export type Fetch = typeof globalThis extends { fetch: infer Declared } ? Declared : never;

/** A handler of a program under test, called as `fetch` is with a `Request`. */
export type FetchHandler = (
  request: typeof globalThis extends { Request: { prototype: infer Declared } } ? Declared : never,
) => typeof globalThis extends { Response: { prototype: infer Declared } }
  ? Declared | Promise<Declared>
  : never;

/** Options of {@link createSignOnFetch}. */
export interface SignOnFetchOptions extends Omit<InitiatorOptions, 'ticket'> {
  /** The user's ticket; one is minted for `user` with `keytab` if absent. */
  readonly ticket?: MintedTicket;
  /** Holds the service's key. */
  readonly keytab?: Keytab;
  /** The user, as the option `client` of {@link mintTicket}. */
  readonly user?: MintTicketOptions['client'];
  /** As for {@link mintTicket}: any service of the keytab if absent, whatever the host of the URL. */
  readonly service?: string;
  /**
   * Sends the requests: the runtime's `fetch` if absent, or a handler of the program under test, which
   * then needs no port.
   */
  readonly fetch?: Fetch | FetchHandler;
  /**
   * Sends a token with the first request, as curl can. If absent or false, the first request has no token,
   * as with browsers, and the client signs on if the answer is 401 with `Negotiate`.
   */
  readonly preemptive?: boolean;
  /** Keeps cookies from answer to request, as a browser does. If absent or false, there are none. */
  readonly cookies?: boolean;
}

/**
 * Makes a `fetch` whose user signs on with Kerberos.
 *
 * - Tokens are in SPNEGO, as those of browsers, unless `spnego` is false.
 * - It verifies the server's proof of its identity, and rejects without it. An answer that refuses the user
 *   (400, 401, 407 and from 500 on) needs none and is returned. So is an answer of a server
 *   that never asked for a token.
 * - Each redirect to the same origin signs on again, and one to another origin does not.
 * - Legs of one exchange are requests in turn, which the runtime's `fetch` sends on one connection if that is
 *   kept alive.
 *
 * @returns A function with the signature of `fetch`. It reads the body of a request at once, since it may
 *   have to send it twice. It rejects with {@link GssError} or {@link KerberosError} as
 *   `Initiator.finish` for a server that does not prove its identity.
 * @throws TypeError, RangeError for invalid options; RangeError as {@link mintTicket}.
 *
 * @example
 * ```ts
 * import { createSignOnFetch, testKeytab } from 'krb5-acceptor/testing';
 *
 * const keytab = testKeytab('HTTP/www.example.com@EXAMPLE.COM');
 * // ... start the server with this keytab
 * const user = { name: 'alice', groups: [512] };
 * const fetchAsAlice = createSignOnFetch({ keytab, user, cookies: true });
 * const response = await fetchAsAlice('http://localhost:8080/');
 * ```
 */
export function createSignOnFetch(options: SignOnFetchOptions): Fetch {
  checkOptions('createSignOnFetch', options, SIGN_ON_FETCH_OPTIONS);
  const { keytab, user, service, preemptive = false, cookies = false, ...rest } = options;
  const { fetch = globalThis.fetch, ticket = mintedFor(options), ...initiatorOptions } = rest;
  const jar = cookies ? new CookieJar(options.clock) : undefined;
  const send: Send = async (draft, token) => {
    const headers = new Headers(draft.headers);
    if (token !== undefined) headers.set('Authorization', `Negotiate ${encodeBase64(token)}`);
    jar?.addTo(headers, draft.url);
    const { url, method, body, signal } = draft;
    const redirect = 'manual';
    const response = await fetch(new Request(url, { method, headers, body, signal, redirect }));
    jar?.takeFrom(response.headers, draft.url);
    return response;
  };
  const begin = (): Initiator => createInitiator({ spnego: true, ...initiatorOptions, ticket });
  return async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input, init);
    const draft = await draftOf(request);
    const open = (each: Draft) =>
      each.url.origin === draft.url.origin ? signOn(each, send, begin, preemptive) : send(each);
    const response = await open(draft);
    return request.redirect === 'follow' ? followRedirects(draft, response, open) : response;
  };
}

function mintedFor(options: SignOnFetchOptions): MintedTicket {
  const { keytab, user, service, clock, random } = options;
  if (keytab === undefined || user === undefined) {
    throw new TypeError('createSignOnFetch: expected a ticket, or a keytab and a user');
  }
  return mintTicket({
    keytab,
    client: user,
    ...(service !== undefined && { service }),
    ...(clock && { clock }),
    ...(random && { random }),
  });
}

type Send = (draft: Draft, token?: Uint8Array) => Promise<Response>;

/** @returns The answer of a server that has proved its identity, or an answer that refuses the client. */
async function signOn(
  draft: Draft,
  send: Send,
  begin: () => Initiator,
  preemptive: boolean,
): Promise<Response> {
  if (!preemptive) {
    const response = await send(draft);
    if (response.status !== 401 || challengeOf(response) === undefined) return response;
    await dropBody(response);
  }
  const initiator = begin();
  let response = await send(draft, initiator.begin());
  for (;;) {
    const step = stepOf(initiator, response);
    if (step === undefined) return response;
    if (step.status === 'complete') step.context.dispose();
    if (step.outputToken === undefined) return response;
    if (response.status !== 401) {
      if (isRefusal(response)) return response;
      throw unproven(`answered ${response.status} before the exchange was over`);
    }
    await dropBody(response);
    response = await send(draft, step.outputToken);
    // The server has proved its identity, and its last answer has nothing to add.
    if (step.status === 'complete') return response;
  }
}

/** @returns Undefined if the server refuses the client, which needs no proof. */
function stepOf(initiator: Initiator, response: Response): InitiatorResult | undefined {
  try {
    const challenge = challengeOf(response);
    const token = challenge ? decodeBase64(challenge) : undefined;
    if (challenge && token === undefined) throw unproven('sent a token that is not base64');
    return initiator.step(token);
  } catch (error) {
    if (isRefusal(response)) return undefined;
    throw error;
  }
}

function isRefusal({ status }: Response): boolean {
  return status === 400 || status === 401 || status === 407 || status >= 500;
}

/** @returns The token of the challenge `Negotiate`, empty if it has none; undefined without one. */
function challengeOf(response: Response): string | undefined {
  const header = response.headers.get('WWW-Authenticate') ?? '';
  // Other challenges, whose parameters may be quoted strings, are in the same header.
  const found = CHALLENGE.exec(header.replace(QUOTED, '""'));
  return found === null ? undefined : (found[1] ?? '');
}

/** Frees the connection for the next request, which an exchange of several legs needs. */
async function dropBody(response: Response): Promise<void> {
  await response.arrayBuffer();
  // Node's fetch frees the connection of an answer in a task after that. Timers may be a test's fake ones.
  if (typeof MessageChannel === 'undefined') return;
  const { port1, port2 } = new MessageChannel();
  await new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(undefined);
  });
  port1.close();
}

function unproven(what: string): GssError {
  return new GssError('GSS_S_DEFECTIVE_TOKEN', {
    reason: 'testing.answer',
    message: `the server ${what}`,
  });
}

const QUOTED = /"(?:[^"\\]|\\.)*"/g;
const CHALLENGE = /(?:^|,)[ \t]*Negotiate(?:[ \t]+([^\s,]+))?[ \t]*(?:,|$)/i;

const { ticket, ...OF_AN_INITIATOR } = INITIATOR_OPTIONS;

/** The rules of {@link SignOnFetchOptions}. */
export const SIGN_ON_FETCH_OPTIONS: OptionRules<SignOnFetchOptions> = {
  ...OF_AN_INITIATOR,
  ticket: { ...ticket, presence: 'optional' },
  keytab: { ...MINT_OPTIONS.keytab, presence: 'optional' },
  user: { ...MINT_OPTIONS.client, presence: 'optional' },
  service: MINT_OPTIONS.service,
  fetch: callback,
  preemptive: flag,
  cookies: flag,
};
