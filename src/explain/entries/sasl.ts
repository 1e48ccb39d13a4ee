/** What there is to say about SASL exchanges (RFC 4752). Small: the refusals of `sasl/` import it too. */
import type { Explanation, Explanations } from '../reasons.ts';
import type { SaslDetails } from '../service-reasons.ts';

/** The text and the remedy of each refusal. */
export const SASL_WORDS: Readonly<
  Record<keyof SaslDetails, readonly [text: string, remedy: string]>
> = {
  'sasl.unknown-mechanism': [
    'The client chose a SASL mechanism that is not offered',
    'let the server advertise the names in SaslServer.mechanismsFor only',
  ],
  'sasl.other-mechanism': [
    'The token is not one of Kerberos, which this SASL mechanism needs',
    'a client that negotiates with SPNEGO has to choose GSS-SPNEGO',
  ],
  'sasl.empty-response': [
    'The client sent an empty response instead of a token',
    'the client has no ticket for this service, or its SASL library is faulty',
  ],
  'sasl.early-data': [
    'The client sent data where it had to send an empty response',
    'the client does not wait for the server, or its SASL library is faulty',
  ],
  'sasl.too-long': [
    'The response of the client is too long',
    'no Kerberos token is that long: the bytes are of another protocol, or hostile',
  ],
  'sasl.flags': [
    'The client did not ask for flags that this SASL mechanism needs',
    'have the client ask for mutual authentication',
  ],
  'sasl.layer-unavailable': [
    'The client can use no security layer that the server permits',
    'have the client ask for integrity, sequence numbers and mutual authentication, and for confidentiality if only that is permitted; or permit another layer (layers)',
  ],
  'sasl.layer-not-permitted': [
    'The client wants a security layer that the server does not permit',
    'permit it (layers), or have the client ask for another one, such as maxssf=0 under TLS',
  ],
  'sasl.layer-not-offered': [
    'The client chose a security layer that was not offered',
    'the SASL library of the client is faulty',
  ],
  'sasl.client-buffer': [
    'The buffer of the client is too small for any frame of the security layer',
    'give the client a larger buffer (maxbufsize of Cyrus SASL, 65536 for instance)',
  ],
  'sasl.malformed-choice': [
    'The choice of the security layer is malformed',
    'the SASL library of the client is faulty',
  ],
  'sasl.out-of-order': [
    'A token of the client is repeated, missing or out of order',
    'frames were lost or repeated on the way, or the client wraps for two connections',
  ],
  'sasl.malformed-name': [
    'The authorization identity is malformed',
    'it must be UTF-8 without NUL, and at most 1024 bytes',
  ],
  'sasl.not-authorized': [
    'The client may not act as the identity that it asked for',
    'without the option authorize a client may only act as itself: have it send no authorization identity, or permit others with authorize',
  ],
  'sasl.other-service': [
    'The ticket is for another service',
    'the option service permits tickets for one service only',
  ],
  'sasl.gs2-header': [
    'The header of GS2 is malformed',
    'the SASL library of the client is faulty, or the response is of another mechanism',
  ],
  'sasl.binding-flag': [
    'The client uses channel bindings where its mechanism has none, or none where it needs them',
    'GS2-KRB5-PLUS goes with channel bindings, GS2-KRB5 without: the SASL library of the client is faulty',
  ],
  'sasl.downgrade': [
    'The client saw no mechanism with channel bindings, although the server offers one',
    'somebody has altered the list of mechanisms on the way, or the server does not advertise GS2-KRB5-PLUS: send the names of SaslServer.mechanismsFor, with the channel bindings of the connection',
  ],
  'sasl.bindings-required': [
    'The client does not use channel bindings, which are required',
    'have the client use GS2-KRB5-PLUS, or relax channelBindingPolicy of the acceptor',
  ],
  'sasl.binding-type': [
    'The client uses channel bindings of a type that the server has not',
    'give channel bindings of this type to SaslServer.begin, such as those of tlsServerEndPoint or tlsExporter',
  ],
  'sasl.unbound-header': [
    'The token is not bound to the header of GS2',
    'the SASL library of the client does not protect its authorization identity',
  ],
  'sasl.frame-empty': [
    'A frame of the security layer is empty',
    'the client sends plain text after authentication, or its SASL library is faulty',
  ],
  'sasl.frame-too-long': [
    'A frame of the security layer is longer than the server permits',
    'the client sends plain text after authentication, or does not respect the buffer that the server stated (maxBuffer)',
  ],
  'sasl.frame-truncated': [
    'The connection ended within a frame of the security layer',
    'the connection was cut, by the client or on the way',
  ],
  'sasl.frame-not-encrypted': [
    'A frame is not encrypted, although confidentiality was agreed on',
    'the SASL library of the client is faulty',
  ],
};

/** The area `sasl`. */
export const SASL = Object.fromEntries(
  Object.entries(SASL_WORDS).map(([reason, words]) => [reason, explanationOf(words)]),
) as unknown as Explanations<keyof SaslDetails>;

function explanationOf([text, remedy]: readonly [string, string]): Explanation<keyof SaslDetails> {
  return {
    text: ({ facts }) => (facts === undefined ? text : `${text}: ${facts}`),
    remedies: () => [remedy],
  };
}
