/**
 * The two ways in which a profile combines a cipher and a MAC: over the plaintext (RFC 3961 §5.3)
 * and over the ciphertext (RFC 8009 §5).
 */
import type { RandomSource } from '../random.ts';
import type { BlockCipher, Mac } from './backend.ts';
import { ZERO_BLOCK } from './backend.ts';
import type { MessagePieces, Sealer } from './profile.ts';

/** A mode of a block cipher, such as that of `aes-cts.ts`. */
export interface CipherMode {
  encrypt(c: BlockCipher, bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void;
  decrypt(c: BlockCipher, bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void;
  /** Whether a ciphertext can have this length, which is at least one block. */
  accepts(length: number, blockSize: number): boolean;
}

/** The parts that both kinds of sealer are made of. */
export interface SealerParts {
  readonly cipher: BlockCipher;
  readonly mode: CipherMode;
  readonly mac: Mac;
  /** Bytes of the MAC in a message, which may be truncated. */
  readonly macLength: number;
}

/** RFC 3961 §5.3: the ciphertext of confounder and plaintext, then the MAC of these two. */
export class PlaintextMacSealer implements Sealer {
  readonly #parts: SealerParts;

  constructor(parts: SealerParts) {
    this.#parts = parts;
  }

  seal(message: Uint8Array, random: RandomSource): void {
    const { cipher, mode, mac, macLength } = this.#parts;
    const end = message.length - macLength;
    random(message.subarray(0, cipher.blockSize));
    const digest = mac.digest([message.subarray(0, end)]);
    mode.encrypt(cipher, message, 0, end, ZERO_BLOCK);
    putMac(message, end, digest, macLength);
  }

  open(message: Uint8Array): boolean {
    const { cipher, mode, mac, macLength } = this.#parts;
    const end = message.length - macLength;
    if (!isCiphertextLength(this.#parts, end)) return false;
    mode.decrypt(cipher, message, 0, end, ZERO_BLOCK);
    return macMatches(mac.digest([message.subarray(0, end)]), macLength, message, end);
  }

  peek(message: Uint8Array, length: number): Uint8Array | undefined {
    return peekBlocks(this.#parts, message, length);
  }

  sealSegments(pieces: MessagePieces, random: RandomSource): void {
    const { cipher, mode, mac, macLength } = this.#parts;
    random(pieces.confounder);
    const digest = mac.digest(inOrder(pieces));
    const bytes = gather(pieces);
    mode.encrypt(cipher, bytes, 0, bytes.length, ZERO_BLOCK);
    scatter(bytes, pieces);
    putMac(pieces.trailer, 0, digest, macLength);
  }

  openSegments(pieces: MessagePieces): boolean {
    const { cipher, mode, mac, macLength } = this.#parts;
    const bytes = gather(pieces);
    if (!isCiphertextLength(this.#parts, bytes.length)) return false;
    mode.decrypt(cipher, bytes, 0, bytes.length, ZERO_BLOCK);
    scatter(bytes, pieces);
    bytes.fill(0);
    return macMatches(mac.digest(inOrder(pieces)), macLength, pieces.trailer, 0);
  }

  wipe(): void {
    this.#parts.cipher.wipe();
    this.#parts.mac.wipe();
  }
}

/**
 * RFC 8009 §5: the ciphertext of confounder and plaintext, then the MAC of cipher state and
 * ciphertext.
 */
export class CiphertextMacSealer implements Sealer {
  readonly #parts: SealerParts;

  constructor(parts: SealerParts) {
    this.#parts = parts;
  }

  seal(message: Uint8Array, random: RandomSource): void {
    const { cipher, mode, mac, macLength } = this.#parts;
    const end = message.length - macLength;
    random(message.subarray(0, cipher.blockSize));
    mode.encrypt(cipher, message, 0, end, ZERO_BLOCK);
    putMac(message, end, mac.digest([ZERO_BLOCK, message.subarray(0, end)]), macLength);
  }

  open(message: Uint8Array): boolean {
    const { cipher, mode, mac, macLength } = this.#parts;
    const end = message.length - macLength;
    if (!isCiphertextLength(this.#parts, end)) return false;
    const digest = mac.digest([ZERO_BLOCK, message.subarray(0, end)]);
    if (!macMatches(digest, macLength, message, end)) return false;
    mode.decrypt(cipher, message, 0, end, ZERO_BLOCK);
    return true;
  }

  peek(message: Uint8Array, length: number): Uint8Array | undefined {
    return peekBlocks(this.#parts, message, length);
  }

  sealSegments(pieces: MessagePieces, random: RandomSource): void {
    const { cipher, mode, mac, macLength } = this.#parts;
    random(pieces.confounder);
    const bytes = gather(pieces);
    mode.encrypt(cipher, bytes, 0, bytes.length, ZERO_BLOCK);
    scatter(bytes, pieces);
    putMac(pieces.trailer, 0, mac.digest([ZERO_BLOCK, ...inOrder(pieces)]), macLength);
  }

  openSegments(pieces: MessagePieces): boolean {
    const { cipher, mode, mac, macLength } = this.#parts;
    const bytes = gather(pieces);
    if (!isCiphertextLength(this.#parts, bytes.length)) return false;
    const digest = mac.digest([ZERO_BLOCK, ...inOrder(pieces)]);
    if (!macMatches(digest, macLength, pieces.trailer, 0)) return false;
    mode.decrypt(cipher, bytes, 0, bytes.length, ZERO_BLOCK);
    scatter(bytes, pieces);
    bytes.fill(0);
    return true;
  }

  wipe(): void {
    this.#parts.cipher.wipe();
    this.#parts.mac.wipe();
  }
}

/** Truncates the MACs of `mac` to `length` bytes; it owns `mac` and wipes it. */
export class TruncatedMac implements Mac {
  readonly #mac: Mac;
  readonly #length: number;

  constructor(mac: Mac, length: number) {
    this.#mac = mac;
    this.#length = length;
  }

  digest(parts: readonly Uint8Array[]): Uint8Array {
    return this.#mac.digest(parts).slice(0, this.#length);
  }

  wipe(): void {
    this.#mac.wipe();
  }
}

/**
 * Decrypts the start of a message in CBC mode; ciphertext stealing affects only the last two
 * blocks.
 */
function peekBlocks(
  { cipher, macLength }: SealerParts,
  message: Uint8Array,
  length: number,
): Uint8Array | undefined {
  const { blockSize } = cipher;
  const end = blockSize + Math.ceil(length / blockSize) * blockSize;
  if (message.length - macLength < end + 2 * blockSize) return undefined;
  const head = new Uint8Array(message.subarray(0, end));
  cipher.cbcDecrypt(head, 0, end, ZERO_BLOCK);
  return head.subarray(blockSize, blockSize + length);
}

function isCiphertextLength({ cipher, mode }: SealerParts, length: number): boolean {
  return length >= cipher.blockSize && mode.accepts(length, cipher.blockSize);
}

function putMac(target: Uint8Array, at: number, mac: Uint8Array, length: number): void {
  for (let i = 0; i < length; i++) target[at + i] = mac[i]!;
}

/** Constant-time comparison; without subarrays, whose cost is measurable at this size. */
function macMatches(mac: Uint8Array, length: number, message: Uint8Array, at: number): boolean {
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= mac[i]! ^ message[at + i]!;
  return difference === 0;
}

/** The parts that the MAC covers, in the order of the message. */
function inOrder({ confounder, segments }: MessagePieces): Uint8Array[] {
  return [confounder, ...segments.map((segment) => segment.bytes)];
}

/** The encrypted parts, concatenated. */
function gather({ confounder, segments }: MessagePieces): Uint8Array {
  let length = confounder.length;
  for (const { bytes, encrypted } of segments) length += encrypted ? bytes.length : 0;
  const gathered = new Uint8Array(length);
  gathered.set(confounder);
  let at = confounder.length;
  for (const { bytes, encrypted } of segments) {
    if (!encrypted) continue;
    gathered.set(bytes, at);
    at += bytes.length;
  }
  return gathered;
}

function scatter(gathered: Uint8Array, { confounder, segments }: MessagePieces): void {
  confounder.set(gathered.subarray(0, confounder.length));
  let at = confounder.length;
  for (const { bytes, encrypted } of segments) {
    if (!encrypted) continue;
    bytes.set(gathered.subarray(at, at + bytes.length));
    at += bytes.length;
  }
}
