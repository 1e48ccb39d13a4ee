import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import { parseHostAddress, plainAddress, sourceOf } from '../../src/node/peer-address.ts';

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

describe('sourceOf', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '20010db800010002/64'],
    ['2001:db8:1:2::7%eth0', '20010db800010002/64'],
    ['2001:db8:1:3::7', '20010db800010003/64'],
    ['/run/socket', ''],
    [undefined, ''],
  ])('%s is of %s', (address, source) => {
    expect(sourceOf(parseHostAddress(address))).toBe(source);
  });
});

describe('plainAddress', () => {
  it('shows an IPv4 client as such, and other addresses unchanged', () => {
    expect(plainAddress('::ffff:192.0.2.7')).toBe('192.0.2.7');
    expect(plainAddress('::ffff:1:2')).toBe('::ffff:1:2');
    expect(plainAddress(undefined)).toBeUndefined();
  });
});
