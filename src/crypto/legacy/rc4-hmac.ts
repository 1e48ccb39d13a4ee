/** arcfour-hmac (RFC 4757), deprecated by RFC 8429; its tokens are those of RFC 4757 §7. */
import { constantTimeEqual } from '../../bytes.ts';
import type { RandomSource } from '../../random.ts';
import type { CryptoBackend, Mac } from '../backend.ts';
import { ChecksumType, Enctype } from '../numbers.ts';
import type {
  EncryptionProfile,
  KeyedProfile,
  MessagePieces,
  Rfc1964Keys,
  Rfc1964Sequence,
  Sealer,
} from '../profile.ts';
import { hmacMd5, messageType, SIGNATURE_KEY, signedDigest } from './hmac-md5.ts';
import { md4 } from './md4.ts';
import { rc4 } from './rc4.ts';
import { readSequence, writeSequence } from './rfc1964-sequence.ts';

const KEY_LENGTH = 16;
const MAC_LENGTH = 16;
const CONFOUNDER_LENGTH = 8;

export const rc4Hmac: EncryptionProfile = {
  enctype: Enctype.rc4Hmac,
  weak: true,
  keyLength: KEY_LENGTH,
  seedLength: KEY_LENGTH,
  // RFC 4757 §5: the checksum precedes the confounder.
  confounderLength: MAC_LENGTH + CONFOUNDER_LENGTH,
  trailerLength: 0,
  paddedTo: 1,
  checksumType: ChecksumType.hmacMd5,
  checksumLength: MAC_LENGTH,
  randomToKey: (seed) => new Uint8Array(seed),
  stringToKey(_, password) {
    // RFC 4757 §2: MD4 of the password in UTF-16, without a salt.
    const text = utf16(password);
    const key = md4(text);
    text.fill(0);
    return key;
  },
  keyed: (backend, key) => new Rc4Keys(backend, key),
};

class Rc4Keys implements KeyedProfile {
  #rfc1964: Rc4TokenKeys | undefined;
  readonly #backend: CryptoBackend;
  readonly #key: Uint8Array;

  constructor(backend: CryptoBackend, key: Uint8Array) {
    this.#backend = backend;
    this.#key = key;
  }

  get rfc1964(): Rfc1964Keys {
    this.#rfc1964 ??= new Rc4TokenKeys(this.#key);
    return this.#rfc1964;
  }

  sealer(usage: number): Sealer {
    return new Rc4Sealer(hmacMd5(this.#key, messageType(usage)));
  }

  checksum(usage: number): Mac {
    const ksign = hmacMd5(this.#key, SIGNATURE_KEY);
    return {
      digest: (parts) => signedDigest(ksign, usage, parts),
      wipe: () => ksign.fill(0),
    };
  }

  prf(input: Uint8Array): Uint8Array {
    // RFC 6113 §5.1 needs a PRF, RFC 4757 defines none; MIT krb5 (prf_rc4.c) uses HMAC-SHA1.
    const mac = this.#backend.hmac('sha1', this.#key);
    const output = mac.digest([input]);
    mac.wipe();
    return output;
  }

  wipe(): void {
    this.#rfc1964?.wipe();
  }
}

/** RFC 4757 §5 ENCRYPT and DECRYPT. */
class Rc4Sealer implements Sealer {
  readonly #k1: Uint8Array;

  constructor(k1: Uint8Array) {
    this.#k1 = k1;
  }

  seal(message: Uint8Array, random: RandomSource): void {
    const header = message.subarray(0, MAC_LENGTH + CONFOUNDER_LENGTH);
    this.#seal(header, [message.subarray(MAC_LENGTH)], [message.subarray(MAC_LENGTH)], random);
  }

  open(message: Uint8Array): boolean {
    if (message.length < MAC_LENGTH + CONFOUNDER_LENGTH) return false;
    const body = [message.subarray(MAC_LENGTH)];
    return this.#open(message.subarray(0, MAC_LENGTH), body, body);
  }

  peek(message: Uint8Array, length: number): Uint8Array | undefined {
    const head = MAC_LENGTH + CONFOUNDER_LENGTH;
    if (message.length < head + length) return undefined;
    const bytes = new Uint8Array(message.subarray(0, head + length));
    this.#crypt(bytes.subarray(0, MAC_LENGTH), [bytes.subarray(MAC_LENGTH)]);
    return bytes.subarray(head);
  }

  sealSegments(pieces: MessagePieces, random: RandomSource): void {
    const { signed, encrypted } = inPieces(pieces);
    this.#seal(pieces.confounder, signed, encrypted, random);
  }

  openSegments(pieces: MessagePieces): boolean {
    const { signed, encrypted } = inPieces(pieces);
    return this.#open(pieces.confounder.subarray(0, MAC_LENGTH), signed, encrypted);
  }

  wipe(): void {
    this.#k1.fill(0);
  }

  #seal(
    header: Uint8Array,
    signed: readonly Uint8Array[],
    encrypted: readonly Uint8Array[],
    random: RandomSource,
  ): void {
    random(header.subarray(MAC_LENGTH));
    const checksum = hmacMd5(this.#k1, ...signed);
    header.set(checksum);
    this.#crypt(checksum, encrypted);
  }

  #open(
    checksum: Uint8Array,
    signed: readonly Uint8Array[],
    encrypted: readonly Uint8Array[],
  ): boolean {
    this.#crypt(checksum, encrypted);
    return constantTimeEqual(hmacMd5(this.#k1, ...signed), checksum);
  }

  #crypt(checksum: Uint8Array, parts: readonly Uint8Array[]): void {
    const k3 = hmacMd5(this.#k1, checksum);
    rc4(k3, ...parts);
    k3.fill(0);
  }
}

/** RFC 4757 §7. */
class Rc4TokenKeys implements Rfc1964Keys {
  readonly signAlgorithm: number = 0x0011;
  readonly sealAlgorithm: number = 0x0010;
  readonly checksumLength: number = 8;
  readonly paddedTo: number = 1;
  // RFC 4757 §7.3: a stream cipher, keyed with the number in SND_SEQ and not with its direction.
  readonly keystreamOfNumber: boolean = true;
  readonly #ksign: Uint8Array;
  // RFC 4757 §7.2, §7.3: keys for sequence numbers and messages, not yet specific to a token.
  readonly #kseq: Uint8Array;
  readonly #kcrypt: Uint8Array;

  constructor(key: Uint8Array) {
    this.#ksign = hmacMd5(key, SIGNATURE_KEY);
    this.#kseq = hmacMd5(key, ZERO);
    // RFC 4757 §7.3: each byte of the key xor 0xF0.
    const klocal = key.map((byte) => byte ^ 0xf0);
    this.#kcrypt = hmacMd5(klocal, ZERO);
    klocal.fill(0);
  }

  checksum(token: 'mic' | 'wrap', ...parts: Uint8Array[]): Uint8Array {
    // RFC 4757 §3: T=15 for data signed in GSS MIC, T=13 for data protected with GSS Wrap.
    return signedDigest(this.#ksign, token === 'mic' ? 15 : 13, parts).slice(0, 8);
  }

  sealSequence(sequence: Rfc1964Sequence, checksum: Uint8Array): Uint8Array {
    const bytes = writeSequence(sequence, false);
    this.#crypt(this.#kseq, checksum, bytes);
    return bytes;
  }

  openSequence(sealed: Uint8Array, checksum: Uint8Array): Rfc1964Sequence | undefined {
    const bytes = new Uint8Array(sealed);
    this.#crypt(this.#kseq, checksum, bytes);
    return readSequence(bytes, false);
  }

  encrypt(bytes: Uint8Array, sequenceNumber: number): void {
    const number = new Uint8Array(4);
    new DataView(number.buffer).setUint32(0, sequenceNumber);
    this.#crypt(this.#kcrypt, number, bytes);
  }

  decrypt(bytes: Uint8Array, sequenceNumber: number): void {
    this.encrypt(bytes, sequenceNumber);
  }

  wipe(): void {
    for (const key of [this.#ksign, this.#kseq, this.#kcrypt]) key.fill(0);
  }

  #crypt(key: Uint8Array, constant: Uint8Array, bytes: Uint8Array): void {
    const derived = hmacMd5(key, constant);
    rc4(derived, bytes);
    derived.fill(0);
  }
}

function inPieces({ confounder, segments }: MessagePieces): {
  signed: Uint8Array[];
  encrypted: Uint8Array[];
} {
  const first = confounder.subarray(MAC_LENGTH);
  return {
    signed: [first, ...segments.map(({ bytes }) => bytes)],
    encrypted: [first, ...segments.filter((one) => one.encrypted).map(({ bytes }) => bytes)],
  };
}

/** UTF-16, little-endian. */
function utf16(text: string): Uint8Array {
  const bytes = new Uint8Array(2 * text.length);
  for (let i = 0; i < text.length; i++) {
    bytes[2 * i] = text.charCodeAt(i);
    bytes[2 * i + 1] = text.charCodeAt(i) >> 8;
  }
  return bytes;
}

const ZERO = new Uint8Array(4);
