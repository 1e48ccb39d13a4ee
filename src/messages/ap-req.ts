/** AP-REQ and Authenticator (RFC 4120 §5.5.1). */
import type { KerberosTime } from '../time.ts';
import type { AuthorizationData } from './authorization-data.ts';
import type { Checksum, EncryptedData, KeyValue } from './encrypted-data.ts';
import type { PrincipalName } from './principal.ts';
import type { Ticket } from './ticket.ts';

export interface ApReq {
  /** {@link ApOption} bits; RFC bit n is `(1 << (31 - n)) >>> 0`. */
  readonly apOptions: number;
  readonly ticket: Ticket;
  readonly authenticator: EncryptedData;
}

/** RFC 4120 §5.5.1. */
export const ApOption = {
  useSessionKey: 0x40000000,
  mutualRequired: 0x20000000,
} as const;

export interface Authenticator {
  readonly clientRealm: string;
  readonly clientName: PrincipalName;
  readonly checksum?: Checksum;
  /** Microseconds, 0..999999. */
  readonly cusec: number;
  readonly ctime: KerberosTime;
  readonly subkey?: KeyValue;
  /** 0..2^32-1. */
  readonly sequenceNumber?: number;
  readonly authorizationData?: AuthorizationData;
}
