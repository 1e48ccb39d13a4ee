import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { createAcceptor } from '../../src/index.ts';
import { CLIENT, makeKeytab, makeParties, NOW, SERVICE } from '../support/realm-kit.ts';

/**
 * What RFC 4120 leaves without protection in an AP-REQ, and why changing it gains nothing. Found
 * by its DER, so that the test does not depend on where the bytes happen to stand.
 */
const HARMLESS: readonly {
  readonly why: string;
  readonly der: Uint8Array;
  readonly from: number;
}[] = [
  {
    why: 'the mechanism: one bit makes it the OID of Microsoft, which is the same mechanism',
    der: Uint8Array.of(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12),
    from: 5,
  },
  {
    why: 'ap-options: reserved and unused bits mean nothing, MUTUAL-REQUIRED asks for an answer',
    der: Uint8Array.of(0x03, 0x05, 0x00, 0x20, 0x00, 0x00, 0x00),
    from: 2,
  },
  {
    why: 'the ticket’s realm: a hint for finding the key; the key that fits names the service',
    der: Uint8Array.of(0x1b, 12, ...encodeUtf8('EXAMPLE.TEST')),
    from: 2,
  },
  {
    why: 'the ticket’s service: as the realm',
    der: Uint8Array.of(0x1b, 4, ...encodeUtf8('host')),
    from: 2,
  },
  {
    why: 'the ticket’s host: as the realm',
    der: Uint8Array.of(0x1b, 19, ...encodeUtf8('server.example.test')),
    from: 2,
  },
  {
    why: 'the name type, which RFC 4120 §6.2 makes a hint only',
    der: Uint8Array.of(0xa0, 0x03, 0x02, 0x01, 0x01, 0xa1, 0x1d),
    from: 4,
  },
  {
    why: 'the ticket’s kvno: a hint; the key that fits decides',
    der: Uint8Array.of(0xa1, 0x03, 0x02, 0x01, 0x01, 0xa2, 0x81),
    from: 4,
  },
];

const ONE_BYTE = /^the (mechanism|name type)|kvno/;

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  return Buffer.from(bytes).indexOf(part);
}

describe.each([17, 18, 19, 20])('an AP-REQ of enctype %i', (enctype) => {
  it('is refused at every single-bit flip, or harmless for a reason that is known', async () => {
    const { initiator, credential } = await makeParties({ keytab: makeKeytab({ enctype }) });
    const good = initiator.begin();
    const reasons = new Map<number, string>();
    for (const { why, der, from } of HARMLESS) {
      const at = indexOf(good, der);
      expect(at, why).toBeGreaterThan(0);
      const length = ONE_BYTE.test(why) ? 1 : der.length - from;
      for (let i = 0; i < length; i++) reasons.set(at + from + i, why);
    }
    let harmless = 0;
    for (let at = 0; at < good.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = good.slice();
        flipped[at]! ^= 1 << bit;
        // Each flip meets an acceptor that has seen nothing yet.
        const acceptor = createAcceptor({ credential, clock: () => NOW });
        const result = await acceptor.begin().accept(flipped);
        if (result.status !== 'complete') {
          expect(result.status).toBe('failed');
          continue;
        }
        expect(reasons.has(at), `byte ${at} bit ${bit} was accepted`).toBe(true);
        // Accepted means: the same client, at the same service, and only once.
        expect(`${result.context.initiator} ${result.context.acceptor}`).toBe(
          `${CLIENT} ${SERVICE}`,
        );
        const again = await acceptor.begin().accept(flipped);
        if (again.status !== 'failed') throw new Error('accepted twice');
        expect(again.error.minor?.code).toBe('KRB_AP_ERR_REPEAT');
        harmless++;
      }
    }
    expect(harmless).toBeGreaterThan(0);
  });
});
