/** CMAC (RFC 4493 for AES; NIST SP 800-38B for any block cipher). */
import type { BlockCipher, Mac } from './backend.ts';
import { ZERO_BLOCK } from './backend.ts';

/** CMAC over a cipher with blocks of 16 bytes; it owns the cipher and wipes it. */
export class Cmac implements Mac {
  readonly #cipher: BlockCipher;
  // RFC 4493 §2.3: K1 for a message of whole blocks, K2 for one that must be padded.
  readonly #k1: Uint8Array;
  readonly #k2: Uint8Array;

  constructor(cipher: BlockCipher) {
    this.#cipher = cipher;
    const l = new Uint8Array(BLOCK);
    cipher.cbcEncrypt(l, 0, BLOCK, ZERO_BLOCK);
    this.#k1 = double(l);
    this.#k2 = double(this.#k1);
    l.fill(0);
  }

  digest(parts: readonly Uint8Array[]): Uint8Array {
    let length = 0;
    for (const part of parts) length += part.length;
    // RFC 4493 §2.4: at least one block, the last one padded with a one bit and zeros.
    const message = new Uint8Array(Math.max(Math.ceil(length / BLOCK), 1) * BLOCK);
    let at = 0;
    for (const part of parts) {
      message.set(part, at);
      at += part.length;
    }
    const whole = length === message.length;
    if (!whole) message[length] = 0x80;
    const last = message.length - BLOCK;
    const subkey = whole ? this.#k1 : this.#k2;
    for (let i = 0; i < BLOCK; i++) message[last + i]! ^= subkey[i]!;
    this.#cipher.cbcEncrypt(message, 0, message.length, ZERO_BLOCK);
    const mac = message.slice(last);
    // RFC 6803 §3: the MAC may become a key.
    message.fill(0);
    return mac;
  }

  wipe(): void {
    this.#cipher.wipe();
    this.#k1.fill(0);
    this.#k2.fill(0);
  }
}

/** RFC 4493 §2.3: shifts left by one bit; if that bit was set, XORs the constant Rb. */
function double(block: Uint8Array): Uint8Array {
  const doubled = block.map((byte, i) => (byte << 1) | ((block[i + 1] ?? 0) >> 7));
  doubled[BLOCK - 1]! ^= -(block[0]! >> 7) & 0x87;
  return doubled;
}

const BLOCK = 16;
