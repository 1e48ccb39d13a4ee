/** A mechanism as two functions: what the client's first bytes hold, and what follows the context. */
import type { SecurityContext } from '../context/context.ts';
import { readFirstToken } from '../gss/framing.ts';
import { isKrb5Mechanism } from '../gss/mechanism.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import type { SaslLayer } from './layer.ts';
import { refused } from './refusals.ts';

/** What the rules know of an exchange. */
export interface ExchangeFacts {
  readonly layers: readonly SaslLayer[];
  readonly channelBindings: HandshakeOptions['channelBindings'];
  /** Whether the acceptor admits nobody without channel bindings. */
  readonly bindingsRequired: boolean;
  /** Whether a mechanism with channel bindings is offered on this connection. */
  readonly plusOffered: boolean;
}

/** The client's first response, taken apart. */
export interface FirstResponse {
  /** For the acceptor. */
  readonly token: Uint8Array;
  /** The bindings that the acceptor compares. */
  readonly channelBindings: HandshakeOptions['channelBindings'];
  /** The authorization identity, if the mechanism sends it now. */
  readonly requestedId?: string;
}

/** How the exchange continues once there is a context. */
export type Continuation =
  | {
      /** The server offers layers (RFC 4752 §3.1). */
      readonly offer: readonly SaslLayer[];
    }
  | {
      /** The exchange ends, with this layer. */
      readonly layer: SaslLayer;
    };

/** One mechanism. Its functions throw GssError to refuse the client. */
export interface MechanismRules {
  readonly first: (response: Uint8Array, facts: ExchangeFacts) => FirstResponse;
  readonly established: (context: SecurityContext, facts: ExchangeFacts) => Continuation;
}

/**
 * RFC 4752 §1, RFC 5801 §14: these mechanisms mean Kerberos. Nothing would protect the choice of SASL
 * mechanism against the list of a negotiation inside them.
 *
 * @throws {@link GssError} GSS_S_BAD_MECH; DecodeError for a malformed header.
 */
export function checkKerberos(token: Uint8Array): void {
  const first = readFirstToken(token);
  if (!first.framed || !isKrb5Mechanism(first.mechanism)) throw refused('otherMechanism');
}
