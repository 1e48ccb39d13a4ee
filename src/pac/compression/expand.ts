/** Decompression of a claims set, by format number (MS-ADTS §2.2.18.4). */
import { DecodeError } from '../../errors.ts';
import { expandLznt1 } from './lznt1.ts';
import { Output } from './output.ts';
import { expandXpress } from './xpress.ts';
import { expandXpressHuffman } from './xpress-huffman.ts';

/** Compression formats (MS-ADTS §2.2.18.4). */
export const CompressionFormat = { none: 0, lznt1: 2, xpress: 3, xpressHuffman: 4 } as const;

/** The maximum size of an expanded claims set, in bytes; tickets of Windows stay far below. */
export const MAX_EXPANDED_LENGTH = 0x80000;

/**
 * Expands a claims set.
 *
 * @param length - Bytes of the expanded claims set.
 * @throws {@link DecodeError} if malformed, of an unknown format, or not of `length` bytes when
 *   expanded; if `length` is more than {@link MAX_EXPANDED_LENGTH}.
 */
export function expand(format: number, input: Uint8Array, length: number): Uint8Array {
  if (format === CompressionFormat.none) return input;
  if (!EXPANDERS.has(format)) throw new DecodeError(`compression format ${format} is not known`);
  if (length > MAX_EXPANDED_LENGTH) {
    throw new DecodeError(`compressed data announces ${length} bytes, too many`);
  }
  const output = new Output(length);
  EXPANDERS.get(format)!(input, output);
  if (!output.full) throw new DecodeError('compressed data expands to less than it announces');
  return output.bytes;
}

const EXPANDERS: ReadonlyMap<number, (input: Uint8Array, output: Output) => void> = new Map([
  [CompressionFormat.lznt1, expandLznt1],
  [CompressionFormat.xpress, expandXpress],
  [CompressionFormat.xpressHuffman, expandXpressHuffman],
]);
