/** A KDC as a function: a message in, a message out. */
import { KerberosError } from '../../errors.ts';
import type { KdcRequest } from '../../messages/kdc/request.ts';
import { decodeKdcRequest, KdcRequestType } from '../../messages/kdc/request.ts';
import { encodeKrbError } from '../../messages/krb-error.ts';
import { splitTime } from '../../time.ts';
import { answerAsRequest } from './as-exchange.ts';
import { KdcError } from './error.ts';
import type { KdcState } from './state.ts';
import { ticketGranting } from './state.ts';
import { answerTgsRequest } from './tgs-exchange.ts';

/**
 * Answers a message of a client.
 *
 * @param message - An AS-REQ or TGS-REQ, not trusted.
 * @returns An AS-REP, a TGS-REP or a KRB-ERROR.
 */
export function answerMessage(kdc: KdcState, message: Uint8Array): Uint8Array {
  let request: KdcRequest | undefined;
  try {
    const received = decodeKdcRequest(message);
    request = received;
    if (received.body.realm !== kdc.realm) throw new KdcError('KDC_ERR_WRONG_REALM');
    const { type } = received;
    return type === KdcRequestType.tgs
      ? answerTgsRequest(kdc, received)
      : answerAsRequest(kdc, received);
  } catch (error) {
    // Any other error is a defect, which a test must see.
    if (error instanceof KdcError || error instanceof KerberosError) {
      return encodeRefusal(kdc, error, request);
    }
    throw error;
  }
}

/** KRB-ERROR (RFC 4120 §5.9.1), with the names of the request if it could be read. */
export function encodeRefusal(
  kdc: Pick<KdcState, 'realm' | 'clock'>,
  error: KdcError | KerberosError,
  request?: KdcRequest,
): Uint8Array {
  const { seconds, microseconds } = splitTime(kdc.clock());
  const { clientName, serverName } = request?.body ?? {};
  const text = error instanceof KdcError ? error.text : error.message;
  return encodeKrbError({
    stime: seconds,
    susec: microseconds,
    errorCode: error.errorCode,
    ...(clientName !== undefined && { clientRealm: kdc.realm, clientName }),
    realm: kdc.realm,
    serverName: serverName ?? ticketGranting(kdc.realm, kdc.realm),
    ...(text !== undefined && { eText: text }),
    ...(error instanceof KdcError && error.data !== undefined && { eData: error.data }),
  });
}
