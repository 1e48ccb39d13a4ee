import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/bytes.ts';
import { DecodeError } from '../../../src/errors.ts';
import { DerReader } from '../../../src/messages/der/reader.ts';
import {
  formatGeneralizedTime,
  parseGeneralizedTime,
  TIME_LENGTH,
} from '../../../src/messages/der/time.ts';
import { runs } from '../../support/properties.ts';

const parse = (text: string) => parseGeneralizedTime(encodeUtf8(text), 0);
const format = (time: number) => {
  const target = new Uint8Array(TIME_LENGTH);
  formatGeneralizedTime(time, target, 0);
  return new TextDecoder().decode(target);
};
const compact = (time: number) =>
  new Date(time * 1000)
    .toISOString()
    .replace(/\.000Z$/, 'Z')
    .replace(/[-:T]/g, '');

const FIRST = -62_167_219_200;
const LAST = 253_402_300_799;

describe('GeneralizedTime (RFC 4120 §5.2.3)', () => {
  it('is what Date says, both ways, for all years from 0000 to 9999', () => {
    fc.assert(
      fc.property(fc.integer({ min: FIRST, max: LAST }), (time) => {
        expect(format(time)).toBe(compact(time));
        expect(parse(compact(time))).toBe(time);
      }),
      { numRuns: runs(2000) },
    );
  });

  it.each([
    ['00000101000000Z', FIRST],
    ['19700101000000Z', 0],
    ['19691231235959Z', -1],
    ['19851106210627Z', 500_159_187],
    ['20000229120000Z', 951_825_600],
    ['20380119031408Z', 2_147_483_648],
    ['21000228235959Z', 4_107_542_399],
    ['99991231235959Z', LAST],
  ])('%s is %i', (text, time) => {
    expect(parse(text)).toBe(time);
    expect(format(time)).toBe(text);
  });

  it.each([
    '20010229000000Z',
    '21000229000000Z',
    '20240431000000Z',
    '20240001000000Z',
    '20241301000000Z',
    '20240100000000Z',
    '20240132000000Z',
    '20240101240000Z',
    '20240101006000Z',
    '20240101000060Z',
    '2024010100000aZ',
    '2o240101000000Z',
    '202401010000 0Z',
    '20240101000000z',
    '20240101000000A',
    '-0010101000000Z',
  ])('%s is no time', (text) => {
    expect(parse(text)).toBeUndefined();
  });

  it.each([
    '202401010000Z',
    '20240101000000.5Z',
    '20240101000000+0000',
    '20240101000000',
    '240101000000Z',
    '',
  ])('%s has not the one length', (text) => {
    const bytes = Uint8Array.of(0x18, text.length, ...encodeUtf8(text));
    const read = () => DerReader.all(bytes, 'test', (reader) => reader.generalizedTime());
    expect(read).toThrow(DecodeError);
    expect(read).toThrow(/not YYYYMMDDHHMMSSZ/);
  });

  it.each([FIRST - 1, LAST + 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses to write %d',
    (time) => {
      expect(() => format(time)).toThrow(RangeError);
    },
  );
});
