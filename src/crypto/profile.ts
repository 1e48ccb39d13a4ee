/**
 * What an encryption type is (RFC 3961 §3), as objects that hold keys and what is derived from
 * them. Layouts and lengths are the profile's business; caching and policy are those of
 * {@link EncryptionKey}.
 */
import type { RandomSource } from '../random.ts';
import type { CryptoBackend, Mac } from './backend.ts';

/** An encryption type. */
export interface EncryptionProfile {
  readonly enctype: number;
  /** Whether it is no longer safe (RFC 6649, RFC 8429). */
  readonly weak: boolean;
  /** Bytes of a protocol key. */
  readonly keyLength: number;
  /** Bytes that {@link randomToKey} takes. */
  readonly seedLength: number;
  /** Bytes that stand before the plaintext in a sealed message. */
  readonly confounderLength: number;
  /** Bytes that stand after it. */
  readonly trailerLength: number;
  /** A plaintext to be sealed has a multiple of so many bytes: 1 where every length will do. */
  readonly paddedTo: number;
  readonly checksumType: number;
  readonly checksumLength: number;
  /** RFC 3961 §3 random-to-key. @returns An array of its own. */
  randomToKey(seed: Uint8Array): Uint8Array;
  /**
   * RFC 3961 §3 string-to-key.
   *
   * @param iterations - For a profile that iterates; absent: the RFC's default.
   */
  stringToKey(
    backend: CryptoBackend,
    password: string,
    salt: Uint8Array,
    iterations: number | undefined,
  ): Uint8Array;
  /** The profile under a protocol key. @param key - Not copied; it outlives the result. */
  keyed(backend: CryptoBackend, key: Uint8Array): KeyedProfile;
}

/** A profile under a protocol key. */
export interface KeyedProfile {
  /** Derives the keys that encrypt and protect messages of a usage. */
  sealer(usage: number): Sealer;
  /** Derives the key of a usage's checksums; its codes have the profile's checksum length. */
  checksum(usage: number): Mac;
  /** RFC 3961 §3 pseudo-random. */
  prf(input: Uint8Array): Uint8Array;
  /**
   * For an encryption type older than RFC 4121: what protects its per-message tokens. Absent for
   * all others, whose tokens are those of RFC 4121.
   *
   * @internal
   */
  readonly rfc1964?: Rfc1964Keys;
  /** Wipes what it holds beside the protocol key; not what came out of it. */
  wipe(): void;
}

/** The specific keys of a usage, at work. */
export interface Sealer {
  /**
   * Encrypts in place.
   *
   * @param message - Room for the confounder, the plaintext, room for the trailer.
   */
  seal(message: Uint8Array, random: RandomSource): void;
  /**
   * Decrypts in place.
   *
   * @returns Whether the message is authentic; if not, its bytes are of no use.
   */
  open(message: Uint8Array): boolean;
  /**
   * Decrypts the head of a message without verifying anything.
   *
   * @returns The first `length` bytes of the plaintext, at most 16, in a buffer of its own; undefined
   *   for a message that is too short to have its head decrypted on its own.
   */
  peek(message: Uint8Array, length: number): Uint8Array | undefined;
  /** {@link seal} of a message in pieces. */
  sealSegments(pieces: MessagePieces, random: RandomSource): void;
  /** {@link open} of a message in pieces. */
  openSegments(pieces: MessagePieces): boolean;
  wipe(): void;
}

/** A message whose pieces lie apart (GSS_Wrap_iov), all worked on in place. */
export interface MessagePieces {
  /** The profile's confounder length. */
  readonly confounder: Uint8Array;
  readonly segments: readonly Segment[];
  /** The profile's trailer length. */
  readonly trailer: Uint8Array;
}

export interface Segment {
  readonly bytes: Uint8Array;
  /** Whether it is encrypted; otherwise it only takes part in the code, at its place. */
  readonly encrypted: boolean;
}

/**
 * The per-message tokens of RFC 1964 §1.2 and RFC 4757 §7, as far as they depend on the key: all
 * that a token has besides its framing.
 */
export interface Rfc1964Keys {
  /** SGN_ALG, whose low byte is sent first: RFC 1964 §1.2, RFC 4757 §7.2. */
  readonly signAlgorithm: number;
  /** SEAL_ALG, likewise. */
  readonly sealAlgorithm: number;
  /** Bytes of SGN_CKSUM. */
  readonly checksumLength: number;
  /** Confounder, message and padding of a Wrap token together have a multiple of so many bytes. */
  readonly paddedTo: number;
  /**
   * Whether all messages of one sequence number are sealed with one keystream, whoever sends them:
   * who listens to two has the XOR of their plaintexts.
   */
  readonly keystreamOfNumber: boolean;
  /**
   * SGN_CKSUM of the parts: the token's first eight bytes; for a Wrap token the confounder; the
   * message; for a Wrap token the padding.
   */
  checksum(token: 'mic' | 'wrap', ...parts: Uint8Array[]): Uint8Array;
  /** SND_SEQ, encrypted: eight bytes. @param checksum - The token's SGN_CKSUM. */
  sealSequence(sequence: Rfc1964Sequence, checksum: Uint8Array): Uint8Array;
  /** @returns Nothing if SND_SEQ is not well-formed. */
  openSequence(sealed: Uint8Array, checksum: Uint8Array): Rfc1964Sequence | undefined;
  /** Encrypts confounder, message and padding in place. */
  encrypt(bytes: Uint8Array, sequenceNumber: number): void;
  /** The inverse of {@link encrypt}. */
  decrypt(bytes: Uint8Array, sequenceNumber: number): void;
}

export interface Rfc1964Sequence {
  /** Unsigned, 32 bits. */
  readonly number: number;
  /** RFC 1964 §1.2.1.2: who sent the token. */
  readonly sender: 'initiator' | 'acceptor';
}
