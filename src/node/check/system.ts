/** What a check asks the machine and the network; each answer has a deadline. */
import { lookup, Resolver } from 'node:dns/promises';
import { hostname, networkInterfaces } from 'node:os';
import type { Clock } from '../../time.ts';
import { systemClock } from '../../time.ts';
import type { SrvRecord } from '../kdc/find-kdcs.ts';

/** The machine and its network. Lookups reject if there is no such record, or no answer. */
export interface CheckSystem {
  readonly clock: Clock;
  /** The machine's own name. */
  readonly hostName: string;
  /** The addresses of its interfaces. */
  readonly ownAddresses: readonly string[];
  /** The addresses of a name, as clients of this machine find them: /etc/hosts, then DNS. */
  addressesOf(name: string): Promise<readonly string[]>;
  /** The names of an address. */
  namesOf(address: string): Promise<readonly string[]>;
  /** The name of which this one is an alias. */
  aliasedBy(name: string): Promise<readonly string[]>;
  servicesOf(name: string): Promise<readonly SrvRecord[]>;
}

/** This machine. */
export function thisSystem(): CheckSystem {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT, tries: 1 });
  return {
    clock: systemClock,
    hostName: hostname(),
    ownAddresses: Object.values(networkInterfaces()).flatMap((addresses = []) =>
      addresses.map(({ address }) => address),
    ),
    addressesOf: async (name) => {
      const found = await inTime(lookup(name, { all: true }));
      return [...new Set(found.map(({ address }) => address))];
    },
    namesOf: (address) => inTime(resolver.reverse(address)),
    aliasedBy: (name) => inTime(resolver.resolveCname(name)),
    servicesOf: (name) => inTime(resolver.resolveSrv(name)),
  };
}

/** getaddrinfo has no time limit of its own. */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  const tooLate = Object.assign(new Error('no answer'), { code: 'ETIMEOUT' });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      answer,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(tooLate), 2 * DNS_TIMEOUT);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

// Milliseconds.
const DNS_TIMEOUT = 2000;
