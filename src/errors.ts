/**
 * Kerberos errors: the code table of RFC 4120 §7.5.9, and the class that carries one.
 *
 * Two audiences. The peer gets a number ({@link toKrbErrorCode}); the operator gets code, text,
 * hint and detail. Keys, keytab bytes, plaintext and expected checksums never reach any of them.
 */

/** Facts for the operator: names, kvnos, enctypes, times; never bytes of keys or plaintext. */
export type ErrorDetail = Readonly<Record<string, string | number | readonly string[]>>;

/** Options of a {@link KerberosError}. */
export interface KerberosErrorOptions {
  /** The text; by default the one that MIT krb5 has for the code. */
  readonly message?: string | undefined;
  /** What the operator can do about it. */
  readonly hint?: string;
  /** The facts behind the error; by default none. */
  readonly detail?: ErrorDetail;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/**
 * A Kerberos error. Its code is a name of RFC 4120 §7.5.9 or, for an error without a number there,
 * a name of MIT krb5's error table or of this package.
 */
export class KerberosError extends Error {
  /** `KerberosError`. */
  override readonly name: string = 'KerberosError';
  /** `'KRB_AP_ERR_SKEW'`: stable, part of the interface. The message's text is not. */
  readonly code: KerberosErrorName;
  /** The number of RFC 4120 §7.5.9 (37), 60 (KRB_ERR_GENERIC) where the RFC has none. */
  readonly errorCode: number;
  /** What the operator can do about it. */
  readonly hint?: string;
  /** Facts for the operator. */
  readonly detail: ErrorDetail;

  /** @param options - A string is the `message` alone. */
  constructor(code: KerberosErrorName, options: string | KerberosErrorOptions = {}) {
    const { message, hint, detail, cause } = asOptions(options);
    super(message ?? TEXTS[code], cause !== undefined ? { cause } : undefined);
    this.code = code;
    this.errorCode = toKrbErrorCode(code);
    if (hint !== undefined) this.hint = hint;
    this.detail = detail ?? {};
  }
}

/** An error for malformed bytes: truncated, overlong, with a wrong tag or trailing bytes. */
export class DecodeError extends KerberosError {
  /** `DecodeError`. */
  override readonly name: string = 'DecodeError';

  /** @param message - Which bytes are wrong, and how. */
  constructor(message: string, options?: KerberosErrorOptions) {
    super('KRB5_PARSE_MALFORMED', { ...options, message });
  }
}

/** The options of an error whose constructor was given them, or its message alone. */
export function asOptions<T extends { readonly message?: string | undefined }>(
  options: string | T,
): T {
  return typeof options === 'string' ? ({ message: options } as T) : options;
}

/** The number of a code, which the peer may see. No other function chooses it. */
export function toKrbErrorCode(code: KerberosErrorName): number {
  return code in NUMBERS ? NUMBERS[code as keyof typeof NUMBERS] : NUMBERS.KRB_ERR_GENERIC;
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

// RFC 4120 §7.5.9.
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
