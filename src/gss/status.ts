/**
 * The numbers of RFC 2744: context flags (§3.4) and status codes (§3.9), the error that carries a
 * status, and the texts that MIT krb5 displays for it.
 */
import { KerberosError, ReasonedError, refusalOf } from '../errors.ts';
import type { Refusal, RefusalInit } from '../explain/reasons.ts';

/** Context flags: numbers of RFC 2744 §3.4 and, from 0x800, those of MIT krb5 and Windows. */
export const ContextFlag = {
  /** The initiator delegated a credential. */
  delegation: 0x1,
  /** The acceptor authenticated itself with an AP-REP. */
  mutual: 0x2,
  /** Repeated messages are detected. */
  replay: 0x4,
  /** Reordered and missing messages are detected. */
  sequence: 0x8,
  /** Messages can be encrypted. */
  confidentiality: 0x10,
  /** Messages can be signed. */
  integrity: 0x20,
  /** The initiator is anonymous (RFC 8062). */
  anonymous: 0x40,
  /** Messages can be protected now. */
  protectionReady: 0x80,
  /** The context can be exported. */
  transferable: 0x100,
  /** The initiator's channel bindings were present and equal to the acceptor's (MIT krb5). */
  channelBound: 0x800,
  /** Three legs, unframed tokens (MS-KILE §3.4.5). */
  dceStyle: 0x1000,
  /** The acceptor may identify the initiator, but not act on its behalf (GSS_C_IDENTIFY_FLAG). */
  identify: 0x2000,
  /** The initiator understands extended errors (GSS_C_EXTENDED_ERROR_FLAG). */
  extendedError: 0x4000,
} as const;

/** Flags that an initiator may request (RFC 4121 §4.1.1.1), without delegation. */
export const INITIATOR_FLAGS = [
  'mutual',
  'replay',
  'sequence',
  'confidentiality',
  'integrity',
  'dceStyle',
  'identify',
  'extendedError',
] as const;

/** {@link INITIATOR_FLAGS} as bits. */
export const INITIATOR_FLAG_BITS: number = INITIATOR_FLAGS.reduce(
  (bits, name) => bits | ContextFlag[name],
  0,
);

/** Routine errors (RFC 2744 §3.9.1, table 1): the high half of a major status, shifted into place. */
export const RoutineError = {
  GSS_S_BAD_MECH: 0x00010000,
  GSS_S_BAD_NAME: 0x00020000,
  GSS_S_BAD_NAMETYPE: 0x00030000,
  GSS_S_BAD_BINDINGS: 0x00040000,
  GSS_S_BAD_STATUS: 0x00050000,
  /** Also GSS_S_BAD_SIG. */
  GSS_S_BAD_MIC: 0x00060000,
  GSS_S_NO_CRED: 0x00070000,
  GSS_S_NO_CONTEXT: 0x00080000,
  GSS_S_DEFECTIVE_TOKEN: 0x00090000,
  GSS_S_DEFECTIVE_CREDENTIAL: 0x000a0000,
  GSS_S_CREDENTIALS_EXPIRED: 0x000b0000,
  GSS_S_CONTEXT_EXPIRED: 0x000c0000,
  GSS_S_FAILURE: 0x000d0000,
  GSS_S_BAD_QOP: 0x000e0000,
  GSS_S_UNAUTHORIZED: 0x000f0000,
  GSS_S_UNAVAILABLE: 0x00100000,
  GSS_S_DUPLICATE_ELEMENT: 0x00110000,
  GSS_S_NAME_NOT_MN: 0x00120000,
} as const;

/** Supplementary bits (RFC 2744 §3.9.1, table 3). */
export const SupplementaryStatus = {
  GSS_S_CONTINUE_NEEDED: 0x0001,
  GSS_S_DUPLICATE_TOKEN: 0x0002,
  GSS_S_OLD_TOKEN: 0x0004,
  GSS_S_UNSEQ_TOKEN: 0x0008,
  GSS_S_GAP_TOKEN: 0x0010,
} as const;

/** The name of a status of RFC 2744 §3.9.1, such as `'GSS_S_BAD_MIC'`. */
export type GssErrorCode = keyof typeof RoutineError | keyof typeof SupplementaryStatus;

/** Options of {@link GssError}: its reason with the detail, or a `minor`, whose reason it has. */
export type GssErrorOptions = (
  | (RefusalInit & {
      /** The minor status: the mechanism's own error. */
      readonly minor?: KerberosError;
    })
  | {
      /** The minor status: the mechanism's own error. */
      readonly minor: KerberosError;
      /** The minor's. */
      readonly reason?: undefined;
      /** The minor's. */
      readonly detail?: undefined;
    }
) & {
  /** The text; if absent the minor's, or MIT krb5's for the code. */
  readonly message?: string | undefined;
  /** Advice for the operator; the minor's if absent. */
  readonly hint?: string | undefined;
  /**
   * The reporter: the GSS layer (default) or an established context. MIT's gss_display_status has
   * different texts for an absent minor status of the two.
   */
  readonly reporter?: 'library' | 'context';
  /** The error behind this one; the minor if absent. */
  readonly cause?: unknown;
};

/** The failure of a GSS-API call. */
export class GssError extends ReasonedError {
  /** `'GssError'`. */
  override readonly name: string = 'GssError';
  /** `'GSS_S_BAD_MIC'`: stable, unlike the text of the message. */
  override readonly code: GssErrorCode;
  /** The number of RFC 2744 §3.9.1: 0x00060000 for GSS_S_BAD_MIC. */
  readonly major: number;
  /** The minor status, if the mechanism reported one. */
  readonly minor?: KerberosError;
  /** As the option `reporter` of {@link GssErrorOptions}. */
  readonly reporter: 'library' | 'context';

  /** An error of this status, for a reason of its own or that of its minor. */
  constructor(code: GssErrorCode, options: GssErrorOptions) {
    const { message, minor, hint, reporter, cause } = options;
    const refusal = options.reason === undefined ? (options.minor as Refusal) : refusalOf(options);
    super(message ?? minor?.message ?? TEXTS[code], refusal, hint ?? minor?.hint, cause ?? minor);
    this.code = code;
    this.major = MAJORS[code];
    if (minor !== undefined) this.minor = minor;
    this.reporter = reporter ?? (CONTEXT_CODES.has(code) ? 'context' : 'library');
  }

  /** As {@link ReasonedError.toJSON}, with the minor status. */
  override toJSON(): Record<string, unknown> {
    const { major, minor } = this;
    return { ...super.toJSON(), major, ...(minor && { minor: minor.toJSON() }) };
  }
}

/**
 * A thrown error as a GSS status: a {@link GssError} as it is, a {@link KerberosError} as the minor
 * status of `code`.
 *
 * @throws Any other error, which is a fault of the program and not of a token or a name.
 */
export function gssErrorOf(error: unknown, code: GssErrorCode): GssError {
  if (error instanceof GssError) return error;
  if (!(error instanceof KerberosError)) throw error;
  return new GssError(code, { minor: error });
}

/**
 * The lines of gss_display_status: first the major status, then the minor. They are followed by what
 * MIT has no place for: the text if it says more than these two, and the remedies, each on a line.
 *
 * An error other than {@link GssError} is the minor status of GSS_S_FAILURE. Without a minor status the
 * second line is `Unknown error`, or `Unknown code 0` if an established context reported the error:
 * MIT's texts, which scripts search for.
 *
 * @returns At least two lines of text.
 *
 * @example
 * ```ts
 * import { displayStatus } from 'krb5-acceptor';
 *
 * function log(error: unknown): void {
 *   for (const line of displayStatus(error)) console.error(`GSS-API error: ${line}`);
 * }
 * ```
 */
export function displayStatus(error: unknown): string[] {
  if (error instanceof GssError) {
    return withReason([TEXTS[error.code], error.minor?.message ?? NO_MINOR[error.reporter]], error);
  }
  const minor = error instanceof Error ? error.message : '';
  const lines = [TEXTS.GSS_S_FAILURE, minor === '' ? NO_MINOR.library : minor];
  return error instanceof ReasonedError ? withReason(lines, error) : lines;
}

function withReason(lines: string[], { message, text, remedies }: ReasonedError): string[] {
  const own = lines.includes(message) ? [text] : [message, text];
  return [...new Set([...lines, ...own, ...remedies])];
}

/** The text that MIT's gss_display_status has for a status. */
export function textOfStatus(code: GssErrorCode): string {
  return TEXTS[code];
}

/**
 * The texts of a major status number (RFC 2744 §3.9.1): calling error, routine error, then each
 * supplementary bit from the lowest.
 */
export function displayMajor(major: number): string[] {
  if (major === 0) return ['The routine completed successfully'];
  const lines: string[] = [];
  const calling = major & CALLING_MASK;
  if (calling !== 0) lines.push(CALLING_TEXTS.get(calling) ?? TEXTS.GSS_S_BAD_STATUS);
  const routine = major & ROUTINE_MASK;
  if (routine !== 0) lines.push(textOf(routine));
  for (let bit = 1; bit <= SUPPLEMENTARY_MASK; bit *= 2) {
    if ((major & bit) !== 0) lines.push(textOf(bit));
  }
  return lines;
}

function textOf(major: number): string {
  for (const [code, number] of Object.entries(MAJORS)) {
    if (number === major) return TEXTS[code as GssErrorCode];
  }
  return TEXTS.GSS_S_BAD_STATUS;
}

const MAJORS: Readonly<Record<GssErrorCode, number>> = { ...RoutineError, ...SupplementaryStatus };

// RFC 2744 §3.9.1: calling errors, routine errors and supplementary bits share one 32-bit word.
const CALLING_MASK = 0xff000000 | 0;
const ROUTINE_MASK = 0x00ff0000;
const SUPPLEMENTARY_MASK = 0xffff;

// Codes of per-message calls only.
const CONTEXT_CODES: ReadonlySet<GssErrorCode> = new Set<GssErrorCode>([
  'GSS_S_BAD_MIC',
  'GSS_S_DUPLICATE_TOKEN',
  'GSS_S_OLD_TOKEN',
  'GSS_S_UNSEQ_TOKEN',
  'GSS_S_GAP_TOKEN',
]);

const NO_MINOR = { library: 'Unknown error', context: 'Unknown code 0' } as const;

// The texts of MIT's gss_display_status, which scripts search for.
const TEXTS: Readonly<Record<GssErrorCode, string>> = {
  GSS_S_BAD_MECH: 'An unsupported mechanism was requested',
  GSS_S_BAD_NAME: 'An invalid name was supplied',
  GSS_S_BAD_NAMETYPE: 'A supplied name was of an unsupported type',
  GSS_S_BAD_BINDINGS: 'Incorrect channel bindings were supplied',
  GSS_S_BAD_STATUS: 'An invalid status code was supplied',
  GSS_S_BAD_MIC: 'A token had an invalid Message Integrity Check (MIC)',
  GSS_S_NO_CRED:
    'No credentials were supplied, or the credentials were unavailable or inaccessible',
  GSS_S_NO_CONTEXT: 'No context has been established',
  GSS_S_DEFECTIVE_TOKEN: 'Invalid token was supplied',
  GSS_S_DEFECTIVE_CREDENTIAL: 'Invalid credential was supplied',
  GSS_S_CREDENTIALS_EXPIRED: 'The referenced credential has expired',
  GSS_S_CONTEXT_EXPIRED: 'The referenced context has expired',
  GSS_S_FAILURE: 'Unspecified GSS failure.  Minor code may provide more information',
  GSS_S_BAD_QOP: 'The quality-of-protection (QOP) requested could not be provided',
  GSS_S_UNAUTHORIZED: 'The operation is forbidden by local security policy',
  GSS_S_UNAVAILABLE: 'The operation or option is not available or unsupported',
  GSS_S_DUPLICATE_ELEMENT: 'The requested credential element already exists',
  GSS_S_NAME_NOT_MN: 'The provided name was not mechanism specific (MN)',
  GSS_S_CONTINUE_NEEDED: 'The routine must be called again to complete its function',
  GSS_S_DUPLICATE_TOKEN: 'The token was a duplicate of an earlier token',
  GSS_S_OLD_TOKEN: "The token's validity period has expired",
  GSS_S_UNSEQ_TOKEN: 'A later token has already been processed',
  GSS_S_GAP_TOKEN: 'An expected per-message token was not received',
};

const CALLING_TEXTS: ReadonlyMap<number, string> = new Map([
  [0x01000000, 'A required input parameter could not be read'],
  [0x02000000, 'A required output parameter could not be written'],
  [0x03000000, 'A parameter was malformed'],
]);
