/** Verifies the AP-REQ in a TGS-REQ (RFC 4120 §3.3.2): whose ticket it is, and that it is whole. */
import { md5 } from '@noble/hashes/legacy.js';
import { decryptPart } from '../../ap/encrypted-part.ts';
import { constantTimeEqual } from '../../bytes.ts';
import { EncryptionKey } from '../../crypto/default-crypto.ts';
import { KeyUsage } from '../../crypto/numbers.ts';
import type { Authenticator } from '../../messages/ap-req.ts';
import { decodeApReq, decodeAuthenticator } from '../../messages/ap-req.ts';
import { PaDataType } from '../../messages/kdc/pa-data.ts';
import type { ReceivedKdcRequest } from '../../messages/kdc/request.ts';
import { principalEqual } from '../../messages/principal.ts';
import type { EncTicketPart, Ticket } from '../../messages/ticket.ts';
import { decodeEncTicketPart, TicketFlag } from '../../messages/ticket.ts';
import { KdcError } from './error.ts';
import type { KdcState } from './state.ts';
import { checkClock, nowOf } from './state.ts';

/** A TGS-REQ whose client is known. */
export interface VerifiedTgsRequest {
  /** The ticket-granting ticket. */
  readonly ticket: EncTicketPart;
  readonly sessionKey: EncryptionKey;
  /** The subkey of the authenticator. */
  readonly subkey?: EncryptionKey;
}

/** @throws {@link KdcError}, {@link KerberosError}. */
export function verifyTgsRequest(kdc: KdcState, request: ReceivedKdcRequest): VerifiedTgsRequest {
  const header = request.paData.find(({ type }) => type === PaDataType.tgsReq);
  // RFC 4120 §3.3.3: no PA-TGS-REQ, no answer.
  if (header === undefined) throw new KdcError('KDC_ERR_PADATA_TYPE_NOSUPP');
  const apReq = decodeApReq(header.value);
  const ticket = openTicket(kdc, apReq.ticket);
  // RFC 4120 §3.3.3.2: a path of further realms would have to be checked. Neighbours have none.
  if (ticket.clientRealm !== apReq.ticket.realm) throw new KdcError('KDC_ERR_POLICY');
  const { key } = ticket;
  const sessionKey = new EncryptionKey(key.enctype, key.value, kdc.crypto);
  const authenticator = decodeAuthenticator(
    decryptPart(sessionKey, KeyUsage.tgsReqAuthenticator, apReq.authenticator.cipher),
  );
  checkAuthenticator(kdc, ticket, authenticator);
  checkBody(request.encodedBody, authenticator, sessionKey);
  const { subkey } = authenticator;
  return {
    ticket,
    sessionKey,
    ...(subkey && { subkey: new EncryptionKey(subkey.enctype, subkey.value, kdc.crypto) }),
  };
}

/** Opens a ticket-granting ticket for this realm, of its own or of a realm that it trusts. */
export function openTicket(kdc: KdcState, ticket: Ticket): EncTicketPart {
  const name = { ...ticket.serverName, realm: ticket.realm };
  const service = [kdc.ticketGranting, ...kdc.trusted].find(({ principal }) =>
    principalEqual(principal, name),
  );
  const key = service?.keys.find(ticket.encPart.enctype);
  if (key === undefined) throw new KdcError('KRB_AP_ERR_NOT_US');
  const part = decodeEncTicketPart(decryptPart(key, KeyUsage.ticket, ticket.encPart.cipher));
  const now = nowOf(kdc);
  if ((part.flags & TicketFlag.invalid) !== 0) throw new KdcError('KRB_AP_ERR_TKT_NYV');
  if ((part.startTime ?? part.authTime) > now) throw new KdcError('KRB_AP_ERR_TKT_NYV');
  if (part.endTime <= now) throw new KdcError('KRB_AP_ERR_TKT_EXPIRED');
  return part;
}

function checkAuthenticator(
  kdc: KdcState,
  ticket: EncTicketPart,
  authenticator: Authenticator,
): void {
  const owner = { ...ticket.clientName, realm: ticket.clientRealm };
  const sender = { ...authenticator.clientName, realm: authenticator.clientRealm };
  if (!principalEqual(owner, sender)) throw new KdcError('KRB_AP_ERR_BADMATCH');
  checkClock(kdc, authenticator.ctime);
}

/** RFC 4120 §3.3.3: the checksum in the authenticator is that of the request's body. */
function checkBody(body: Uint8Array, { checksum }: Authenticator, key: EncryptionKey): void {
  if (checksum === undefined) throw new KdcError('KRB_AP_ERR_INAPP_CKSUM');
  // Java sends an unkeyed one: it is collision-proof enough inside of an encrypted authenticator.
  const genuine =
    checksum.type === RSA_MD5
      ? constantTimeEqual(md5(body), checksum.checksum)
      : key.verifyChecksumOfType(
          checksum.type,
          KeyUsage.tgsReqAuthenticatorChecksum,
          checksum.checksum,
          body,
        );
  if (!genuine) throw new KdcError('KRB_AP_ERR_MODIFIED');
}

// RFC 3961 §6.1.2.
const RSA_MD5 = 7;
