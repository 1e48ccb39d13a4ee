/** Identities as headers: none may become another one on its way. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  identityHeaders,
  parseIdentityHeaders,
} from '../../../src/cli/forward-auth/identity-headers.ts';
import type { Identity } from '../../../src/http/identity.ts';

const ALICE: Identity = {
  principal: 'alice@EXAMPLE.COM',
  name: 'alice',
  realm: 'EXAMPLE.COM',
  groups: ['S-1-5-32-544', 'S-1-5-32-545'],
  indicators: [],
  mechanism: 'spnego',
  channelBound: false,
  authenticatedAt: '2026-01-01T00:00:00.000Z',
  expiresAt: '2026-01-01T10:00:00.000Z',
};

function headersOf(change: Partial<Identity>, list = 'A=principal,B=groups,C=displayName') {
  return identityHeaders(parseIdentityHeaders(list), { ...ALICE, ...change });
}

it('lists have commas, and text is UTF-8', () => {
  expect(headersOf({ displayName: 'J\u00fcrgen' })).toEqual([
    ['A', 'alice@EXAMPLE.COM'],
    ['B', 'S-1-5-32-544,S-1-5-32-545'],
    ['C', 'J\u00c3\u00bcrgen'],
  ]);
});

it.each([
  ' root@EXAMPLE.COM',
  'root@EXAMPLE.COM\u00a0',
  'a\r\nRemote-User: root',
  'a\0',
  '\ud800',
  'a\u0085',
])('no header for %j', (principal) => {
  expect(headersOf({ principal })).toBeUndefined();
});

it('no list in which an item would become two', () => {
  expect(headersOf({ indicators: ['otp', 'a,b'] }, 'A=indicators')).toBeUndefined();
  expect(headersOf({ indicators: ['a,b'] }, 'A=indicators')).toBeUndefined();
});

it('two identities never have the same headers', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 10 });
  fc.assert(
    fc.property(text, text, (one, other) => {
      const [a, b] = [
        headersOf({ principal: one }, 'A=principal'),
        headersOf({ principal: other }, 'A=principal'),
      ];
      if (one !== other && a !== undefined) expect(a).not.toEqual(b);
    }),
  );
});
