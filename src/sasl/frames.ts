/** Frames of a security layer: a token behind its length in four octets (RFC 4422 §3.7). */

/** Joins the pieces in which frames arrive. Keeps at most one incomplete frame. */
export class FrameJoiner {
  readonly #maxLength: number;
  readonly #refuse: (length: number) => unknown;
  /** The length octets that have arrived, if not yet all four. */
  readonly #head = new Uint8Array(LENGTH_OCTETS);
  #headFilled = 0;
  /** The token that is being filled; grows as its bytes arrive, so that a length alone costs nothing. */
  #token: Uint8Array = NOTHING;
  #filled = 0;
  /** 0 between two frames. */
  #length = 0;

  /**
   * @param maxLength - The greatest length of a token, without the four octets.
   * @param refuse - Makes the error for a token of another length: 0, or more than `maxLength`.
   */
  constructor(maxLength: number, refuse: (length: number) => unknown) {
    this.#maxLength = maxLength;
    this.#refuse = refuse;
  }

  /** Whether a frame has begun and is not complete. */
  get inFrame(): boolean {
    return this.#headFilled > 0 || this.#length > 0;
  }

  /**
   * Takes the next bytes and calls `take` with each complete token, which is a view valid only during
   * the call.
   *
   * @throws What `refuse` makes, and what `take` throws.
   */
  push(chunk: Uint8Array, take: (token: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#length === 0) {
        at = this.#takeLength(chunk, at);
        continue;
      }
      const missing = this.#length - this.#filled;
      const available = Math.min(missing, chunk.length - at);
      const piece = chunk.subarray(at, at + available);
      at += available;
      if (available === this.#length) {
        this.#length = 0;
        take(piece);
      } else {
        this.#append(piece);
        if (available === missing) take(this.#takeToken());
      }
    }
  }

  #takeLength(chunk: Uint8Array, at: number): number {
    const count = Math.min(LENGTH_OCTETS - this.#headFilled, chunk.length - at);
    this.#head.set(chunk.subarray(at, at + count), this.#headFilled);
    this.#headFilled += count;
    if (this.#headFilled < LENGTH_OCTETS) return at + count;
    const [a, b, c, d] = this.#head as unknown as [number, number, number, number];
    const length = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    if (length === 0 || length > this.#maxLength) throw this.#refuse(length);
    this.#headFilled = 0;
    this.#length = length;
    return at + count;
  }

  #append(piece: Uint8Array): void {
    const needed = this.#filled + piece.length;
    if (needed > this.#token.length) {
      const larger = new Uint8Array(Math.min(this.#length, Math.max(needed, 2 * this.#filled)));
      larger.set(this.#token.subarray(0, this.#filled));
      this.#token = larger;
    }
    this.#token.set(piece, this.#filled);
    this.#filled = needed;
  }

  #takeToken(): Uint8Array {
    const token = this.#token.subarray(0, this.#filled);
    this.#token = NOTHING;
    this.#filled = 0;
    this.#length = 0;
    return token;
  }
}

/** Writes the length of a token before it. */
export function writeFrameLength(target: Uint8Array, at: number, length: number): void {
  target[at] = length >>> 24;
  target[at + 1] = length >>> 16;
  target[at + 2] = length >>> 8;
  target[at + 3] = length;
}

/** Octets of the length before a token. */
export const LENGTH_OCTETS = 4;
const NOTHING = new Uint8Array();
