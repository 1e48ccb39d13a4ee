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

/** A ticket that the initiator lets the acceptor use. Secret: whoever has it is the initiator. */
export interface DelegatedTicket {
  readonly client: Principal;
  /** Mostly `krbtgt/REALM@REALM`. */
  readonly server: Principal;
  readonly sessionKey: EncryptionKey;
  /** `TicketFlag` bits. */
  readonly flags: number;
  readonly authTime: KerberosTime;
  readonly startTime: KerberosTime;
  readonly endTime: KerberosTime;
  /** 0 if it cannot be renewed. */
  readonly renewTill: KerberosTime;
  readonly addresses: readonly HostAddress[];
  /** The Ticket in DER as it came, to be sent as it is. */
  readonly ticket: Uint8Array;
}

/** What was delegated. It outlives the context; {@link dispose} wipes its keys. */
export class DelegatedCredential {
  /**
   * The initiator, equal to `context.initiator`: a credential that names another client is refused.
   * Whose the tickets really are only the KDC can read.
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

  dispose(): void {
    for (const { sessionKey } of this.tickets) sessionKey.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Opens a KRB-CRED (RFC 4120 §3.6.2).
 *
 * RFC 4121 §4.1.1 encrypts it in the session key. Java took the subkey for a while, and old
 * versions of MIT krb5 and Heimdal send it in the clear, inside of an authenticator that is
 * encrypted anyway: MIT krb5 accepts all three.
 *
 * MIT krb5 does not compare its client with the initiator. Nobody who delegates his own has another:
 * both names are those of one ticket-granting ticket.
 *
 * @param bytes - Not copied; keys that stand there in the clear are wiped.
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
        `KRB-CRED has ${tickets.length} tickets and tells of ${ticketInfo.length}`,
      );
    }
    const delegated: DelegatedTicket[] = [];
    try {
      for (const [i, ticket] of tickets.entries()) {
        delegated.push(describe(ticket, encodedTickets[i]!, ticketInfo[i]!, verified));
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
    hint: 'the delegated credential opens with neither the session key nor the subkey',
  });
}

function describe(
  ticket: Ticket,
  encoded: Uint8Array,
  info: KrbCredInfo,
  verified: VerifiedApReq,
): DelegatedTicket {
  // RFC 4120 §5.8.1: names may be left out where the receiver knows them.
  const client = principalOf(info.clientName, info.clientRealm) ?? verified.client;
  if (!principalEqual(client, verified.client)) {
    const [named, initiator] = [client, verified.client].map((name) =>
      printableName(formatPrincipal(name)),
    ) as [string, string];
    throw new KerberosError('KRB_AP_ERR_BADMATCH', {
      message: 'Delegated credential is of another client',
      hint: 'stored under the name that it claims, it would be used for somebody else',
      detail: { delegated: named, initiator },
    });
  }
  // MIT krb5: what the info says goes before what stands on the ticket, which nobody has signed.
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
      // The message is wiped.
      address: address.slice(),
    })),
    ticket: encoded.slice(),
  };
}

function principalOf(
  name: KrbCredInfo['clientName'],
  realm: string | undefined,
): Principal | undefined {
  return name === undefined || realm === undefined ? undefined : { ...name, realm };
}

const ENCTYPE_NULL = 0;
