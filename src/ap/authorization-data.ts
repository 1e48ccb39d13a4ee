/** Authorization data of a ticket and an authenticator: what is critical, and what is inside. */
import { DecodeError, KerberosError } from '../errors.ts';
import type { AuthorizationData } from '../messages/authorization-data.ts';
import { AuthorizationDataType, relevantElements } from '../messages/authorization-data.ts';
import { decodeCammac } from '../messages/cammac.ts';

/**
 * Refuses an element that is critical and unknown (RFC 4120 §5.2.6). Whatever stands inside
 * AD-IF-RELEVANT may be unknown; inside a bare AD-CAMMAC it is as critical as the AD-CAMMAC.
 *
 * @throws {@link KerberosError} KRB5_CRITICAL_AUTHDATA; {@link DecodeError} for a bare AD-CAMMAC that
 *   cannot be read.
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
        message: `${holder} holds critical authorization data of type ${type}, which is not understood`,
        detail: { authorizationDataType: type },
      });
    }
  }
}

/**
 * All elements of a type, whether they stand alone or inside AD-IF-RELEVANT.
 *
 * @returns Views of the elements' contents, in their order.
 * @throws {@link DecodeError} if an AD-IF-RELEVANT cannot be read.
 */
export function findAuthorizationData(
  data: AuthorizationData | undefined,
  type: number,
): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const element of relevantElements(data)) {
    if (element.type === type) found.push(element.data);
  }
  return found;
}

const MAX_DEPTH = 4;
// What this acceptor reads, or what binds the KDC only (RFC 4120 §5.2.6.4, MS-KILE §2.2): clients
// of Windows and Heimdal send some of them outside AD-IF-RELEVANT.
const UNDERSTOOD: ReadonlySet<number> = new Set([
  AuthorizationDataType.ifRelevant,
  AuthorizationDataType.kdcIssued,
  AuthorizationDataType.mandatoryForKdc,
  AuthorizationDataType.authenticationIndicator,
  AuthorizationDataType.win2kPac,
  AuthorizationDataType.etypeNegotiation,
  AuthorizationDataType.apOptions,
]);
