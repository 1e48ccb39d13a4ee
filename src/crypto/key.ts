/// <reference lib="esnext.disposable" preserve="true" />
/** Keys: the object of this folder that the layers above work with. */
import { constantTimeEqual, encodeUtf8 } from '../bytes.ts';
import { KerberosError } from '../errors.ts';
import type { RandomSource } from '../random.ts';
import { systemRandom } from '../random.ts';
import type { Mac } from './backend.ts';
import { checkMessage, checkPieces, roomFor } from './message-layout.ts';
import { enctypeName } from './numbers.ts';
import type {
  EncryptionProfile,
  KeyedProfile,
  MessagePieces,
  Rfc1964Keys,
  Sealer,
} from './profile.ts';
import type { CryptoProvider } from './provider.ts';
import { loadableKeyLength, profileOf, registeredDefault } from './provider.ts';

/** Options of `EncryptionKey.fromPassword`. */
export interface PasswordOptions {
  /** Iterations of PBKDF2, 1 to 2^24; by default those of the enctype's RFC. */
  readonly iterations?: number;
  /** The provider of the key; the default one if absent. */
  readonly crypto?: CryptoProvider;
}

/**
 * A protocol key (RFC 3961 §3) and the operations of its encryption type.
 *
 * The specific keys of a usage are derived at its first use and kept until {@link dispose}; a
 * service key should live as long as its keytab. No string or JSON form contains bytes of the key.
 */
export class EncryptionKey {
  /** The encryption type's assigned number: 18 is aes256-cts-hmac-sha1-96. */
  readonly enctype: number;
  readonly #crypto: CryptoProvider | undefined;
  readonly #value: Uint8Array;
  #profile: EncryptionProfile | undefined;
  #keyed: KeyedProfile | undefined;
  // Linked lists: a key has one or two usages, rarely more, and a Map costs more memory.
  #sealers: Derived<Sealer> | undefined;
  #checksums: Derived<Mac> | undefined;
  #disposed = false;

  /**
   * @param enctype - Any number: a keytab may hold keys of unsupported enctypes.
   * @param value - The key's bytes; copied.
   * @param crypto - By default the default provider.
   * @throws {@link KerberosError} `KRB5_BAD_KEYSIZE` if the length does not fit the enctype.
   */
  constructor(enctype: number, value: Uint8Array, crypto?: CryptoProvider) {
    const profile = crypto?.profiles.get(enctype);
    const keyLength = profile?.keyLength ?? loadableKeyLength(enctype, crypto);
    if (keyLength !== undefined && value.length !== keyLength) {
      const detail = {
        enctype: enctypeName(enctype),
        expectedLength: keyLength,
        length: value.length,
      };
      throw new KerberosError('KRB5_BAD_KEYSIZE', { reason: 'key.size', detail });
    }
    this.enctype = enctype;
    this.#crypto = crypto;
    this.#value = new Uint8Array(value);
    this.#profile = profile;
  }

  /**
   * Generates a random key.
   *
   * @param random - By default the generator of the runtime.
   * @param crypto - By default the default provider.
   * @throws {@link KerberosError} `KDC_ERR_ETYPE_NOSUPP` if the provider lacks the enctype.
   */
  static generate(
    enctype: number,
    random: RandomSource = systemRandom,
    crypto: CryptoProvider = registeredDefault(),
  ): EncryptionKey {
    const profile = profileOf(enctype, crypto);
    const seed = new Uint8Array(profile.seedLength);
    random(seed);
    const value = profile.randomToKey(seed);
    const key = new EncryptionKey(enctype, value, crypto);
    seed.fill(0);
    value.fill(0);
    return key;
  }

  /**
   * Derives the key of a password (RFC 3961 §3 string-to-key).
   *
   * @param salt - Bytes, or text to be encoded as UTF-8. The default salt of a KDC is the realm and
   *   the components of the principal, without separators.
   * @throws {@link KerberosError} `KDC_ERR_ETYPE_NOSUPP` if the provider lacks the enctype.
   * @throws RangeError for an iteration count outside of 1 to 2^24.
   */
  static fromPassword(
    enctype: number,
    password: string,
    salt: string | Uint8Array,
    options: PasswordOptions = {},
  ): EncryptionKey {
    const crypto = options.crypto ?? registeredDefault();
    const saltBytes = typeof salt === 'string' ? encodeUtf8(salt) : salt;
    const value = profileOf(enctype, crypto).stringToKey(
      crypto.backend,
      password,
      saltBytes,
      options.iterations,
    );
    const key = new EncryptionKey(enctype, value, crypto);
    value.fill(0);
    return key;
  }

  /** The provider; keys inside of messages that this key decrypts should have the same. */
  get crypto(): CryptoProvider {
    return this.#crypto ?? registeredDefault();
  }

  /** Whether the provider has the enctype; if not, operations throw `KDC_ERR_ETYPE_NOSUPP`. */
  get supported(): boolean {
    return (
      this.#profile !== undefined || loadableKeyLength(this.enctype, this.#crypto) !== undefined
    );
  }

  /** Whether {@link dispose} was called. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** Whether the enctype is deprecated as weak (RFC 6649, RFC 8429). */
  get weak(): boolean {
    return this.#known().weak;
  }

  /** Bytes before the plaintext in an encrypted message. */
  get confounderLength(): number {
    return this.#known().confounderLength;
  }

  /** Bytes after the plaintext in an encrypted message. */
  get trailerLength(): number {
    return this.#known().trailerLength;
  }

  /**
   * Plaintexts are multiples of this many bytes: 8 for DES, otherwise 1. {@link encrypt} appends
   * zeros, which {@link decrypt} returns: only the plaintext's format defines its end.
   */
  get paddedTo(): number {
    return this.#known().paddedTo;
  }

  /** The mandatory checksum type of the enctype. */
  get checksumType(): number {
    return this.#known().checksumType;
  }

  /** Bytes of a checksum of the mandatory type. */
  get checksumLength(): number {
    return this.#known().checksumLength;
  }

  /** Bytes that {@link seal} needs around a plaintext: confounder; padding and trailer. */
  roomFor(length: number): { readonly before: number; readonly after: number } {
    return roomFor(this.#known(), length);
  }

  /** RFC 3961 §3 encrypt. @returns Confounder, plaintext and trailer, in a new buffer. */
  encrypt(usage: number, plaintext: Uint8Array, random: RandomSource): Uint8Array {
    const { before, after } = this.roomFor(plaintext.length);
    const message = new Uint8Array(before + plaintext.length + after);
    message.set(plaintext, before);
    this.#sealer(usage).seal(message, random);
    return message;
  }

  /**
   * Decrypts and verifies a message (RFC 3961 §3 decrypt).
   *
   * @returns The plaintext, a view of a new buffer and never of `ciphertext`.
   * @throws {@link KerberosError} `KRB_AP_ERR_BAD_INTEGRITY`, whatever the reason.
   */
  decrypt(usage: number, ciphertext: Uint8Array): Uint8Array {
    const { confounderLength, trailerLength } = this.#known();
    const sealer = this.#sealer(usage);
    const message = new Uint8Array(ciphertext);
    if (!sealer.open(message)) {
      message.fill(0);
      throw new KerberosError('KRB_AP_ERR_BAD_INTEGRITY', { reason: 'key.integrity' });
    }
    return message.subarray(confounderLength, message.length - trailerLength);
  }

  /** {@link Sealer.peek}. Unverified: it can only show that another key made the message. */
  peek(usage: number, ciphertext: Uint8Array, length: number): Uint8Array | undefined {
    return this.#sealer(usage).peek(ciphertext, length);
  }

  /**
   * Encrypts in place.
   *
   * @param message - Space for the confounder, the plaintext, space for the trailer.
   * @throws RangeError if `message` is shorter than these, or the plaintext is not padded.
   */
  seal(usage: number, message: Uint8Array, random: RandomSource): void {
    checkMessage(this.#known(), message);
    this.#sealer(usage).seal(message, random);
  }

  /**
   * {@link seal} for a message in several buffers, in place.
   *
   * @throws RangeError if confounder or trailer do not have the enctype's lengths, or the segments
   *   to encrypt are not padded.
   */
  sealSegments(usage: number, pieces: MessagePieces, random: RandomSource): void {
    checkPieces(this.#known(), pieces);
    this.#sealer(usage).sealSegments(pieces, random);
  }

  /**
   * Decrypts a message in several buffers, in place; wipes its encrypted segments if it fails.
   *
   * @throws {@link KerberosError} `KRB_AP_ERR_BAD_INTEGRITY`.
   * @throws RangeError as {@link sealSegments}.
   */
  openSegments(usage: number, pieces: MessagePieces): void {
    checkPieces(this.#known(), pieces);
    if (this.#sealer(usage).openSegments(pieces)) return;
    pieces.confounder.fill(0);
    for (const { bytes, encrypted } of pieces.segments) {
      if (encrypted) bytes.fill(0);
    }
    throw new KerberosError('KRB_AP_ERR_BAD_INTEGRITY', { reason: 'key.integrity' });
  }

  /** The mandatory checksum (RFC 3961 §3 get_mic) of the concatenated parts, in a new array. */
  checksum(usage: number, ...parts: Uint8Array[]): Uint8Array {
    return this.#checksum(usage).digest(parts);
  }

  /** Whether `checksum` is the mandatory checksum of the parts; constant-time comparison. */
  verifyChecksum(usage: number, checksum: Uint8Array, ...parts: Uint8Array[]): boolean {
    return constantTimeEqual(this.#checksum(usage).digest(parts), checksum);
  }

  /**
   * Whether `checksum`, whose type need not be the mandatory one, is that of the parts.
   *
   * @throws {@link KerberosError} `KRB_AP_ERR_INAPP_CKSUM` for a type that this key cannot compute.
   */
  verifyChecksumOfType(
    type: number,
    usage: number,
    checksum: Uint8Array,
    ...parts: Uint8Array[]
  ): boolean {
    if (type === this.checksumType) return this.verifyChecksum(usage, checksum, ...parts);
    // MIT krb5, src/lib/crypto/krb/cksumtypes.c: among the keyed types only HMAC-MD5 names no
    // cipher and so accepts keys of any enctype. A provider has it if it was given RC4.
    const compute = this.crypto.checksums?.get(type);
    if (compute === undefined) {
      throw new KerberosError('KRB_AP_ERR_INAPP_CKSUM', {
        reason: 'key.checksum-type',
        detail: { checksumType: type, enctype: enctypeName(this.enctype) },
      });
    }
    this.#checkInUse();
    return constantTimeEqual(compute(this.#value, usage, parts), checksum);
  }

  /** The pseudo-random function of the enctype (RFC 3961 §3). @returns A new array. */
  prf(input: Uint8Array): Uint8Array {
    return this.#base().prf(input);
  }

  /**
   * The operations of per-message tokens older than RFC 4121; undefined for an enctype whose tokens
   * are those of RFC 4121. Not to be used after {@link dispose}.
   *
   * @internal
   */
  get rfc1964(): Rfc1964Keys | undefined {
    return this.#base().rfc1964;
  }

  /** A copy of the key's bytes. */
  bytes(): Uint8Array {
    this.#checkInUse();
    return new Uint8Array(this.#value);
  }

  /** Whether both are the same key; compared in constant time. */
  equals(other: EncryptionKey): boolean {
    this.#checkInUse();
    other.#checkInUse();
    return this.enctype === other.enctype && constantTimeEqual(this.#value, other.#value);
  }

  /** An equal key, which must be disposed of separately. */
  copy(): EncryptionKey {
    this.#checkInUse();
    return new EncryptionKey(this.enctype, this.#value, this.#crypto);
  }

  /** {@link copy} with another provider. */
  withCrypto(crypto: CryptoProvider): EncryptionKey {
    this.#checkInUse();
    return new EncryptionKey(this.enctype, this.#value, crypto);
  }

  /** Wipes the key and all keys derived from it. Later operations throw a TypeError. */
  dispose(): void {
    this.#disposed = true;
    this.#value.fill(0);
    this.#keyed?.wipe();
    this.#keyed = undefined;
    for (let link = this.#sealers; link !== undefined; link = link.next) link.state.wipe();
    for (let link = this.#checksums; link !== undefined; link = link.next) link.state.wipe();
    this.#sealers = undefined;
    this.#checksums = undefined;
  }

  /** Disposes of it at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Names the enctype only. */
  toString(): string {
    return `EncryptionKey(${enctypeName(this.enctype)})`;
  }

  /** {@link toString}: a key is never part of JSON. */
  toJSON(): string {
    return this.toString();
  }

  static {
    // Node.js, Deno and Bun call this method to print an object.
    Object.defineProperty(EncryptionKey.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value: EncryptionKey.prototype.toString,
    });
  }

  #sealer(usage: number): Sealer {
    for (let link = this.#sealers; link !== undefined; link = link.next) {
      if (link.usage === usage) return link.state;
    }
    const state = this.#base().sealer(usage);
    this.#sealers = { usage, state, next: this.#sealers };
    return state;
  }

  #checksum(usage: number): Mac {
    for (let link = this.#checksums; link !== undefined; link = link.next) {
      if (link.usage === usage) return link.state;
    }
    const state = this.#base().checksum(usage);
    this.#checksums = { usage, state, next: this.#checksums };
    return state;
  }

  #base(): KeyedProfile {
    this.#checkInUse();
    this.#keyed ??= this.#known().keyed(this.crypto.backend, this.#value);
    return this.#keyed;
  }

  #known(): EncryptionProfile {
    this.#profile ??= profileOf(this.enctype, this.crypto);
    return this.#profile;
  }

  #checkInUse(): void {
    if (this.#disposed) throw new TypeError('key: expected one in use, got a disposed one');
  }
}

interface Derived<T> {
  readonly usage: number;
  readonly state: T;
  readonly next: Derived<T> | undefined;
}
