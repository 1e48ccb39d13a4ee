/**
 * Reassembly of tokens that arrive in pieces (MS-SPNG §3.1.5.4 to §3.1.5.9): an application protocol
 * that cannot carry a long token at once answers each piece with an empty token.
 */
import { Writer } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import { lengthOctets, readLength } from '../messages/der/length.ts';

/** The pieces of an incomplete token. */
export interface CollectedPieces {
  /** Bytes of the whole token; 0 between tokens. */
  readonly total: number;
  /** Number of pieces so far. */
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** Reassembles one token after another. */
export class TokenAssembler {
  readonly #limit: number;
  readonly #pieces: Writer = new Writer();
  /** The length of the whole token; 0 between tokens. */
  #total = 0;
  #count = 0;

  /**
   * @param limit - The longest permitted token, in bytes.
   * @param collected - The pieces of an earlier assembler, copied.
   */
  constructor(limit: number = DEFAULT_LIMIT, collected?: CollectedPieces) {
    this.#limit = limit;
    if (collected === undefined) return;
    this.#total = collected.total;
    this.#count = collected.count;
    this.#pieces.raw(collected.bytes);
  }

  /** Moves the pieces of an incomplete token out of this assembler. */
  takeCollected(): CollectedPieces {
    return { total: this.#total, count: this.#count, bytes: this.#pieces.finish() };
  }

  /**
   * Takes the next piece. The length of a token is that of its DER header; a token that does not
   * start with such a header is complete in one piece.
   *
   * @param piece - Copied if more pieces are to follow.
   * @returns The complete token, which may be `piece` itself; undefined if pieces are missing.
   * @throws {@link DecodeError} if a piece is empty or too long, the token is longer than the
   *   limit or comes in too many pieces, or its header is split or malformed.
   */
  add(piece: Uint8Array): Uint8Array | undefined {
    if (this.#total === 0) {
      if (!DER_STARTS.includes(piece[0] ?? 0)) return piece;
      const total = announcedLength(piece);
      if (total <= piece.length) return piece;
      if (total > this.#limit) throw new DecodeError(`token of ${total} bytes is too long`);
      this.#total = total;
      this.#count = 0;
    } else if (piece.length === 0) {
      throw new DecodeError('token ends in the middle: an empty piece');
    }
    if (++this.#count > MAX_PIECES) throw new DecodeError('token comes in too many pieces');
    if (this.#pieces.length + piece.length > this.#total) {
      throw new DecodeError('token is followed by unexpected bytes');
    }
    this.#pieces.raw(piece);
    if (this.#pieces.length < this.#total) return undefined;
    this.#total = 0;
    return this.#pieces.finish();
  }
}

/** Length of the DER element that starts here, header included. */
function announcedLength(bytes: Uint8Array): number {
  const length = readLength(bytes, 1, bytes.length, 'definite');
  if (length < 0) throw new DecodeError('token has a truncated or unknown header');
  return 1 + lengthOctets(bytes[1]!) + length;
}

// [APPLICATION 0] of an initial token; negTokenInit and negTokenResp without that header.
const DER_STARTS: readonly number[] = [0x60, 0xa0, 0xa1];
// Windows' largest token by default is 48 000 bytes (MaxTokenSize).
const DEFAULT_LIMIT = 262_144;
// Each piece costs an answer, however short it is: the longest token has 256 bytes a piece on average.
const MAX_PIECES = 1024;
