/** The rules of each mechanism. */
import { gs2Rules } from './gs2.ts';
import { layersOfContext } from './layer.ts';
import type { MechanismRules } from './mechanism-rules.ts';
import { checkKerberos } from './mechanism-rules.ts';
import type { SaslMechanism } from './options.ts';
import { refused } from './refusals.ts';

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
  'GS2-KRB5': gs2Rules(false),
  'GS2-KRB5-PLUS': gs2Rules(true),
};
