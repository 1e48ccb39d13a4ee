/** Writes the outcomes that deny a request: statuses and headers. */
import { GssError } from '../gss/status.ts';
import type { RequestFacts } from '../observe/observer.ts';
import type {
  AuthenticationRequest,
  Challenged,
  Denied,
  HeaderField,
  Malformed,
  Refused,
  Unavailable,
} from './authentication.ts';
import type { NegotiateHeaders, NegotiateResult } from './negotiate.ts';

/** The options that decide about statuses and challenges; see `AuthenticatorOptions`. */
export interface ChallengeOptions {
  readonly challenges?: readonly string[];
  readonly offerAgain?: boolean;
  readonly proxy?: boolean;
}

/** Makes the outcomes of one authenticator. */
export class Challenger {
  readonly #header: string;
  readonly #status: 401 | 407;
  readonly #further: readonly HeaderField[];
  readonly #offerAgain: boolean;

  constructor({ challenges = [], offerAgain = true, proxy = false }: ChallengeOptions) {
    // RFC 9110 §11.6, §11.7.
    this.#header = proxy ? 'Proxy-Authenticate' : WWW_AUTHENTICATE;
    this.#status = proxy ? 407 : 401;
    this.#further = challenges.map((challenge): HeaderField => [this.#header, challenge]);
    this.#offerAgain = offerAgain;
  }

  /** Asks for credentials. @param why - What is wrong with those that came. */
  challenge(why?: GssError): Challenged {
    const headers = this.#offers();
    return { outcome: 'challenged', status: this.#status, headers, ...(why && { why }) };
  }

  /** Asks for the next token. Further challenges would distract the client from its exchange. */
  proceed(
    headers: NegotiateHeaders,
    cookies: readonly HeaderField[],
    why: GssError | undefined,
  ): Challenged {
    const fields = [...this.fields(headers), ...cookies];
    return {
      outcome: 'challenged',
      status: this.#status,
      headers: fields,
      ...(why && { why }),
    };
  }

  /** Refuses an attempt. @param token - Tells the client why it failed. */
  refuse(error: GssError, token?: HeaderField, facts: RequestFacts = {}): Refused {
    if (this.#offerAgain) {
      const headers = token === undefined ? this.#offers() : [token, ...this.#further];
      return { outcome: 'refused', status: this.#status, error, headers, facts };
    }
    const status = this.#further.length > 0 ? this.#status : 403;
    const headers = token === undefined ? this.#further : [token, ...this.#further];
    return { outcome: 'refused', status, error, headers, facts };
  }

  /** Refuses a client for which another attempt cannot succeed. */
  forbid(error: GssError, headers: readonly HeaderField[] = [], facts: RequestFacts = {}): Refused {
    return { outcome: 'refused', status: 403, error, headers, facts };
  }

  unavailable(error: GssError, facts: RequestFacts = {}): Unavailable {
    const headers: readonly HeaderField[] = [['Retry-After', String(RETRY_AFTER)]];
    return { outcome: 'unavailable', status: 503, error, headers, retryAfter: RETRY_AFTER, facts };
  }

  /** The outcome for an answer of `negotiate` that neither admits the client nor continues the exchange. */
  deny(result: Exclude<NegotiateResult, { status: 200 }>): Denied {
    switch (result.status) {
      case 400:
        return {
          outcome: 'malformed',
          status: 400,
          error: result.error,
          headers: [],
        } satisfies Malformed;
      case 503:
        return this.unavailable(result.error, result.facts);
      case 401: {
        if (result.error === undefined) return this.challenge(noToken());
        const [field] = this.fields(result.headers);
        const token = field?.[1] === NEGOTIATE ? undefined : field;
        return this.refuse(result.error, token, result.facts);
      }
    }
  }

  /** The headers of `negotiate`, under the names of this authenticator. */
  fields(headers: NegotiateHeaders): HeaderField[] {
    return Object.entries(headers).map(([name, value]) => [
      name === WWW_AUTHENTICATE ? this.#header : name,
      value,
    ]);
  }

  #offers(): HeaderField[] {
    return [[this.#header, NEGOTIATE], ...this.#further];
  }
}

/** `Authorization: Negotiate` and no more, as some clients send it that have no ticket. */
function noToken(): GssError {
  return new GssError('GSS_S_DEFECTIVE_TOKEN', {
    reason: 'token.empty',
    message: 'the header Authorization has no token after Negotiate',
  });
}

/** A page of another site opens a WebSocket. */
export function otherOrigin(): GssError {
  return new GssError('GSS_S_UNAUTHORIZED', {
    reason: 'http.other-origin',
    message: 'a page of another site opens a WebSocket',
    hint: 'if that site may do so, or a proxy changes Host, name its origin in allowedOrigins',
  });
}

/** The request came without TLS, as far as it is known. */
export function plainHttp({ secure, proxyHeader }: AuthenticationRequest): GssError {
  return new GssError('GSS_S_UNAVAILABLE', {
    reason: 'http.plain-http',
    ...(secure === undefined && proxyHeader !== undefined && { detail: { proxyHeader } }),
    message: 'the request came over plain HTTP',
    hint: 'requireTls is set: have clients use https; behind a proxy that ends TLS see trustProxy',
  });
}

const WWW_AUTHENTICATE = 'WWW-Authenticate';
const NEGOTIATE = 'Negotiate';
// Seconds.
const RETRY_AFTER = 5;
