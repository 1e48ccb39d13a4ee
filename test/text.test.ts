import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8, fromHex } from '../src/bytes.ts';
import { printable, printableName, printableUtf8, quotedName } from '../src/text.ts';

/** What ends a line, moves a cursor or turns the direction of reading. */
const UNSAFE = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x061c, 0x061c],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x2064],
  [0x2066, 0x206f],
  [0xd800, 0xd801],
  [0xfeff, 0xfeff],
  [0xe0001, 0xe0001],
] as const;

describe('printable', () => {
  it('leaves printable text as it is, in any script', () => {
    for (const text of ['', 'testmsg', 'a "b" \\n c', 'grüße, 世界, עברית, 😀', 'C\\x1b']) {
      expect(printable(text)).toBe(text);
    }
  });

  it('escapes what is not', () => {
    for (const [from, to] of UNSAFE) {
      for (let code = from; code <= to; code++) {
        const escaped = `\\x${code.toString(16).padStart(2, '0')}`;
        expect(printable(`a${String.fromCodePoint(code)}b`)).toBe(`a${escaped}b`);
      }
    }
    expect(printable('\x1b]0;owned\x07\r\n')).toBe('\\x1b]0;owned\\x07\\x0d\\x0a');
  });

  it('is of one line, whatever it is given, and changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = printable(text);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(printable(shown)).toBe(shown);
      }),
    );
  });
});

describe('printableName', () => {
  it('is bounded', () => {
    expect(printableName(`\n${'A'.repeat(300)}`)).toBe(`\\x0a${'A'.repeat(255)}...`);
    expect(printableName('A'.repeat(256))).toBe('A'.repeat(256));
  });
});

describe('quotedName', () => {
  it('is one line, in quotes that end', () => {
    expect(quotedName('HTTP@www.example.com')).toBe('"HTTP@www.example.com"');
    expect(quotedName('a"b\\c\n\u202ed')).toBe('"a\\"b\\\\c\\n\\x202ed"');
    expect(quotedName('A'.repeat(300))).toBe(`"${'A'.repeat(256)}..."`);
  });
});

describe('printableUtf8', () => {
  it('is printable of what is UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(printableUtf8(encodeUtf8(text))).toBe(printable(text));
      }),
    );
    expect(printableUtf8(fromHex('efbbbf41'))).toBe('\\xfeffA');
  });

  it.each([
    ['a byte that begins nothing', '41ff80', 'A\\xff\\x80'],
    ['the end of a character missing', '41e282', 'A\\xe2\\x82'],
    ['a character cut short by another', 'e28241', '\\xe2\\x82A'],
    ['an overlong form', 'c08ae0808af080808a', '\\xc0\\x8a\\xe0\\x80\\x8a\\xf0\\x80\\x80\\x8a'],
    ['a surrogate', 'eda080', '\\xed\\xa0\\x80'],
    ['above U+10FFFF', 'f4908080', '\\xf4\\x90\\x80\\x80'],
    ['the last of each length', 'dfbfefbfbdf48fbfbd', '\u07ff\ufffd\u{10fffd}'],
    ['C1 as a byte and as a character', '9bc29b', '\\x9b\\x9b'],
  ])('shows %s', (_, hex, expected) => {
    expect(printableUtf8(fromHex(hex))).toBe(expected);
  });

  it('takes what is long in pieces', () => {
    const long = `${'é'.repeat(70_000)}\n`;
    expect(printableUtf8(encodeUtf8(long))).toBe(`${'é'.repeat(70_000)}\\x0a`);
    expect(printableUtf8(new Uint8Array(70_000).fill(0xff))).toBe('\\xff'.repeat(70_000));
  });
});
