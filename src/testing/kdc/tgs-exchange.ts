/** The TGS exchange (RFC 4120 §3.3): tickets for services, renewed and forwarded tickets. */
import { decryptPart } from '../../ap/encrypted-part.ts';
import { EncryptionKey } from '../../crypto/default-crypto.ts';
import { KeyUsage } from '../../crypto/numbers.ts';
import type { AuthorizationData } from '../../messages/authorization-data.ts';
import {
  AuthorizationDataType,
  decodeAuthorizationData,
  relevantElements,
} from '../../messages/authorization-data.ts';
import { PaDataType } from '../../messages/kdc/pa-data.ts';
import { KdcReplyType } from '../../messages/kdc/reply.ts';
import type { KdcRequestBody, ReceivedKdcRequest } from '../../messages/kdc/request.ts';
import { KdcOption } from '../../messages/kdc/request.ts';
import { principalEqual } from '../../messages/principal.ts';
import type { EncTicketPart } from '../../messages/ticket.ts';
import { TicketFlag } from '../../messages/ticket.ts';
import { KdcError } from './error.ts';
import type { Grant, TicketTimes } from './issue.ts';
import { issue } from './issue.ts';
import type { User } from './principals.ts';
import { findUser } from './principals.ts';
import type { KdcState } from './state.ts';
import { findService, firstEnctype, nowOf, ticketKey } from './state.ts';
import type { VerifiedTgsRequest } from './tgs-request.ts';
import { openTicket, verifyTgsRequest } from './tgs-request.ts';

/**
 * Answers a TGS-REQ.
 *
 * @returns A TGS-REP.
 * @throws {@link KdcError}; {@link KerberosError} for malformed or altered parts.
 */
export function answerTgsRequest(kdc: KdcState, request: ReceivedKdcRequest): Uint8Array {
  const verified = verifyTgsRequest(kdc, request);
  const { ticket, sessionKey, subkey } = verified;
  const { body, paData } = request;
  // MS-SFU: a service that asks for a ticket of a user. To ignore it would issue one of the service.
  if (paData.some(({ type }) => type === PaDataType.forUser || type === PaDataType.forX509User)) {
    throw new KdcError('KDC_ERR_PADATA_TYPE_NOSUPP');
  }
  checkOptions(body, ticket);
  const client = { ...ticket.clientName, realm: ticket.clientRealm };
  const times = timesOf(kdc, body, ticket);
  const grant: Grant = {
    client,
    pacOf: pacOwner(kdc, ticket),
    ...serverOf(kdc, body),
    flags: flagsOf(body, ticket, times),
    times,
    addresses: addressesOf(body, ticket),
    authorizationData: authorizationDataOf(body, verified),
  };
  const seal =
    subkey === undefined
      ? { key: sessionKey, usage: KeyUsage.tgsRepEncPartSessionKey }
      : { key: subkey, usage: KeyUsage.tgsRepEncPartSubkey };
  return issue(kdc, body, grant, { type: KdcReplyType.tgs, ...seal });
}

/** RFC 4120 §3.3.3: an option needs the flag of the ticket that permits it. */
function checkOptions({ options }: KdcRequestBody, { flags }: EncTicketPart): void {
  if ((options & (KdcOption.postdated | KdcOption.allowPostdate)) !== 0) {
    throw new KdcError('KDC_ERR_CANNOT_POSTDATE');
  }
  if ((options & NOT_OFFERED) !== 0) throw new KdcError('KDC_ERR_BADOPTION');
  for (const [option, flag] of PERMITTED_BY) {
    if ((options & option) !== 0 && (flags & flag) === 0) throw new KdcError('KDC_ERR_BADOPTION');
  }
}

/** The service and its key; for user-to-user (RFC 4120 §3.3.3) the session key of its ticket. */
function serverOf(
  kdc: KdcState,
  body: KdcRequestBody,
): Pick<Grant, 'server' | 'serverKey' | 'kvno' | 'sessionEnctype'> {
  if ((body.options & KdcOption.encTktInSkey) !== 0) return userToUser(kdc, body);
  const service = findService(kdc, body.serverName);
  return {
    server: { ...service.principal, ...body.serverName },
    serverKey: ticketKey(service),
    kvno: service.keys.kvno,
    sessionEnctype: firstEnctype(body.enctypes, service.keys.enctypes),
  };
}

function userToUser(
  kdc: KdcState,
  { additionalTickets, serverName, enctypes }: KdcRequestBody,
): Pick<Grant, 'server' | 'serverKey' | 'sessionEnctype'> {
  const [second] = additionalTickets ?? [];
  if (second === undefined || serverName === undefined) throw new KdcError('KDC_ERR_BADOPTION');
  const { key, clientName, clientRealm } = openTicket(kdc, second);
  const owner = { ...clientName, realm: clientRealm };
  const server = { ...serverName, realm: kdc.realm };
  // RFC 4120 §3.3.3: the additional ticket must be that of the requested server.
  if (!principalEqual(owner, server)) throw new KdcError('KDC_ERR_SERVER_NOMATCH');
  return {
    server,
    serverKey: new EncryptionKey(key.enctype, key.value, kdc.crypto),
    sessionEnctype: firstEnctype(enctypes, [key.enctype]),
  };
}

/** The user whose PAC the new ticket gets: that of a ticket with a PAC, made anew. */
function pacOwner(kdc: KdcState, ticket: EncTicketPart): User | undefined {
  const elements = relevantElements(ticket.authorizationData);
  if (!elements.some(({ type }) => type === AuthorizationDataType.win2kPac)) return undefined;
  // A PAC of another realm is not passed on.
  if (ticket.clientRealm !== kdc.realm) return undefined;
  return findUser(kdc.users, kdc.realm, ticket.clientName);
}

/** What the client itself adds (RFC 4120 §3.3.3); of the ticket's own there is only the PAC. */
function authorizationDataOf(
  { authorizationData }: KdcRequestBody,
  { sessionKey, subkey }: VerifiedTgsRequest,
): AuthorizationData {
  if (authorizationData === undefined) return [];
  const usage =
    subkey === undefined
      ? KeyUsage.tgsReqAuthorizationDataSessionKey
      : KeyUsage.tgsReqAuthorizationDataSubkey;
  const plain = decryptPart(subkey ?? sessionKey, usage, authorizationData.cipher);
  return decodeAuthorizationData(plain);
}

function timesOf(kdc: KdcState, body: KdcRequestBody, ticket: EncTicketPart): TicketTimes {
  const now = nowOf(kdc);
  const { authTime, renewTill, endTime: ticketEnd } = ticket;
  if ((body.options & KdcOption.renew) !== 0) {
    // RFC 4120 §3.3.3: a renewed ticket lives as long as the ticket did, and not past renew-till.
    if (renewTill === undefined || renewTill <= now) throw new KdcError('KRB_AP_ERR_TKT_EXPIRED');
    const lifetime = ticketEnd - (ticket.startTime ?? authTime);
    return { authTime, startTime: now, endTime: Math.min(renewTill, now + lifetime), renewTill };
  }
  const wanted = body.till === 0 ? ticketEnd : body.till;
  const endTime = Math.min(wanted, ticketEnd, now + kdc.ticketLifetime);
  if (endTime <= now) throw new KdcError('KDC_ERR_NEVER_VALID');
  const times = { authTime, startTime: now, endTime };
  if ((body.options & KdcOption.renewable) === 0 || renewTill === undefined) return times;
  return { ...times, renewTill: Math.min(renewTill, body.renewTill || renewTill) };
}

function flagsOf(body: KdcRequestBody, ticket: EncTicketPart, times: TicketTimes): number {
  const wanted = body.options & (KdcOption.forwardable | KdcOption.proxiable);
  const derived = body.options & (KdcOption.forwarded | KdcOption.proxy);
  const kept = ticket.flags & KEPT_FLAGS;
  const renewable = times.renewTill === undefined ? 0 : TicketFlag.renewable;
  // RFC 4120 §2.7: the path of realms has been checked; there is none.
  return (wanted | derived | kept | renewable | TicketFlag.transitedPolicyChecked) >>> 0;
}

/** RFC 4120 §3.3.3: a forwarded ticket has the addresses of the request, any other those it had. */
function addressesOf(body: KdcRequestBody, ticket: EncTicketPart): Grant['addresses'] {
  const moves = (body.options & (KdcOption.forwarded | KdcOption.proxy)) !== 0;
  return moves ? body.addresses : ticket.addresses;
}

const NOT_OFFERED = KdcOption.validate | KdcOption.constrainedDelegation | KdcOption.anonymous;
const PERMITTED_BY: readonly (readonly [option: number, flag: number])[] = [
  [KdcOption.forwardable | KdcOption.forwarded, TicketFlag.forwardable],
  [KdcOption.proxiable | KdcOption.proxy, TicketFlag.proxiable],
  [KdcOption.renewable | KdcOption.renew, TicketFlag.renewable],
];
// RFC 4120 §2.1, §2.6: how the client was authenticated, and that its ticket was forwarded.
const KEPT_FLAGS =
  TicketFlag.preAuthent | TicketFlag.hwAuthent | TicketFlag.forwarded | TicketFlag.proxy;
