/** The refusals of this entry: status, text and advice for each. */
import type { KerberosError } from '../errors.ts';
import { SASL_WORDS } from '../explain/entries/sasl.ts';
import type { SaslDetails } from '../explain/service-reasons.ts';
import type { GssErrorCode } from '../gss/status.ts';
import { GssError } from '../gss/status.ts';

interface Refusal {
  readonly reason: keyof SaslDetails;
  readonly code: GssErrorCode;
}

/** The name of a refusal. */
export type SaslRefusal =
  | 'unknownMechanism'
  | 'otherMechanism'
  | 'emptyResponse'
  | 'earlyData'
  | 'tooLong'
  | 'flags'
  | 'layerUnavailable'
  | 'layerNotPermitted'
  | 'layerNotOffered'
  | 'clientBuffer'
  | 'malformedChoice'
  | 'outOfOrder'
  | 'malformedName'
  | 'notAuthorized'
  | 'otherService'
  | 'gs2Header'
  | 'bindingFlag'
  | 'downgrade'
  | 'bindingsRequired'
  | 'bindingType'
  | 'unboundHeader'
  | 'frameEmpty'
  | 'frameTooLong'
  | 'frameTruncated'
  | 'frameNotEncrypted';

/**
 * Makes an error.
 *
 * @param facts - Printable words behind the advice: what was expected, and what came.
 */
export function refused(
  what: SaslRefusal,
  { facts, minor }: { readonly facts?: string; readonly minor?: KerberosError } = {},
): GssError {
  const { reason, code } = REFUSALS[what];
  const [message, hint] = SASL_WORDS[reason];
  return new GssError(code, {
    reason,
    ...(facts !== undefined && { detail: { facts } }),
    message,
    hint: facts === undefined ? hint : `${facts}; ${hint}`,
    ...(minor !== undefined && { minor }),
  });
}

const REFUSALS: Readonly<Record<SaslRefusal, Refusal>> = {
  unknownMechanism: { reason: 'sasl.unknown-mechanism', code: 'GSS_S_BAD_MECH' },
  otherMechanism: { reason: 'sasl.other-mechanism', code: 'GSS_S_BAD_MECH' },
  emptyResponse: { reason: 'sasl.empty-response', code: 'GSS_S_DEFECTIVE_TOKEN' },
  earlyData: { reason: 'sasl.early-data', code: 'GSS_S_DEFECTIVE_TOKEN' },
  tooLong: { reason: 'sasl.too-long', code: 'GSS_S_DEFECTIVE_TOKEN' },
  flags: { reason: 'sasl.flags', code: 'GSS_S_UNAUTHORIZED' },
  layerUnavailable: { reason: 'sasl.layer-unavailable', code: 'GSS_S_UNAUTHORIZED' },
  layerNotPermitted: { reason: 'sasl.layer-not-permitted', code: 'GSS_S_UNAUTHORIZED' },
  layerNotOffered: { reason: 'sasl.layer-not-offered', code: 'GSS_S_DEFECTIVE_TOKEN' },
  clientBuffer: { reason: 'sasl.client-buffer', code: 'GSS_S_UNAUTHORIZED' },
  malformedChoice: { reason: 'sasl.malformed-choice', code: 'GSS_S_DEFECTIVE_TOKEN' },
  outOfOrder: { reason: 'sasl.out-of-order', code: 'GSS_S_UNSEQ_TOKEN' },
  malformedName: { reason: 'sasl.malformed-name', code: 'GSS_S_BAD_NAME' },
  notAuthorized: { reason: 'sasl.not-authorized', code: 'GSS_S_UNAUTHORIZED' },
  otherService: { reason: 'sasl.other-service', code: 'GSS_S_UNAUTHORIZED' },
  gs2Header: { reason: 'sasl.gs2-header', code: 'GSS_S_DEFECTIVE_TOKEN' },
  bindingFlag: { reason: 'sasl.binding-flag', code: 'GSS_S_DEFECTIVE_TOKEN' },
  downgrade: { reason: 'sasl.downgrade', code: 'GSS_S_BAD_BINDINGS' },
  bindingsRequired: { reason: 'sasl.bindings-required', code: 'GSS_S_BAD_BINDINGS' },
  bindingType: { reason: 'sasl.binding-type', code: 'GSS_S_BAD_BINDINGS' },
  unboundHeader: { reason: 'sasl.unbound-header', code: 'GSS_S_BAD_BINDINGS' },
  frameEmpty: { reason: 'sasl.frame-empty', code: 'GSS_S_DEFECTIVE_TOKEN' },
  frameTooLong: { reason: 'sasl.frame-too-long', code: 'GSS_S_DEFECTIVE_TOKEN' },
  frameTruncated: { reason: 'sasl.frame-truncated', code: 'GSS_S_DEFECTIVE_TOKEN' },
  frameNotEncrypted: { reason: 'sasl.frame-not-encrypted', code: 'GSS_S_UNAUTHORIZED' },
};
