/** LZNT1 (MS-XCA §2.5), decompression only. */
import { Reader } from '../../bytes.ts';
import type { Output } from './output.ts';

/**
 * Expands up to the end of the input or a chunk header of zero.
 *
 * @throws {@link DecodeError} if malformed, or longer than `output`.
 */
export function expandLznt1(input: Uint8Array, output: Output): void {
  const reader = new Reader(input, 'LZNT1 data');
  while (reader.remaining > 0) {
    // MS-XCA §2.5.1: 12 bits of size minus one, 3 bits of signature, 1 bit for compressed.
    const header = reader.u16(true);
    if (header === 0) return;
    const chunk = reader.sub((header & 0xfff) + 1);
    if ((header & 0x8000) === 0) output.write(chunk.rest());
    else expandChunk(chunk, output);
  }
}

function expandChunk(chunk: Reader, output: Output): void {
  const start = output.length;
  while (chunk.remaining > 0) {
    let flags = chunk.u8();
    for (let i = 0; i < 8 && chunk.remaining > 0; i++, flags >>>= 1) {
      if ((flags & 1) === 0) {
        output.push(chunk.u8());
        continue;
      }
      // MS-XCA §2.5.1: the number of displacement bits grows with the position in the chunk.
      const word = chunk.u16(true);
      let lengthBits = 12;
      for (let at = output.length - start - 1; at >= 0x10; at >>= 1) lengthBits--;
      const length = (word & ((1 << lengthBits) - 1)) + 3;
      output.copy((word >>> lengthBits) + 1, length, start);
    }
  }
}
