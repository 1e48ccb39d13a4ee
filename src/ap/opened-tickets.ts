/**
 * Session keys between the requests of one ticket. A client uses its ticket for hours, with another
 * authenticator each time: what was derived from the session key for one request serves the next.
 *
 * Nothing is skipped for it. Each ticket is decrypted and verified, and only then is its session key
 * looked for here. The key of a ticket that came once is not kept.
 */
import type { EncryptionKey } from '../crypto/key.ts';
import type { Ticket } from '../messages/ticket.ts';

/** At most 256 keys, of the tickets seen last; a key that is here is used by nobody. */
export class SessionKeys {
  readonly #kept: (EncryptionKey | undefined)[] = new Array(SLOTS).fill(undefined);
  /** For each slot, what the ticket that was last there ended with. */
  readonly #marks = new Int32Array(SLOTS);

  /**
   * @param ticket - Verified.
   * @param key - Its session key; disposed of if another is returned.
   * @returns The same key with what was derived from it, or `key`; the caller's, to {@link keep} or
   *   to dispose of.
   */
  take(ticket: Ticket, key: EncryptionKey): EncryptionKey {
    const slot = markOf(ticket) & (SLOTS - 1);
    const kept = this.#kept[slot];
    if (kept === undefined || kept.crypto !== key.crypto || !kept.equals(key)) return key;
    this.#kept[slot] = undefined;
    key.dispose();
    return kept;
  }

  /** @param key - Of this ticket, and of no more use to the caller. */
  keep(ticket: Ticket, key: EncryptionKey): void {
    const mark = markOf(ticket);
    const slot = mark & (SLOTS - 1);
    if (this.#marks[slot] !== mark) {
      this.#marks[slot] = mark;
      key.dispose();
      return;
    }
    this.#kept[slot]?.dispose();
    this.#kept[slot] = key;
  }
}

// What a ciphertext ends with is its code: as good as random, and no secret.
function markOf({ encPart: { cipher } }: Ticket): number {
  const end = cipher.length;
  return (
    cipher[end - 1]! | (cipher[end - 2]! << 8) | (cipher[end - 3]! << 16) | (cipher[end - 4]! << 24)
  );
}

const SLOTS = 256;
