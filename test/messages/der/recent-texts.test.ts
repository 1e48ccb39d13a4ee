import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/bytes.ts';
import { DerReader } from '../../../src/messages/der/reader.ts';
import { keepText, recentText } from '../../../src/messages/der/recent-texts.ts';
import { encodeDer } from '../../../src/messages/der/writer.ts';

const reread = (text: string) =>
  DerReader.all(
    encodeDer((writer) => writer.generalString(text), undefined),
    'text',
    (reader) => reader.generalString(),
  );

it('texts of the same slot are never taken for each other, whatever was read before', () => {
  // Few characters, and the same first, middle and last: most of these share a slot.
  const alike = fc
    .array(fc.constantFrom('a', 'b', 'é', '\0', '\u{1f511}'), { maxLength: 4 })
    .map((inside) => `A${inside.join('')}M${inside.reverse().join('')}Z`);
  const texts = fc.oneof(alike, fc.string({ unit: 'binary', maxLength: 80 }));
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 30 }), (sequence) => {
      for (const text of sequence) expect(reread(text)).toBe(text);
      for (const text of sequence.reverse()) expect(reread(text)).toBe(text);
    }),
  );
});

it('is of the bytes that it is asked about, at any place, and of no others', () => {
  const bytes = encodeUtf8('xxHTTPxx');
  keepText('HTTP', bytes, 2, 6);
  expect(recentText(encodeUtf8('HTTP'), 0, 4)).toBe('HTTP');
  expect(recentText(bytes, 2, 6)).toBe('HTTP');
  for (const other of ['HTTp', 'HTPP', 'hTTP', 'HTTPS', 'HTT', '']) {
    expect(recentText(encodeUtf8(other), 0, other.length)).not.toBe('HTTP');
  }
});

it('keeps no text that is longer than names are', () => {
  const longest = encodeUtf8('q'.repeat(64));
  keepText('q'.repeat(64), longest, 0, 64);
  expect(recentText(longest, 0, 64)).toBe('q'.repeat(64));
  const longer = encodeUtf8('q'.repeat(65));
  keepText('q'.repeat(65), longer, 0, 65);
  expect(recentText(longer, 0, 65)).toBeUndefined();
});
