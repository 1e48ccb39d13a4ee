/**
 * Tickets between the requests that are made with them. A client uses its ticket for hours, with
 * another authenticator each time: what was found in it, and what was derived from its session key,
 * for one request serves the next.
 *
 * Nothing is taken on trust for it. A ticket's contents follow from its ciphertext and the key that
 * opens it: only where both are the same, to the last byte, is it the ticket that was decrypted and
 * verified before. All that depends on the time or the request is checked each time. A ticket that
 * came once is not kept.
 */
import { bytesEqual } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import type { Keytab, KeytabEntry } from '../keytab/keytab.ts';
import type { EncTicketPart, Ticket } from '../messages/ticket.ts';
import type { KerberosTime } from '../time.ts';
import type { VouchedData } from './vouched-data.ts';

/** A ticket that was decrypted and verified. */
export interface OpenedTicket {
  /** {@link markOf} its ciphertext. */
  readonly mark: number;
  /** The keytab's entry whose key opened it: the name that the service is known by. */
  readonly service: KeytabEntry;
  /** Its key is wiped: that is {@link sessionKey}. */
  readonly ticket: EncTicketPart;
  readonly sessionKey: EncryptionKey;
  /** Once somebody has asked for them. */
  vouched?: VouchedData;
}

/** At most 256 tickets, those seen last; each is used by one request at a time. */
export class OpenedTickets {
  readonly #kept: (Kept | undefined)[] = new Array(SLOTS).fill(undefined);
  /** For each slot, what the ticket that was last there ended with. */
  readonly #marks = new Int32Array(SLOTS);
  #keytab: Keytab | undefined;
  #entries: ReadonlySet<KeytabEntry> | undefined;
  /** No ticket that is kept ends before. */
  #firstEnd = Number.POSITIVE_INFINITY;
  /** Tickets that ended before are not kept. */
  #time = Number.NEGATIVE_INFINITY;
  #disposed = false;

  /** Forgets the tickets whose `service` is not in this keytab, and wipes their session keys. */
  retain(keytab: Keytab): void {
    if (keytab === this.#keytab) return;
    const entries = new Set(keytab.entries);
    this.#keytab = keytab;
    this.#entries = entries;
    for (const [slot, kept] of this.#kept.entries()) {
      if (kept === undefined || entries.has(kept.opened.service)) continue;
      // One that is in use comes back to keep(), which does not take it.
      if (!kept.inUse) kept.opened.sessionKey.dispose();
      this.#kept[slot] = undefined;
    }
  }

  /** Forgets the tickets that ended before this time, and wipes their session keys. */
  forgetEnded(time: KerberosTime): void {
    this.#time = time;
    if (!(this.#firstEnd < time)) return;
    this.#firstEnd = Number.POSITIVE_INFINITY;
    for (const [slot, kept] of this.#kept.entries()) {
      if (kept === undefined) continue;
      const { endTime } = kept.opened.ticket;
      // One that is in use comes back, and is looked at again.
      if (endTime >= time || kept.inUse) {
        this.#firstEnd = Math.min(this.#firstEnd, endTime);
        continue;
      }
      kept.opened.sessionKey.dispose();
      this.#kept[slot] = undefined;
    }
  }

  /** Forgets all, and keeps nothing from now on. */
  dispose(): void {
    this.#disposed = true;
    for (const kept of this.#kept) {
      if (kept?.inUse === false) kept.opened.sessionKey.dispose();
    }
    this.#kept.fill(undefined);
  }

  /**
   * Lends a ticket to one request at a time.
   *
   * @param service - The entry whose key would open it.
   * @returns undefined if it has not come twice before, is lent at present, or was opened by another
   *   entry's key; otherwise the caller's, until it gives it back by {@link keep}.
   */
  take({ encPart: { cipher } }: Ticket, service: KeytabEntry): OpenedTicket | undefined {
    const kept = this.#kept[slotOf(markOf(cipher))];
    if (kept === undefined || kept.inUse || kept.opened.service !== service) return undefined;
    if (!bytesEqual(kept.cipher, cipher)) return undefined;
    kept.inUse = true;
    return kept.opened;
  }

  /**
   * @param opened - Of this ticket, and of no more use to the caller. Its session key is wiped when
   *   it is not kept, or another takes its place.
   */
  keep({ encPart: { cipher } }: Ticket, opened: OpenedTicket): void {
    const { mark } = opened;
    const slot = slotOf(mark);
    const kept = this.#kept[slot];
    if (kept?.opened === opened) {
      kept.inUse = false;
      return;
    }
    const isNew = this.#marks[slot] !== mark;
    this.#marks[slot] = mark;
    // A caller who has altered its token meanwhile must not spoil the ticket of somebody else.
    const isRevoked = this.#entries?.has(opened.service) === false;
    const isOver = this.#disposed || opened.ticket.endTime < this.#time;
    if (isNew || isRevoked || isOver || cipher.length > MAX_LENGTH || markOf(cipher) !== mark) {
      opened.sessionKey.dispose();
      return;
    }
    // One that is in use comes back here.
    if (kept?.inUse === false) kept.opened.sessionKey.dispose();
    this.#kept[slot] = { cipher: new Uint8Array(cipher), opened, inUse: false };
    this.#firstEnd = Math.min(this.#firstEnd, opened.ticket.endTime);
  }
}

interface Kept {
  /** A copy. */
  readonly cipher: Uint8Array;
  readonly opened: OpenedTicket;
  inUse: boolean;
}

/** What a ciphertext ends with is its code: as good as random, and no secret. */
export function markOf(cipher: Uint8Array): number {
  const end = cipher.length;
  return (
    cipher[end - 1]! | (cipher[end - 2]! << 8) | (cipher[end - 3]! << 16) | (cipher[end - 4]! << 24)
  );
}

function slotOf(mark: number): number {
  return mark & (SLOTS - 1);
}

const SLOTS = 256;
// It has room for some 1000 groups. Twice as much with what was decrypted: 8 MiB; and some 45 where
// all tickets are made of a thousand elements each, which no KDC does.
const MAX_LENGTH = 16_384;
