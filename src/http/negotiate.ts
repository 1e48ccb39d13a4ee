/** HTTP authentication with GSS-API (RFC 4559): a header in, a status and a header out. */
import type { Acceptor, Handshake } from '../acceptor.ts';
import type { SecurityContext } from '../context/context.ts';
import { isOwnFault } from '../errors.ts';
import { GssError } from '../gss/status.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import { HANDSHAKE_OPTIONS } from '../krb5/settings.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions, objectWith } from '../options.ts';
import { explainForeignToken } from '../spnego/foreign-token.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';

export interface NegotiateOptions extends Omit<HandshakeOptions, 'reassemble'> {
  /**
   * What the answer to the request before on the same connection gave. An exchange of several
   * requests belongs to one client: over a connection that a proxy uses for many, leave it away,
   * and treat an answer with a state as a failure. It is aborted if the client does not go on with it.
   */
  readonly state?: Handshake;
}

/**
 * What to answer. The headers are for the client, with whatever status; an error is for the
 * operator's log only.
 *
 * - 200: the client is `context.initiator`. The caller's own answer goes out with these headers,
 *   which prove to the client who the server is.
 * - 401: without an error, the client has not authenticated yet; with `state`, it will go on in the
 *   next request on this connection.
 * - 503: the service is at fault (replay cache, keytab, clock), or the exchange was aborted: what the
 *   client sent may be good, and it should come again.
 * - 400: the header is none that any client should send.
 */
export type NegotiateResult =
  | { readonly status: 200; readonly headers: NegotiateHeaders; readonly context: SecurityContext }
  | {
      readonly status: 401;
      readonly headers: NegotiateHeaders;
      readonly state?: Handshake;
      readonly error?: GssError;
    }
  | { readonly status: 503; readonly headers: NegotiateHeaders; readonly error: GssError }
  | { readonly status: 400; readonly headers: NegotiateHeaders; readonly error: GssError };

/** Empty, or one. */
export type NegotiateHeaders = Readonly<Record<string, string>>;

/**
 * Authenticates the client of one request. Every request counts for itself: that one was
 * authenticated says nothing about the next one on its connection.
 *
 * @param authorization - The request's `Authorization` header, if it has one.
 * @returns An answer; what the client sends never throws. Dispose of the context after use.
 * @throws TypeError, RangeError for options that make no sense.
 */
export async function negotiate(
  acceptor: Acceptor,
  authorization: string | null | undefined,
  options: NegotiateOptions = {},
): Promise<NegotiateResult> {
  checkOptions('negotiate', options, NEGOTIATE_OPTIONS);
  const { state, ...handshakeOptions } = options;
  const credentials = readCredentials(authorization);
  // RFC 2743 §3.1: only a first token has the header that begins so; the client starts over.
  const goesOn = credentials instanceof Uint8Array && credentials[0] !== INITIAL_TOKEN;
  if (!goesOn) state?.abort();
  if (!(credentials instanceof Uint8Array)) return credentials;
  const handshake = (goesOn ? state : undefined) ?? acceptor.begin(handshakeOptions);
  const { signal } = options;
  const result = await handshake.accept(credentials, signal && { signal });
  const headers = challenge(result.outputToken);
  switch (result.status) {
    case 'complete': {
      const answer = result.outputToken === undefined ? {} : headers;
      return { status: 200, headers: answer, context: result.context };
    }
    case 'continue':
      return { status: 401, headers, state: handshake };
    case 'failed':
      return refuse(result.error, headers);
  }
}

/** @returns The token, or the answer to a request that has none. */
function readCredentials(authorization: string | null | undefined): Uint8Array | NegotiateResult {
  // RFC 9110 §11.4: a scheme in any case, spaces, and one token68.
  const [, scheme = '', credentials = ''] = /^([^ ]*) *(.*)$/s.exec(authorization ?? '')!;
  if (scheme.toLowerCase() !== 'negotiate') {
    return scheme === '' ? { status: 401, headers: CHALLENGE } : otherScheme(scheme, credentials);
  }
  if (credentials === '') return { status: 401, headers: CHALLENGE };
  return decodeBase64(credentials) ?? { status: 400, headers: {}, error: malformed(credentials) };
}

function refuse(error: GssError, headers: NegotiateHeaders): NegotiateResult {
  return error.minor !== undefined && isOwnFault(error.minor.code)
    ? { status: 503, headers: RETRY, error }
    : { status: 401, headers, error };
}

/** RFC 4559 §4.1 and §4.2: the same header asks for a token and carries one. */
function challenge(token: Uint8Array | undefined): NegotiateHeaders {
  if (token === undefined || token.length === 0) return CHALLENGE;
  return { [HEADER]: `Negotiate ${encodeBase64(token)}` };
}

function otherScheme(scheme: string, credentials: string): NegotiateResult {
  // `Authorization: NTLM ...` comes from a client that some other server has taught so.
  const token = scheme.toUpperCase() === 'NTLM' ? decodeBase64(credentials) : undefined;
  const name = nameOf(scheme);
  const error =
    (token && explainForeignToken(token)) ??
    new GssError('GSS_S_BAD_MECH', {
      message: `the client authenticates with ${name}`,
      hint: name === KERBEROS ? KERBEROS_HINT : 'only Negotiate is taken here',
    });
  return { status: 401, headers: CHALLENGE, error };
}

function malformed(credentials: string): GssError {
  return new GssError('GSS_S_DEFECTIVE_TOKEN', {
    message: `what follows Negotiate is not base64 (${credentials.length} characters)`,
    hint: 'look for a proxy or a client that cuts, joins or rewrites Authorization headers',
  });
}

/** Only what is known to be a scheme: something else in its place may be a secret. */
function nameOf(scheme: string): string {
  return (
    KNOWN_SCHEMES.find((known) => known.toLowerCase() === scheme.toLowerCase()) ?? 'another scheme'
  );
}

const HEADER = 'WWW-Authenticate';
const CHALLENGE: NegotiateHeaders = Object.freeze({ [HEADER]: 'Negotiate' });
// RFC 9110 §10.2.3, in seconds.
const RETRY: NegotiateHeaders = Object.freeze({ 'Retry-After': '5' });
const INITIAL_TOKEN = 0x60;
// No registered scheme: some clients of web services put a bare AP-REQ or a token of GSS-API there.
const KERBEROS = 'Kerberos';
const KERBEROS_HINT =
  'only Negotiate is taken here (RFC 4559): the client must send the same token of GSS-API, with its ' +
  'header of RFC 2743 §3.1, as Authorization: Negotiate';
const KNOWN_SCHEMES = ['Basic', 'Bearer', 'Digest', 'DPoP', KERBEROS, 'NTLM'] as const;

const { reassemble: _, ...OF_A_HANDSHAKE } = HANDSHAKE_OPTIONS;

export const NEGOTIATE_OPTIONS: OptionRules<NegotiateOptions> = {
  ...OF_A_HANDSHAKE,
  state: objectWith('the state of the answer before', 'accept'),
};
