/**
 * The framing of the gss-sample protocol, in both versions.
 *
 * - v2 (MIT krb5): `flags u8 | length u32 | data`. If flags are 0 they are the first byte of the
 *   length: `00 | length u24 | data`.
 * - v1 (the GSS-API programming guide): `length u32 | data`.
 *
 * Lengths are big-endian. The first byte of a connection shows its version: a v1 token is shorter than
 * 2^24 bytes, so that byte is 0; a v2 connection starts with a NOOP, so it is not.
 */

/** The flags byte of a v2 frame. */
export const TokenFlag = {
  noop: 0x01,
  context: 0x02,
  data: 0x04,
  mic: 0x08,
  contextNext: 0x10,
  wrapped: 0x20,
  encrypted: 0x40,
  sendMic: 0x80,
} as const;

/** The version of the framing. */
export type Framing = 'v1' | 'v2';

/** One token. */
export interface Frame {
  /** The flags byte; 0 if the frame has none. */
  readonly flags: number;
  /** May be a view of a received chunk: copy it to keep it. */
  readonly data: Uint8Array;
}

/** The part of a frame that was being read when the peer stopped, in bytes. */
export interface Truncation {
  /** The field that was being read. */
  readonly part: 'flags' | 'length' | 'data';
  /** Bytes of that field that had arrived. */
  readonly read: number;
  /** Bytes that the field has. */
  readonly expected: number;
}

/** The memory that the unfinished frames of all connections of a server share. */
export class FrameBudget {
  #left: number;

  /** @param bytes - The limit for all large unfinished frames together. */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

/** A frame is refused: its length is above the limit, or memory is short. */
export class FrameError extends Error {
  override readonly name: string = 'FrameError';
  /** Announced length, in bytes. */
  readonly length: number;

  constructor(message: string, length: number) {
    super(message);
    this.length = length;
  }
}

/** One frame in one buffer, ready to be written. */
export function encodeFrame(framing: Framing, flags: number, data: Uint8Array): Uint8Array {
  const header = framing === 'v1' ? 4 : 5;
  const frame = new Uint8Array(header + data.length);
  if (framing === 'v2') frame[0] = flags;
  new DataView(frame.buffer).setUint32(header - 4, data.length);
  frame.set(data, header);
  return frame;
}

/**
 * Splits a stream into frames, independent of its chunks. Memory grows with the bytes that arrive, not
 * with the announced length.
 */
export class FrameParser {
  /** Known after the first byte. */
  framing: Framing | undefined;
  /** Longest token in bytes; applies to the frames that start from now on. */
  maxLength: number;
  readonly #budget: FrameBudget;
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  readonly #header = new Uint8Array(5);
  #headerRead = 0;
  #length = -1;
  #body: Uint8Array = EMPTY;
  #bodyRead = 0;
  #taken = 0;

  constructor(maxLength: number, budget: FrameBudget) {
    this.maxLength = maxLength;
    this.#budget = budget;
  }

  /**
   * Gives the parser more bytes, of which it keeps a view until they are consumed.
   *
   * @throws TypeError if the last chunk is not consumed yet.
   */
  push(chunk: Uint8Array): void {
    if (this.#at !== this.#chunk.length) throw new TypeError('chunk: the last one is not used up');
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * The next frame, or undefined if more bytes are needed.
   *
   * @throws {@link FrameError} if the frame is too long; the parser cannot be used afterwards.
   */
  next(): Frame | undefined {
    if (this.#length < 0 && !this.#readHeader()) return undefined;
    const data = this.#readBody();
    if (data === undefined) return undefined;
    const flags = this.framing === 'v1' ? 0 : this.#header[0]!;
    this.dispose();
    this.#headerRead = 0;
    this.#length = -1;
    return { flags, data };
  }

  /** The truncation if the stream ended here; `read` is 0 between two frames. */
  truncation(): Truncation {
    if (this.#length >= 0) {
      return { part: 'data', read: this.#bodyRead, expected: this.#length };
    }
    if (this.#headerIsLength()) {
      return { part: 'length', read: this.#headerRead, expected: 4 };
    }
    if (this.#headerRead === 0) return { part: 'flags', read: 0, expected: 1 };
    return { part: 'length', read: this.#headerRead - 1, expected: this.#headerSize() - 1 };
  }

  /** Discards an unfinished frame. */
  dispose(): void {
    this.#budget.giveBack(this.#taken);
    this.#taken = 0;
    this.#body = EMPTY;
    this.#bodyRead = 0;
  }

  #readHeader(): boolean {
    while (this.#headerRead === 0 || this.#headerRead < this.#headerSize()) {
      if (this.#at === this.#chunk.length) return false;
      this.#header[this.#headerRead++] = this.#chunk[this.#at++]!;
    }
    const size = this.#headerSize();
    const length = new DataView(this.#header.buffer).getUint32(size - 4);
    const stranger = this.framing === undefined ? otherProtocol(this.#header) : '';
    this.framing ??= this.#header[0] === 0 ? 'v1' : 'v2';
    if (length > this.maxLength) {
      throw new FrameError(
        `a token of ${length} bytes was announced, the limit is ${this.maxLength}${stranger}`,
        length,
      );
    }
    this.#length = length;
    return true;
  }

  /** Valid after the first byte of the header. */
  #headerSize(): number {
    return this.#headerIsLength() || this.#header[0] === 0 ? 4 : 5;
  }

  #headerIsLength(): boolean {
    return this.framing === 'v1';
  }

  #readBody(): Uint8Array | undefined {
    const missing = this.#length - this.#bodyRead;
    const available = this.#chunk.length - this.#at;
    const count = Math.min(missing, available);
    const part = this.#chunk.subarray(this.#at, this.#at + count);
    this.#at += count;
    if (count === this.#length) return part;
    this.#reserve(this.#bodyRead + count);
    this.#body.set(part, this.#bodyRead);
    this.#bodyRead += count;
    return count === missing ? this.#body.subarray(0, this.#length) : undefined;
  }

  #reserve(needed: number): void {
    if (needed <= this.#body.length) return;
    const capacity = Math.min(this.#length, Math.max(needed, 2 * this.#body.length, MIN_CAPACITY));
    // Small frames are not counted, so that unfinished large ones cannot starve them.
    if (capacity > FREE_CAPACITY) {
      if (!this.#budget.take(capacity - this.#taken)) {
        throw new FrameError(
          `no memory left for a token of ${this.#length} bytes beside those of other connections`,
          this.#length,
        );
      }
      this.#taken = capacity;
    }
    const larger = new Uint8Array(capacity);
    larger.set(this.#body.subarray(0, this.#bodyRead));
    this.#body = larger;
  }
}

/** Names the protocol of a client that speaks another one, by the first bytes of the connection. */
function otherProtocol(header: Uint8Array): string {
  // A TLS record of type handshake, version 3.x (RFC 8446 §5.1).
  if (header[0] === 0x16 && header[1] === 3) return ': the client speaks TLS';
  const isText = header.every((byte) => byte >= 0x20 && byte <= 0x7e);
  if (!isText) return '';
  const text = String.fromCharCode(...header);
  const protocol = HTTP_METHOD.test(text) ? 'HTTP' : 'a protocol of text lines';
  return `: the client speaks ${protocol}, it begins with ${JSON.stringify(text)}`;
}

// The first five bytes of a request (RFC 9110 §9.3), or of HTTP/2's preface.
const HTTP_METHOD = /^(?:GET |HEAD |POST |PUT |PATCH|DELET|OPTIO|CONNE|TRACE|PRI \*)/;
const EMPTY = new Uint8Array(0);
const MIN_CAPACITY = 4096;
const FREE_CAPACITY = 65_536;
