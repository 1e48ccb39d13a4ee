/** IAKERB as a mechanism. What it does is loaded with the first token of it: few acceptors relay. */
import { Mechanism } from '../gss/mechanism.ts';
import type { MechanismSteps } from '../krb5/settings.ts';

/** draft-ietf-kitten-iakerb-03: as many tokens as the initiator needs, then those of Kerberos. */
export const iakerb: MechanismSteps = {
  oids: [Mechanism.iakerb],
  bareTags: [],
  async begin(first, exchange) {
    const { beginRelay } = await import('./relay.ts');
    return await beginRelay(first, exchange);
  },
  async step(state, token, exchange) {
    const { continueRelay } = await import('./relay.ts');
    return await continueRelay(state, token, exchange);
  },
};
