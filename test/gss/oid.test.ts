import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import { decodeOid, encodeOid, formatOid, parseOid } from '../../src/gss/oid.ts';

// RFC 2744 §3 and RFC 4178 §3.2 print these encodings.
const KNOWN = [
  ['1.2.840.113554.1.2.2', '2a864886f712010202'],
  ['1.2.840.48018.1.2.2', '2a864882f712010202'],
  ['1.3.5.1.5.2', '2b05010502'],
  ['1.3.6.1.5.5.2', '2b0601050502'],
  ['1.3.6.1.4.1.311.2.2.10', '2b06010401823702020a'],
  // X.690 §8.19.4: 40 · first + second, at either end of each first arc.
  ['0.0', '00'],
  ['0.39', '27'],
  ['1.0', '28'],
  ['1.39', '4f'],
  ['2.0', '50'],
  ['2.39', '77'],
  ['2.40', '78'],
  ['2.999', '8837'],
  // Seven bits in each byte, with zeros in the middle.
  ['1.2.127', '2a7f'],
  ['1.2.128', '2a8100'],
  ['1.2.16383', '2aff7f'],
  ['1.2.16384', '2a818000'],
  ['1.2.2097153', '2a81808001'],
  // 49, 50, 54 and 56 bits: the last two exceed the precision of a double.
  ['1.2.562949953421311', '2affffffffffff7f'],
  ['1.2.562949953421313', '2a8180808080808001'],
  ['1.2.9007199254740993', '2a9080808080808001'],
  ['1.2.72057594037927935', '2affffffffffffff7f'],
  ['2.25.329800735698586629295641978511506172918', '69' + '83f09da7ebcfdee0c7a1a7b2c0948cc8f9d776'],
  // 128 bits, all set.
  ['2.25.340282366920938463463374607431768211455', `6983${'ff'.repeat(17)}7f`],
] as const;

describe('OID text and DER', () => {
  it.each(KNOWN)('%s', (text, hex) => {
    expect(toHex(encodeOid(parseOid(text)))).toBe(hex);
    expect(decodeOid(fromHex(hex))).toBe(text);
    expect(formatOid(fromHex(hex))).toBe(text);
    expect(formatOid(parseOid(text), 'braces')).toBe(`{ ${text.replaceAll('.', ' ')} }`);
  });

  it.each([
    '1.2.840.113554.1.2.2',
    '{ 1 2 840 113554 1 2 2 }',
    '{1 2 840 113554 1 2 2}',
    ' 1 2 840 113554 1 2 2 ',
    '{ 1.2.840 113554.1.2.2 }',
    '{\t1  2 840\n113554 1 2 2}',
    '01.2.0840.113554.1.2.2',
  ])('reads %j', (text) => {
    expect(parseOid(text)).toBe('1.2.840.113554.1.2.2');
  });

  it.each([
    '',
    ' ',
    '1',
    '{ }',
    '{ 1 2',
    '1 2 }',
    '1..2',
    '.1.2',
    '1.2.',
    '1.2.-3',
    '1.2.0x3',
    '1.2.3e4',
    '1.40',
    '3.1',
    '1.2.x',
    `1.2.${'9'.repeat(40)}`,
    '1.2.340282366920938463463374607431768211456',
    '0.40',
    '{{ 1 2 }}',
  ])('refuses %j', (text) => {
    expect(() => parseOid(text)).toThrow(DecodeError);
  });

  it.each([
    ['', 'OID has 0 bytes'],
    ['2a86', 'middle of an arc'],
    ['2a8000', 'shortest form'],
    ['8001', 'shortest form'],
    [`2a84${'80'.repeat(17)}00`, 'above 128 bits'],
    [`2a81${'80'.repeat(18)}00`, 'above 128 bits'],
    [`2a${'ff'.repeat(19)}7f`, 'above 128 bits'],
    [`2a${'ff'.repeat(126)}7f`, 'above 128 bits'],
    ['2a'.repeat(129), 'OID has 129 bytes'],
  ])('refuses DER %s', (hex, message) => {
    expect(() => decodeOid(fromHex(hex))).toThrow(message);
  });

  it('takes 128 bytes of contents, and no more', () => {
    const longest = new Uint8Array(128).fill(1);
    expect(encodeOid(decodeOid(longest))).toEqual(longest);
    expect(() => decodeOid(new Uint8Array(129).fill(1))).toThrow(/129 bytes, expected 1 to 128/);
  });

  it('takes 1024 characters of text, and no more', () => {
    expect(parseOid(`${'{ 1 2 840'.padEnd(1023)}}`)).toBe('1.2.840');
    expect(() => parseOid(`${'{ 1 2 840'.padEnd(1024)}}`)).toThrow(DecodeError);
    // More text than any OID with 128 bytes of contents has.
    const widest = decodeOid(new Uint8Array(128).fill(0x7f));
    expect(parseOid(formatOid(widest, 'braces'))).toBe(widest);
  });

  it('refuses long texts, fast', () => {
    for (const text of [
      `1.2${'.1'.repeat(200)}`,
      `1.2.${'1'.repeat(1_000_000)}`,
      `${' '.repeat(1_000_000)}x`,
      `{${' '.repeat(900)}x`,
    ]) {
      expect(() => parseOid(text)).toThrow(DecodeError);
    }
  });

  it('has one encoding for each OID', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        let oid: ReturnType<typeof decodeOid>;
        try {
          oid = decodeOid(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          return;
        }
        expect(encodeOid(oid)).toEqual(bytes);
        expect(parseOid(formatOid(oid, 'braces'))).toBe(oid);
      }),
    );
  });
});
