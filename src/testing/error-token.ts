/** The error token of a refused initiator (RFC 4121 §4.1), for tests of refusals. */
import type { KerberosErrorName } from '../errors.ts';
import { krbErrorName } from '../errors.ts';
import { TokenId, unframeToken } from '../gss/framing.ts';
import { GssError } from '../gss/status.ts';
import { decodeKrbError } from '../messages/krb-error.ts';
import type { KerberosTime } from '../time.ts';

/** The fields of a KRB-ERROR (RFC 4120 §5.9.1) that an acceptor sets. */
export interface ErrorToken {
  /** RFC 4120 §7.5.9: 37 is KRB_AP_ERR_SKEW. */
  readonly errorCode: number;
  /** The name of `errorCode`, if this package has one. */
  readonly code?: KerberosErrorName;
  /** The acceptor's clock, in seconds. */
  readonly serverTime: KerberosTime;
  /** Microseconds of the acceptor's clock, 0..999999. */
  readonly serverMicroseconds: number;
  readonly text?: string;
  /** KERB-ERROR-DATA (MS-KILE §2.2.1): type 2 asks a Windows client to correct its clock. */
  readonly data?: { readonly type: number; readonly value?: Uint8Array };
}

/**
 * Reads the token that a refusal sends to the initiator. Nothing in it is authenticated.
 *
 * @param token - As the acceptor returned it: RFC 2743 §3.1 framing, not inside of SPNEGO.
 * @returns No views of `token`.
 * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN if it is another token;
 *   {@link DecodeError} if its KRB-ERROR or the KERB-ERROR-DATA in it is malformed.
 */
export async function readErrorToken(token: Uint8Array): Promise<ErrorToken> {
  const { inner } = unframeToken(token);
  if ((((inner[0] ?? 0) << 8) | (inner[1] ?? 0)) !== TokenId.krbError) {
    throw new GssError('GSS_S_DEFECTIVE_TOKEN', 'token does not hold a KRB-ERROR');
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

/** Most errors have no data: the reader of it, and asn1js with it, is loaded for the first one. */
async function readErrorData(bytes: Uint8Array): Promise<NonNullable<ErrorToken['data']>> {
  const { decodeKerbErrorData } = await import('../messages/error-data.ts');
  const { type, value } = decodeKerbErrorData(bytes);
  return value === undefined ? { type } : { type, value: new Uint8Array(value) };
}
