import { describe, expect, it } from 'vitest';
import {
  bytesEqual,
  constantTimeEqual,
  decodeUtf8,
  encodeUtf8,
  fromHex,
  plainBytes,
  toHex,
} from '../src/bytes.ts';
import { DecodeError } from '../src/errors.ts';

describe('hex', () => {
  it('goes there and back, white space skipped and capitals taken', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(fromHex(toHex(bytes))).toEqual(bytes);
    expect(fromHex(' 0A\n f F\t')).toEqual(Uint8Array.of(10, 255));
    expect(fromHex('')).toEqual(new Uint8Array());
  });

  it.each(['0', '0a0', '0g', '0x0a', '-1', '٠١', '0a:0b'])('is not %j', (text) => {
    expect(() => fromHex(text)).toThrow(
      new TypeError('hex: expected an even number of hexadecimal digits'),
    );
  });
});

describe.each([
  ['bytesEqual', bytesEqual],
  ['constantTimeEqual', constantTimeEqual],
])('%s', (_, equal) => {
  it('sees each difference, of length or of one bit', () => {
    const bytes = Uint8Array.of(1, 2, 3, 128);
    expect(equal(bytes, bytes.slice())).toBe(true);
    expect(equal(new Uint8Array(), new Uint8Array())).toBe(true);
    expect(equal(bytes, bytes.subarray(0, 3))).toBe(false);
    expect(equal(bytes.subarray(0, 3), bytes)).toBe(false);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const other = bytes.slice();
      other[bit >> 3]! ^= 1 << (bit & 7);
      expect(equal(bytes, other)).toBe(false);
    }
  });
});

describe('plainBytes', () => {
  it('is the same memory, and no Buffer', () => {
    const plain = Uint8Array.of(1, 2, 3);
    expect(plainBytes(plain, 'token')).toBe(plain);
    const buffer = Buffer.from([0, 1, 2, 3]).subarray(1, 3);
    const bytes = plainBytes(buffer, 'token');
    expect(bytes.constructor).toBe(Uint8Array);
    expect(bytes).toEqual(Uint8Array.of(1, 2));
    buffer[0] = 9;
    expect(bytes[0]).toBe(9);
  });

  it('refuses all else', () => {
    for (const value of ['text', new Uint16Array(1), new ArrayBuffer(1), [1], null]) {
      expect(() => plainBytes(value as never, 'token')).toThrow(
        /^token: expected a Uint8Array, got (string|object)$/,
      );
    }
  });
});

describe('UTF-8', () => {
  it.each(['', 'ascii', 'é', '\ufeffmark', '😀'.repeat(40), 'a'.repeat(65)])(
    'of %.20j goes there and back',
    (text) => {
      expect(decodeUtf8(encodeUtf8(text), 'name')).toBe(text);
    },
  );

  // Overlong, a surrogate, beyond U+10FFFF, cut off, a continuation alone.
  it.each(['c080', 'eda080', 'f4908080', '61c3', '80'])('is not %s', (hex) => {
    for (const bytes of [fromHex(hex), fromHex('61'.repeat(64) + hex)]) {
      expect(() => decodeUtf8(bytes, 'name')).toThrow(new DecodeError('name is not valid UTF-8'));
    }
  });
});
