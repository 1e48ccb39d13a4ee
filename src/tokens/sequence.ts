/**
 * Sequence numbers of per-message tokens, and the window that detects repeated and reordered ones
 * (RFC 2743 §1.2.3, RFC 4121 §4.2.4).
 *
 * Numbers have 64 bits on the wire and are kept as two unsigned 32-bit halves, so that a message
 * costs no BigInt.
 */
import type { RandomSource } from '../random.ts';

/** The window's verdict on a verified token (the supplementary bits of RFC 2743 §1.2.3). */
export type SequenceStatus = 'ok' | 'duplicate' | 'old' | 'unsequenced' | 'gap';

/**
 * An initial sequence number: 30 bits, as in MIT krb5, since older peers read larger ones as negative.
 */
export function randomSequenceNumber(random: RandomSource): number {
  const bytes = new Uint8Array(4);
  random(bytes);
  return ((bytes[0]! & 0x3f) << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!;
}

/** The next number to send; wraps around after 2^64. */
export class SequenceCounter {
  /** High half of the next number; unsigned, 32 bits. */
  high: number;
  /** Low half of the next number; unsigned, 32 bits. */
  low: number;

  /** @param low - The first number's low half; taken modulo 2^32. */
  constructor(low: number, high = 0) {
    this.high = high;
    this.low = low >>> 0;
  }

  /** Advances to the next number. */
  increment(): void {
    this.low = (this.low + 1) >>> 0;
    if (this.low === 0) this.high = (this.high + 1) >>> 0;
  }
}

/** The whole state of a {@link SequenceWindow}; each half is an unsigned 32-bit number. */
export interface WindowState {
  /** Whether repeated tokens are reported (GSS_C_REPLAY_FLAG). */
  readonly replay: boolean;
  /** Whether reordered and missing tokens are reported (GSS_C_SEQUENCE_FLAG). */
  readonly sequence: boolean;
  /** Bits of a sequence number: 32 in tokens of RFC 1964, 64 in those of RFC 4121. */
  readonly width: 32 | 64;
  /** The high half of the peer's initial number. */
  readonly baseHigh: number;
  /** Its low half. */
  readonly baseLow: number;
  /** The high half of the next number expected, relative to the base. */
  readonly nextHigh: number;
  /** Its low half. */
  readonly nextLow: number;
  /** Bits 32 to 63: bit n is set if the number `next - 1 - n` was received. */
  readonly seenHigh: number;
  /** Bits 0 to 31. */
  readonly seenLow: number;
}

/**
 * The receive window: the 64 numbers below the next one expected. Numbers are relative to the peer's
 * first, so that they may wrap around.
 *
 * {@link check} moves the window: call it only for a token whose checksum was verified.
 */
export class SequenceWindow {
  readonly #replay: boolean;
  readonly #sequence: boolean;
  readonly #width: 32 | 64;
  readonly #baseHigh: number;
  readonly #baseLow: number;
  #nextHigh = 0;
  #nextLow = 0;
  /** As in {@link WindowState}, but the halves may be signed. */
  #seenHigh = 0;
  #seenLow = 0;
  /** The number that was expected, relative, when another one came. */
  #missedHigh = 0;
  #missedLow = 0;

  /**
   * @param baseLow - The peer's initial sequence number, 32 bits (RFC 4121 §4.1.1).
   * @param options - `replay` and `sequence` from the context's flags; without both nothing is
   *   checked. `width` is 64 if absent: see {@link WindowState}.
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

  /** A window that continues where {@link state} was taken. */
  static ofState(state: WindowState): SequenceWindow {
    const window = new SequenceWindow(state.baseLow, state, state.baseHigh);
    window.#nextHigh = state.nextHigh;
    window.#nextLow = state.nextLow;
    window.#seenHigh = state.seenHigh;
    window.#seenLow = state.seenLow;
    return window;
  }

  /** The window as plain values, for an exported context. */
  state(): WindowState {
    return {
      replay: this.#replay,
      sequence: this.#sequence,
      width: this.#width,
      baseHigh: this.#baseHigh,
      baseLow: this.#baseLow,
      nextHigh: this.#nextHigh,
      nextLow: this.#nextLow,
      seenHigh: this.#seenHigh >>> 0,
      seenLow: this.#seenLow >>> 0,
    };
  }

  /** Records a received number, and compares it with those before. */
  check(high: number, low: number): SequenceStatus {
    if (!this.#replay && !this.#sequence) return 'ok';
    const relativeLow = (low - this.#baseLow) >>> 0;
    const borrow = low >>> 0 < this.#baseLow ? 1 : 0;
    const relativeHigh = this.#width === 32 ? 0 : (high - this.#baseHigh - borrow) >>> 0;
    const ahead = distance(relativeHigh, relativeLow, this.#nextHigh, this.#nextLow);
    if (ahead !== 0) {
      this.#missedHigh = this.#nextHigh;
      this.#missedLow = this.#nextLow;
    }
    return ahead >= 0 ? this.#advance(relativeHigh, relativeLow, ahead) : this.#recall(-ahead);
  }

  /** The number that {@link check} expected last, when it answered something else than `'ok'`. */
  expected(): bigint {
    const base = joinHalves(this.#baseHigh, this.#baseLow);
    return BigInt.asUintN(this.#width, base + joinHalves(this.#missedHigh, this.#missedLow));
  }

  /** The expected number, or one `skipped` beyond it: the window moves so that it is the newest. */
  #advance(high: number, low: number, skipped: number): SequenceStatus {
    this.#shift(skipped + 1);
    this.#seenLow |= 1;
    this.#nextLow = (low + 1) >>> 0;
    this.#nextHigh = high;
    if (this.#nextLow === 0 && this.#width === 64) this.#nextHigh = (high + 1) >>> 0;
    return skipped > 0 && this.#sequence ? 'gap' : 'ok';
  }

  /** A number that is `behind` the expected one, 1 for the newest of those received. */
  #recall(behind: number): SequenceStatus {
    if (behind > 64) return this.#sequence ? 'unsequenced' : 'old';
    if (this.#replay && this.#seen(behind - 1)) return 'duplicate';
    this.#remember(behind - 1);
    return this.#sequence ? 'unsequenced' : 'ok';
  }

  #seen(bit: number): boolean {
    return bit < 32
      ? (this.#seenLow & (1 << bit)) !== 0
      : (this.#seenHigh & (1 << (bit - 32))) !== 0;
  }

  #remember(bit: number): void {
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

/** A number of two unsigned halves. */
export function joinHalves(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** `a - b`, exact up to 2^53; larger differences keep their sign and stay far above 64. */
function distance(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  return (aHigh - bHigh) * 0x1_0000_0000 + (aLow - bLow);
}
