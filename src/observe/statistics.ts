/** What an acceptor has counted, as plain data for programs. */
import { enctypeName } from '../crypto/numbers.ts';
import type { BindingsUse, KeyUse, ServiceUse } from './usage.ts';

/**
 * The counters of an acceptor since it was made: plain data, a copy. Names of clients are not in it, and
 * a hostile client cannot make it larger than a bound.
 */
export interface AcceptorStatistics {
  /** When counting began. */
  readonly since: Date;
  /** Established contexts. */
  readonly accepted: number;
  /** Exchanges that failed. */
  readonly refused: number;
  /** Exchanges whose client went away before their end. */
  readonly abandoned: number;
  /**
   * Clients that were asked for a token: requests over HTTP without one, and exchanges that need another
   * one.
   */
  readonly challenged: number;
  /** Failed and abandoned exchanges, and requests refused before any, by reason. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Challenges with something to say, by reason: `negotiate.ntlm` for a client that prefers NTLM. */
  readonly challenges: Readonly<Record<string, number>>;
  /**
   * Reasons why something is missing from an accepted client: a delegated credential, or the groups of a
   * PAC that does not verify.
   */
  readonly notes: Readonly<Record<string, number>>;
  /** Faults of the keytab since the credential was acquired, by reason; see `CredentialWarning`. */
  readonly warnings: Readonly<Record<string, number>>;
  /** Contexts by their enctypes. */
  readonly enctypes: EnctypeStatistics;
  /** Contexts by their channel bindings. */
  readonly bindings: BindingsStatistics;
  /** The services with a key in the keytab that clients have used. */
  readonly services: Readonly<Record<string, ServiceStatistics>>;
}

/** Numbers of contexts by name of enctype. */
export interface EnctypeStatistics {
  /** Of the service's key. */
  readonly tickets: Readonly<Record<string, number>>;
  /** Of the session key, which the KDC chose. */
  readonly sessionKeys: Readonly<Record<string, number>>;
  /** Of the initiator's subkey; of the session key if it sent none. */
  readonly subkeys: Readonly<Record<string, number>>;
  /** Of the key that protects messages. */
  readonly messages: Readonly<Record<string, number>>;
}

/** Numbers of contexts by their channel bindings. */
export interface BindingsStatistics {
  /** The client's bindings were equal to the server's. */
  readonly bound: number;
  /** The server had bindings, and the client sent none. */
  readonly unbound: number;
  /** The server had no bindings, or does not check them. */
  readonly none: number;
}

/** The counters of one service. */
export interface ServiceStatistics {
  /** Established contexts. */
  readonly accepted: number;
  /** Refused clients whose ticket was for this service, which its key has opened. */
  readonly refused: number;
}

export function bindingsOf(services: readonly ServiceUse[]): BindingsStatistics {
  const sums: Record<BindingsUse, number> = { bound: 0, unbound: 0, none: 0 };
  for (const { bindings } of services) {
    sums.bound += bindings.bound;
    sums.unbound += bindings.unbound;
    sums.none += bindings.none;
  }
  return sums;
}

export function enctypesOf(services: readonly ServiceUse[]): EnctypeStatistics {
  const keys = services.flatMap((service) => service.keys);
  const by = (enctypeOf: (key: KeyUse) => number): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const key of keys) {
      const name = enctypeName(enctypeOf(key));
      counts[name] = (counts[name] ?? 0) + key.count;
    }
    return counts;
  };
  return {
    tickets: by(({ ticket }) => ticket),
    sessionKeys: by(({ session }) => session),
    subkeys: by(({ subkey }) => subkey),
    messages: by(({ message }) => message),
  };
}

export function serviceStatisticsOf(
  services: readonly ServiceUse[],
): Record<string, ServiceStatistics> {
  const entries = services.map(
    ({ name, accepted, refused }) => [name, { accepted, refused }] as const,
  );
  return Object.fromEntries(entries);
}
