/** aes128-cts-hmac-sha256-128 and aes256-cts-hmac-sha384-192 (RFC 8009). */
import { concatBytes, encodeUtf8 } from '../../bytes.ts';
import { CTS } from '../aes-cts.ts';
import type { CryptoBackend, HashName, Mac } from '../backend.ts';
import { iterationCount, usageConstant } from '../derivation.ts';
import { ChecksumType, Enctype } from '../numbers.ts';
import type { EncryptionProfile, KeyedProfile, Sealer } from '../profile.ts';
import { CiphertextMacSealer, TruncatedMac } from '../sealers.ts';

export const aes128Sha2: EncryptionProfile = aesSha2Profile({
  enctype: Enctype.aes128CtsHmacSha256,
  checksumType: ChecksumType.hmacSha256Aes128,
  name: 'aes128-cts-hmac-sha256-128',
  hash: 'sha256',
  keyLength: 16,
  macLength: 16,
  prfLength: 32,
});
export const aes256Sha2: EncryptionProfile = aesSha2Profile({
  enctype: Enctype.aes256CtsHmacSha384,
  checksumType: ChecksumType.hmacSha384Aes256,
  name: 'aes256-cts-hmac-sha384-192',
  hash: 'sha384',
  keyLength: 32,
  macLength: 24,
  prfLength: 48,
});

interface AesSha2Parameters {
  readonly enctype: number;
  readonly checksumType: number;
  readonly name: string;
  readonly hash: HashName;
  readonly keyLength: number;
  readonly macLength: number;
  readonly prfLength: number;
}

function aesSha2Profile(parameters: AesSha2Parameters): EncryptionProfile {
  const { hash, keyLength, macLength } = parameters;
  return {
    enctype: parameters.enctype,
    weak: false,
    keyLength,
    seedLength: keyLength,
    confounderLength: 16,
    trailerLength: macLength,
    paddedTo: 1,
    checksumType: parameters.checksumType,
    checksumLength: macLength,
    randomToKey: (seed) => new Uint8Array(seed),
    stringToKey(backend, password, salt, iterations) {
      // RFC 8009 §4: saltp = enctype-name | 0x00 | salt.
      const passphrase = encodeUtf8(password);
      const named = concatBytes(encodeUtf8(parameters.name), Uint8Array.of(0), salt);
      const count = iterationCount(iterations, 32768);
      const seed = backend.pbkdf2(hash, passphrase, named, count, keyLength);
      const mac = backend.hmac(hash, seed);
      const key = deriveKey(mac, encodeUtf8('kerberos'), keyLength);
      mac.wipe();
      seed.fill(0);
      passphrase.fill(0);
      return key;
    },
    keyed: (backend, key) => new AesSha2Keys(backend, key, parameters),
  };
}

class AesSha2Keys implements KeyedProfile {
  readonly #backend: CryptoBackend;
  readonly #key: Uint8Array;
  readonly #parameters: AesSha2Parameters;
  #mac: Mac | undefined;

  constructor(backend: CryptoBackend, key: Uint8Array, parameters: AesSha2Parameters) {
    this.#backend = backend;
    this.#key = key;
    this.#parameters = parameters;
  }

  // Derived at the first use: many contexts never protect a message.
  get #base(): Mac {
    this.#mac ??= this.#backend.hmac(this.#parameters.hash, this.#key);
    return this.#mac;
  }

  sealer(usage: number): Sealer {
    const { hash, keyLength, macLength } = this.#parameters;
    // RFC 8009 §5: Ke has the length of the cipher's key, Ki and Kc that of the MAC.
    const ke = deriveKey(this.#base, usageConstant(usage, 0xaa), keyLength);
    const ki = deriveKey(this.#base, usageConstant(usage, 0x55), macLength);
    const cipher = this.#backend.aes(ke);
    const mac = this.#backend.hmac(hash, ki);
    ke.fill(0);
    ki.fill(0);
    return new CiphertextMacSealer({ cipher, mode: CTS, mac, macLength });
  }

  checksum(usage: number): Mac {
    const { hash, macLength } = this.#parameters;
    const kc = deriveKey(this.#base, usageConstant(usage, 0x99), macLength);
    const mac = this.#backend.hmac(hash, kc);
    kc.fill(0);
    return new TruncatedMac(mac, macLength);
  }

  prf(input: Uint8Array): Uint8Array {
    const context = concatBytes(encodeUtf8('prf'), Uint8Array.of(0), input);
    return deriveBits(this.#base, context, this.#parameters.prfLength);
  }

  wipe(): void {
    this.#mac?.wipe();
  }
}

/** RFC 8009 §3 KDF-HMAC-SHA2 without a context. @param length - Bytes. */
function deriveKey(base: Mac, label: Uint8Array, length: number): Uint8Array {
  return deriveBits(base, concatBytes(label, Uint8Array.of(0)), length);
}

/** RFC 8009 §3: the first bytes of HMAC(key, 0x00000001 | label | 0x00 | context | k in bits). */
function deriveBits(base: Mac, labelAndContext: Uint8Array, length: number): Uint8Array {
  const bits = length * 8;
  const k = Uint8Array.of(0, 0, bits >> 8, bits);
  const whole = base.digest([COUNTER, labelAndContext, k]);
  const derived = whole.slice(0, length);
  whole.fill(0);
  return derived;
}

const COUNTER = Uint8Array.of(0, 0, 0, 1);
