/** aes128-cts-hmac-sha1-96 and aes256-cts-hmac-sha1-96 (RFC 3962, RFC 3961 §5). */
import { encodeUtf8 } from '../bytes.ts';
import { CTS } from './aes-cts.ts';
import type { BlockCipher, CryptoBackend, Mac } from './backend.ts';
import { deriveRandom, usageConstant } from './derivation.ts';
import { iterationCount } from './iterations.ts';
import { truncatedMac } from './mac.ts';
import { ChecksumType, Enctype } from './numbers.ts';
import type { EncryptionProfile, KeyedProfile, Sealer } from './profile.ts';
import { PlaintextMacSealer } from './sealers.ts';

const BLOCK_LENGTH = 16;
const MAC_LENGTH = 12;

export const aes128Sha1: EncryptionProfile = aesSha1Profile(
  Enctype.aes128CtsHmacSha1,
  ChecksumType.hmacSha1Aes128,
  16,
);
export const aes256Sha1: EncryptionProfile = aesSha1Profile(
  Enctype.aes256CtsHmacSha1,
  ChecksumType.hmacSha1Aes256,
  32,
);

function aesSha1Profile(
  enctype: number,
  checksumType: number,
  keyLength: number,
): EncryptionProfile {
  return {
    enctype,
    weak: false,
    keyLength,
    seedLength: keyLength,
    confounderLength: BLOCK_LENGTH,
    trailerLength: MAC_LENGTH,
    paddedTo: 1,
    checksumType,
    checksumLength: MAC_LENGTH,
    randomToKey: (seed) => new Uint8Array(seed),
    stringToKey(backend, password, salt, iterations) {
      // RFC 3962 §4: tkey = random2key(PBKDF2(passphrase, salt, iter_count, keylength)).
      const passphrase = encodeUtf8(password);
      const count = iterationCount(iterations, 4096);
      const seed = backend.pbkdf2('sha1', passphrase, salt, count, keyLength);
      const cipher = backend.aes(seed);
      const key = deriveRandom(cipher, encodeUtf8('kerberos'), keyLength);
      cipher.wipe();
      seed.fill(0);
      passphrase.fill(0);
      return key;
    },
    keyed: (backend, key) => new AesSha1Keys(backend, key),
  };
}

class AesSha1Keys implements KeyedProfile {
  readonly #backend: CryptoBackend;
  readonly #base: BlockCipher;
  readonly #keyLength: number;

  constructor(backend: CryptoBackend, key: Uint8Array) {
    this.#backend = backend;
    this.#base = backend.aes(key);
    this.#keyLength = key.length;
  }

  sealer(usage: number): Sealer {
    // RFC 3961 §5.3: Ke from usage | 0xAA, Ki from usage | 0x55, Kc from usage | 0x99.
    const ke = this.#derive(usageConstant(usage, 0xaa));
    const ki = this.#derive(usageConstant(usage, 0x55));
    const cipher = this.#backend.aes(ke);
    const mac = this.#backend.hmac('sha1', ki);
    ke.fill(0);
    ki.fill(0);
    return new PlaintextMacSealer({ cipher, mode: CTS, mac, macLength: MAC_LENGTH });
  }

  checksum(usage: number): Mac {
    const kc = this.#derive(usageConstant(usage, 0x99));
    const mac = this.#backend.hmac('sha1', kc);
    kc.fill(0);
    return truncatedMac(mac, MAC_LENGTH);
  }

  prf(input: Uint8Array): Uint8Array {
    // RFC 3961 §5.3: the hash, cut to a multiple of the block, under DK(key, "prf").
    const block = this.#backend.hash('sha1', input).slice(0, BLOCK_LENGTH);
    const kp = this.#derive(encodeUtf8('prf'));
    const cipher = this.#backend.aes(kp);
    cipher.cbcEncrypt(block, 0, BLOCK_LENGTH, new Uint8Array(BLOCK_LENGTH));
    cipher.wipe();
    kp.fill(0);
    return block;
  }

  wipe(): void {
    this.#base.wipe();
  }

  // RFC 3962 §6: random-to-key is the identity, so DK is DR.
  #derive(constant: Uint8Array): Uint8Array {
    return deriveRandom(this.#base, constant, this.#keyLength);
  }
}
