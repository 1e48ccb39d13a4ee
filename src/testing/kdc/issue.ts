/** Makes a ticket and the reply that carries it (RFC 4120 §3.1.3, §3.3.3). */
import { EncryptionKey } from '../../crypto/default-crypto.ts';
import { KeyUsage } from '../../crypto/numbers.ts';
import type { AuthorizationData } from '../../messages/authorization-data.ts';
import type { PaData } from '../../messages/kdc/pa-data.ts';
import { encodeEncKdcReplyPart, encodeKdcReply } from '../../messages/kdc/reply.ts';
import type { KdcRequestBody } from '../../messages/kdc/request.ts';
import type { HostAddress } from '../../messages/primitives.ts';
import type { Principal } from '../../messages/principal.ts';
import type { EncTicketPart, Ticket } from '../../messages/ticket.ts';
import { encodeEncTicketPart } from '../../messages/ticket.ts';
import type { KerberosTime } from '../../time.ts';
import { attachPac } from '../pac.ts';
import { pacOfUser } from '../user.ts';
import type { User } from './principals.ts';
import type { KdcState } from './state.ts';
import { ticketKey } from './state.ts';

/** The times of a ticket. */
export interface TicketTimes {
  readonly authTime: KerberosTime;
  readonly startTime: KerberosTime;
  readonly endTime: KerberosTime;
  readonly renewTill?: KerberosTime;
}

/** A ticket to be issued. */
export interface Grant {
  readonly client: Principal;
  /** The user whose PAC the ticket gets; no PAC if absent. */
  readonly pacOf?: User | undefined;
  /** The service as the client named it. */
  readonly server: Principal;
  readonly serverKey: EncryptionKey;
  /** The version of `serverKey`; absent for a session key (user-to-user). */
  readonly kvno?: number;
  readonly sessionEnctype: number;
  /** {@link TicketFlag} bits. */
  readonly flags: number;
  readonly times: TicketTimes;
  readonly addresses?: readonly HostAddress[] | undefined;
  readonly authorizationData?: AuthorizationData;
}

/** How the reply is protected. */
export interface ReplySeal {
  /** A `KdcReplyType`. */
  readonly type: number;
  readonly key: EncryptionKey;
  readonly usage: number;
  readonly kvno?: number;
  readonly paData?: readonly PaData[];
}

/** @returns An AS-REP or TGS-REP with the ticket of the grant. */
export function issue(
  kdc: KdcState,
  body: KdcRequestBody,
  grant: Grant,
  seal: ReplySeal,
): Uint8Array {
  const { client, server, flags, times, addresses } = grant;
  const sessionKey = EncryptionKey.generate(grant.sessionEnctype, kdc.random, kdc.crypto);
  const key = { enctype: sessionKey.enctype, value: sessionKey.bytes() };
  const ticket = makeTicket(kdc, grant, {
    flags,
    key,
    clientRealm: client.realm,
    clientName: client,
    transited: { type: DOMAIN_X500_COMPRESS, contents: new Uint8Array() },
    ...times,
    ...(addresses !== undefined && { addresses }),
    ...(grant.authorizationData !== undefined && { authorizationData: grant.authorizationData }),
  });
  const part = encodeEncKdcReplyPart(seal.type, {
    key,
    lastRequests: [{ type: 0, time: 0 }],
    nonce: body.nonce,
    flags,
    ...times,
    realm: server.realm,
    serverName: server,
    ...(addresses !== undefined && { addresses }),
  });
  return encodeKdcReply({
    type: seal.type,
    paData: seal.paData ?? [],
    clientRealm: client.realm,
    clientName: client,
    ticket,
    encPart: {
      enctype: seal.key.enctype,
      ...(seal.kvno !== undefined && { kvno: seal.kvno }),
      cipher: seal.key.encrypt(seal.usage, part, kdc.random),
    },
  });
}

function makeTicket(kdc: KdcState, grant: Grant, unsigned: EncTicketPart): Ticket {
  const { server, serverKey, pacOf, kvno } = grant;
  const part = pacOf === undefined ? unsigned : withPac(kdc, grant, unsigned, pacOf);
  return {
    realm: server.realm,
    serverName: server,
    encPart: {
      enctype: serverKey.enctype,
      ...(kvno !== undefined && { kvno }),
      cipher: serverKey.encrypt(KeyUsage.ticket, encodeEncTicketPart(part), kdc.random),
    },
  };
}

function withPac(kdc: KdcState, grant: Grant, part: EncTicketPart, user: User): EncTicketPart {
  const { serverKey } = grant;
  const kdcKey = ticketKey(kdc.ticketGranting);
  // MS-PAC §2.8.3: a ticket-granting ticket has no ticket signature; its key is the KDC's own.
  const keys = serverKey === kdcKey ? { serverKey } : { serverKey, kdcKey };
  return attachPac(part, pacOfUser(user.description, user.principal), keys);
}

// RFC 4120 §3.3.3.2.
const DOMAIN_X500_COMPRESS = 1;
