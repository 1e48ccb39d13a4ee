/** HTTP authentication with GSS-API (RFC 4559): from a request header to a status and headers. */
import type { Acceptor, Handshake } from '../acceptor.ts';
import type { SecurityContext } from '../context/context.ts';
import { explain, isOwnFault } from '../errors.ts';
import type { Base64Slip } from '../explain/base64-slip.ts';
import { GssError } from '../gss/status.ts';
import type { AcceptResult, HandshakeOptions } from '../krb5/settings.ts';
import { HANDSHAKE_OPTIONS } from '../krb5/settings.ts';
import { lengthOctets } from '../messages/der/length.ts';
import type { RequestFacts } from '../observe/observer.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions, objectWith } from '../options.ts';
import { explainForeignToken } from '../spnego/foreign-token.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { Identity } from './identity.ts';

/** Options of {@link negotiate}. */
export interface NegotiateOptions extends Omit<HandshakeOptions, 'reassemble'> {
  /**
   * The `state` of the answer to the previous request on the same connection. It is aborted if the
   * request does not continue that exchange.
   *
   * An exchange of several requests belongs to one client: on a connection that a proxy shares among
   * clients, omit this option and treat an answer with a state as a failure.
   */
  readonly state?: Handshake;
}

/**
 * The answer to a request. Send the headers with every status; `error` is for the operator's log only.
 *
 * - 200: the client is `context.initiator`. Add the headers to the response, which may have any other
 *   status: they prove the server's identity to the client.
 * - 401: without an error, the client has not authenticated yet; with `state`, it continues in the next
 *   request on this connection.
 * - 503: the service is at fault (replay cache, keytab, clock), or the exchange was aborted. The client's
 *   credentials may be valid: it should try again.
 * - 400: the header is malformed.
 */
export type NegotiateResult =
  | {
      /** The HTTP status, which determines the other members. */
      readonly status: 200;
      /** Headers for the response, whatever its status. */
      readonly headers: NegotiateHeaders;
      /** The client's context; belongs to the caller, who disposes of it. */
      readonly context: SecurityContext;
    }
  | {
      readonly status: 401;
      readonly headers: NegotiateHeaders;
      /** Pass it with the next request on this connection, or abort it. */
      readonly state?: Handshake;
      /** The reason, for the operator only; absent if the client has not failed (yet). */
      readonly error?: GssError;
      /** Only with an error: what the request shows, as far as it was read. */
      readonly facts?: RequestFacts;
    }
  | {
      readonly status: 503;
      readonly headers: NegotiateHeaders;
      readonly error: GssError;
      readonly facts?: RequestFacts;
    }
  | { readonly status: 400; readonly headers: NegotiateHeaders; readonly error: GssError };

/** Response headers: at most one, `WWW-Authenticate` or `Retry-After`. */
export type NegotiateHeaders = Readonly<Record<string, string>>;

/**
 * Authenticates the client of one request. Every request is authenticated separately: a result does not
 * apply to the next request on the same connection.
 *
 * @param authorization - The request's `Authorization` header, if it has one.
 * @returns The answer, for any input from the client. The caller must dispose of its context.
 * @throws TypeError, RangeError for invalid options.
 *
 * @example
 * ```ts
 * import type { Acceptor } from 'krb5-acceptor';
 * import { negotiate } from 'krb5-acceptor/http';
 *
 * export async function handle(acceptor: Acceptor, request: Request): Promise<Response> {
 *   const result = await negotiate(acceptor, request.headers.get('authorization'));
 *   const { status, headers } = result;
 *   if (result.status !== 200) return new Response('', { status, headers });
 *   using context = result.context;
 *   return new Response(`Hello ${context.initiator}`, { headers });
 * }
 * ```
 */
export async function negotiate(
  acceptor: Acceptor,
  authorization: string | null | undefined,
  options: NegotiateOptions = {},
): Promise<NegotiateResult> {
  checkOptions('negotiate', options, NEGOTIATE_OPTIONS);
  const { state, ...handshakeOptions } = options;
  return await negotiateWith(acceptor, authorization, state, handshakeOptions);
}

/** {@link negotiate} with options that `begin` checks. @param state - Of the previous answer, if there is one. */
export async function negotiateWith(
  acceptor: Acceptor,
  authorization: string | null | undefined,
  state: Handshake | undefined,
  options: Omit<HandshakeOptions, 'reassemble'>,
): Promise<NegotiateResult> {
  const credentials = readCredentials(authorization);
  const continues = credentials instanceof Uint8Array && mayContinue(credentials, state);
  if (!continues) state?.abort();
  if (typeof credentials === 'string') return await refuseText(credentials);
  if (!(credentials instanceof Uint8Array)) {
    if ('error' in credentials) await explain(credentials.error);
    return credentials;
  }
  const continued = continues ? state : undefined;
  const handshake = continued ?? acceptor.begin(options);
  const { signal } = options;
  const result = await handshake.accept(credentials, continued && signal && { signal });
  const headers = challenge(result.outputToken);
  switch (result.status) {
    case 'complete': {
      const answer = result.outputToken === undefined ? {} : headers;
      return { status: 200, headers: answer, context: result.context };
    }
    case 'continue':
      return { status: 401, headers, state: handshake };
    case 'failed':
      return refuse(result, headers);
  }
}

/**
 * Whether a token may be a later one of an exchange. RFC 2743 §3.1: the tag begins a first token, and so
 * also a new attempt of the client; but IAKERB has it on every token (draft-ietf-kitten-iakerb-03 §3).
 */
function mayContinue(token: Uint8Array, state: Handshake | undefined): boolean {
  return token[0] !== INITIAL_TOKEN || (state?.isRelaying === true && oidOf(token) === 'iakerb');
}

/**
 * The outermost mechanism of the exchange that a token belongs to.
 *
 * @param authorization - The header. What is no token counts as one of Kerberos.
 */
export function mechanismOf(authorization: string): Identity['mechanism'] {
  const credentials = authorization.slice(authorization.indexOf(' ')).trimStart();
  // 18 bytes: more than the tag, the length in up to 9 octets, and the OID.
  const start = decodeBase64(credentials.slice(0, 24)) ?? decodeBase64(credentials);
  if (start === undefined) return 'kerberos';
  // RFC 4178 §4.2: NegTokenInit, NegTokenResp without the header of RFC 2743 §3.1.
  if (start[0] === 0xa0 || start[0] === 0xa1) return 'spnego';
  return start[0] === INITIAL_TOKEN ? oidOf(start) : 'kerberos';
}

/** The mechanism that the header of RFC 2743 §3.1 names, at the start of a token. */
function oidOf(start: Uint8Array): Identity['mechanism'] {
  if (start.length < 3) return 'kerberos';
  const at = 1 + lengthOctets(start[1]!);
  const is = (oid: readonly number[]) => oid.every((byte, index) => start[at + index] === byte);
  if (is(SPNEGO_OID)) return 'spnego';
  return is(IAKERB_OID) ? 'iakerb' : 'kerberos';
}

/** @returns The token, text that is no base64, or the answer to a request without a token. */
function readCredentials(
  authorization: string | null | undefined,
): Uint8Array | string | NegotiateResult {
  // RFC 9110 §11.4: a scheme in any case, spaces and one token68.
  const text = authorization ?? '';
  const [before, scheme = ''] = /^([^ ]*) */.exec(text)!;
  const credentials = text.slice(before.length);
  if (scheme.toLowerCase() !== 'negotiate') {
    return scheme === '' ? { status: 401, headers: CHALLENGE } : otherScheme(scheme, credentials);
  }
  if (credentials === '') return { status: 401, headers: CHALLENGE };
  return decodeBase64(credentials) ?? credentials;
}

function refuse(
  { error, request: facts = {} }: AcceptResult & { readonly status: 'failed' },
  headers: NegotiateHeaders,
): NegotiateResult {
  return error.minor !== undefined && isOwnFault(error.minor.code)
    ? { status: 503, headers: RETRY, error, facts }
    : { status: 401, headers, error, facts };
}

/** RFC 4559 §4.1, §4.2: the header asks for a token, or carries one. */
function challenge(token: Uint8Array | undefined): NegotiateHeaders {
  if (token === undefined || token.length === 0) return CHALLENGE;
  return { [HEADER]: `Negotiate ${encodeBase64(token)}` };
}

function otherScheme(scheme: string, credentials: string): NegotiateResult {
  // Clients send `Authorization: NTLM ...` if another server has offered it to them.
  const token = scheme.toUpperCase() === 'NTLM' ? decodeBase64(credentials) : undefined;
  const name = nameOf(scheme);
  const error =
    (token && explainForeignToken(token)) ??
    new GssError('GSS_S_BAD_MECH', {
      reason: 'http.other-scheme',
      detail: { scheme: name },
      message: `the client authenticates with ${name}`,
      hint: name === KERBEROS ? KERBEROS_HINT : 'only Negotiate is accepted here',
    });
  return { status: 401, headers: CHALLENGE, error };
}

/** The answer to text that should be base64; the error says what was done to it, and quotes nothing. */
async function refuseText(text: string): Promise<NegotiateResult> {
  const { length } = text;
  const slip = await slipIn(text);
  const where = slip?.at === undefined ? '' : ` at character ${slip.at + 1}`;
  const error = new GssError('GSS_S_DEFECTIVE_TOKEN', {
    reason: 'token.not-base64',
    detail:
      slip === undefined
        ? { length }
        : {
            length,
            problem: slip.problem,
            ...(slip.at !== undefined && { at: slip.at }),
            remedy: slip.remedy,
          },
    message: `the text after Negotiate is not base64 (${length} characters)`,
    hint:
      slip === undefined
        ? 'look for a proxy or a client that cuts, joins or rewrites Authorization headers'
        : `${slip.problem}${where}: ${slip.remedy}`,
  });
  return { status: 400, headers: {}, error: await explain(error) };
}

/** Loaded with the first such request. */
async function slipIn(text: string): Promise<Base64Slip | undefined> {
  try {
    return (await import('../explain/base64-slip.ts')).findBase64Slip(text);
  } catch {
    return undefined;
  }
}

/** Names known schemes only: other text in this place may be a secret. */
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
// Mechanism.spnego in DER.
const SPNEGO_OID: readonly number[] = [0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
// Mechanism.iakerb in DER.
const IAKERB_OID: readonly number[] = [0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x02, 0x05];
// Not a registered scheme: some clients of web services send a bare AP-REQ or a GSS-API token in it.
const KERBEROS = 'Kerberos';
const KERBEROS_HINT =
  'only Negotiate is accepted here (RFC 4559): the client must send its GSS-API token, with the ' +
  'header of RFC 2743 §3.1, as Authorization: Negotiate';
const KNOWN_SCHEMES = ['Basic', 'Bearer', 'Digest', 'DPoP', KERBEROS, 'NTLM'] as const;

const { reassemble: _, ...OF_A_HANDSHAKE } = HANDSHAKE_OPTIONS;

/** The rules of {@link NegotiateOptions}. */
export const NEGOTIATE_OPTIONS: OptionRules<NegotiateOptions> = {
  ...OF_A_HANDSHAKE,
  state: objectWith('the state of the previous answer', 'accept'),
};
