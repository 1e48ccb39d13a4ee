/** camellia128-cts-cmac and camellia256-cts-cmac (RFC 6803). */
import { concatBytes, encodeUtf8 } from '../../bytes.ts';
import { CTS } from '../aes-cts.ts';
import type { Mac } from '../backend.ts';
import { Camellia } from '../camellia.ts';
import { Cmac } from '../cmac.ts';
import { iterationCount, usageConstant } from '../derivation.ts';
import { ChecksumType, Enctype } from '../numbers.ts';
import type { EncryptionProfile, KeyedProfile, Sealer } from '../profile.ts';
import { PlaintextMacSealer } from '../sealers.ts';

const BLOCK_LENGTH = 16;

export const camellia128Cmac: EncryptionProfile = camelliaProfile(
  Enctype.camellia128CtsCmac,
  ChecksumType.cmacCamellia128,
  'camellia128-cts-cmac',
  16,
);
export const camellia256Cmac: EncryptionProfile = camelliaProfile(
  Enctype.camellia256CtsCmac,
  ChecksumType.cmacCamellia256,
  'camellia256-cts-cmac',
  32,
);

function camelliaProfile(
  enctype: number,
  checksumType: number,
  name: string,
  keyLength: number,
): EncryptionProfile {
  return {
    enctype,
    weak: false,
    keyLength,
    seedLength: keyLength,
    confounderLength: BLOCK_LENGTH,
    trailerLength: BLOCK_LENGTH,
    paddedTo: 1,
    checksumType,
    checksumLength: BLOCK_LENGTH,
    randomToKey: (seed) => new Uint8Array(seed),
    stringToKey(backend, password, salt, iterations) {
      // RFC 6803 §4: saltp = enctype-name | 0x00 | salt.
      const passphrase = encodeUtf8(password);
      const named = concatBytes(encodeUtf8(name), Uint8Array.of(0), salt);
      const count = iterationCount(iterations, 32768);
      const seed = backend.pbkdf2('sha1', passphrase, named, count, keyLength);
      const mac = new Cmac(new Camellia(seed));
      const key = deriveKey(mac, encodeUtf8('kerberos'), keyLength);
      mac.wipe();
      seed.fill(0);
      passphrase.fill(0);
      return key;
    },
    keyed: (_, key) => new CamelliaKeys(key),
  };
}

class CamelliaKeys implements KeyedProfile {
  readonly #base: Mac;
  readonly #keyLength: number;

  constructor(key: Uint8Array) {
    this.#base = new Cmac(new Camellia(key));
    this.#keyLength = key.length;
  }

  sealer(usage: number): Sealer {
    const ke = deriveKey(this.#base, usageConstant(usage, 0xaa), this.#keyLength);
    const cipher = new Camellia(ke);
    ke.fill(0);
    const mac = this.#mac(usageConstant(usage, 0x55));
    return new PlaintextMacSealer({ cipher, mode: CTS, mac, macLength: BLOCK_LENGTH });
  }

  checksum(usage: number): Mac {
    return this.#mac(usageConstant(usage, 0x99));
  }

  prf(input: Uint8Array): Uint8Array {
    // RFC 6803 §6: PRF = CMAC(KDF(protocol-key, "prf"), octet-string).
    const mac = this.#mac(encodeUtf8('prf'));
    const output = mac.digest([input]);
    mac.wipe();
    return output;
  }

  wipe(): void {
    this.#base.wipe();
  }

  #mac(constant: Uint8Array): Mac {
    const key = deriveKey(this.#base, constant, this.#keyLength);
    const mac = new Cmac(new Camellia(key));
    key.fill(0);
    return mac;
  }
}

/** RFC 6803 §3 KDF-FEEDBACK-CMAC; random-to-key is the identity. @param length - Bytes. */
function deriveKey(base: Mac, constant: Uint8Array, length: number): Uint8Array {
  const key = new Uint8Array(length);
  const bits = length * 8;
  const k = Uint8Array.of(0, 0, bits >> 8, bits);
  let previous: Uint8Array = new Uint8Array(BLOCK_LENGTH);
  for (let i = 1, at = 0; at < length; i++, at += BLOCK_LENGTH) {
    // K(i) = CMAC(key, K(i-1) | i | constant | 0x00 | k)
    const block = base.digest([previous, Uint8Array.of(0, 0, 0, i), constant, ZERO, k]);
    previous.fill(0);
    key.set(block, at);
    previous = block;
  }
  previous.fill(0);
  return key;
}

const ZERO = Uint8Array.of(0);
