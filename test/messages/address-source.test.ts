import { describe, expect, it } from 'vitest';
import { sourceOf } from '../../src/messages/address-source.ts';
import { parseHostAddress } from '../../src/messages/host-address.ts';

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
