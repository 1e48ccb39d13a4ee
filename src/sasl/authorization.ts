/** Whom a client may act as. */
import type { Deadline } from '../ap/patience.ts';
import { Answerer, Patience } from '../ap/patience.ts';
import { decodeUtf8 } from '../bytes.ts';
import { DecodeError, isOwnFault, KerberosError } from '../errors.ts';
import { GssError } from '../gss/status.ts';
import { isThenable } from '../options.ts';
import { describeThrown, printableName } from '../text.ts';
import type { AuthorizationRequest, SaslServerOptions } from './options.ts';
import { refused } from './refusals.ts';

/** Asks the application's function, or compares, and refuses the client otherwise. */
export class Authorization {
  readonly #authorize: SaslServerOptions['authorize'];
  readonly #deadline: Deadline;
  readonly #answerer = new Answerer(
    'function authorize',
    'KRB_ERR_GENERIC',
    'fault.callback-silent',
  );

  constructor(authorize: SaslServerOptions['authorize'], deadline: Deadline) {
    this.#authorize = authorize;
    this.#deadline = deadline;
  }

  /**
   * @param begin - Called with what waits for the application, so that an abort can end it.
   * @returns The identity that the client acts as.
   * @throws {@link GssError} GSS_S_UNAUTHORIZED; GSS_S_FAILURE if the application's function fails or is
   *   late.
   */
  async judge(request: AuthorizationRequest, patience: Patience<Deadline>): Promise<string> {
    const { authenticationId, requestedId = authenticationId } = request;
    const permitted =
      this.#authorize === undefined
        ? requestedId === authenticationId
        : await this.#ask(this.#authorize, request, patience);
    // Anything but true refuses: a promise that was not awaited is an object, and so truthy.
    if (permitted === true) return requestedId;
    throw refused('notAuthorized', {
      facts: `${printableName(authenticationId)} asks to be ${printableName(requestedId)}`,
    });
  }

  /** A wait that an exchange can abort. */
  patience(): Patience<Deadline> {
    return new Patience(this.#deadline);
  }

  async #ask(
    authorize: NonNullable<SaslServerOptions['authorize']>,
    request: AuthorizationRequest,
    patience: Patience<Deadline>,
  ): Promise<unknown> {
    try {
      this.#answerer.checkRoom();
      const answer: unknown = authorize(request);
      return isThenable(answer) ? await patience.wait(answer, this.#answerer) : answer;
    } catch (error) {
      throw new GssError('GSS_S_FAILURE', { minor: faultOf(error) });
    }
  }
}

/**
 * The authorization identity of a client (RFC 4422 §3.4.1: UTF-8 without NUL).
 *
 * @returns undefined for no bytes: the client asks for no identity.
 * @throws {@link GssError} GSS_S_BAD_NAME.
 */
export function decodeIdentity(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes.length > MAX_IDENTITY || bytes.includes(0)) throw refused('malformedName');
  try {
    return decodeUtf8(bytes, 'authorization identity');
  } catch (error) {
    if (error instanceof DecodeError) throw refused('malformedName', { minor: error });
    throw error;
  }
}

function faultOf(error: unknown): KerberosError {
  if (error instanceof KerberosError && isOwnFault(error.code)) return error;
  const problem = describeThrown(error);
  return new KerberosError('KRB_ERR_GENERIC', {
    reason: 'fault.callback',
    detail: { callback: 'authorize', problem },
    message: 'The function authorize failed',
    hint: problem,
    cause: error,
  });
}

// RFC 4422 has no bound. A distinguished name of LDAP is the longest that occurs.
const MAX_IDENTITY = 1024;
