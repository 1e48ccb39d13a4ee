/** Authorization data of tickets and authenticators: the check of critical elements. */
import { DecodeError, KerberosError } from '../errors.ts';
import type { AuthorizationData } from '../messages/authorization-data.ts';
import { AuthorizationDataType } from '../messages/authorization-data.ts';
import { decodeCammac } from '../messages/cammac.ts';

/**
 * Refuses a critical element of an unknown type (RFC 4120 §5.2.6). Elements inside AD-IF-RELEVANT are
 * not critical; those inside an AD-CAMMAC are as critical as the AD-CAMMAC itself.
 *
 * @param holder - `'ticket'` or `'authenticator'`, for messages.
 * @throws {@link KerberosError} KRB5_CRITICAL_AUTHDATA; {@link DecodeError} for a critical AD-CAMMAC
 *   that is malformed or nested more than four deep.
 */
export function checkCriticalElements(
  data: AuthorizationData | undefined,
  holder: string,
  depth = 0,
): void {
  if (depth > MAX_DEPTH) throw new DecodeError(`${holder} holds AD-CAMMAC nested too deep`);
  for (const { type, data: contents } of data ?? []) {
    if (type === AuthorizationDataType.cammac) {
      checkCriticalElements(decodeCammac(contents).elements, holder, depth + 1);
    } else if (!UNDERSTOOD.has(type)) {
      throw new KerberosError('KRB5_CRITICAL_AUTHDATA', {
        reason: 'authdata.critical',
        message: `${holder} holds critical authorization data of type ${type}, which is not understood`,
        detail: { authorizationDataType: type },
      });
    }
  }
}

const MAX_DEPTH = 4;
// Types that this acceptor reads, or that are meant for the KDC (RFC 4120 §5.2.6.4, MS-KILE §2.2):
// Windows and Heimdal clients send some of them outside AD-IF-RELEVANT.
const UNDERSTOOD: ReadonlySet<number> = new Set([
  AuthorizationDataType.ifRelevant,
  AuthorizationDataType.kdcIssued,
  AuthorizationDataType.mandatoryForKdc,
  AuthorizationDataType.authenticationIndicator,
  AuthorizationDataType.win2kPac,
  AuthorizationDataType.etypeNegotiation,
  AuthorizationDataType.apOptions,
]);
