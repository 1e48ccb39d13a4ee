/** Ticket and EncTicketPart (RFC 4120 §5.3). */
import type { KerberosTime } from '../time.ts';
import type { AuthorizationData } from './authorization-data.ts';
import type { EncryptedData, KeyValue } from './encrypted-data.ts';
import type { HostAddress } from './host-address.ts';
import type { PrincipalName } from './principal.ts';

export interface Ticket {
  readonly realm: string;
  readonly serverName: PrincipalName;
  readonly encPart: EncryptedData;
}

/** What only the service and the KDC can read of a ticket. */
export interface EncTicketPart {
  /** {@link TicketFlag} bits; RFC bit n is `(1 << (31 - n)) >>> 0`. */
  readonly flags: number;
  readonly key: KeyValue;
  readonly clientRealm: string;
  readonly clientName: PrincipalName;
  readonly transited: { readonly type: number; readonly contents: Uint8Array };
  readonly authTime: KerberosTime;
  /** Absent: as `authTime`. */
  readonly startTime?: KerberosTime;
  readonly endTime: KerberosTime;
  readonly renewTill?: KerberosTime;
  readonly addresses?: readonly HostAddress[];
  readonly authorizationData?: AuthorizationData;
}

/** RFC 4120 §5.3, RFC 6806 §11 (encPaRep), RFC 8062 §3 (anonymous). */
export const TicketFlag = {
  forwardable: 0x40000000,
  forwarded: 0x20000000,
  proxiable: 0x10000000,
  proxy: 0x08000000,
  mayPostdate: 0x04000000,
  postdated: 0x02000000,
  invalid: 0x01000000,
  renewable: 0x00800000,
  initial: 0x00400000,
  preAuthent: 0x00200000,
  hwAuthent: 0x00100000,
  transitedPolicyChecked: 0x00080000,
  okAsDelegate: 0x00040000,
  encPaRep: 0x00010000,
  anonymous: 0x00008000,
} as const;
