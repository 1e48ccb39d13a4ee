/** Session keys between the requests of one ticket: never of another ticket, never two users of one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SessionKeys } from '../../src/ap/session-keys.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { EncryptionKey } from '../../src/index.ts';
import type { Ticket } from '../../src/messages/ticket.ts';
import { runs } from '../support/properties.ts';
import { seededRandom } from '../support/vectors.ts';

/** A ticket whose ciphertext ends with these bytes. */
function ticketOf(...end: readonly number[]): Ticket {
  return {
    realm: 'EXAMPLE.TEST',
    serverName: { nameType: 2, components: ['host', 'server'] },
    encPart: { enctype: 18, cipher: Uint8Array.of(9, 9, 9, ...end) },
  };
}

function keyOf(seed: number, enctype = 18): EncryptionKey {
  return EncryptionKey.generate(enctype, seededRandom(seed));
}

const isDisposed = (key: EncryptionKey): boolean => {
  try {
    key.bytes();
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return true;
  }
};

describe('the session key of a ticket', () => {
  const ticket = ticketOf(1, 2, 3, 4);

  it('is kept from the second request on', () => {
    const keys = new SessionKeys();
    const [first, second, third] = [keyOf(1), keyOf(1), keyOf(1)];
    expect(keys.take(ticket, first)).toBe(first);
    keys.keep(ticket, first);
    expect(isDisposed(first)).toBe(true);
    expect(keys.take(ticket, second)).toBe(second);
    keys.keep(ticket, second);
    expect(isDisposed(second)).toBe(false);
    expect(keys.take(ticket, third)).toBe(second);
    expect(isDisposed(third)).toBe(true);
    expect(isDisposed(second)).toBe(false);
  });

  it('is given to one at a time, and one of two that come back is kept', () => {
    const keys = new SessionKeys();
    keys.keep(ticket, keyOf(1));
    const kept = keyOf(1);
    keys.keep(ticket, kept);
    const other = keyOf(1);
    expect(keys.take(ticket, keyOf(1))).toBe(kept);
    expect(keys.take(ticket, other)).toBe(other);
    keys.keep(ticket, kept);
    keys.keep(ticket, other);
    expect([isDisposed(kept), isDisposed(other)]).toEqual([true, false]);
    expect(keys.take(ticket, keyOf(1))).toBe(other);
  });

  it.each([
    ['of other bytes', () => keyOf(2)],
    ['of another enctype', () => new EncryptionKey(20, keyOf(1).bytes())],
    ['of another provider', () => keyOf(1).withCrypto(withLegacyEnctypes())],
  ])('is not taken for one %s, whatever the ticket looks like', (_, make) => {
    const keys = new SessionKeys();
    keys.keep(ticket, keyOf(1));
    const kept = keyOf(1);
    keys.keep(ticket, kept);
    const own = make();
    expect(keys.take(ticket, own)).toBe(own);
    expect([isDisposed(own), isDisposed(kept)]).toEqual([false, false]);
    expect(keys.take(ticket, keyOf(1))).toBe(kept);
  });

  // The last byte says where it is kept; the last four, whether the ticket came before.
  it.each([
    [
      [1, 2, 3, 4],
      [0x81, 2, 3, 4],
    ],
    [
      [1, 2, 3, 4],
      [1, 0x82, 3, 4],
    ],
    [
      [1, 2, 3, 4],
      [1, 2, 0x83, 4],
    ],
    [
      [0, 1, 0, 4],
      [0, 0, 0x80, 4],
    ],
    [
      [1, 0, 0, 4],
      [0, 0x80, 0, 4],
    ],
  ])('is not kept where one ticket ends in %j, the other in %j', (one, other) => {
    const keys = new SessionKeys();
    keys.keep(ticketOf(...one), keyOf(1));
    const key = keyOf(1);
    keys.keep(ticketOf(...other), key);
    expect(isDisposed(key)).toBe(true);
  });

  it('leaves the others of the table alone, and is wiped when another takes its place', () => {
    const keys = new SessionKeys();
    const tickets = Array.from({ length: 256 }, (_, last) => ticketOf(7, 7, 7, last));
    const kept = tickets.map((each, seed) => {
      keys.keep(each, keyOf(seed));
      const key = keyOf(seed);
      keys.keep(each, key);
      return key;
    });
    expect(kept.map(isDisposed)).not.toContain(true);
    const intruder = ticketOf(8, 7, 7, 40);
    keys.keep(intruder, keyOf(999));
    // Seen once, it takes nobody's place.
    expect(isDisposed(kept[40]!)).toBe(false);
    keys.keep(intruder, keyOf(999));
    expect(kept.flatMap((key, at) => (isDisposed(key) ? [at] : []))).toEqual([40]);
  });

  it('is the right one and nobody else’s, in whatever order requests begin and end', () => {
    const step = fc.record({ ticket: fc.nat(5), end: fc.option(fc.nat(7)) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const keys = new SessionKeys();
        // Three places for six tickets.
        const tickets = [0, 1, 2, 3, 4, 5].map((n) => ticketOf(n, 0, 0, n % 3));
        const made: EncryptionKey[] = [];
        const open: { ticket: number; key: EncryptionKey }[] = [];
        for (const { ticket: n, end } of steps) {
          if (end === null) {
            const own = keyOf(n);
            made.push(own);
            const key = keys.take(tickets[n]!, own);
            expect(open.some((request) => request.key === key)).toBe(false);
            expect(key.bytes()).toEqual(keyOf(n).bytes());
            expect(isDisposed(own)).toBe(key !== own);
            open.push({ ticket: n, key });
          } else if (end < open.length) {
            const [request] = open.splice(end, 1);
            keys.keep(tickets[request!.ticket]!, request!.key);
          }
          // Those in use are not wiped; and of those that are not, one for each place is left.
          expect(open.some(({ key }) => isDisposed(key))).toBe(false);
          const left = made.filter((key) => !isDisposed(key)).length - open.length;
          expect(left).toBeLessThanOrEqual(3);
        }
      }),
      { numRuns: runs(100) },
    );
  });
});
