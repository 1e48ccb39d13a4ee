import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, Reader } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import type { SidParts } from '../../src/pac/data-types.ts';
import {
  parseSid,
  readFileTime,
  readFileTimeDate,
  readSid,
  readUtf16,
} from '../../src/pac/data-types.ts';
import { encodeSid, encodeUtf16 } from '../../src/testing/ndr-writer.ts';
import { thrownBy } from '../support/pac.ts';

/** SIDs that a KDC adds to a PAC itself (MS-DTYP §2.4.2.4, MS-KILE §3.3.5.6.4.6). */
const WellKnownSid = {
  everyone: 'S-1-1-0',
  authenticatedUsers: 'S-1-5-11',
  enterpriseDomainControllers: 'S-1-5-9',
  authenticationAuthorityAssertedIdentity: 'S-1-18-1',
  serviceAssertedIdentity: 'S-1-18-2',
  freshPublicKeyIdentity: 'S-1-18-3',
  compoundedAuthentication: 'S-1-5-21-0-0-0-496',
  claimsValid: 'S-1-5-21-0-0-0-497',
} as const;

/** The text form (MS-DTYP §2.4.2.1): the authority is hexadecimal from 2^32 on. */
function formatSid({ authority, subAuthorities }: SidParts): string {
  const hex = `0x${authority.toString(16).toUpperCase().padStart(12, '0')}`;
  return ['S-1', authority < 2 ** 32 ? authority : hex, ...subAuthorities].join('-');
}

function sidOf(hex: string): string {
  return readSid(new Reader(fromHex(hex), 'test'));
}

describe('SID', () => {
  test.each([
    ['010100000000000512000000', 'S-1-5-18'],
    ['010100000000001201000000', 'S-1-18-1'],
    ['0100000000000005', 'S-1-5'],
    [
      '010500000000000515000000112fafb590041bec503becdcf4010000',
      'S-1-5-21-3048156945-3961193616-3706469200-500',
    ],
    ['0101ffffffffffffffffffff', 'S-1-0xFFFFFFFFFFFF-4294967295'],
    ['01010001000000000a000000', 'S-1-0x000100000000-10'],
  ])('%s is %s', (hex, text) => {
    expect(sidOf(hex)).toBe(text);
    expect([...encodeSid(text)]).toEqual([...fromHex(hex)]);
    expect(formatSid(parseSid(text))).toBe(text);
  });

  test('15 parts are the most', () => {
    const header = (count: string) => `01${count}000000000005`;
    expect(sidOf(header('0f') + '01000000'.repeat(15))).toBe(`S-1-5${'-1'.repeat(15)}`);
    expect(thrownBy(() => sidOf(header('10') + '01000000'.repeat(16)))).toMatchObject({
      name: 'DecodeError',
      message: 'test holds a malformed SID',
    });
  });

  test('another revision is refused', () => {
    expect(thrownBy(() => sidOf('0201000000000005' + '12000000'))).toMatchObject({
      message: 'test holds a malformed SID',
    });
  });

  test('truncated anywhere it is refused', () => {
    const whole = fromHex('010200000000000520000000' + '20020000');
    for (let end = 0; end < whole.length; end++) {
      expect(thrownBy(() => readSid(new Reader(whole.subarray(0, end), 'test')))).toBeInstanceOf(
        DecodeError,
      );
    }
  });

  test.each([
    '',
    'S-1',
    'S-2-5-18',
    's-1-5-18',
    'S-1-5-',
    'S-1-5-18 ',
    'S-1-5--18',
    'S-1-5-4294967296',
    'S-1-0x1000000000000-1',
    'S-1-5-0x10',
    `S-1-5${'-1'.repeat(16)}`,
  ])('%j is no SID', (text) => {
    expect(thrownBy(() => parseSid(text))).toMatchObject({
      name: 'TypeError',
      message: `SID: expected S-1-…, got ${JSON.stringify(text)}`,
    });
  });

  test('any SID survives text and bytes', () => {
    const parts = fc.record({
      authority: fc.oneof(fc.nat({ max: 20 }), fc.integer({ min: 0, max: 0xffffffffffff })),
      subAuthorities: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 15 }),
    });
    fc.assert(
      fc.property(parts, (sid) => {
        const text = formatSid(sid);
        expect(parseSid(text)).toEqual(sid);
        expect(Reader.all(encodeSid(text), 'test', readSid)).toBe(text);
      }),
    );
  });

  test('the well-known ones are SIDs', () => {
    for (const sid of Object.values(WellKnownSid)) expect(formatSid(parseSid(sid))).toBe(sid);
  });
});

describe('FILETIME', () => {
  const read = (hex: string) => readFileTime(new Reader(fromHex(hex), 'test'));

  test.each([
    ['0000000000000000', undefined],
    ['ffffffffffffff7f', undefined],
    ['ffffffffffffffff', undefined],
    ['0000000000000080', undefined],
    ['00803ed5deb19d01', 0],
    ['0f273fd5deb19d01', 4],
    ['10a73ed5deb19d01', 1],
    ['0fa73ed5deb19d01', 0],
  ])('%s is %s', (hex, time) => {
    expect(read(hex)).toBe(time);
  });

  test('to the millisecond, rounded down, for all times', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 63n - 2n }), (ticks) => {
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setBigUint64(0, ticks, true);
        const expected = Number(ticks / 10000n - 11644473600000n);
        expect(readFileTime(new Reader(bytes, 'test'))).toBe(expected);
        expect(readFileTimeDate(new Reader(bytes, 'test'))?.getTime()).toBe(expected);
      }),
    );
  });
});

describe('UTF-16', () => {
  test('any text comes back', () => {
    const text = fc
      .string({ unit: 'binary' })
      .filter((value) => !value.includes('\0') && !/\p{Surrogate}/u.test(value));
    fc.assert(
      fc.property(text, (value) => {
        expect(readUtf16(encodeUtf16(value), 'test')).toBe(value);
      }),
    );
  });

  test.each([
    ['61', 'test holds half a character'],
    ['610000', 'test holds half a character'],
    ['61000000', 'test holds a NUL inside a string'],
    ['00d8', 'test holds a lone surrogate'],
    ['00d86100', 'test holds a lone surrogate'],
    ['00dc00d8', 'test holds a lone surrogate'],
    ['00d800d8', 'test holds a lone surrogate'],
  ])('%s is refused', (hex, message) => {
    expect(thrownBy(() => readUtf16(fromHex(hex), 'test'))).toMatchObject({
      name: 'DecodeError',
      message,
    });
  });
});
