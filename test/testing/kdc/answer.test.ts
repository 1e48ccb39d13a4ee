import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeKrbError } from '../../../src/messages/krb-error.ts';
import { createRealm } from '../../../src/testing/index.ts';
import { NOW_SECONDS, seededRandom } from '../../support/realm-kit.ts';
import { asRequest, GRANTING, logIn, makeRealm, REALM, tgsRequest } from './requests.ts';

const { realm } = makeRealm();
const requests = [asRequest(realm), tgsRequest(logIn(realm))];

describe('a KDC', () => {
  it('answers anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(realm.answer(bytes)[0]).toBe(0x7e);
      }),
    );
  });

  it('answers every request that was altered', () => {
    fc.assert(
      fc.property(fc.constantFrom(...requests), fc.nat(), fc.nat(255), (request, at, byte) => {
        const bytes = request.slice();
        bytes[at % bytes.length] = byte;
        expect([0x6b, 0x6d, 0x7e]).toContain(realm.answer(bytes)[0]);
      }),
    );
  });

  it('names itself where the request cannot be read', () => {
    expect(decodeKrbError(realm.answer(Uint8Array.of(0x30)))).toEqual({
      stime: NOW_SECONDS,
      susec: 250_000,
      errorCode: 60,
      realm: REALM,
      serverName: { ...GRANTING, nameType: 2, realm: undefined },
      eText: expect.stringContaining('KDC-REQ'),
    });
  });

  it.each([
    ['an AP-REQ', Uint8Array.of(0x6e, 0), 40],
    ['an AS-REQ that says to be a TGS-REQ', retyped(requests[0]!, 0x6c), 40],
  ])('refuses %s', (_, message, errorCode) => {
    expect(decodeKrbError(realm.answer(message)).errorCode).toBe(errorCode);
  });

  it('does not hide a defect behind an answer', () => {
    const broken = createRealm({ random: seededRandom(), clock: () => Number.NaN });
    expect(() => broken.answer(requests[0]!)).toThrow('The clock gives no time');
  });
});

function retyped(message: Uint8Array, tag: number): Uint8Array {
  const bytes = message.slice();
  bytes[0] = tag;
  return bytes;
}
