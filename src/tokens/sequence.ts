/**
 * Sequence numbers of per-message tokens, and the window that finds repeated and disordered ones
 * (RFC 2743 §1.2.3, RFC 4121 §4.2.4).
 *
 * Numbers are 64 bits on the wire and are kept as two unsigned 32-bit halves: a message costs no
 * BigInt.
 */
import type { Reader, Writer } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import type { RandomSource } from '../random.ts';

/** What the window says of a token that verified (the supplementary bits of RFC 2743 §1.2.3). */
export type SequenceStatus = 'ok' | 'duplicate' | 'old' | 'unsequenced' | 'gap';

/**
 * A number to start with: 30 bits, as in MIT krb5, since older peers read larger ones as negative.
 */
export function randomSequenceNumber(random: RandomSource): number {
  const bytes = new Uint8Array(4);
  random(bytes);
  return ((bytes[0]! & 0x3f) << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!;
}

/** The next number to send. */
export class SequenceCounter {
  /** High half of the next number. */
  high: number;
  /** Low half of the next number. */
  low: number;

  constructor(low: number, high = 0) {
    this.high = high;
    this.low = low >>> 0;
  }

  increment(): void {
    this.low = (this.low + 1) >>> 0;
    if (this.low === 0) this.high = (this.high + 1) >>> 0;
  }
}

/**
 * The receive window: 64 numbers below the next one expected. Numbers are taken relative to the
 * peer's first, so that they may wrap around.
 *
 * {@link check} moves the window, so call it only for a token whose checksum was verified.
 */
export class SequenceWindow {
  readonly #replay: boolean;
  readonly #sequence: boolean;
  /** 32 for tokens of RFC 1964, whose numbers have 32 bits; else 64. */
  readonly #width: 32 | 64;
  readonly #baseHigh: number;
  readonly #baseLow: number;
  /** The next number expected, relative to the base. */
  #nextHigh = 0;
  #nextLow = 0;
  /** Bit n (0 to 63) is set if the number `next - 1 - n` was received; the halves may be signed. */
  #seenHigh = 0;
  #seenLow = 0;

  /**
   * @param baseLow - The peer's initial sequence number, 32 bits (RFC 4121 §4.1.1).
   * @param options - `replay` and `sequence` as the context's flags ask; neither means no checks.
   */
  constructor(
    baseLow: number,
    options: { readonly replay: boolean; readonly sequence: boolean; readonly width?: 32 | 64 },
    baseHigh = 0,
  ) {
    this.#baseLow = baseLow >>> 0;
    this.#baseHigh = baseHigh >>> 0;
    this.#replay = options.replay;
    this.#sequence = options.sequence;
    this.#width = options.width ?? 64;
  }

  /** Notes a number that was received, and says how it stands to those before. */
  check(high: number, low: number): SequenceStatus {
    if (!this.#replay && !this.#sequence) return 'ok';
    const relativeLow = (low - this.#baseLow) >>> 0;
    const borrow = low >>> 0 < this.#baseLow ? 1 : 0;
    const relativeHigh = this.#width === 32 ? 0 : (high - this.#baseHigh - borrow) >>> 0;

    if (
      relativeHigh > this.#nextHigh ||
      (relativeHigh === this.#nextHigh && relativeLow >= this.#nextLow)
    ) {
      const skipped = distance(relativeHigh, relativeLow, this.#nextHigh, this.#nextLow);
      this.#shift(skipped + 1);
      this.#seenLow |= 1;
      this.#nextLow = (relativeLow + 1) >>> 0;
      this.#nextHigh = relativeHigh;
      if (this.#nextLow === 0 && this.#width === 64) {
        this.#nextHigh = (this.#nextHigh + 1) >>> 0;
      }
      return skipped > 0 && this.#sequence ? 'gap' : 'ok';
    }

    const behind = distance(this.#nextHigh, this.#nextLow, relativeHigh, relativeLow);
    if (behind > 64) return this.#sequence ? 'unsequenced' : 'old';
    if (this.#replay && this.#seen(behind - 1)) return 'duplicate';
    this.#mark(behind - 1);
    return this.#sequence ? 'unsequenced' : 'ok';
  }

  /** Writes the whole state, for an exported context. */
  write(writer: Writer): void {
    writer.u8((this.#replay ? 1 : 0) | (this.#sequence ? 2 : 0) | (this.#width === 64 ? 4 : 0));
    for (const half of [
      this.#baseHigh,
      this.#baseLow,
      this.#nextHigh,
      this.#nextLow,
      this.#seenHigh,
      this.#seenLow,
    ]) {
      writer.u32(half);
    }
  }

  static read(reader: Reader): SequenceWindow {
    const flags = reader.u8();
    if (flags > 7) throw new DecodeError('exported context: unknown flags of the sequence window');
    const baseHigh = reader.u32();
    const window = new SequenceWindow(
      reader.u32(),
      {
        replay: (flags & 1) !== 0,
        sequence: (flags & 2) !== 0,
        width: (flags & 4) !== 0 ? 64 : 32,
      },
      baseHigh,
    );
    window.#nextHigh = reader.u32();
    window.#nextLow = reader.u32();
    window.#seenHigh = reader.u32();
    window.#seenLow = reader.u32();
    return window;
  }

  #seen(bit: number): boolean {
    return bit < 32
      ? (this.#seenLow & (1 << bit)) !== 0
      : (this.#seenHigh & (1 << (bit - 32))) !== 0;
  }

  #mark(bit: number): void {
    if (bit < 32) this.#seenLow |= 1 << bit;
    else this.#seenHigh |= 1 << (bit - 32);
  }

  #shift(by: number): void {
    if (by >= 64) {
      this.#seenHigh = 0;
      this.#seenLow = 0;
    } else if (by >= 32) {
      this.#seenHigh = this.#seenLow << (by - 32);
      this.#seenLow = 0;
    } else {
      this.#seenHigh = (this.#seenHigh << by) | (this.#seenLow >>> (32 - by));
      this.#seenLow <<= by;
    }
  }
}

/** `a - b` for a not less than b, as a number; exact up to 2^53, and far above 64 beyond. */
function distance(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  return (aHigh - bHigh) * 0x1_0000_0000 + (aLow - bLow);
}
