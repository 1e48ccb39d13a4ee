/** des3-cbc-sha1 (RFC 3961 §6.3), deprecated by RFC 8429; its tokens are those of RFC 1964. */
import { concatBytes, encodeUtf8 } from '../../bytes.ts';
import type { CryptoBackend, Mac } from '../backend.ts';
import { ZERO_BLOCK } from '../backend.ts';
import type { SimplifiedParameters } from '../enctypes/simplified-profile.ts';
import { deriveKey, SimplifiedKeys } from '../enctypes/simplified-profile.ts';
import { nfold } from '../nfold.ts';
import { ChecksumType, Enctype, KeyUsage } from '../numbers.ts';
import type { EncryptionProfile, Rfc1964Keys, Rfc1964Sequence } from '../profile.ts';
import { TripleDes } from './des.ts';
import { readSequence, writeSequence } from './rfc1964-sequence.ts';

const BLOCK_LENGTH = 8;
const KEY_LENGTH = 24;
const SEED_LENGTH = 21;
const MAC_LENGTH = 20;

const PARAMETERS: SimplifiedParameters = {
  cipher: (_, key) => new TripleDes(key),
  mode: {
    encrypt: (cipher, bytes, start, end, iv) => cipher.cbcEncrypt(bytes, start, end, iv),
    decrypt: (cipher, bytes, start, end, iv) => cipher.cbcDecrypt(bytes, start, end, iv),
    accepts: (length, blockSize) => length % blockSize === 0,
  },
  seedLength: SEED_LENGTH,
  randomToKey,
  macLength: MAC_LENGTH,
};

export const des3CbcSha1: EncryptionProfile = {
  enctype: Enctype.des3CbcSha1,
  weak: true,
  keyLength: KEY_LENGTH,
  seedLength: SEED_LENGTH,
  confounderLength: BLOCK_LENGTH,
  trailerLength: MAC_LENGTH,
  // RFC 3961 §5.3: padded with zeros, whose number only the application knows.
  paddedTo: BLOCK_LENGTH,
  checksumType: ChecksumType.hmacSha1Des3Kd,
  checksumLength: MAC_LENGTH,
  randomToKey,
  stringToKey(_, password, salt) {
    // RFC 3961 §6.3.1: DK of the passphrase and salt, folded, under the constant "kerberos".
    const passphrase = encodeUtf8(password);
    const text = concatBytes(passphrase, salt);
    const folded = nfold(text, SEED_LENGTH);
    const tkey = randomToKey(folded);
    const cipher = new TripleDes(tkey);
    const key = deriveKey(cipher, encodeUtf8('kerberos'), PARAMETERS);
    cipher.wipe();
    for (const bytes of [passphrase, text, folded, tkey]) bytes.fill(0);
    return key;
  },
  keyed: (backend, key) => new Des3Keys(backend, key),
};

class Des3Keys extends SimplifiedKeys {
  #rfc1964: Des3TokenKeys | undefined;
  readonly #key: Uint8Array;

  constructor(backend: CryptoBackend, key: Uint8Array) {
    super(PARAMETERS, backend, key);
    this.#key = key;
  }

  get rfc1964(): Rfc1964Keys {
    // MIT krb5, src/lib/gssapi/krb5/k5seal.c: one key usage for all tokens, in both directions.
    this.#rfc1964 ??= new Des3TokenKeys(this.#key, this.checksum(KeyUsage.gssAcceptorSign));
    return this.#rfc1964;
  }

  override wipe(): void {
    super.wipe();
    this.#rfc1964?.wipe();
  }
}

class Des3TokenKeys implements Rfc1964Keys {
  readonly signAlgorithm: number = 0x0004;
  readonly sealAlgorithm: number = 0x0002;
  readonly checksumLength: number = MAC_LENGTH;
  readonly paddedTo: number = BLOCK_LENGTH;
  readonly keystreamOfNumber: boolean = false;
  readonly #cipher: TripleDes;
  readonly #mac: Mac;

  constructor(key: Uint8Array, mac: Mac) {
    // The key itself, not one derived from it: MIT krb5, util_crypt.c, "des3-cbc-raw".
    this.#cipher = new TripleDes(key);
    this.#mac = mac;
  }

  checksum(_token: 'mic' | 'wrap', ...parts: Uint8Array[]): Uint8Array {
    return this.#mac.digest(parts);
  }

  sealSequence(sequence: Rfc1964Sequence, checksum: Uint8Array): Uint8Array {
    const bytes = writeSequence(sequence, true);
    // RFC 1964 §1.2.1.2: the first bytes of the checksum are the initialization vector.
    this.#cipher.cbcEncrypt(bytes, 0, 8, checksum);
    return bytes;
  }

  openSequence(sealed: Uint8Array, checksum: Uint8Array): Rfc1964Sequence | undefined {
    const bytes = new Uint8Array(sealed);
    this.#cipher.cbcDecrypt(bytes, 0, 8, checksum);
    return readSequence(bytes, true);
  }

  encrypt(bytes: Uint8Array): void {
    this.#cipher.cbcEncrypt(bytes, 0, bytes.length, ZERO_BLOCK);
  }

  decrypt(bytes: Uint8Array): void {
    this.#cipher.cbcDecrypt(bytes, 0, bytes.length, ZERO_BLOCK);
  }

  wipe(): void {
    this.#cipher.wipe();
    this.#mac.wipe();
  }
}

/** RFC 3961 §6.3.1: each 56 bits become eight bytes with odd parity. */
function randomToKey(seed: Uint8Array): Uint8Array {
  const key = new Uint8Array(KEY_LENGTH);
  for (let part = 0; part < 3; part++) {
    let eighth = 0;
    for (let i = 0; i < 7; i++) {
      const byte = seed[7 * part + i]!;
      key[8 * part + i] = withParity(byte);
      eighth |= (byte & 1) << (i + 1);
    }
    key[8 * part + 7] = withParity(eighth);
  }
  return key;
}

/** Sets the lowest bit so that the number of ones is odd. */
function withParity(byte: number): number {
  let ones = byte >> 1;
  ones ^= ones >> 4;
  ones ^= ones >> 2;
  ones ^= ones >> 1;
  return (byte & 0xfe) | (~ones & 1);
}
