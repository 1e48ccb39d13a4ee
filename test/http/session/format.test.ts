import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Identity } from '../../../src/http/identity.ts';
import { decodeSession, encodeSession } from '../../../src/http/session/format.ts';

const IDENTITY: Identity = {
  principal: 'alice@EXAMPLE.TEST',
  name: 'alice',
  realm: 'EXAMPLE.TEST',
  groups: [],
  indicators: ['otp'],
  mechanism: 'spnego',
  channelBound: false,
  authenticatedAt: '2026-06-01T11:00:00.000Z',
  expiresAt: '2026-06-01T21:00:00.000Z',
};
const SEALED = { service: 'HTTP/www.example.test@EXAMPLE.TEST', sealedAt: 1.25 };
const DOMAIN = 'S-1-5-21-1004336348-1177238915-682003330';

function sizeWith(groups: readonly string[]): number {
  return encodeSession({ ...SEALED, holds: { ...IDENTITY, groups } }).length;
}

describe('a session as bytes', () => {
  it('comes back as it was, whatever its texts and groups are', () => {
    const sid = fc.oneof(
      fc.nat(0xffffffff).map((rid) => `${DOMAIN}-${rid}`),
      fc.constantFrom(
        'S-1-1-0',
        'S-1-5-18',
        `${DOMAIN}-007`,
        `${DOMAIN}-4294967296`,
        'x',
        '',
        '-1',
      ),
      fc.string({ unit: 'grapheme' }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.array(sid), (displayName, groups) => {
        const contents = { ...SEALED, holds: { ...IDENTITY, displayName, groups } };
        expect(decodeSession(encodeSession(contents))).toEqual(contents);
      }),
    );
  });

  it('comes back frozen', () => {
    const { holds } = decodeSession(encodeSession({ ...SEALED, holds: IDENTITY }));
    expect(Object.isFrozen(holds)).toBe(true);
    expect(Object.isFrozen((holds as Identity).groups)).toBe(true);
    expect(Object.isFrozen((holds as Identity).indicators)).toBe(true);
  });

  it('may hold an id instead of an identity', () => {
    const contents = { ...SEALED, holds: 'x'.repeat(43) };
    expect(decodeSession(encodeSession(contents))).toEqual(contents);
  });

  it('takes at most 3 bytes for each further group of a domain', () => {
    const groups = Array.from({ length: 800 }, (_, i) => `${DOMAIN}-${1_000_000 + i}`);
    expect(sizeWith(groups) - sizeWith(groups.slice(0, 400))).toBe(1200);
  });

  it('is not read in part: bytes that are missing or too many are an error', () => {
    const bytes = encodeSession({ ...SEALED, holds: { ...IDENTITY, groups: [`${DOMAIN}-513`] } });
    const before = sizeWith([]);
    for (let length = 0; length < bytes.length; length++) {
      if (length !== before) expect(() => decodeSession(bytes.subarray(0, length))).toThrow();
    }
    expect(() => decodeSession(Uint8Array.of(...bytes, 0))).toThrow();
  });
});
