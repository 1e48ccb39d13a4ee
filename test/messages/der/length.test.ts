import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../src/bytes.ts';
import type { LengthForm } from '../../../src/messages/der/length.ts';
import {
  LengthFault,
  lengthOctets,
  readLength,
  shortestOctets,
  writeLength,
} from '../../../src/messages/der/length.ts';

const { truncated, unknownForm, notShortest } = LengthFault;
const read = (hex: string, form: LengthForm) => {
  const bytes = fromHex(hex);
  return readLength(bytes, 0, bytes.length, form);
};

describe('a length (X.690 §8.1.3)', () => {
  it.each([
    ['00', 0, 0],
    ['7f', 127, 127],
    ['8180', 128, 128],
    ['84ffffffff', 0xffff_ffff, 0xffff_ffff],
    ['8100', notShortest, 0],
    ['817f', notShortest, 127],
    ['820080', notShortest, 128],
    ['8400ffffff', notShortest, 0xff_ffff],
    ['8500ffffffff', unknownForm, 0xffff_ffff],
    ['880000000000000009', unknownForm, 9],
    ['850100000000', unknownForm, unknownForm],
    ['88ffffffffffffffff', unknownForm, unknownForm],
    ['89000000000000000009', unknownForm, unknownForm],
    ['80', unknownForm, unknownForm],
    ['ff', unknownForm, unknownForm],
    ['', truncated, truncated],
    ['81', truncated, truncated],
    ['8401', truncated, truncated],
    ['8800000000000000', unknownForm, truncated],
  ])('%s is %i in the shortest form, %i in any', (hex, shortest, definite) => {
    expect(read(hex, 'shortest')).toBe(shortest);
    expect(read(hex, 'definite')).toBe(definite);
  });

  it('is read from where it is, and not past the end that is given', () => {
    const bytes = fromHex('ff8200ffff');
    expect(readLength(bytes, 1, 4, 'definite')).toBe(255);
    expect(readLength(bytes, 1, 3, 'definite')).toBe(truncated);
    expect(readLength(bytes, 5, 5, 'definite')).toBe(truncated);
  });

  it('takes as many octets as its first one says', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff_ffff }), fc.nat({ max: 8 }), (length, wanted) => {
        const digits = length.toString(16);
        const least = length < 0x80 ? 0 : Math.ceil(digits.length / 2);
        const count = Math.max(least, wanted);
        const hex =
          count === 0
            ? digits.padStart(2, '0')
            : (0x80 | count).toString(16) + digits.padStart(2 * count, '0');
        expect(lengthOctets(fromHex(hex)[0]!)).toBe(hex.length / 2);
        expect(read(hex, 'definite')).toBe(length);
        if (count === least) expect(read(hex, 'shortest')).toBe(length);
        else expect(read(hex, 'shortest')).toBeLessThan(0);
      }),
    );
  });

  it('is written in the shortest form', () => {
    const edges = [
      0, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xff_ffff, 0x100_0000, 0xffff_ffff,
    ];
    const lengths = fc.oneof(fc.nat({ max: 0xffff_ffff }), fc.constantFrom(...edges));
    fc.assert(
      fc.property(lengths, (length) => {
        const bytes = new Uint8Array(7);
        const end = writeLength(bytes, 1, length);
        expect(end).toBe(1 + shortestOctets(length));
        expect(readLength(bytes, 1, end, 'shortest')).toBe(length);
        expect([bytes[0], ...bytes.subarray(end)].every((byte) => byte === 0)).toBe(true);
      }),
    );
  });
});
