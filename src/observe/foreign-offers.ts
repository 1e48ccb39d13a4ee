/** Counts offers of NTLM, NegoEx and IAKERB by address, for the last 1024 addresses. */

import { formatHostAddress } from '../messages/host-address.ts';
import type { HostAddress } from '../messages/primitives.ts';

/** A mechanism that the acceptor lacks, and that tells something about a client. */
export type ForeignMechanism = 'ntlm' | 'negoex' | 'iakerb';

export class ForeignOffers {
  readonly #addresses = new Map<string, Offers>();

  add(mechanism: ForeignMechanism, peer: HostAddress | undefined, now: number): void {
    const address = peer === undefined ? UNKNOWN : formatHostAddress(peer);
    const offers = this.#addresses.get(address) ?? { ntlm: 0, negoex: 0, iakerb: 0, lastSeen: 0 };
    offers[mechanism]++;
    offers.lastSeen = now;
    // The addresses that were seen last are at the end.
    this.#addresses.delete(address);
    this.#addresses.set(address, offers);
    if (this.#addresses.size <= MAX_ADDRESSES) return;
    for (const oldest of this.#addresses.keys()) {
      this.#addresses.delete(oldest);
      return;
    }
  }

  /** A copy, the latest address last. */
  list(): (Record<ForeignMechanism, number> & { address: string; lastSeen: Date })[] {
    return [...this.#addresses].map(([address, { lastSeen, ...counts }]) => ({
      address,
      ...counts,
      lastSeen: new Date(lastSeen),
    }));
  }
}

/** The mechanism that a refusal or a challenge of this reason is about. */
export function foreignMechanismOf(reason: string): ForeignMechanism | undefined {
  return FOREIGN[reason];
}

interface Offers extends Record<ForeignMechanism, number> {
  lastSeen: number;
}

const UNKNOWN = 'unknown';
const MAX_ADDRESSES = 1024;
const FOREIGN: Readonly<Record<string, ForeignMechanism>> = {
  'negotiate.ntlm': 'ntlm',
  'negotiate.negoex': 'negoex',
  'negotiate.iakerb-only': 'iakerb',
  'negotiate.iakerb-or-ntlm': 'iakerb',
  'iakerb.off': 'iakerb',
};
