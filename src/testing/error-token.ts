/** Reads the error token that an acceptor sends when it refuses (RFC 4121 §4.1), for tests. */
import type { KerberosErrorName } from '../errors.ts';
import { krbErrorName } from '../errors.ts';
import { TokenId, unframeToken } from '../gss/framing.ts';
import { GssError } from '../gss/status.ts';
import { decodeKrbError } from '../messages/krb-error.ts';
import type { KerberosTime } from '../time.ts';

/** The fields of a KRB-ERROR (RFC 4120 §5.9.1) that an acceptor sets. */
export interface ErrorToken {
  /** A number of RFC 4120 §7.5.9: 37 is KRB_AP_ERR_SKEW. */
  readonly errorCode: number;
  /** The name of `errorCode`; absent if this package has none for it. */
  readonly code?: KerberosErrorName;
  /** The acceptor's clock, in seconds since 1970. */
  readonly serverTime: KerberosTime;
  /** Microseconds of the acceptor's clock, 0..999999. */
  readonly serverMicroseconds: number;
  /** The field `e-text`. */
  readonly text?: string;
  /** KERB-ERROR-DATA (MS-KILE §2.2.1): type 2 asks a Windows client to correct its clock. */
  readonly data?: { readonly type: number; readonly value?: Uint8Array };
}

/**
 * Reads the error token that a refused initiator receives. Nothing in it is authenticated.
 *
 * @param token - As the acceptor returned it: with the framing of RFC 2743 §3.1, not inside SPNEGO.
 * @returns Copies; nothing in it refers to `token`.
 * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN for a token of another kind; {@link DecodeError} if its
 *   KRB-ERROR, or the KERB-ERROR-DATA in that, is malformed.
 */
export async function readErrorToken(token: Uint8Array): Promise<ErrorToken> {
  const { inner } = unframeToken(token);
  if ((((inner[0] ?? 0) << 8) | (inner[1] ?? 0)) !== TokenId.krbError) {
    throw new GssError('GSS_S_DEFECTIVE_TOKEN', {
      reason: 'testing.answer',
      message: 'token does not hold a KRB-ERROR',
    });
  }
  const error = decodeKrbError(inner.subarray(2));
  const code = krbErrorName(error.errorCode);
  const data = error.eData && (await readErrorData(error.eData));
  return {
    errorCode: error.errorCode,
    ...(code !== undefined && { code }),
    serverTime: error.stime,
    serverMicroseconds: error.susec,
    ...(error.eText !== undefined && { text: error.eText }),
    ...(data !== undefined && { data }),
  };
}

/** Most errors have no data, so the decoder, and asn1js with it, is loaded on demand. */
async function readErrorData(bytes: Uint8Array): Promise<NonNullable<ErrorToken['data']>> {
  const { decodeKerbErrorData } = await import('../messages/error-data.ts');
  const { type, value } = decodeKerbErrorData(bytes);
  return value === undefined ? { type } : { type, value: new Uint8Array(value) };
}
