/**
 * The interface of an encryption type (RFC 3961 §3): objects that hold a key and the keys derived
 * from it. A profile defines layouts and lengths; {@link EncryptionKey} adds caching and policy.
 */
import type { RandomSource } from '../random.ts';
import type { CryptoBackend, Mac } from './backend.ts';

/** An encryption type. */
export interface EncryptionProfile {
  /** The assigned number. */
  readonly enctype: number;
  /** Whether it is deprecated as weak (RFC 6649, RFC 8429). */
  readonly weak: boolean;
  /** Bytes of a protocol key. */
  readonly keyLength: number;
  /** Bytes that {@link randomToKey} takes. */
  readonly seedLength: number;
  /** Bytes before the plaintext in an encrypted message. */
  readonly confounderLength: number;
  /** Bytes after the plaintext in an encrypted message. */
  readonly trailerLength: number;
  /** The number whose multiple every plaintext's length must be; 1 if any length is allowed. */
  readonly paddedTo: number;
  /** The number of the mandatory checksum type. */
  readonly checksumType: number;
  /** Bytes of a checksum of that type. */
  readonly checksumLength: number;
  /** RFC 3961 §3 random-to-key. @returns A new array. */
  randomToKey(seed: Uint8Array): Uint8Array;
  /**
   * RFC 3961 §3 string-to-key.
   *
   * @param iterations - For a profile with an iteration count; by default that of its RFC.
   */
  stringToKey(
    backend: CryptoBackend,
    password: string,
    salt: Uint8Array,
    iterations: number | undefined,
  ): Uint8Array;
  /** The operations with a protocol key. @param key - Not copied; it must outlive the result. */
  keyed(backend: CryptoBackend, key: Uint8Array): KeyedProfile;
}

/** The operations of a profile with one protocol key. */
export interface KeyedProfile {
  /** Derives the keys Ke and Ki, which encrypt and protect messages of a usage. */
  sealer(usage: number): Sealer;
  /** Derives the key Kc of a usage's checksums; its MACs have the profile's checksum length. */
  checksum(usage: number): Mac;
  /** RFC 3961 §3 pseudo-random. @returns A new array. */
  prf(input: Uint8Array): Uint8Array;
  /**
   * The operations of per-message tokens, for an encryption type older than RFC 4121. Absent for
   * all others, whose tokens are those of RFC 4121.
   *
   * @internal
   */
  readonly rfc1964?: Rfc1964Keys;
  /**
   * Wipes the keys derived for itself; neither the protocol key nor the sealers and MACs returned.
   */
  wipe(): void;
}

/** Encryption and decryption with the specific keys of a usage. */
export interface Sealer {
  /**
   * Encrypts in place.
   *
   * @param message - Space for the confounder, the plaintext, space for the trailer.
   */
  seal(message: Uint8Array, random: RandomSource): void;
  /**
   * Decrypts in place.
   *
   * @returns Whether the message is authentic; if not, the contents of `message` are unspecified.
   */
  open(message: Uint8Array): boolean;
  /**
   * Decrypts the start of a message without verifying it.
   *
   * @param length - 1 to 16.
   * @returns The first `length` bytes of the plaintext, in a new buffer; undefined for a message
   *   that is too short to decrypt its start alone.
   */
  peek(message: Uint8Array, length: number): Uint8Array | undefined;
  /** {@link seal} for a message in several buffers. */
  sealSegments(pieces: MessagePieces, random: RandomSource): void;
  /** {@link open} for a message in several buffers. */
  openSegments(pieces: MessagePieces): boolean;
  /** Wipes the keys; the object is not used afterwards. */
  wipe(): void;
}

/** A message in several buffers (GSS_Wrap_iov), all processed in place. */
export interface MessagePieces {
  /** Has the profile's confounder length. */
  readonly confounder: Uint8Array;
  /** The message, in order. */
  readonly segments: readonly Segment[];
  /** Has the profile's trailer length. */
  readonly trailer: Uint8Array;
}

/** A part of a message in several buffers. */
export interface Segment {
  /** The bytes, a view that is worked on in place. */
  readonly bytes: Uint8Array;
  /** Whether it is encrypted; otherwise only the MAC covers it, at its place in the message. */
  readonly encrypted: boolean;
}

/**
 * The operations of per-message tokens of RFC 1964 §1.2 and RFC 4757 §7 that depend on the key: all
 * of a token except its header.
 */
export interface Rfc1964Keys {
  /** SGN_ALG, whose low byte is sent first: RFC 1964 §1.2, RFC 4757 §7.2. */
  readonly signAlgorithm: number;
  /** SEAL_ALG, likewise. */
  readonly sealAlgorithm: number;
  /** Bytes of SGN_CKSUM. */
  readonly checksumLength: number;
  /**
   * Confounder, message and padding of a Wrap token are padded to a multiple of this many bytes.
   */
  readonly paddedTo: number;
  /**
   * Whether the keystream depends on the sequence number alone and not on the direction. Two
   * messages with the same number, one from each peer, then reveal the XOR of their plaintexts.
   */
  readonly keystreamOfNumber: boolean;
  /**
   * SGN_CKSUM of the parts, in this order: the first eight bytes of the token; in a Wrap token the
   * confounder; the message; in a Wrap token the padding.
   */
  checksum(token: 'mic' | 'wrap', ...parts: Uint8Array[]): Uint8Array;
  /** SND_SEQ, encrypted: eight bytes. @param checksum - The token's SGN_CKSUM. */
  sealSequence(sequence: Rfc1964Sequence, checksum: Uint8Array): Uint8Array;
  /** Decrypts SND_SEQ. @returns undefined if it is malformed. */
  openSequence(sealed: Uint8Array, checksum: Uint8Array): Rfc1964Sequence | undefined;
  /** Encrypts confounder, message and padding in place. */
  encrypt(bytes: Uint8Array, sequenceNumber: number): void;
  /** The inverse of {@link encrypt}. */
  decrypt(bytes: Uint8Array, sequenceNumber: number): void;
}

/** The contents of SND_SEQ (RFC 1964 §1.2.1.2). */
export interface Rfc1964Sequence {
  /** Unsigned, 32 bits. */
  readonly number: number;
  /** The sender of the token (RFC 1964 §1.2.1.2). */
  readonly sender: 'initiator' | 'acceptor';
}
