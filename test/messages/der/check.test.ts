import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../src/bytes.ts';
import { DecodeError } from '../../../src/errors.ts';
import { checkDer } from '../../../src/messages/der/check.ts';

const check = (hex: string, depth = 4, nodes = 8) =>
  checkDer(fromHex(hex), 'test', { depth, nodes });

describe('checkDer', () => {
  it.each([
    '3000',
    '0500',
    '020100',
    '31020500',
    'a003020105',
    '8003616263',
    '6e053003020105',
    '3006020101020102',
    '30093007a0050403616263',
    '0901ff',
    '1b0161',
  ])('takes %s', (hex) => {
    expect(check(hex)).toBeUndefined();
  });

  it.each([
    ['', /an element expected/],
    ['300005', /1 unexpected bytes/],
    ['3080020105 0000', /indefinite/],
    ['30810 3020105', /shortest form/],
    ['1f2100', /a tag number above 30/],
    ['bf8121 00', /a tag number above 30/],
    ['0000', /a universal tag/],
    ['0f00', /a universal tag/],
    ['1000', /a universal tag/],
    ['1100', /a universal tag/],
    ['2403040161', /a constructed string/],
    ['3b031b0161', /a constructed string/],
    ['0200', /INTEGER of 0 bytes/],
    ['02020001', /padding/],
    ['0a02ffff', /padding/],
    ['050100', /NULL with contents/],
    ['010102', /BOOLEAN/],
    ['030101', /BIT STRING/],
    ['060180', /OBJECT IDENTIFIER/],
    ['0c01ff', /UTF-8/],
    ['180131', /GeneralizedTime/],
    ['3003020105ff', /1 unexpected bytes/],
    ['30020201', /1 bytes announced/],
    ['300a30083006300430020500', /more than 4 levels/],
    [`3012${'0500'.repeat(9)}`, /more than 8 elements/],
  ])('refuses %s', (hex, message) => {
    expect(() => check(hex)).toThrow(DecodeError);
    expect(() => check(hex)).toThrow(message);
  });

  it('counts levels and elements exactly', () => {
    expect(check('300830063004300205 00'.replaceAll(' ', ''), 4)).toBeUndefined();
    expect(() => check('3008300630043002 0500', 3)).toThrow(/more than 3 levels/);
    expect(check(`300e${'0500'.repeat(7)}`, 4, 8)).toBeUndefined();
  });
});
