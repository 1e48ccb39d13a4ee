/** Clients of a test realm that log in with a ticket, through the acceptor (IAKERB), or with either. */
import { expect } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../src/http/base64.ts';
import type { Oid } from '../../src/index.ts';
import { Mechanism } from '../../src/index.ts';
import type { Keytab } from '../../src/keytab/keytab.ts';
import { CookieJar } from '../../src/testing/cookie-jar.ts';
import type {
  IakerbInitiator,
  IakerbInitiatorOptions,
  Initiator,
  InitiatorOptions,
  InitiatorResult,
  MintTicketOptions,
  Negotiator,
} from '../../src/testing/index.ts';
import { createIakerbInitiator, createInitiator, mintTicket } from '../../src/testing/index.ts';
import type { Connection } from '../conformance/connection.ts';

/** A mechanism for `createNegotiator`. */
export interface Offer<T> {
  readonly mechanism: Oid;
  readonly initiator: T;
}

/** Kerberos with a ticket of alice's; for the service whose key is the keytab's first, if it names none. */
export function withTicket(
  keytab: Keytab,
  ticket: Partial<MintTicketOptions> = {},
  options: Partial<InitiatorOptions> = {},
): Offer<Initiator> {
  const minted = mintTicket({ keytab, client: 'alice', ...ticket });
  const initiator = createInitiator({ ticket: minted, ...options });
  return { mechanism: Mechanism.krb5, initiator };
}

/** The same with a ticket that has expired two hours ago. */
export function withExpiredTicket(
  keytab: Keytab,
  options: Partial<InitiatorOptions> = {},
  ticket: Partial<MintTicketOptions> = {},
): Offer<Initiator> {
  const now = Math.floor(Date.now() / 1000);
  const times = { authTime: now - 36_000, endTime: now - 7200 };
  return withTicket(keytab, { ...times, ...ticket }, options);
}

/** IAKERB with alice's password. */
export function withPassword(
  service: string,
  options: Partial<IakerbInitiatorOptions> = {},
): Offer<IakerbInitiator> {
  const login = { client: 'alice@EXAMPLE.TEST', password: 'alice-password', service };
  const initiator = createIakerbInitiator({ ...login, ...options });
  return { mechanism: Mechanism.iakerb, initiator };
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly token: Uint8Array | undefined;
}

/** Sends a token in a request, and returns what came back. */
export type Send = (token: Uint8Array) => Promise<HttpAnswer>;

/** Sends tokens over a connection. */
export function over(connection: Connection, headers: Readonly<Record<string, string>> = {}): Send {
  return async (token) => {
    const authorization = `Negotiate ${encodeBase64(token)}`;
    const { status, body, ...answer } = await connection.send({
      path: '/',
      headers: { ...headers, Authorization: authorization },
    });
    return { status, body, token: tokenOf(answer.headers.get('www-authenticate')?.[0]) };
  };
}

/** Sends tokens with the cookies of the answers before. @param send - Sends a request somewhere. */
export function withCookies(send: (headers: Headers, url: URL) => Promise<Response>): Send {
  const jar = new CookieJar();
  return async (token) => {
    const headers = new Headers({ Authorization: `Negotiate ${encodeBase64(token)}` });
    jar.addTo(headers, SITE);
    const answer = await send(headers, SITE);
    jar.takeFrom(answer.headers, SITE);
    const { status } = answer;
    const sent = tokenOf(answer.headers.get('WWW-Authenticate'));
    return { status, body: await answer.text(), token: sent };
  };
}

const SITE = new URL('https://www.example.test/');

function tokenOf(header: string | null | undefined): Uint8Array | undefined {
  const [, text] = /^Negotiate (.+)$/.exec(header ?? '') ?? [];
  return text === undefined ? undefined : decodeBase64(text);
}

/** Logs in over HTTP. @returns The first answer that asks for no further token. */
export async function logInOverHttp(
  initiator: IakerbInitiator | Negotiator,
  send: Send,
): Promise<HttpAnswer> {
  let step: InitiatorResult = initiator.begin();
  for (;;) {
    if (step.outputToken === undefined) throw new Error('the initiator was done first');
    const answer = await send(step.outputToken);
    if (answer.status !== 401 || answer.token === undefined) {
      // The server proves its identity with the last token.
      if (answer.status === 200 && step.status !== 'complete') step = initiator.step(answer.token);
      if (answer.status === 200) expect(step.status).toBe('complete');
      return answer;
    }
    step = initiator.step(answer.token);
  }
}
