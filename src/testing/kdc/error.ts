/** The errors of a KDC (RFC 4120 §7.5.9), as the KDC of a test realm sends them. */
import { printableName } from '../../text.ts';

/** Options of a {@link KdcError}. */
export interface KdcErrorOptions {
  /** The field `e-text`. */
  readonly text?: string;
  /** The field `e-data`. */
  readonly data?: Uint8Array;
}

/** A request that a KDC has refused. */
export class KdcError extends Error {
  /** `KdcError`. */
  override readonly name: string = 'KdcError';
  /** The number in the KRB-ERROR: 24 is KDC_ERR_PREAUTH_FAILED. */
  readonly errorCode: number;
  /** The name of the number; absent if the KDC of a test realm never sends it. */
  readonly code?: KdcErrorName;
  /** The field `e-text` of the KRB-ERROR. */
  readonly text?: string;
  /** The field `e-data` of the KRB-ERROR. */
  readonly data?: Uint8Array;

  /** @param code - A name, or a number that was received. */
  constructor(code: KdcErrorName | number, { text, data }: KdcErrorOptions = {}) {
    const name = typeof code === 'number' ? nameOf(code) : code;
    const errorCode = typeof code === 'number' ? code : NUMBERS[code];
    const what = name ?? `error ${errorCode}`;
    super(text === undefined ? what : `${what}: ${printableName(text)}`);
    this.errorCode = errorCode;
    if (name !== undefined) this.code = name;
    if (text !== undefined) this.text = text;
    if (data !== undefined) this.data = data;
  }
}

function nameOf(errorCode: number): KdcErrorName | undefined {
  const names = Object.keys(NUMBERS) as KdcErrorName[];
  return names.find((name) => NUMBERS[name] === errorCode);
}

// RFC 4120 §7.5.9; KDC_ERR_MUST_USE_USER2USER is 27 and KDC_ERR_WRONG_REALM 68.
const NUMBERS = {
  KDC_ERR_C_PRINCIPAL_UNKNOWN: 6,
  KDC_ERR_S_PRINCIPAL_UNKNOWN: 7,
  KDC_ERR_CANNOT_POSTDATE: 10,
  KDC_ERR_NEVER_VALID: 11,
  KDC_ERR_POLICY: 12,
  KDC_ERR_BADOPTION: 13,
  KDC_ERR_ETYPE_NOSUPP: 14,
  KDC_ERR_PADATA_TYPE_NOSUPP: 16,
  KDC_ERR_PREAUTH_FAILED: 24,
  KDC_ERR_PREAUTH_REQUIRED: 25,
  KDC_ERR_SERVER_NOMATCH: 26,
  KDC_ERR_MUST_USE_USER2USER: 27,
  KRB_AP_ERR_BAD_INTEGRITY: 31,
  KRB_AP_ERR_TKT_EXPIRED: 32,
  KRB_AP_ERR_TKT_NYV: 33,
  KRB_AP_ERR_NOT_US: 35,
  KRB_AP_ERR_BADMATCH: 36,
  KRB_AP_ERR_SKEW: 37,
  KRB_AP_ERR_MODIFIED: 41,
  KRB_AP_ERR_INAPP_CKSUM: 50,
  KRB_ERR_RESPONSE_TOO_BIG: 52,
  KRB_ERR_GENERIC: 60,
  KRB_ERR_FIELD_TOOLONG: 61,
  KDC_ERR_WRONG_REALM: 68,
} as const;

/** The names of the errors that the KDC of a test realm sends. */
export type KdcErrorName = keyof typeof NUMBERS;
