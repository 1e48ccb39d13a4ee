/**
 * Opens delegated credentials. Few initiators delegate: this module and the decoder of KRB-CRED are
 * loaded for the first one that does.
 */
import type { VerifiedApReq } from '../ap/accept.ts';
import { decryptPartOrNothing } from '../ap/encrypted-part.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { asReason, DecodeError, KerberosError } from '../errors.ts';
import type { KrbCredInfo } from '../messages/krb-cred.ts';
import { decodeEncKrbCredPart, decodeKrbCred } from '../messages/krb-cred.ts';
import type { Principal } from '../messages/principal.ts';
import { formatPrincipal, principalEqual } from '../messages/principal.ts';
import type { Ticket } from '../messages/ticket.ts';
import { printableName } from '../text.ts';
import type { DelegatedTicket } from './delegated-credential.ts';
import { DelegatedCredential } from './delegated-credential.ts';

/**
 * Opens a KRB-CRED (RFC 4120 §3.6.2).
 *
 * RFC 4121 §4.1.1 encrypts it in the session key. Some versions of Java use the subkey, and old
 * versions of MIT krb5 and Heimdal send it in the clear, inside the encrypted authenticator. Like MIT
 * krb5 we accept all three.
 *
 * Unlike MIT krb5 we compare its client with the initiator. The two are equal in genuine delegation,
 * since both names come from one ticket-granting ticket.
 *
 * @param bytes - The KRB-CRED in DER; not copied, and keys in it that are not encrypted are wiped.
 * @returns A credential that owns copies of keys and tickets.
 * @throws {@link KerberosError} KRB_AP_ERR_BAD_INTEGRITY, KRB_AP_ERR_BADMATCH, {@link DecodeError}.
 */
export function openDelegation(bytes: Uint8Array, verified: VerifiedApReq): DelegatedCredential {
  try {
    return readDelegation(bytes, verified);
  } catch (error) {
    throw asReason(error, { reason: 'delegation.malformed' });
  }
}

function readDelegation(bytes: Uint8Array, verified: VerifiedApReq): DelegatedCredential {
  const { tickets, encodedTickets, encPart } = decodeKrbCred(bytes);
  const plain =
    encPart.enctype === ENCTYPE_NULL
      ? encPart.cipher
      : decrypt(encPart.enctype, encPart.cipher, verified);
  try {
    const { ticketInfo } = decodeEncKrbCredPart(plain);
    if (tickets.length === 0 || tickets.length !== ticketInfo.length) {
      throw new DecodeError(
        `KRB-CRED has ${tickets.length} tickets, but describes ${ticketInfo.length}`,
      );
    }
    const delegated: DelegatedTicket[] = [];
    try {
      for (const [i, ticket] of tickets.entries()) {
        delegated.push(delegatedTicket(ticket, encodedTickets[i]!, ticketInfo[i]!, verified));
      }
    } catch (error) {
      for (const { sessionKey } of delegated) sessionKey.dispose();
      throw error;
    }
    return new DelegatedCredential(delegated);
  } finally {
    plain.fill(0);
  }
}

function decrypt(enctype: number, cipher: Uint8Array, verified: VerifiedApReq): Uint8Array {
  for (const key of [verified.opened.sessionKey, verified.subkey]) {
    if (key === undefined || key.enctype !== enctype) continue;
    const plain = decryptPartOrNothing(key, KeyUsage.krbCredEncPart, cipher);
    if (plain !== undefined) return plain;
  }
  throw new KerberosError('KRB_AP_ERR_BAD_INTEGRITY', {
    reason: 'delegation.malformed',
    hint: 'neither the session key nor the subkey decrypts the delegated credential',
  });
}

function delegatedTicket(
  ticket: Ticket,
  encoded: Uint8Array,
  info: KrbCredInfo,
  verified: VerifiedApReq,
): DelegatedTicket {
  // RFC 4120 §5.8.1: names are optional where the receiver knows them.
  const client = principalOf(info.clientName, info.clientRealm) ?? verified.client;
  checkClient(client, verified.client);
  // MIT krb5: the KrbCredInfo, which is encrypted, takes precedence over the clear part of the ticket.
  const named = principalOf(info.serverName, info.realm);
  const server = named ?? { ...ticket.serverName, realm: ticket.realm };
  const { key } = info;
  const sessionKey = new EncryptionKey(key.enctype, key.value, verified.opened.sessionKey.crypto);
  const authTime = info.authTime ?? 0;
  return {
    client,
    server,
    sessionKey,
    flags: info.flags ?? 0,
    authTime,
    startTime: info.startTime ?? authTime,
    endTime: info.endTime ?? 0,
    renewTill: info.renewTill ?? 0,
    addresses: (info.addresses ?? []).map(({ type, address }) => ({
      type,
      // A copy, since the message is wiped.
      address: address.slice(),
    })),
    ticket: encoded.slice(),
  };
}

function checkClient(named: Principal, initiator: Principal): void {
  if (principalEqual(named, initiator)) return;
  throw new KerberosError('KRB_AP_ERR_BADMATCH', {
    reason: 'delegation.other-client',
    message: 'Delegated credential belongs to another client',
    hint: 'stored under the name in it, the credential would be used for another user',
    detail: {
      delegated: printableName(formatPrincipal(named)),
      initiator: printableName(formatPrincipal(initiator)),
    },
  });
}

function principalOf(
  name: KrbCredInfo['clientName'],
  realm: string | undefined,
): Principal | undefined {
  return name === undefined || realm === undefined ? undefined : { ...name, realm };
}

const ENCTYPE_NULL = 0;
