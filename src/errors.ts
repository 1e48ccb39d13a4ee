/**
 * Kerberos errors: the code table of RFC 4120 §7.5.9, and the class that carries one.
 *
 * Two audiences. The peer gets a number ({@link toKrbErrorCode}); the operator gets code, reason,
 * text, detail and remedies. Keys, keytab bytes, plaintext and expected checksums never reach any of them.
 */
import type { Explanation, Explanations, Reason, Refusal, RefusalInit } from './explain/reasons.ts';
import { describeThrown } from './text.ts';

/** Facts for the operator: names, kvnos, enctypes, times; never bytes of keys or plaintext. */
export type ErrorDetail = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/**
 * An error of this package: `reason` names what is wrong, `text` says it with the facts, `remedies`
 * are what to do about it. {@link isRefusal} makes TypeScript narrow `detail` by `reason`.
 */
export abstract class ReasonedError extends Error {
  /** What is wrong, seen from the operator: `'key.stale-keytab'`. Stable, part of the interface. */
  readonly reason: Reason;
  /** The facts behind the error; their type depends on {@link reason}. */
  readonly detail: ErrorDetail;
  readonly #hint: string | undefined;

  /** @internal */
  constructor(message: string, { reason, detail }: Refusal, hint?: string, cause?: unknown) {
    super(message, cause !== undefined ? { cause } : undefined);
    this.reason = reason;
    this.detail = detail;
    this.#hint = hint;
  }

  /** The stable code, with the text of which MIT krb5's users search. */
  abstract readonly code: string;

  /** @internal The hint that the constructor was given, without that of the reason. */
  get ownHint(): string | undefined {
    return this.#hint;
  }

  /** What the operator can do about it, in one line; undefined if nothing is known. */
  get hint(): string | undefined {
    if (this.#hint !== undefined || catalogue?.[this.reason] === undefined) return this.#hint;
    return [this.text, ...this.remedies.slice(0, 1)].join('; ');
  }

  /**
   * What is wrong, in one sentence with the facts in it. An error that no `accept` has returned is
   * explained by `explain(error)`: until then this is the message.
   */
  get text(): string {
    return this.#explained((explanation) => explanation.text(this.detail)) ?? this.message;
  }

  /** What to do about it, the likeliest first. See {@link text} for when it is filled. */
  get remedies(): readonly string[] {
    const remedies = this.#explained((explanation) => explanation.remedies(this.detail));
    return remedies ?? (this.#hint === undefined ? [] : [this.#hint]);
  }

  /** All of it for a log: names, numbers, texts; of a cause only its message. Nothing secret. */
  toJSON(): Record<string, unknown> {
    const { name, message, code, reason, text, detail, remedies, hint, cause } = this;
    const why = cause instanceof Error ? { cause: describeThrown(cause) } : {};
    return { name, message, code, reason, text, detail, remedies, ...(hint && { hint }), ...why };
  }

  /** Undefined without the catalogue, and for an error of an application that lacks facts of its reason. */
  #explained<T>(read: (explanation: AnyExplanation) => T): T | undefined {
    const explanation = catalogue?.[this.reason] as AnyExplanation | undefined;
    try {
      return explanation && read(explanation);
    } catch {
      return undefined;
    }
  }

  static {
    // Node.js, Deno and Bun call this method to print an object.
    Object.defineProperty(ReasonedError.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value: inspectError,
    });
  }
}

/** Options of a {@link KerberosError}: a reason, its detail, and these. */
export type KerberosErrorOptions = RefusalInit & {
  /** The text; by default the one that MIT krb5 has for the code. */
  readonly message?: string | undefined;
  /** What the operator can do about it. */
  readonly hint?: string | undefined;
  /** The error that led to this one. */
  readonly cause?: unknown;
};

/**
 * A Kerberos error. Its code is a name of RFC 4120 §7.5.9 or, for an error without a number there,
 * a name of MIT krb5's error table or of this package.
 */
export class KerberosError extends ReasonedError {
  /** `KerberosError`. */
  override readonly name: string = 'KerberosError';
  /** `'KRB_AP_ERR_SKEW'`: stable, part of the interface. The message's text is not. */
  override readonly code: KerberosErrorName;
  /** The number of RFC 4120 §7.5.9 (37), 60 (KRB_ERR_GENERIC) where the RFC has none. */
  readonly errorCode: number;

  /** An error of this code, for this reason. */
  constructor(code: KerberosErrorName, options: KerberosErrorOptions) {
    const { message, hint, cause } = options;
    super(message ?? TEXTS[code], refusalOf(options), hint, cause);
    this.code = code;
    this.errorCode = toKrbErrorCode(code);
  }

  /** As {@link ReasonedError.toJSON}, with the number. */
  override toJSON(): Record<string, unknown> {
    const { errorCode } = this;
    return { ...super.toJSON(), errorCode };
  }
}

/** An error for malformed bytes: truncated, overlong, with a wrong tag or trailing bytes. */
export class DecodeError extends KerberosError {
  /** `DecodeError`. */
  override readonly name: string = 'DecodeError';

  /**
   * @param message - Which bytes are wrong, and how.
   * @param options - By default the reason is `token.malformed`.
   */
  constructor(message: string, options: DecodeErrorOptions = {}) {
    super(
      'KRB5_PARSE_MALFORMED',
      'reason' in options && options.reason !== undefined
        ? { ...options, message }
        : { ...options, reason: 'token.malformed', detail: { problem: message }, message },
    );
  }
}

/** Options of a {@link DecodeError}. */
export type DecodeErrorOptions =
  | Omit<KerberosErrorOptions, 'reason' | 'detail'>
  | KerberosErrorOptions;

/**
 * A thrown error as it is, but a {@link DecodeError} of no particular reason gets this one: the readers
 * of bytes do not know what the bytes are for.
 */
export function asReason(error: unknown, refusal: RefusalInit): unknown {
  if (!(error instanceof DecodeError) || !UNSPECIFIC.has(error.reason)) return error;
  const { message, ownHint: hint, cause, stack } = error;
  const specific = new DecodeError(message, { ...refusal, hint, cause });
  if (stack !== undefined) specific.stack = stack;
  return specific;
}

/** The reason and its detail of an error's options. */
export function refusalOf({ reason, detail }: RefusalInit | ReasonedError): Refusal {
  return { reason, detail: detail ?? {} } as Refusal;
}

/**
 * Whether a value is an error of this package. TypeScript then narrows its `detail` by its `reason`.
 *
 * @example
 * ```ts
 * import { isRefusal } from 'krb5-acceptor';
 *
 * export function needsNewKeytab(error: unknown): string | undefined {
 *   if (!isRefusal(error) || error.reason !== 'key.stale-keytab') return undefined;
 *   return `${error.detail.ticketServer} has kvno ${error.detail.kvno} now`;
 * }
 * ```
 */
export function isRefusal(error: unknown): error is ReasonedError & Refusal {
  return error instanceof ReasonedError;
}

/**
 * Loads the catalogue of texts and remedies, so that errors have them: `accept` does so before it
 * returns a failure, and {@link ReasonedError.text} of any other error needs this call once. A success
 * never loads it.
 *
 * @param error - Returned as it is, for a call in one line.
 */
export async function explain<T>(error: T): Promise<T> {
  await loadTexts();
  return error;
}

/** Loads the catalogue. @returns Undefined if it is there already. */
export function loadTexts(): Promise<void> | undefined {
  if (catalogue !== undefined) return undefined;
  return import('./explain/catalogue.ts').then(
    (loaded) => {
      catalogue = loaded.CATALOGUE;
    },
    // Without the file errors keep MIT's words and their hints.
    () => {},
  );
}

/** What Node.js prints: the stack, then what {@link ReasonedError.toJSON} has beyond it. */
function inspectError(
  this: ReasonedError,
  _depth: number,
  options: object,
  inspect?: (value: unknown, options: object) => string,
): string {
  const { name, message, minor, hint, ...rest } = this.toJSON();
  const { cause } = this;
  // A minor status has the same reason, text and remedies, which are shown once.
  const isMinor = cause instanceof ReasonedError && cause.reason === this.reason;
  const behind = isMinor ? cause.cause : cause;
  const isDerived = hint === [this.text, ...this.remedies.slice(0, 1)].join('; ');
  const shown = {
    ...rest,
    ...(hint === undefined || isDerived ? {} : { hint }),
    ...(isMinor
      ? { minor: `${cause.code}: ${cause.message}` }
      : minor === undefined
        ? {}
        : { minor }),
    ...(behind instanceof Error ? { cause: behind } : {}),
  };
  return `${this.stack ?? `${name}: ${message}`} ${inspect?.(shown, options) ?? JSON.stringify(shown)}`;
}

/** The number of a code, which the peer may see. No other function chooses it. */
export function toKrbErrorCode(code: KerberosErrorName): number {
  return code in NUMBERS ? NUMBERS[code as keyof typeof NUMBERS] : NUMBERS.KRB_ERR_GENERIC;
}

/** The text that MIT krb5 has for a code. */
export function textOfCode(code: KerberosErrorName): string {
  return TEXTS[code];
}

/** The name of a number of RFC 4120 §7.5.9; undefined if this package has none. */
export function krbErrorName(errorCode: number): KerberosErrorName | undefined {
  for (const [name, number] of Object.entries(NUMBERS)) {
    if (number === errorCode) return name as KerberosErrorName;
  }
  return undefined;
}

/**
 * Whether the service is at fault and not its client. The client can retry with the same ticket
 * once the replay cache, keytab, clock or other cause is repaired.
 */
export function isOwnFault(code: KerberosErrorName): boolean {
  return OWN_FAULTS.has(code);
}

/** Whether a text is a {@link KerberosErrorName}. */
export function isKerberosErrorName(name: string): name is KerberosErrorName {
  return Object.hasOwn(TEXTS, name);
}

// RFC 4120 §7.5.9; the last two are of draft-ietf-kitten-iakerb-03 §5.
const NUMBERS = {
  KDC_ERR_POLICY: 12,
  KDC_ERR_ETYPE_NOSUPP: 14,
  KRB_AP_ERR_BAD_INTEGRITY: 31,
  KRB_AP_ERR_TKT_EXPIRED: 32,
  KRB_AP_ERR_TKT_NYV: 33,
  KRB_AP_ERR_REPEAT: 34,
  KRB_AP_ERR_NOT_US: 35,
  KRB_AP_ERR_BADMATCH: 36,
  KRB_AP_ERR_SKEW: 37,
  KRB_AP_ERR_BADADDR: 38,
  KRB_AP_ERR_BADVERSION: 39,
  KRB_AP_ERR_MSG_TYPE: 40,
  KRB_AP_ERR_MODIFIED: 41,
  KRB_AP_ERR_ILL_CR_TKT: 43,
  KRB_AP_ERR_BADKEYVER: 44,
  KRB_AP_ERR_NOKEY: 45,
  KRB_AP_ERR_MUT_FAIL: 46,
  KRB_AP_ERR_INAPP_CKSUM: 50,
  KRB_AP_PATH_NOT_ACCEPTED: 51,
  KRB_ERR_GENERIC: 60,
  KRB_AP_ERR_IAKERB_KDC_NOT_FOUND: 85,
  KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE: 86,
} as const;

/**
 * The stable code of a {@link KerberosError}: a name of RFC 4120 §7.5.9, or one that has no number
 * there and is 60 (KRB_ERR_GENERIC) on the wire.
 */
export type KerberosErrorName =
  | keyof typeof NUMBERS
  | 'KRB5_PARSE_MALFORMED'
  | 'KRB5_BAD_KEYSIZE'
  | 'KRB5_NOPERM_ETYPE'
  | 'KRB5KRB_AP_ERR_TKT_INVALID'
  | 'KRB5_RC_IO'
  | 'KRB5_RC_TYPE_NOTFOUND'
  | 'KRB5_KT_NOTFOUND'
  | 'KRB5_KT_FORMAT'
  | 'KRB5_KT_IOERR'
  | 'KRB5_KT_UNKNOWN_TYPE'
  | 'KRB5_CRITICAL_AUTHDATA'
  | 'KRB5_CONFIG_BADFORMAT'
  | 'KRB5_REALM_UNKNOWN'
  | 'KRB5_KDC_UNREACH'
  | 'NTLM_RECEIVED'
  | 'NEGOEX_RECEIVED'
  | 'SPNEGO_NEGOTIATION_FAILED'
  | 'SPNEGO_REJECTED';

const OWN_FAULTS: ReadonlySet<KerberosErrorName> = new Set<KerberosErrorName>([
  'KRB5_RC_IO',
  'KRB5_RC_TYPE_NOTFOUND',
  'KRB5_KT_NOTFOUND',
  'KRB5_KT_FORMAT',
  'KRB5_KT_IOERR',
  'KRB5_KT_UNKNOWN_TYPE',
  'KRB5_CONFIG_BADFORMAT',
  // A failed clock, source of randomness or callback; an aborted exchange; a defect.
  'KRB_ERR_GENERIC',
]);

// The texts of MIT krb5, which operators know and search for.
const TEXTS: Readonly<Record<KerberosErrorName, string>> = {
  KDC_ERR_POLICY: 'KDC policy rejects request',
  KDC_ERR_ETYPE_NOSUPP: 'KDC has no support for encryption type',
  KRB_AP_ERR_BAD_INTEGRITY: 'Decrypt integrity check failed',
  KRB_AP_ERR_TKT_EXPIRED: 'Ticket expired',
  KRB_AP_ERR_TKT_NYV: 'Ticket not yet valid',
  KRB_AP_ERR_REPEAT: 'Request is a replay',
  KRB_AP_ERR_NOT_US: "The ticket isn't for us",
  KRB_AP_ERR_BADMATCH: "Ticket/authenticator don't match",
  KRB_AP_ERR_SKEW: 'Clock skew too great',
  KRB_AP_ERR_BADADDR: 'Incorrect net address',
  KRB_AP_ERR_BADVERSION: 'Protocol version mismatch',
  KRB_AP_ERR_MSG_TYPE: 'Invalid message type',
  KRB_AP_ERR_MODIFIED: 'Message stream modified',
  KRB_AP_ERR_ILL_CR_TKT: 'Illegal cross-realm ticket',
  KRB_AP_ERR_BADKEYVER: 'Key version is not available',
  KRB_AP_ERR_NOKEY: 'Service key not available',
  KRB_AP_ERR_MUT_FAIL: 'Mutual authentication failed',
  KRB_AP_ERR_INAPP_CKSUM: 'Inappropriate type of checksum in message',
  KRB_AP_PATH_NOT_ACCEPTED: 'Policy rejects transited path',
  KRB_ERR_GENERIC: 'Generic error (see e-text)',
  KRB_AP_ERR_IAKERB_KDC_NOT_FOUND: 'The IAKERB proxy could not find a KDC',
  KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE: 'The KDC did not respond to the IAKERB proxy',
  KRB5_PARSE_MALFORMED: 'Malformed representation of principal or message',
  KRB5_BAD_KEYSIZE: 'Key size is incompatible with encryption type',
  KRB5KRB_AP_ERR_TKT_INVALID: 'Ticket has invalid flag set',
  KRB5_NOPERM_ETYPE: 'Encryption type not permitted',
  KRB5_RC_IO: 'Replay cache I/O operation failed',
  KRB5_RC_TYPE_NOTFOUND: 'Replay cache type is unknown',
  KRB5_KT_NOTFOUND: 'Key table entry not found',
  KRB5_KT_FORMAT: 'Bad format in keytab',
  KRB5_KT_IOERR: 'Key table file could not be read',
  KRB5_KT_UNKNOWN_TYPE: 'Unknown Key table type',
  KRB5_CRITICAL_AUTHDATA: 'Ticket holds critical authorization data that is not understood',
  KRB5_CONFIG_BADFORMAT: 'Improper format of Kerberos configuration file',
  KRB5_REALM_UNKNOWN: 'Cannot find KDC for requested realm',
  KRB5_KDC_UNREACH: 'Cannot contact any KDC for requested realm',
  NTLM_RECEIVED: 'The client sent NTLM instead of Kerberos',
  NEGOEX_RECEIVED: 'The client sent NegoEx instead of Kerberos',
  SPNEGO_NEGOTIATION_FAILED: 'SPNEGO failed to negotiate a mechanism',
  SPNEGO_REJECTED: 'The client rejected the negotiation',
};

const UNSPECIFIC: ReadonlySet<Reason> = new Set<Reason>(['token.malformed', 'token.truncated']);

/** One whose detail is that of an error's reason. */
type AnyExplanation = Explanation & {
  text(detail: ErrorDetail): string;
  remedies(detail: ErrorDetail): readonly string[];
};

let catalogue: Explanations | undefined;
