import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findBase64Slip } from '../../src/explain/base64-slip.ts';
import { decodeBase64 } from '../../src/http/base64.ts';

describe('findBase64Slip', () => {
  it.each([
    ['YII-_w==', 'it has the alphabet of base64url (- and _ for + and /)', 3],
    ['YII_', 'it has the alphabet of base64url (- and _ for + and /)', 3],
    ['YII', '= is missing at its end (1 expected, 0 found)', undefined],
    ['YI', '= is missing at its end (2 expected, 0 found)', undefined],
    ['YI=', '= is missing at its end (2 expected, 1 found)', undefined],
    ['YII==', 'it has too many = at its end (1 expected, 2 found)', undefined],
    ['YIIB=', 'it has too many = at its end (0 expected, 1 found)', undefined],
    ['YIIBC', 'it was cut: 5 characters are no whole number of bytes', undefined],
    ['YI IB', 'it has a blank or a line break', 2],
    ['YIIB\r\n YIIB', 'it has a blank or a line break', 4],
    ['YIIB,Negotiat', 'it has a comma', 4],
    ['"YIIB"', 'it has a quotation mark', 0],
    ["'YIIB'", 'it has a quotation mark', 0],
    ['YIIB%2B', 'it is percent-encoded', 4],
    ['Negotiate YIIB', 'it has a second "Negotiate"', 0],
    ['YIIB, Negotiate YIIB', 'it has a second "Negotiate"', 6],
    ['YI==YIIB', 'it goes on after =, where base64 ends', 2],
    ['YI\uFFFDIB', 'it has a character that is not printable ASCII', 2],
    ['YI:IB', 'it has a character that is not base64', 2],
    ['YJ==', 'its last character has bits that belong to no byte', undefined],
  ])('%j: %s', (text, problem, at) => {
    expect(decodeBase64(text)).toBeUndefined();
    const slip = findBase64Slip(text);
    expect(slip).toMatchObject({ problem, ...(at !== undefined && { at }) });
    expect('at' in slip).toBe(at !== undefined);
    expect(slip.remedy).not.toBe('');
  });

  it('finds one for every text, and repeats nothing of it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12, maxLength: 400 }), (text) => {
        const { problem, remedy } = findBase64Slip(text);
        expect(`${problem} ${remedy}`).not.toContain(text);
        expect(problem.length).toBeLessThan(100);
      }),
    );
  });
});
