/// <reference lib="esnext.disposable" preserve="true" />
/** Credentials that an initiator delegates with its AP-REQ (RFC 4121 §4.1.1, "Deleg"). */
import type { EncryptionKey } from '../crypto/key.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { Principal } from '../messages/principal.ts';
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
