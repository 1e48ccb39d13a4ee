/** From which address each of the last requests came: it tells a retry from a copy. */
import type { HostAddress } from '../messages/primitives.ts';
import { tailOf } from './opened-tickets.ts';

/**
 * Remembers a digest of 32 bits for each of the last requests, at most 1024. No address can be read from
 * it, and nothing is decided by it: it only serves the text of a refusal.
 */
export class RecentPeers {
  readonly #tails = new Int32Array(SLOTS);
  readonly #peers = new Int32Array(SLOTS);

  /** @param cipher - The authenticator's ciphertext. */
  note(cipher: Uint8Array, peer: HostAddress | undefined): void {
    const tail = tailOf(cipher);
    this.#tails[tail & (SLOTS - 1)] = tail;
    this.#peers[tail & (SLOTS - 1)] = digestOf(peer);
  }

  /** Whether the request came from the same address when it was noted; undefined if unknown. */
  sawFrom(cipher: Uint8Array, peer: HostAddress | undefined): boolean | undefined {
    const tail = tailOf(cipher);
    const [noted, now] = [this.#peers[tail & (SLOTS - 1)], digestOf(peer)];
    if (this.#tails[tail & (SLOTS - 1)] !== tail || noted === 0 || now === 0) return undefined;
    return noted === now;
  }
}

/** FNV-1a; 0 if the address is unknown. */
function digestOf(peer: HostAddress | undefined): number {
  if (peer === undefined) return 0;
  let digest = 0x811c9dc5 ^ peer.type;
  for (const byte of peer.address) digest = Math.imul(digest ^ byte, 0x01000193);
  return digest | 1;
}

const SLOTS = 1024;
