/** What the KDC vouches for inside of a ticket: the PAC (MS-PAC) and AD-CAMMAC (RFC 7751). */
import type { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import type { AuthorizationData } from '../messages/authorization-data.ts';
import {
  AuthorizationDataType,
  encodeAuthorizationData,
  relevantElements,
} from '../messages/authorization-data.ts';
import { decodeAuthenticationIndicator, decodeCammac } from '../messages/cammac.ts';
import { Limit } from '../messages/limits.ts';
import { findPac } from '../pac/locate.ts';
import type { Pac } from '../pac/pac.ts';
import { verifyPac } from '../pac/pac.ts';
import { printableName } from '../text.ts';
import type { OpenedTicket } from './opened-tickets.ts';

/**
 * - `off`: not looked at.
 * - `when-valid`: a PAC that does not verify is as good as none, and `pacError` says why.
 * - `required`: the ticket must have one that verifies.
 */
export type PacPolicy = 'off' | 'when-valid' | 'required';

export interface VouchedData {
  readonly pac?: Pac;
  /** Why the PAC that is there is not shown. */
  readonly pacError?: KerberosError;
  /** How the client authenticated to the KDC (RFC 8129), in words of the site. */
  readonly authenticationIndicators: readonly string[];
}

/** What an acceptor asks of the PAC, the same for all its tickets. */
export interface VouchedDataPolicy {
  readonly pacPolicy: PacPolicy;
  /** The KDC's own, if it is known: the signatures that are made with it are verified too. */
  readonly kdcKey: EncryptionKey | undefined;
  /** Whether those that not every KDC makes must be there as well. */
  readonly requireKdcSignatures: boolean;
  /** Of these the ticket must have one, if there are any. */
  readonly requiredIndicators: readonly string[];
}

/**
 * Verifies what the ticket carries with the key that opened it; once, however often it comes.
 *
 * @param policy - Of the acceptor that opened it.
 * @returns The caller's own, or frozen: no other request of the ticket sees what is done with it.
 * @throws {@link KerberosError} if the policy requires a PAC that is not there or not good, or an
 *   indicator that is not there, or an AD-CAMMAC is malformed, or there are too many indicators.
 */
export function vouchedDataOf(opened: OpenedTicket, policy: VouchedDataPolicy): VouchedData {
  opened.vouched ??= readVouchedData(opened, policy);
  const { pac, pacError, authenticationIndicators } = opened.vouched;
  return {
    ...(pac && { pac: pac.copy() }),
    ...(pacError && { pacError }),
    authenticationIndicators: authenticationIndicators.slice(),
  };
}

function readVouchedData(opened: OpenedTicket, policy: VouchedDataPolicy): VouchedData {
  const { ticket, service } = opened;
  const { pacPolicy } = policy;
  const data = relevantElements(ticket.authorizationData);
  const authenticationIndicators = readIndicators(data, service.key);
  checkIndicators(authenticationIndicators, policy);
  if (pacPolicy === 'off') return { authenticationIndicators };
  try {
    const bytes = findPac(data);
    if (bytes !== undefined) {
      return { authenticationIndicators, pac: verifyPacOf(opened, bytes, policy) };
    }
  } catch (error) {
    if (!(error instanceof KerberosError) || pacPolicy === 'required') throw error;
    // All contexts of the ticket have it.
    Object.freeze(error.detail);
    return { authenticationIndicators, pacError: Object.freeze(error) };
  }
  if (pacPolicy === 'when-valid') return { authenticationIndicators };
  throw new KerberosError('KRB_AP_ERR_MODIFIED', {
    message: 'Ticket has no PAC, and one is required',
    hint: 'in Active Directory, NO_AUTH_DATA_REQUIRED of the service’s account leaves the PAC out',
  });
}

function verifyPacOf(
  { ticket, service, sessionKey }: OpenedTicket,
  bytes: Uint8Array,
  { kdcKey, requireKdcSignatures }: VouchedDataPolicy,
): Pac {
  if (kdcKey === undefined) return verifyPac(bytes, ticket, service.key);
  // The KDC has signed the ticket with its session key, which was taken out.
  const key = { enctype: sessionKey.enctype, value: sessionKey.bytes() };
  try {
    return verifyPac(bytes, { ...ticket, key }, service.key, kdcKey, requireKdcSignatures);
  } finally {
    key.value.fill(0);
  }
}

function checkIndicators(
  indicators: readonly string[],
  { requiredIndicators }: VouchedDataPolicy,
): void {
  if (requiredIndicators.length === 0) return;
  if (indicators.some((indicator) => requiredIndicators.includes(indicator))) return;
  const has = indicators.slice(0, MAX_SHOWN).map(printableName);
  throw new KerberosError('KDC_ERR_POLICY', {
    message: 'The client authenticated in no way that is required',
    hint:
      `one of ${requiredIndicators.join(', ')} is required; the ticket has ` +
      (has.length === 0 ? 'no authentication indicator' : has.join(', ')),
    detail: { required: requiredIndicators, indicators: has },
  });
}

/** The indicators of every AD-CAMMAC whose service verifier is good; of others nothing counts. */
function readIndicators(data: AuthorizationData, key: EncryptionKey): string[] {
  const indicators: string[] = [];
  for (const { type, data: contents } of data) {
    if (type !== AuthorizationDataType.cammac) continue;
    const { elements, serviceVerifier } = decodeCammac(contents);
    // RFC 7751 §3: svc-verifier is made with the service's key; kdc-verifier is for the KDC alone.
    if (serviceVerifier === undefined || serviceVerifier.mac.type !== key.checksumType) continue;
    // RFC 7751 §3: the checksum is over the DER of the elements. Ours was strict: it is the same.
    const signed = encodeAuthorizationData(elements);
    if (!key.verifyChecksum(KeyUsage.cammac, serviceVerifier.mac.checksum, signed)) continue;
    for (const { type, data: indicator } of relevantElements(elements)) {
      if (type === AuthorizationDataType.authenticationIndicator) {
        indicators.push(...decodeAuthenticationIndicator(indicator));
      }
    }
  }
  // As many as an exported context can hold.
  if (indicators.length > Limit.listElements) {
    throw new DecodeError(`ticket has ${indicators.length} authentication indicators`);
  }
  return indicators;
}

const MAX_SHOWN = 8;
