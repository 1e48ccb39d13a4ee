/** A set of ciphertexts, each represented by its last 16 bytes. */

/** Number of bytes that are kept of each ciphertext: the last ones. */
export const FINGERPRINT_BYTES = 16;

/** An open-addressing hash table of fingerprints, four 32-bit words each. It only grows. */
export class FingerprintSet {
  readonly #seed: number;
  #table = new Uint32Array(64 * WORDS);
  #mask = 63;
  /** Number of fingerprints. */
  size = 0;

  /** @param seed - 32 bits, secret: clients must not be able to choose positions in the table. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Whether the set has the ciphertext. @param end - Its end in `bytes`; at least 16. */
  lookUp(bytes: Uint8Array, end: number = bytes.length): boolean {
    return this.#table[this.#find(bytes, end)] !== 0;
  }

  /** Adds a fingerprint that {@link lookUp} did not find. */
  add(bytes: Uint8Array, end: number = bytes.length): void {
    if (4 * (this.size + 1) > 3 * (this.#mask + 1)) this.#grow();
    const at = this.#find(bytes, end);
    for (let word = 0; word < WORDS; word++) this.#table[at + word] = fingerprint(bytes, end, word);
    this.size++;
  }

  /** Index of the fingerprint, or of the free slot where it belongs. */
  #find(bytes: Uint8Array, end: number): number {
    return this.#place(
      fingerprint(bytes, end, 0),
      fingerprint(bytes, end, 1),
      fingerprint(bytes, end, 2),
      fingerprint(bytes, end, 3),
    );
  }

  #place(a: number, b: number, c: number, d: number): number {
    const table = this.#table;
    // For a given word each step is a bijection of the state, so every word affects the hash.
    let hash = this.#seed;
    hash = Math.imul(hash ^ a, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ b, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ c, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 16) ^ d, 0x27d4eb2f);
    hash ^= hash >>> 15;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * WORDS;
      if (table[at] === 0) return at;
      if (table[at] === a && table[at + 1] === b && table[at + 2] === c && table[at + 3] === d) {
        return at;
      }
    }
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Uint32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at] === 0) continue;
      const to = this.#place(old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!);
      this.#table.set(old.subarray(at, at + WORDS), to);
    }
  }
}

/**
 * Word 0 to 3 of the last 16 bytes of a ciphertext. They end in the HMAC for the AES enctypes and depend
 * on the keystream for RC4, so that two different authenticators share them with a probability of at
 * most 2^-96. Word 0 is never zero, which marks a free slot.
 */
function fingerprint(bytes: Uint8Array, end: number, word: number): number {
  const at = end - FINGERPRINT_BYTES + 4 * word;
  const value =
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  return word === 0 ? (value | 1) >>> 0 : value;
}

const WORDS = 4;
