import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import {
  CompressionFormat,
  expand,
  MAX_EXPANDED_LENGTH,
} from '../../src/pac/compression/expand.ts';
import { compressLznt1 } from '../support/lznt1.ts';
import { loadPacFixture, thrownBy } from '../support/pac.ts';
import { runs } from '../support/properties.ts';
import { utf8 } from '../support/vectors.ts';

type FormatName = keyof typeof CompressionFormat;

interface CompressionFixture {
  readonly examples: readonly {
    readonly name: string;
    readonly format: FormatName;
    readonly compressed: string;
    readonly text: string;
  }[];
  readonly files: readonly {
    readonly name: string;
    readonly format: FormatName;
    readonly compressed: string;
    readonly length: number;
    readonly sha256: string;
  }[];
}

const fixture = loadPacFixture<CompressionFixture>('compression.json');
const formats = ['lznt1', 'xpress', 'xpressHuffman'] as const;

test.each(fixture.examples)('example of MS-XCA: $name ($format)', (example) => {
  const expected = utf8(example.text);
  const format = CompressionFormat[example.format];
  expect(expand(format, fromHex(example.compressed), expected.length)).toEqual(expected);
});

test.each(fixture.files)('file compressed by Windows: $name ($format)', (file) => {
  const expanded = expand(CompressionFormat[file.format], fromHex(file.compressed), file.length);
  expect(createHash('sha256').update(expanded).digest('hex')).toBe(file.sha256);
});

test('format 0 is the bytes themselves', () => {
  const bytes = Uint8Array.of(1, 2, 3);
  expect(expand(CompressionFormat.none, bytes, 99)).toBe(bytes);
});

test.each([1, 5, 0xffff])('format %i is not known', (format) => {
  expect(thrownBy(() => expand(format, new Uint8Array(300), 10))).toMatchObject({
    name: 'DecodeError',
    message: `compression format ${format} is not known`,
  });
});

test.each(formats)('%s: an absurd length is refused before anything is made', (name) => {
  const length = MAX_EXPANDED_LENGTH + 1;
  expect(thrownBy(() => expand(CompressionFormat[name], new Uint8Array(9), length))).toMatchObject({
    message: `compressed data announces ${length} bytes, too many`,
  });
});

describe.each(fixture.examples)('$name ($format)', ({ format, compressed, text }) => {
  const bytes = fromHex(compressed);
  const length = utf8(text).length;

  test('one byte less than announced, or one more, is refused', () => {
    expect(thrownBy(() => expand(CompressionFormat[format], bytes, length + 1))).toBeInstanceOf(
      DecodeError,
    );
    // LZ77+Huffman has no other end than the length, but for a match that goes beyond.
    if (format !== 'xpressHuffman' || text.startsWith('abcabc')) {
      expect(thrownBy(() => expand(CompressionFormat[format], bytes, length - 1))).toMatchObject({
        message: 'compressed data expands to more than it announces',
      });
    }
  });

  test('truncated anywhere it throws, or gives what it should', () => {
    for (let end = 0; end < bytes.length; end++) {
      try {
        const expanded = expand(CompressionFormat[format], bytes.subarray(0, end), length);
        expect(expanded).toEqual(utf8(text));
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }
  });
});

test.each([
  ['a LZ77 match before any byte', 'xpress', '00000080' + '0000'],
  ['a LZNT1 match before any byte', 'lznt1', '02b001' + '0000'],
  [
    'a Huffman match before any byte',
    'xpressHuffman',
    `${'00'.repeat(128)}11${'00'.repeat(127)}${'00'.repeat(8)}`,
  ],
] as const)('%s is refused', (_, format, compressed) => {
  expect(thrownBy(() => expand(CompressionFormat[format], fromHex(compressed), 10))).toMatchObject({
    message: 'compressed data refers to what is before its start',
  });
});

// A literal, then a match of the byte before whose length is written as a whole number.
const HUFFMAN_TABLE = `${'00'.repeat(48)}10${'00'.repeat(86)}10${'00'.repeat(120)}`;

describe.each([
  ['xpress', `0000004061${'0700'}0f`, 22, 'LZ77 data holds a malformed length'],
  ['xpressHuffman', `${HUFFMAN_TABLE}00400000`, 15, 'LZ77+Huffman data holds a malformed length'],
] as const)('%s: a length that is written as a whole', (name, start, least, message) => {
  test.each([
    ['in 16 bits', (length: number) => `ff${hexOf(length, 2)}`],
    ['in 32 bits', (length: number) => `ff0000${hexOf(length, 4)}`],
  ])('%s is one that needs it', (_, written) => {
    const input = (length: number) => fromHex(`${start}${written(length)}${'00'.repeat(4)}`);
    const format = CompressionFormat[name];
    // A match is three bytes longer than its length says.
    const expanded = 1 + least + 3;
    expect(expand(format, input(least).subarray(0, -4), expanded)).toEqual(
      new Uint8Array(expanded).fill(0x61),
    );
    for (const length of [1, least - 1]) {
      expect(thrownBy(() => expand(format, input(length), 1 + length + 3))).toMatchObject({
        name: 'DecodeError',
        message,
      });
    }
    expect(thrownBy(() => expand(format, input(0xffff), expanded))).toMatchObject({
      message: 'compressed data expands to more than it announces',
    });
  });
});

/** Little-endian. */
function hexOf(value: number, bytes: number): string {
  return Array.from({ length: bytes }, (_, i) =>
    ((value >>> (8 * i)) & 0xff).toString(16).padStart(2, '0'),
  ).join('');
}

test('LZNT1: a match does not reach into the chunk before', () => {
  // A raw chunk of one byte, then a compressed one that starts with a match.
  const compressed = fromHex('003061' + '02b0010000');
  expect(thrownBy(() => expand(CompressionFormat.lznt1, compressed, 4))).toMatchObject({
    message: 'compressed data refers to what is before its start',
  });
});

test('Huffman: a table with more codes than bits can name is refused', () => {
  const compressed = new Uint8Array(300).fill(0x11);
  expect(thrownBy(() => expand(CompressionFormat.xpressHuffman, compressed, 10))).toMatchObject({
    message: 'LZ77+Huffman data has an impossible code',
  });
});

test('Huffman: a code that the table lacks is refused', () => {
  const compressed = new Uint8Array(300);
  compressed[48] = 0x02;
  compressed.fill(0xff, 256);
  expect(thrownBy(() => expand(CompressionFormat.xpressHuffman, compressed, 10))).toMatchObject({
    message: 'LZ77+Huffman data holds a code that its table lacks',
  });
});

test('Huffman: data that never ends stops at its end', () => {
  // One symbol of one bit, and no bits: each byte would be free.
  const compressed = new Uint8Array(260);
  compressed[48] = 0x01;
  expect(
    thrownBy(() => expand(CompressionFormat.xpressHuffman, compressed, MAX_EXPANDED_LENGTH)),
  ).toMatchObject({ name: 'DecodeError' });
});

test('LZNT1: what is compressed comes back', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 9000 }),
    fc.array(fc.constantFrom(1, 2, 3), { maxLength: 9000 }).map((array) => Uint8Array.from(array)),
  );
  fc.assert(
    fc.property(bytes, (original) => {
      const expanded = expand(CompressionFormat.lznt1, compressLznt1(original), original.length);
      expect(Buffer.compare(expanded, original)).toBe(0);
    }),
  );
});

test.each(formats)('%s: any bytes expand to what they announce, or throw a DecodeError', (name) => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 32 }), fc.integer({ min: 1, max: 40 }))
      .map(([pattern, times]) =>
        Uint8Array.from({ length: times * pattern.length }, (_, i) => pattern[i % pattern.length]!),
      ),
  );
  fc.assert(
    fc.property(bytes, fc.nat({ max: 0x20000 }), (input, length) => {
      try {
        expect(expand(CompressionFormat[name], input, length)).toHaveLength(length);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: runs(500) },
  );
});
