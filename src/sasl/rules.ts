/** The mechanisms as functions: what the client's first bytes hold, and what follows the context. */
import type { SecurityContext } from '../context/context.ts';
import { readFirstToken } from '../gss/framing.ts';
import { isKrb5Mechanism } from '../gss/mechanism.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import type { SaslLayer } from './layer.ts';
import { layersOfContext } from './layer.ts';
import type { SaslMechanism } from './options.ts';
import { refused } from './refusals.ts';

/** What the rules know of an exchange. */
export interface ExchangeFacts {
  readonly layers: readonly SaslLayer[];
  readonly channelBindings: HandshakeOptions['channelBindings'];
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

/** RFC 4752. */
const gssapi: MechanismRules = {
  first: (token, { channelBindings }) => {
    if (token.length === 0) throw refused('emptyResponse');
    checkKerberos(token);
    return { token, channelBindings };
  },
  established: (context, { layers }) => {
    const possible = layersOfContext(context);
    const offer = layers.filter((layer) => possible.includes(layer));
    if (offer.length === 0) throw refused('layerUnavailable');
    return { offer };
  },
};

/**
 * GSS-SPNEGO of Active Directory (MS-ADTS §5.1.1.1.2) and of Cyrus SASL since 2.1.27: the flags of the
 * context decide about the layer, and no buffers are stated. An empty first response asks for the
 * acceptor's list of mechanisms (MS-SPNG §3.2.5.2).
 */
const spnego: MechanismRules = {
  first: (token, { channelBindings }) => ({ token, channelBindings }),
  established: (context, { layers }) => {
    const layer = layersOfContext(context).at(-1)!;
    if (!layers.includes(layer)) throw refused('layerNotPermitted', { facts: `it is ${layer}` });
    return { layer };
  },
};

/** The rules of each mechanism. */
export const RULES: Readonly<Record<SaslMechanism, MechanismRules>> = {
  GSSAPI: gssapi,
  'GSS-SPNEGO': spnego,
};

/** RFC 4752 §1: GSSAPI means Kerberos. A negotiation inside it would have no protected list. */
function checkKerberos(token: Uint8Array): void {
  const first = readFirstToken(token);
  if (!first.framed || !isKrb5Mechanism(first.mechanism)) throw refused('otherMechanism');
}
