/** What a test realm's KDC knows, and the small questions that both of its exchanges ask. */
import type { EncryptionKey } from '../../crypto/key.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { Principal, PrincipalName } from '../../messages/principal.ts';
import { principalEqual } from '../../messages/principal.ts';
import type { RandomSource } from '../../random.ts';
import type { Clock, KerberosTime } from '../../time.ts';
import { KdcError } from './error.ts';
import type { Service, User } from './principals.ts';

/** A KDC: its principals and its policy. Nothing in it changes with a request. */
export interface KdcState {
  readonly realm: string;
  readonly users: readonly User[];
  /** Services with their own keys, and krbtgt principals of other realms. */
  readonly services: readonly Service[];
  readonly ticketGranting: Service;
  /** krbtgt principals of other realms that issue tickets for this one. */
  readonly trusted: readonly Service[];
  /** Seconds. */
  readonly ticketLifetime: number;
  /** Seconds. */
  readonly renewableLifetime: number;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly crypto: CryptoProvider;
}

/** The principal of the ticket-granting service of `realm` in `issuer` (RFC 4120 §7.3). */
export function ticketGranting(realm: string, issuer: string): Principal {
  return { nameType: 2, components: ['krbtgt', realm], realm: issuer };
}

/** @throws {@link KdcError} KDC_ERR_S_PRINCIPAL_UNKNOWN; KDC_ERR_MUST_USE_USER2USER for a user. */
export function findService(kdc: KdcState, name: PrincipalName | undefined): Service {
  const principal = { nameType: 0, components: [], ...name, realm: kdc.realm };
  const service = [kdc.ticketGranting, ...kdc.services].find((candidate) =>
    principalEqual(candidate.principal, principal),
  );
  if (service !== undefined) return service;
  // A ticket in the key of a password would let any client search for that password.
  const isUser = kdc.users.some((user) => principalEqual(user.principal, principal));
  throw new KdcError(isUser ? 'KDC_ERR_MUST_USE_USER2USER' : 'KDC_ERR_S_PRINCIPAL_UNKNOWN');
}

/** RFC 4120 §3.1.3: the first enctype of the request for which there is a key. */
export function firstEnctype(requested: readonly number[], known: readonly number[]): number {
  const enctype = requested.find((candidate) => known.includes(candidate));
  if (enctype === undefined) throw new KdcError('KDC_ERR_ETYPE_NOSUPP');
  return enctype;
}

/** The key that a KDC encrypts tickets for a service with: the first one. */
export function ticketKey({ keys }: Service): EncryptionKey {
  const [enctype] = keys.enctypes;
  const key = enctype === undefined ? undefined : keys.find(enctype);
  if (key === undefined) throw new KdcError('KDC_ERR_ETYPE_NOSUPP');
  return key;
}

/** Whole seconds of the KDC's clock. */
export function nowOf(kdc: KdcState): KerberosTime {
  return Math.floor(kdc.clock() / 1000);
}

/** @throws {@link KdcError} KRB_AP_ERR_SKEW if a client's clock is more than five minutes off. */
export function checkClock(kdc: KdcState, time: KerberosTime): void {
  if (Math.abs(nowOf(kdc) - time) > MAX_SKEW) throw new KdcError('KRB_AP_ERR_SKEW');
}

// RFC 4120 §8.2 recommends five minutes.
const MAX_SKEW = 300;
