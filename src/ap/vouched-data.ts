/** Authorization data of a ticket that the KDC has signed: the PAC (MS-PAC) and AD-CAMMAC (RFC 7751). */
import type { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { asReason, DecodeError, KerberosError } from '../errors.ts';
import type { KeytabEntry } from '../keytab/keytab.ts';
import type { AuthorizationData } from '../messages/authorization-data.ts';
import {
  AuthorizationDataType,
  encodeAuthorizationData,
  relevantElements,
} from '../messages/authorization-data.ts';
import { decodeAuthenticationIndicator, decodeCammac } from '../messages/cammac.ts';
import { Limit } from '../messages/limits.ts';
import type { Mutable } from '../messages/message.ts';
import type { EncTicketPart } from '../messages/ticket.ts';
import { findPac } from '../pac/locate.ts';
import type { Pac } from '../pac/pac.ts';
import { verifyPac } from '../pac/pac.ts';
import { printableName } from '../text.ts';

/**
 * How an acceptor treats PACs.
 *
 * - `off`: it ignores them.
 * - `when-valid`: it ignores a PAC that does not verify and gives the reason as `pacError`.
 * - `required`: it refuses a ticket without a PAC, and one whose PAC does not verify.
 */
export type PacPolicy = 'off' | 'when-valid' | 'required';

/** Data about the client that was verified with the service's key. */
export interface VouchedData {
  /** The ticket's PAC, if it verified. */
  readonly pac?: Pac;
  /** Why the ticket's PAC was ignored; absent if it has none. */
  readonly pacError?: KerberosError;
  /** How the client authenticated to the KDC (RFC 8129): words that the site has chosen. */
  readonly authenticationIndicators: readonly string[];
}

/** The part of an acceptor's policy about PACs and authentication indicators. */
export interface VouchedDataPolicy {
  /** How PACs are treated. */
  readonly pacPolicy: PacPolicy;
  /** The KDC's own key (krbtgt), to verify the signatures that it makes; undefined if not known. */
  readonly kdcKey: EncryptionKey | undefined;
  /** Whether the ticket and full signatures, which not every KDC makes, are required. */
  readonly requireKdcSignatures: boolean;
  /** The ticket must have at least one of these; any ticket if empty. */
  readonly requiredIndicators: readonly string[];
}

/** A ticket that was decrypted and verified. */
export interface DecryptedTicket {
  /** The keytab's entry whose key opened it: the name under which the service is known. */
  readonly service: KeytabEntry;
  /** Its `key` is wiped: use {@link sessionKey}. */
  readonly ticket: EncTicketPart;
  /** The ticket's session key. */
  readonly sessionKey: EncryptionKey;
  /** Set by {@link vouchedDataOf}. */
  vouched?: VouchedData;
}

/**
 * Verifies a ticket's PAC and AD-CAMMACs with the key that opened the ticket. The result is kept for
 * later requests with the same ticket.
 *
 * @param policy - The policy of the acceptor that opened the ticket.
 * @returns Copies or frozen objects, so that no other request sees changes of them.
 * @throws {@link KerberosError} if the policy requires a PAC or an indicator that is missing or does
 *   not verify. {@link DecodeError} for a malformed AD-CAMMAC and for too many indicators.
 */
export function vouchedDataOf(opened: DecryptedTicket, policy: VouchedDataPolicy): VouchedData {
  opened.vouched ??= readVouchedData(opened, policy);
  const { pac, pacError, authenticationIndicators } = opened.vouched;
  const vouched: Mutable<VouchedData> = {
    authenticationIndicators: authenticationIndicators.slice(),
  };
  if (pac !== undefined) vouched.pac = pac.copy();
  if (pacError !== undefined) vouched.pacError = pacError;
  return vouched;
}

function readVouchedData(opened: DecryptedTicket, policy: VouchedDataPolicy): VouchedData {
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
  } catch (thrown) {
    const error = asReason(thrown, { reason: 'pac.malformed' });
    if (!(error instanceof KerberosError) || pacPolicy === 'required') throw error;
    // Shared by all contexts of the ticket.
    Object.freeze(error.detail);
    Object.freeze(error);
    return { authenticationIndicators, pacError: error };
  }
  if (pacPolicy === 'when-valid') return { authenticationIndicators };
  throw new KerberosError('KRB_AP_ERR_MODIFIED', {
    reason: 'pac.missing',
    message: 'Ticket has no PAC, and one is required',
    hint: 'in Active Directory, NO_AUTH_DATA_REQUIRED of the service’s account leaves the PAC out',
  });
}

function verifyPacOf(
  { ticket, service, sessionKey }: DecryptedTicket,
  bytes: Uint8Array,
  { kdcKey, requireKdcSignatures }: VouchedDataPolicy,
): Pac {
  if (kdcKey === undefined) return verifyPac(bytes, ticket, service.key);
  // The KDC signed the ticket together with the session key, which has been wiped from it.
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
    reason: 'policy.indicator',
    message: 'The client did not authenticate in a required way',
    hint:
      `one of ${requiredIndicators.join(', ')} is required; the ticket has ` +
      (has.length === 0 ? 'no authentication indicator' : has.join(', ')),
    detail: { required: requiredIndicators, indicators: has },
  });
}

/** The indicators of every AD-CAMMAC whose service verifier is valid. */
function readIndicators(data: AuthorizationData, key: EncryptionKey): string[] {
  const indicators: string[] = [];
  for (const { type, data: contents } of data) {
    if (type !== AuthorizationDataType.cammac) continue;
    const { elements, serviceVerifier } = decodeCammac(contents);
    // RFC 7751 §3: svc-verifier is made with the service's key, kdc-verifier is for the KDC only.
    if (serviceVerifier === undefined || serviceVerifier.mac.type !== key.checksumType) continue;
    // RFC 7751 §3: the checksum covers the DER of the elements. The decoder accepts DER only, so that
    // encoding them again gives the same bytes.
    const signed = encodeAuthorizationData(elements);
    if (!key.verifyChecksum(KeyUsage.cammac, serviceVerifier.mac.checksum, signed)) continue;
    for (const { type, data: indicator } of relevantElements(elements)) {
      if (type === AuthorizationDataType.authenticationIndicator) {
        indicators.push(...decodeAuthenticationIndicator(indicator));
      }
    }
  }
  // The limit of an exported context.
  if (indicators.length > Limit.listElements) {
    throw new DecodeError(`ticket has ${indicators.length} authentication indicators`);
  }
  return indicators;
}

const MAX_SHOWN = 8;
