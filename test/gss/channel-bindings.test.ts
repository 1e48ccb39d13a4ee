import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashChannelBindings, matchesChannelBindings } from '../../src/gss/bindings-hash.ts';
import type { ChannelBindings } from '../../src/gss/channel-bindings.ts';

const applicationData = Uint8Array.of(1, 2, 3);
const address = { type: 2, address: Uint8Array.of(127, 0, 0, 1) };

describe('channel bindings', () => {
  it('are hashed with little-endian numbers (RFC 4121 §4.1.1.2)', () => {
    const bytes = '02000000' + '04000000' + '7f000001' + '00000000' + '00000000' + '03000000010203';
    const expected = createHash('md5').update(Buffer.from(bytes, 'hex')).digest();
    const bindings = { initiatorAddress: address, applicationData };
    expect(Buffer.from(hashChannelBindings(bindings))).toEqual(expected);
  });

  it.each<ChannelBindings>([
    { applicationData },
    { initiatorAddress: address, applicationData },
    { acceptorAddress: address },
    {},
  ])('match themselves, also as Java says that an address is absent', (bindings) => {
    const none = { type: 255, address: new Uint8Array() };
    const asJava = { initiatorAddress: none, acceptorAddress: none, ...bindings };
    expect(matchesChannelBindings(hashChannelBindings(bindings), bindings)).toBe(true);
    expect(matchesChannelBindings(hashChannelBindings(asJava), bindings)).toBe(true);
  });

  it.each<ChannelBindings>([
    { applicationData: Uint8Array.of(1, 2) },
    { applicationData, initiatorAddress: address },
    { applicationData, acceptorAddress: { type: 0, address: Uint8Array.of(0) } },
    {},
  ])('match no others', (others) => {
    expect(matchesChannelBindings(hashChannelBindings(others), { applicationData })).toBe(false);
    expect(matchesChannelBindings(new Uint8Array(16), { applicationData })).toBe(false);
    expect(matchesChannelBindings(new Uint8Array(15), { applicationData })).toBe(false);
  });
});
