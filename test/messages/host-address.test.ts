import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import {
  formatHostAddress,
  parseHostAddress,
  plainAddress,
} from '../../src/messages/host-address.ts';

describe('parseHostAddress', () => {
  it.each([
    ['192.0.2.7', 2, 'c0000207'],
    ['::ffff:192.0.2.7', 2, 'c0000207'],
    ['::1', 24, '00000000000000000000000000000001'],
    ['::', 24, '00000000000000000000000000000000'],
    ['2001:db8::', 24, '20010db8000000000000000000000000'],
    ['2001:db8::7:89ab', 24, '20010db80000000000000000000789ab'],
    ['2001:DB8:1:2:3:4:5:6', 24, '20010db8000100020003000400050006'],
    ['fe80::1%eth0', 24, 'fe800000000000000000000000000001'],
    ['64:ff9b::192.0.2.7', 24, '0064ff9b0000000000000000c0000207'],
  ])('reads %s', (text, type, hex) => {
    const parsed = parseHostAddress(text);
    expect(parsed?.type).toBe(type);
    expect(toHex(parsed!.address)).toBe(hex);
  });

  it.each([undefined, '', '/run/socket', '192.0.2', '1::2::3'])(
    'finds no address in %s',
    (text) => {
      expect(parseHostAddress(text)).toBeUndefined();
    },
  );
});

describe('hostile text', () => {
  // Node's own judgement; a zone and the prefix of a mapped address are removed before.
  const isAddress = (text: string) => isIPv4(text) || isIPv6(text);

  it.each([
    '1.2.3',
    '1.2.3.4.',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.4.5',
    ' 1.2.3.4',
    '1.2.3.4\n',
    ':',
    ':::',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '1:2:3:4:5:6:7',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '12345::',
    '::g',
    ':1::2',
    '1::2:',
    '1:2:3:4:5:6:1.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
    `${'0'.repeat(200)}::1`,
  ])('%j is judged as Node.js judges it', (text) => {
    expect(parseHostAddress(text) !== undefined).toBe(isAddress(text));
  });

  it('is judged as Node.js judges it, whatever it is', () => {
    const pieces = fc.constantFrom(
      '1',
      '0',
      'ff',
      '12',
      '255',
      '256',
      ':',
      '::',
      '.',
      'a',
      'g',
      '2001',
    );
    const texts = fc.array(pieces, { maxLength: 17 }).map((all) => all.join(''));
    fc.assert(
      fc.property(fc.oneof(texts, fc.ipV4(), fc.ipV6()), (text) => {
        expect(parseHostAddress(text) !== undefined, text).toBe(isAddress(text));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('plainAddress', () => {
  it('shows an IPv4 client as such, and other addresses unchanged', () => {
    expect(plainAddress('::ffff:192.0.2.7')).toBe('192.0.2.7');
    expect(plainAddress('::ffff:1:2')).toBe('::ffff:1:2');
    expect(plainAddress(undefined)).toBeUndefined();
  });
});

describe('formatHostAddress', () => {
  it.each([
    ['192.0.2.7'],
    ['2001:db8::1'],
    ['::'],
    ['::1'],
    ['fe80::'],
    ['1:2:3:4:5:6:7:8'],
    ['1:0:3:4:5:6:7:8'],
    ['1:0:0:4::8'],
    ['10::10:0:0:1'],
  ])('writes %s as RFC 5952 has it', (text) => {
    expect(formatHostAddress(parseHostAddress(text)!)).toBe(text);
  });

  it('names the type of any other address', () => {
    expect(formatHostAddress({ type: 20, address: new Uint8Array(16) })).toBe('type 20');
    expect(formatHostAddress({ type: 2, address: new Uint8Array(3) })).toBe('type 2');
  });
});
