/** IAKERB as a mechanism. Its code is loaded with its first token, because few acceptors relay. */
import { Mechanism } from '../gss/mechanism.ts';
import type { Exchange, MechanismSteps } from '../krb5/settings.ts';

/** draft-ietf-kitten-iakerb-03: as many tokens as the initiator needs, then those of Kerberos. */
export const iakerb: MechanismSteps = {
  oids: [Mechanism.iakerb],
  bareTags: [],
  begin: (first, exchange) =>
    relay?.beginRelay(first, exchange) ??
    load(exchange).then(({ beginRelay }) => beginRelay(first, exchange)),
  step: (state, token, exchange) =>
    relay?.continueRelay(state, token, exchange) ??
    load(exchange).then(({ continueRelay }) => continueRelay(state, token, exchange)),
};

async function load({ settings, patience }: Exchange): Promise<Relay> {
  const loading = import('./relay.ts').then((loaded) => {
    relay = loaded;
  });
  await patience.wait(loading, settings.waits.modules);
  return relay!;
}

type Relay = typeof import('./relay.ts');

// An import() for each token would take longer than the token itself.
let relay: Relay | undefined;
