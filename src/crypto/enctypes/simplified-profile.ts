/** The simplified profile of RFC 3961 §5.3, with HMAC-SHA1 and one protocol key. */
import { encodeUtf8 } from '../../bytes.ts';
import type { BlockCipher, CryptoBackend, Mac } from '../backend.ts';
import { ZERO_BLOCK } from '../backend.ts';
import { deriveRandom, foldedUsageConstant } from '../derivation.ts';
import type { KeyedProfile, Sealer } from '../profile.ts';
import type { CipherMode } from '../sealers.ts';
import { PlaintextMacSealer, TruncatedMac } from '../sealers.ts';

export interface SimplifiedParameters {
  readonly cipher: (backend: CryptoBackend, key: Uint8Array) => BlockCipher;
  readonly mode: CipherMode;
  /** Bytes that random-to-key takes. */
  readonly seedLength: number;
  /** RFC 3961 §3 random-to-key; may return the seed itself. */
  readonly randomToKey: (seed: Uint8Array) => Uint8Array;
  /** Bytes of the truncated HMAC in messages and checksums. */
  readonly macLength: number;
}

export class SimplifiedKeys implements KeyedProfile {
  readonly #parameters: SimplifiedParameters;
  readonly #backend: CryptoBackend;
  readonly #key: Uint8Array;
  #cipher: BlockCipher | undefined;
  #usages = 0;

  constructor(parameters: SimplifiedParameters, backend: CryptoBackend, key: Uint8Array) {
    this.#parameters = parameters;
    this.#backend = backend;
    this.#key = key;
  }

  // Expanded at the first use: many contexts never protect a message.
  get #base(): BlockCipher {
    this.#cipher ??= this.#parameters.cipher(this.#backend, this.#key);
    return this.#cipher;
  }

  sealer(usage: number): Sealer {
    // RFC 3961 §5.3: Ke from usage | 0xAA, Ki from usage | 0x55, Kc from usage | 0x99.
    const ke = this.#derive(this.#constant(usage, 0xaa));
    const { mode, macLength } = this.#parameters;
    const cipher = this.#parameters.cipher(this.#backend, ke);
    ke.fill(0);
    const mac = this.#mac(this.#constant(usage, 0x55));
    this.#rest();
    return new PlaintextMacSealer({ cipher, mode, mac, macLength });
  }

  checksum(usage: number): Mac {
    const mac = this.#mac(this.#constant(usage, 0x99));
    this.#rest();
    return new TruncatedMac(mac, this.#parameters.macLength);
  }

  prf(input: Uint8Array): Uint8Array {
    // RFC 3961 §5.3: the hash, truncated to a multiple of the block, encrypted with DK(key, "prf").
    const kp = this.#derive(encodeUtf8('prf'));
    const cipher = this.#parameters.cipher(this.#backend, kp);
    kp.fill(0);
    const hash = this.#backend.hash('sha1', input);
    const output = hash.slice(0, hash.length - (hash.length % cipher.blockSize));
    cipher.cbcEncrypt(output, 0, output.length, ZERO_BLOCK);
    cipher.wipe();
    return output;
  }

  wipe(): void {
    this.#cipher?.wipe();
  }

  /**
   * Wipes the base schedule after the second derivation. A session key has two usages, one right
   * after the other, and a context's key at most four: keeping the schedule would cost memory and
   * save nothing.
   */
  #rest(): void {
    this.#usages++;
    if (this.#usages < 2) return;
    this.#cipher?.wipe();
    this.#cipher = undefined;
  }

  #mac(constant: Uint8Array): Mac {
    const key = this.#derive(constant);
    const mac = this.#backend.hmac('sha1', key);
    key.fill(0);
    return mac;
  }

  #constant(usage: number, kind: 0x99 | 0xaa | 0x55): Uint8Array {
    return foldedUsageConstant(usage, kind, this.#base.blockSize);
  }

  /** DK(Key, Constant). */
  #derive(constant: Uint8Array): Uint8Array {
    return deriveKey(this.#base, constant, this.#parameters);
  }
}

/**
 * RFC 3961 §5.1: DK(Key, Constant) = random-to-key(DR(Key, Constant)).
 *
 * @param base - The cipher under Key.
 */
export function deriveKey(
  base: BlockCipher,
  constant: Uint8Array,
  { seedLength, randomToKey }: SimplifiedParameters,
): Uint8Array {
  const seed = deriveRandom(base, constant, seedLength);
  const key = randomToKey(seed);
  if (key !== seed) seed.fill(0);
  return key;
}
