/** The refusals of this entry: status, text and advice for each. */
import type { KerberosError } from '../errors.ts';
import type { SaslDetails } from '../explain/service-reasons.ts';
import type { GssErrorCode } from '../gss/status.ts';
import { GssError } from '../gss/status.ts';

interface Refusal {
  readonly reason: keyof SaslDetails;
  readonly code: GssErrorCode;
  readonly message: string;
  readonly hint: string;
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
  const { reason, code, message, hint } = REFUSALS[what];
  return new GssError(code, {
    reason,
    ...(facts !== undefined && { detail: { facts } }),
    message,
    hint: facts === undefined ? hint : `${facts}; ${hint}`,
    ...(minor !== undefined && { minor }),
  });
}

const REFUSALS: Readonly<Record<SaslRefusal, Refusal>> = {
  unknownMechanism: {
    reason: 'sasl.unknown-mechanism',
    code: 'GSS_S_BAD_MECH',
    message: 'The client chose a SASL mechanism that is not offered',
    hint: 'let the server advertise the names in SaslServer.mechanismsFor only',
  },
  otherMechanism: {
    reason: 'sasl.other-mechanism',
    code: 'GSS_S_BAD_MECH',
    message: 'The token is not one of Kerberos, which this SASL mechanism needs',
    hint: 'a client that negotiates with SPNEGO has to choose GSS-SPNEGO',
  },
  emptyResponse: {
    reason: 'sasl.empty-response',
    code: 'GSS_S_DEFECTIVE_TOKEN',
    message: 'The client sent an empty response instead of a token',
    hint: 'the client has no ticket for this service, or its SASL library is faulty',
  },
  earlyData: {
    reason: 'sasl.early-data',
    code: 'GSS_S_DEFECTIVE_TOKEN',
    message: 'The client sent data where it had to send an empty response',
    hint: 'the client does not wait for the server, or its SASL library is faulty',
  },
  tooLong: {
    reason: 'sasl.too-long',
    code: 'GSS_S_DEFECTIVE_TOKEN',
    message: 'The response of the client is too long',
    hint: 'no Kerberos token is that long: the bytes are of another protocol, or hostile',
  },
  flags: {
    reason: 'sasl.flags',
    code: 'GSS_S_UNAUTHORIZED',
    message: 'The client did not ask for flags that this SASL mechanism needs',
    hint: 'have the client ask for mutual authentication',
  },
  layerUnavailable: {
    reason: 'sasl.layer-unavailable',
    code: 'GSS_S_UNAUTHORIZED',
    message: 'The client can use no security layer that the server permits',
    hint:
      'have the client ask for integrity, sequence numbers and mutual authentication, and for ' +
      'confidentiality if only that is permitted; or permit another layer (layers)',
  },
  layerNotPermitted: {
    reason: 'sasl.layer-not-permitted',
    code: 'GSS_S_UNAUTHORIZED',
    message: 'The client wants a security layer that the server does not permit',
    hint: 'permit it (layers), or have the client ask for another one, such as maxssf=0 under TLS',
  },
  layerNotOffered: {
    reason: 'sasl.layer-not-offered',
    code: 'GSS_S_DEFECTIVE_TOKEN',
    message: 'The client chose a security layer that was not offered',
    hint: 'the SASL library of the client is faulty',
  },
  clientBuffer: {
    reason: 'sasl.client-buffer',
    code: 'GSS_S_UNAUTHORIZED',
    message: 'The buffer of the client is too small for any frame of the security layer',
    hint: 'give the client a larger buffer (maxbufsize of Cyrus SASL, 65536 for instance)',
  },
  malformedChoice: {
    reason: 'sasl.malformed-choice',
    code: 'GSS_S_DEFECTIVE_TOKEN',
    message: 'The choice of the security layer is malformed',
    hint: 'the SASL library of the client is faulty',
  },
  outOfOrder: {
    reason: 'sasl.out-of-order',
    code: 'GSS_S_UNSEQ_TOKEN',
    message: 'A token of the client is repeated, missing or out of order',
    hint: 'frames were lost or repeated on the way, or the client wraps for two connections',
  },
  malformedName: {
    reason: 'sasl.malformed-name',
    code: 'GSS_S_BAD_NAME',
    message: 'The authorization identity is malformed',
    hint: 'it must be UTF-8 without NUL, and at most 1024 bytes',
  },
  notAuthorized: {
    reason: 'sasl.not-authorized',
    code: 'GSS_S_UNAUTHORIZED',
    message: 'The client may not act as the identity that it asked for',
    hint:
      'without the option authorize a client may only act as itself: have it send no authorization ' +
      'identity, or permit others with authorize',
  },
  otherService: {
    reason: 'sasl.other-service',
    code: 'GSS_S_UNAUTHORIZED',
    message: 'The ticket is for another service',
    hint: 'the option service permits tickets for one service only',
  },
  gs2Header: {
    reason: 'sasl.gs2-header',
    code: 'GSS_S_DEFECTIVE_TOKEN',
    message: 'The header of GS2 is malformed',
    hint: 'the SASL library of the client is faulty, or the response is of another mechanism',
  },
  bindingFlag: {
    reason: 'sasl.binding-flag',
    code: 'GSS_S_DEFECTIVE_TOKEN',
    message:
      'The client uses channel bindings where its mechanism has none, or none where it needs them',
    hint: 'GS2-KRB5-PLUS goes with channel bindings, GS2-KRB5 without: the SASL library of the client is faulty',
  },
  downgrade: {
    reason: 'sasl.downgrade',
    code: 'GSS_S_BAD_BINDINGS',
    message: 'The client saw no mechanism with channel bindings, although the server offers one',
    hint: 'somebody has altered the list of mechanisms on the way, or the server does not advertise GS2-KRB5-PLUS: send the names of SaslServer.mechanismsFor, with the channel bindings of the connection',
  },
  bindingsRequired: {
    reason: 'sasl.bindings-required',
    code: 'GSS_S_BAD_BINDINGS',
    message: 'The client does not use channel bindings, which are required',
    hint: 'have the client use GS2-KRB5-PLUS, or relax channelBindingPolicy of the acceptor',
  },
  bindingType: {
    reason: 'sasl.binding-type',
    code: 'GSS_S_BAD_BINDINGS',
    message: 'The client uses channel bindings of a type that the server has not',
    hint: 'give channel bindings of this type to SaslServer.begin, such as those of tlsServerEndPoint or tlsExporter',
  },
  unboundHeader: {
    reason: 'sasl.unbound-header',
    code: 'GSS_S_BAD_BINDINGS',
    message: 'The token is not bound to the header of GS2',
    hint: 'the SASL library of the client does not protect its authorization identity',
  },
  frameEmpty: {
    reason: 'sasl.frame-empty',
    code: 'GSS_S_DEFECTIVE_TOKEN',
    message: 'A frame of the security layer is empty',
    hint: 'the client sends plain text after authentication, or its SASL library is faulty',
  },
  frameTooLong: {
    reason: 'sasl.frame-too-long',
    code: 'GSS_S_DEFECTIVE_TOKEN',
    message: 'A frame of the security layer is longer than the server permits',
    hint:
      'the client sends plain text after authentication, or does not respect the buffer that the ' +
      'server stated (maxBuffer)',
  },
  frameTruncated: {
    reason: 'sasl.frame-truncated',
    code: 'GSS_S_DEFECTIVE_TOKEN',
    message: 'The connection ended within a frame of the security layer',
    hint: 'the connection was cut, by the client or on the way',
  },
  frameNotEncrypted: {
    reason: 'sasl.frame-not-encrypted',
    code: 'GSS_S_UNAUTHORIZED',
    message: 'A frame is not encrypted, although confidentiality was agreed on',
    hint: 'the SASL library of the client is faulty',
  },
};
