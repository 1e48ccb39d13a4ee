/** Plain LZ77 (MS-XCA §2.4), decompression only. */
import { Reader } from '../../bytes.ts';
import { DecodeError } from '../../errors.ts';
import type { Output } from './output.ts';

/**
 * Expands up to the end of the input.
 *
 * @throws {@link DecodeError} if malformed, or longer than `output`.
 */
export function expandXpress(input: Uint8Array, output: Output): void {
  const reader = new Reader(input, 'LZ77 data');
  // The offset of a byte whose upper half will be the length of a later match.
  let shared: number | undefined;
  while (reader.remaining > 0) {
    const flags = reader.u32(true);
    for (let bit = 31; bit >= 0; bit--) {
      // MS-XCA §2.4.4: the end of the input ends the data, at any flag.
      if (reader.remaining === 0) return;
      if (((flags >>> bit) & 1) === 0) {
        output.push(reader.u8());
        continue;
      }
      const word = reader.u16(true);
      let length = word & 7;
      if (length === 7) {
        if (shared === undefined) {
          shared = reader.u8();
          length = shared & 15;
        } else {
          length = shared >>> 4;
          shared = undefined;
        }
        length = length === 15 ? longLength(reader) : length + 7;
      }
      output.copy((word >>> 3) + 1, length + 3);
    }
  }
}

function longLength(reader: Reader): number {
  const byte = reader.u8();
  if (byte !== 255) return byte + 15 + 7;
  const length = reader.u16(true) || reader.u32(true);
  if (length < 15 + 7) throw new DecodeError('LZ77 data holds a malformed length');
  return length;
}
