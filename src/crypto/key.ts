/// <reference lib="esnext.disposable" preserve="true" />
/** Keys: the one object of this folder that the layers above hold. */
import { constantTimeEqual, encodeUtf8 } from '../bytes.ts';
import { KerberosError } from '../errors.ts';
import type { RandomSource } from '../random.ts';
import type { Mac } from './backend.ts';
import { enctypeName, standardKeyLength } from './numbers.ts';
import type {
  EncryptionProfile,
  KeyedProfile,
  MessagePieces,
  Rfc1964Keys,
  Sealer,
} from './profile.ts';
import type { CryptoProvider } from './provider.ts';
import { profileOf, registeredDefault } from './provider.ts';

export interface PasswordOptions {
  /** Absent: the default of the encryption type's RFC. Between 1 and 2^24. */
  readonly iterations?: number;
  readonly crypto?: CryptoProvider;
}

/**
 * A protocol key (RFC 3961 §3) with all that can be done with it.
 *
 * What is derived from it for a usage is made at the first use and kept until {@link dispose}:
 * a service's key should live as long as its keytab. No text form holds any of its bytes.
 */
export class EncryptionKey {
  readonly enctype: number;
  readonly #crypto: CryptoProvider | undefined;
  readonly #value: Uint8Array;
  #profile: EncryptionProfile | undefined;
  #keyed: KeyedProfile | undefined;
  // Chains: a key has few usages, mostly one or two.
  #sealers: Derived<Sealer> | undefined;
  #checksums: Derived<Mac> | undefined;
  #disposed = false;

  /**
   * @param enctype - Any number: a keytab may hold keys that nothing here can use.
   * @param value - Copied.
   * @param crypto - The default provider if absent.
   * @throws {@link KerberosError} `KRB5_BAD_KEYSIZE` if the length does not fit the enctype.
   */
  constructor(enctype: number, value: Uint8Array, crypto?: CryptoProvider) {
    const profile = crypto?.profiles.get(enctype);
    const keyLength = crypto === undefined ? standardKeyLength(enctype) : profile?.keyLength;
    if (keyLength !== undefined && value.length !== keyLength) {
      const detail = {
        enctype: enctypeName(enctype),
        expectedLength: keyLength,
        length: value.length,
      };
      throw new KerberosError('KRB5_BAD_KEYSIZE', { detail });
    }
    this.enctype = enctype;
    this.#crypto = crypto;
    this.#value = new Uint8Array(value);
    this.#profile = profile;
  }

  /**
   * A new random key.
   *
   * @throws {@link KerberosError} `KDC_ERR_ETYPE_NOSUPP` if the provider lacks the enctype.
   */
  static generate(
    enctype: number,
    random: RandomSource,
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
   * The key of a password (RFC 3961 §3 string-to-key).
   *
   * @param salt - As bytes, or as text that is taken as UTF-8: realm and components of the
   *   principal without separators, where the KDC has no other.
   * @throws {@link KerberosError} `KDC_ERR_ETYPE_NOSUPP` if the provider lacks the enctype.
   * @throws RangeError for an iteration count out of bounds.
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

  /** What it works with; so should keys that arrive inside what it decrypts. */
  get crypto(): CryptoProvider {
    return this.#crypto ?? registeredDefault();
  }

  /** Whether the provider has the enctype; if not, any use throws `KDC_ERR_ETYPE_NOSUPP`. */
  get supported(): boolean {
    if (this.#crypto === undefined) return standardKeyLength(this.enctype) !== undefined;
    return this.#profile !== undefined;
  }

  /** Whether it was wiped. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** Whether the enctype is no longer safe. */
  get weak(): boolean {
    return this.#known().weak;
  }

  /** Bytes before the plaintext of a sealed message. */
  get confounderLength(): number {
    return this.#known().confounderLength;
  }

  /** Bytes after the plaintext of a sealed message. */
  get trailerLength(): number {
    return this.#known().trailerLength;
  }

  /**
   * 1 for all enctypes but DES. There, {@link encrypt} adds zeros up to a multiple of so many
   * bytes, and {@link decrypt} returns them: only the plaintext's own format says where it ends.
   */
  get paddedTo(): number {
    return this.#known().paddedTo;
  }

  /** The mandatory checksum type of the enctype. */
  get checksumType(): number {
    return this.#known().checksumType;
  }

  get checksumLength(): number {
    return this.#known().checksumLength;
  }

  /** What {@link seal} needs around a plaintext of so many bytes: confounder, padding, trailer. */
  roomFor(length: number): { readonly before: number; readonly after: number } {
    const { confounderLength, trailerLength, paddedTo } = this.#known();
    const padded = Math.ceil(length / paddedTo) * paddedTo;
    return { before: confounderLength, after: padded - length + trailerLength };
  }

  /** @returns Confounder, plaintext and trailer, encrypted, in a buffer of its own. */
  encrypt(usage: number, plaintext: Uint8Array, random: RandomSource): Uint8Array {
    const { before, after } = this.roomFor(plaintext.length);
    const message = new Uint8Array(before + plaintext.length + after);
    message.set(plaintext, before);
    this.#sealer(usage).seal(message, random);
    return message;
  }

  /**
   * @returns A view of a buffer of its own: never of `ciphertext`.
   * @throws {@link KerberosError} `KRB_AP_ERR_BAD_INTEGRITY`, the same for whatever is wrong.
   */
  decrypt(usage: number, ciphertext: Uint8Array): Uint8Array {
    const { confounderLength, trailerLength } = this.#known();
    const sealer = this.#sealer(usage);
    const message = new Uint8Array(ciphertext);
    if (!sealer.open(message)) {
      message.fill(0);
      throw new KerberosError('KRB_AP_ERR_BAD_INTEGRITY');
    }
    return message.subarray(confounderLength, message.length - trailerLength);
  }

  /** {@link Sealer.peek}: enough to find out that another key made a message, and for nothing else. */
  peek(usage: number, ciphertext: Uint8Array, length: number): Uint8Array | undefined {
    return this.#sealer(usage).peek(ciphertext, length);
  }

  /**
   * Encrypts in place.
   *
   * @param message - Room for the confounder, the plaintext, room for the trailer.
   * @throws RangeError if it has no room for these, or the plaintext lacks its padding.
   */
  seal(usage: number, message: Uint8Array, random: RandomSource): void {
    const { confounderLength, trailerLength, paddedTo } = this.#known();
    const length = message.length - confounderLength - trailerLength;
    if (length < 0 || length % paddedTo !== 0) {
      throw new RangeError(
        `message: expected a multiple of ${paddedTo} bytes and ` +
          `${confounderLength + trailerLength} more, got ${message.length}`,
      );
    }
    this.#sealer(usage).seal(message, random);
  }

  /**
   * {@link seal} of a message whose pieces lie apart, in place.
   *
   * @throws RangeError if confounder or trailer have not the enctype's lengths, or what is
   *   encrypted lacks its padding.
   */
  sealSegments(usage: number, pieces: MessagePieces, random: RandomSource): void {
    this.#checkPieces(pieces);
    this.#sealer(usage).sealSegments(pieces, random);
  }

  /**
   * Decrypts a message whose pieces lie apart, in place. When it throws, all that is encrypted
   * was wiped.
   *
   * @throws {@link KerberosError} `KRB_AP_ERR_BAD_INTEGRITY`.
   * @throws RangeError as {@link sealSegments}.
   */
  openSegments(usage: number, pieces: MessagePieces): void {
    this.#checkPieces(pieces);
    if (this.#sealer(usage).openSegments(pieces)) return;
    pieces.confounder.fill(0);
    for (const { bytes, encrypted } of pieces.segments) {
      if (encrypted) bytes.fill(0);
    }
    throw new KerberosError('KRB_AP_ERR_BAD_INTEGRITY');
  }

  /** The mandatory checksum of the parts, one after the other. */
  checksum(usage: number, ...parts: Uint8Array[]): Uint8Array {
    return this.#checksum(usage).digest(parts);
  }

  /** Whether `checksum` is the mandatory checksum of the parts; compared in constant time. */
  verifyChecksum(usage: number, checksum: Uint8Array, ...parts: Uint8Array[]): boolean {
    return constantTimeEqual(this.#checksum(usage).digest(parts), checksum);
  }

  /**
   * Whether `checksum` is the checksum of the parts by a type that need not be the enctype's own.
   *
   * @throws {@link KerberosError} `KRB_AP_ERR_INAPP_CKSUM` for a type that this key cannot make.
   */
  verifyChecksumOfType(
    type: number,
    usage: number,
    checksum: Uint8Array,
    ...parts: Uint8Array[]
  ): boolean {
    if (type === this.checksumType) return this.verifyChecksum(usage, checksum, ...parts);
    // MIT krb5, src/lib/crypto/krb/cksumtypes.c: of the keyed types only HMAC-MD5 names no cipher,
    // and so takes the key of any enctype. A provider has it if RC4 was asked for.
    const compute = this.crypto.checksums?.get(type);
    if (compute === undefined) {
      throw new KerberosError('KRB_AP_ERR_INAPP_CKSUM', {
        detail: { checksumType: type, enctype: enctypeName(this.enctype) },
      });
    }
    this.#checkInUse();
    return constantTimeEqual(compute(this.#value, usage, parts), checksum);
  }

  /** The pseudo-random function of the enctype (RFC 3961 §3). */
  prf(input: Uint8Array): Uint8Array {
    return this.#base().prf(input);
  }

  /**
   * What protects per-message tokens older than RFC 4121; nothing for a key whose tokens are those
   * of RFC 4121. Not to be used after {@link dispose}.
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

  /** The same key, to be disposed of on its own. */
  copy(): EncryptionKey {
    this.#checkInUse();
    return new EncryptionKey(this.enctype, this.#value, this.#crypto);
  }

  /** {@link copy} that works with another provider. */
  withCrypto(crypto: CryptoProvider): EncryptionKey {
    this.#checkInUse();
    return new EncryptionKey(this.enctype, this.#value, crypto);
  }

  /** Wipes the key and all that was derived from it. Use afterwards throws a TypeError. */
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

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return `EncryptionKey(${enctypeName(this.enctype)})`;
  }

  toJSON(): string {
    return this.toString();
  }

  static {
    // What Node.js, Deno and Bun ask an object for before they print it.
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

  #checkPieces({ confounder, segments, trailer }: MessagePieces): void {
    const { confounderLength, trailerLength, paddedTo } = this.#known();
    if (confounder.length !== confounderLength || trailer.length !== trailerLength) {
      throw new RangeError(
        `confounder and trailer: expected ${confounderLength} and ${trailerLength} bytes, ` +
          `got ${confounder.length} and ${trailer.length}`,
      );
    }
    let length = 0;
    for (const { bytes, encrypted } of segments) length += encrypted ? bytes.length : 0;
    if (length % paddedTo !== 0) {
      throw new RangeError(`segments: expected a multiple of ${paddedTo} bytes, got ${length}`);
    }
  }
}

interface Derived<T> {
  readonly usage: number;
  readonly state: T;
  readonly next: Derived<T> | undefined;
}
