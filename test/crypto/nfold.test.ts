import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.ts';
import { nfold } from '../../src/crypto/nfold.ts';

describe('n-fold', () => {
  it('equals a slow implementation that works on bits', () => {
    const input = fc.uint8Array({ minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(input, fc.integer({ min: 1, max: 40 }), (input, length) => {
        expect(toHex(nfold(input, length))).toBe(toHex(slowNfold(input, length)));
      }),
    );
  });

  it('leaves what has the length already', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (input) => {
        expect(toHex(nfold(input, input.length))).toBe(toHex(input));
      }),
    );
  });

  it('carries around from the first bit to the last, more than once', () => {
    // Nothing but ones: every addition carries all the way round.
    const ones = new Uint8Array(35).fill(0xff);
    expect(toHex(nfold(ones, 16))).toBe(toHex(slowNfold(ones, 16)));
    expect(toHex(nfold(ones, 1))).toBe('ff');
  });

  it.each([
    ['80ff008000ff', 3, '010000'],
    ['ff01ff00', 2, 'fe02'],
    ['8000000000ffffff', 4, '80ffffff'],
    ['80fffffffffe800000000001', 6, '010000000000'],
  ])('carries the bit that falls out as far as it goes (%s to %i bytes)', (hex, length, folded) => {
    const input = fromHex(hex);
    expect(toHex(slowNfold(input, length))).toBe(folded);
    expect(toHex(nfold(input, length))).toBe(folded);
  });

  it('equals it for every sum of two numbers of two bytes that may carry on', () => {
    const bytes = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
    for (const a of bytes) {
      for (const b of bytes) {
        for (const c of bytes) {
          for (const d of bytes) {
            const input = Uint8Array.of(a, b, c, d);
            expect(toHex(nfold(input, 2))).toBe(toHex(slowNfold(input, 2)));
            expect(toHex(nfold(input, 3))).toBe(toHex(slowNfold(input, 3)));
          }
        }
      }
    }
  });
});

/** RFC 3961 §5.1 as it is written, with texts of bits and big numbers. */
function slowNfold(input: Uint8Array, length: number): Uint8Array {
  let bits = [...input].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const total = leastCommonMultiple(bits.length, length * 8);
  let copies = '';
  while (copies.length < total) {
    copies += bits;
    const by = 13 % bits.length;
    bits = bits.slice(bits.length - by) + bits.slice(0, bits.length - by);
  }
  const modulus = (1n << BigInt(length * 8)) - 1n;
  let sum = 0n;
  for (let at = 0; at < total; at += length * 8) {
    sum += BigInt(`0b${copies.slice(at, at + length * 8)}`);
    // Ones' complement addition: the carry comes back in at the low end.
    if (sum > modulus) sum -= modulus;
  }
  const hex = sum.toString(16).padStart(length * 2, '0');
  return Uint8Array.from({ length }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

function leastCommonMultiple(a: number, b: number): number {
  let multiple = a;
  while (multiple % b !== 0) multiple += a;
  return multiple;
}
