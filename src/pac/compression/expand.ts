/** The compression formats of a claims set (MS-ADTS §2.2.18.4) by number. */
import { DecodeError } from '../../errors.ts';
import { expandLznt1 } from './lznt1.ts';
import { Output } from './output.ts';
import { expandXpress } from './xpress.ts';
import { expandXpressHuffman } from './xpress-huffman.ts';

/** MS-ADTS §2.2.18.4. */
export const CompressionFormat = { none: 0, lznt1: 2, xpress: 3, xpressHuffman: 4 } as const;

/** A claims set never expands beyond this many bytes; Windows' tickets stay far below. */
export const MAX_EXPANDED_LENGTH = 0x80000;

/**
 * Expands a claims set.
 *
 * @param length - What it must expand to, in bytes.
 * @throws {@link DecodeError} if malformed, of an unknown format, if it does not expand to
 *   `length`, or if that is more than {@link MAX_EXPANDED_LENGTH}.
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
