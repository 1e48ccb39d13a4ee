/**
 * Keeps opened tickets between the requests that present them. A client uses its ticket for hours, with a
 * new authenticator each time: its decrypted contents, and the keys derived from its session key, serve
 * later requests too.
 *
 * No check is skipped because of it. A ticket's contents follow from its ciphertext and the key that
 * opens it: a kept ticket is used only if both are equal, to the last byte. Everything that depends on
 * the time or on the request is checked each time. A ticket that was presented once is not kept.
 */
import { bytesEqual } from '../bytes.ts';
import type { Keytab, KeytabEntry } from '../keytab/keytab.ts';
import type { Ticket } from '../messages/ticket.ts';
import type { KerberosTime } from '../time.ts';
import type { DecryptedTicket } from './vouched-data.ts';

/** A decrypted ticket that {@link OpenedTickets} can keep. */
export interface OpenedTicket extends DecryptedTicket {
  /** {@link tailOf} its ciphertext. */
  readonly tail: number;
}

/** Keeps at most 256 tickets, the last ones seen. Each is lent to one request at a time. */
export class OpenedTickets {
  readonly #kept: (Kept | undefined)[] = new Array(SLOTS).fill(undefined);
  /** For each slot, the tail of the ticket that was given back last. */
  readonly #tails = new Int32Array(SLOTS);
  #keytab: Keytab | undefined;
  #entries: ReadonlySet<KeytabEntry> | undefined;
  /** No kept ticket ends before this time. */
  #firstEnd = Number.POSITIVE_INFINITY;
  /** Tickets that end before this time are not kept. */
  #time = Number.NEGATIVE_INFINITY;
  #disposed = false;
  /** Entries whose keys have opened a ticket. */
  readonly #openers = new WeakSet<KeytabEntry>();
  #lastOpener: KeytabEntry | undefined;

  /** Drops the tickets whose `service` is not in this keytab and wipes their session keys. */
  retain(keytab: Keytab): void {
    if (keytab === this.#keytab) return;
    const entries = new Set(keytab.entries);
    this.#keytab = keytab;
    this.#entries = entries;
    for (const [slot, kept] of this.#kept.entries()) {
      if (kept === undefined || entries.has(kept.opened.service)) continue;
      // One that is lent is wiped when it comes back to keep().
      if (!kept.inUse) kept.opened.sessionKey.dispose();
      this.#kept[slot] = undefined;
    }
  }

  /** Drops the tickets that end before this time, in seconds, and wipes their session keys. */
  forgetEnded(time: KerberosTime): void {
    this.#time = time;
    if (!(this.#firstEnd < time)) return;
    this.#firstEnd = Number.POSITIVE_INFINITY;
    for (const [slot, kept] of this.#kept.entries()) {
      if (kept === undefined) continue;
      const { endTime } = kept.opened.ticket;
      // One that is lent is checked again after it has come back.
      if (endTime >= time || kept.inUse) {
        this.#firstEnd = Math.min(this.#firstEnd, endTime);
        continue;
      }
      kept.opened.sessionKey.dispose();
      this.#kept[slot] = undefined;
    }
  }

  /** Remembers that the key of an entry has opened a ticket. */
  noteOpener(service: KeytabEntry): void {
    if (service === this.#lastOpener) return;
    this.#lastOpener = service;
    this.#openers.add(service);
  }

  /** Whether the key of an entry has opened a ticket. */
  hasOpened(service: KeytabEntry): boolean {
    return this.#openers.has(service);
  }

  /** Drops all tickets, wipes their session keys, and keeps nothing from now on. */
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
   * @returns undefined if the ticket is not kept, is lent at present, or was opened by another entry's
   *   key; otherwise the caller's, until it gives it back by {@link keep}.
   */
  take({ encPart: { cipher } }: Ticket, service: KeytabEntry): OpenedTicket | undefined {
    const kept = this.#kept[slotOf(tailOf(cipher))];
    if (kept === undefined || kept.inUse || kept.opened.service !== service) return undefined;
    if (!bytesEqual(kept.cipher, cipher)) return undefined;
    kept.inUse = true;
    return kept.opened;
  }

  /**
   * Takes back a lent ticket, or takes over a new one: it is kept from the second time on. The session key
   * is wiped if the ticket is not kept, or when another one replaces it.
   *
   * @param opened - Opened from this ticket. The caller must not use it afterwards.
   */
  keep({ encPart: { cipher } }: Ticket, opened: OpenedTicket): void {
    const { tail } = opened;
    const slot = slotOf(tail);
    const kept = this.#kept[slot];
    if (kept?.opened === opened) {
      kept.inUse = false;
      return;
    }
    const isNew = this.#tails[slot] !== tail;
    this.#tails[slot] = tail;
    const isRevoked = this.#entries?.has(opened.service) === false;
    const isOver = this.#disposed || opened.ticket.endTime < this.#time;
    // A caller that has altered its token meanwhile must not replace the ticket of another client.
    const isAltered = tailOf(cipher) !== tail;
    if (isNew || isRevoked || isOver || isAltered || cipher.length > MAX_LENGTH) {
      opened.sessionKey.dispose();
      return;
    }
    // One that is lent is wiped when it comes back.
    if (kept?.inUse === false) kept.opened.sessionKey.dispose();
    this.#kept[slot] = { cipher: new Uint8Array(cipher), opened, inUse: false };
    this.#firstEnd = Math.min(this.#firstEnd, opened.ticket.endTime);
  }
}

interface Kept {
  /** A copy of the ticket's ciphertext. */
  readonly cipher: Uint8Array;
  readonly opened: OpenedTicket;
  /** Whether it is lent. */
  inUse: boolean;
}

/** The last four bytes of a ciphertext: a part of its MAC, so as good as random, and not secret. */
export function tailOf(cipher: Uint8Array): number {
  const end = cipher.length;
  return (
    cipher[end - 1]! | (cipher[end - 2]! << 8) | (cipher[end - 3]! << 16) | (cipher[end - 4]! << 24)
  );
}

function slotOf(tail: number): number {
  return tail & (SLOTS - 1);
}

const SLOTS = 256;
// Bytes: enough for about 1000 groups. All tickets take at most 8 MiB together with their decrypted
// contents, or about 45 MiB if each had a thousand elements, which no KDC makes.
const MAX_LENGTH = 16_384;
