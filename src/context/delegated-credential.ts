/// <reference lib="esnext.disposable" preserve="true" />
/** Credentials that an initiator delegates with its AP-REQ (RFC 4121 §4.1.1, "Deleg"). */
import type { VerifiedApReq } from '../ap/accept.ts';
import { decryptPartOrNothing } from '../ap/encrypted-part.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import type { KrbCredInfo } from '../messages/krb-cred.ts';
import { decodeEncKrbCredPart, decodeKrbCred } from '../messages/krb-cred.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { Principal } from '../messages/principal.ts';
import { formatPrincipal, principalEqual } from '../messages/principal.ts';
import type { Ticket } from '../messages/ticket.ts';
import { printableName } from '../text.ts';
import type { KerberosTime } from '../time.ts';

/** A delegated ticket. Secret: its holder can impersonate the initiator. */
export interface DelegatedTicket {
  /** Equal to {@link DelegatedCredential.client}. */
  readonly client: Principal;
  /** Usually `krbtgt/REALM@REALM`. */
  readonly server: Principal;
  /** The key of the ticket; {@link DelegatedCredential.dispose} wipes it. */
  readonly sessionKey: EncryptionKey;
  /** `TicketFlag` bits. */
  readonly flags: number;
  /** When the initiator authenticated to its KDC; 0 if the message has no time. */
  readonly authTime: KerberosTime;
  /** When the ticket becomes valid; {@link authTime} if the message has no start time. */
  readonly startTime: KerberosTime;
  /** When the ticket expires; 0 if the message has no end time. */
  readonly endTime: KerberosTime;
  /** 0 if it cannot be renewed. */
  readonly renewTill: KerberosTime;
  /** The addresses that the ticket can be used from; usually empty, which means any. */
  readonly addresses: readonly HostAddress[];
  /** The Ticket in DER, as received. */
  readonly ticket: Uint8Array;
}

/**
 * The credential that an initiator delegated: a ticket-granting ticket, or several. It outlives the
 * context, and belongs to the caller.
 */
export class DelegatedCredential {
  /**
   * The initiator, equal to `context.initiator`: a credential that names another client is refused.
   * The names inside the tickets are encrypted for the KDC, and not checked here.
   */
  readonly client: Principal;
  /** At least one. */
  readonly tickets: readonly DelegatedTicket[];

  /** @internal */
  constructor(tickets: readonly DelegatedTicket[]) {
    const [first] = tickets;
    if (first === undefined) throw new TypeError('tickets: expected at least one, got none');
    this.client = first.client;
    this.tickets = tickets;
  }

  /** Wipes the session keys. May be called again. */
  dispose(): void {
    for (const { sessionKey } of this.tickets) sessionKey.dispose();
  }

  /** {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

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
