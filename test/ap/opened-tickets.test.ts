/** Opened tickets are found again: never the wrong one, and never by two requests at a time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenedTicket } from '../../src/ap/opened-tickets.ts';
import { OpenedTickets, tailOf } from '../../src/ap/opened-tickets.ts';
import { EncryptionKey } from '../../src/index.ts';
import type { EncTicketPart, Ticket } from '../../src/messages/ticket.ts';
import { runs } from '../support/properties.ts';
import { makeKeytab, NOW_SECONDS } from '../support/realm-kit.ts';
import { seededRandom } from '../support/vectors.ts';

const SERVICE = makeKeytab({ enctype: 18 }).entries[0]!;

/** A ticket whose ciphertext ends with these bytes. */
function ticketOf(...end: readonly number[]): Ticket {
  return withCipher(Uint8Array.of(9, 9, 9, ...end));
}

function withCipher(cipher: Uint8Array): Ticket {
  return {
    realm: 'EXAMPLE.TEST',
    serverName: { nameType: 2, components: ['host', 'server'] },
    encPart: { enctype: 18, cipher },
  };
}

function openedAs(seed: number, { encPart }: Ticket): OpenedTicket {
  const sessionKey = EncryptionKey.generate(18, seededRandom(seed));
  const ticket: EncTicketPart = {
    flags: 0,
    key: { enctype: 18, value: new Uint8Array(32) },
    clientRealm: 'EXAMPLE.TEST',
    clientName: { nameType: 1, components: [`user${seed}`] },
    transited: { type: 1, contents: new Uint8Array() },
    authTime: NOW_SECONDS,
    endTime: NOW_SECONDS + 3600,
  };
  return { tail: tailOf(encPart.cipher), service: SERVICE, ticket, sessionKey };
}

function isDisposed({ sessionKey }: OpenedTicket): boolean {
  try {
    sessionKey.bytes();
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return true;
  }
}

/** Keeps a ticket as after its second request. */
function keepTwice(tickets: OpenedTickets, ticket: Ticket, seed: number): OpenedTicket {
  tickets.keep(ticket, openedAs(seed, ticket));
  const opened = openedAs(seed, ticket);
  tickets.keep(ticket, opened);
  return opened;
}

describe('an opened ticket', () => {
  const ticket = ticketOf(1, 2, 3, 4);

  it('is kept from the second request on', () => {
    const tickets = new OpenedTickets();
    const [first, second] = [openedAs(1, ticket), openedAs(1, ticket)];
    expect(tickets.take(ticket, SERVICE)).toBeUndefined();
    tickets.keep(ticket, first);
    expect(isDisposed(first)).toBe(true);
    expect(tickets.take(ticket, SERVICE)).toBeUndefined();
    tickets.keep(ticket, second);
    for (let time = 0; time < 3; time++) {
      expect(tickets.take(ticket, SERVICE)).toBe(second);
      tickets.keep(ticket, second);
      expect(isDisposed(second)).toBe(false);
    }
  });

  it('is given to one at a time, and one of two that come back is kept', () => {
    const tickets = new OpenedTickets();
    const kept = keepTwice(tickets, ticket, 1);
    expect(tickets.take(ticket, SERVICE)).toBe(kept);
    expect(tickets.take(ticket, SERVICE)).toBeUndefined();
    const other = openedAs(1, ticket);
    tickets.keep(ticket, other);
    // In use: it is not wiped under the hands of who uses it.
    expect(isDisposed(kept)).toBe(false);
    tickets.keep(ticket, kept);
    expect([isDisposed(kept), isDisposed(other)]).toEqual([false, true]);
    expect(tickets.take(ticket, SERVICE)).toBe(kept);
  });

  it('is not found for a ciphertext that differs in any byte', () => {
    const cipher = seededBytes(400);
    const tickets = new OpenedTickets();
    const kept = keepTwice(tickets, withCipher(cipher), 1);
    for (let at = 0; at < cipher.length; at++) {
      const altered = cipher.slice();
      altered[at]! ^= 1 << (at % 8);
      expect(tickets.take(withCipher(altered), SERVICE)).toBeUndefined();
    }
    for (const [from, to] of [
      [1, 400],
      [0, 399],
    ]) {
      expect(tickets.take(withCipher(cipher.subarray(from, to)), SERVICE)).toBeUndefined();
    }
    expect(tickets.take(withCipher(cipher.slice()), SERVICE)).toBe(kept);
  });

  it('does not depend on the buffer in which its token arrived', () => {
    const cipher = seededBytes(100);
    const tickets = new OpenedTickets();
    const kept = keepTwice(tickets, withCipher(cipher), 1);
    const original = cipher.slice();
    cipher[5]! ^= 1;
    expect(tickets.take(withCipher(cipher), SERVICE)).toBeUndefined();
    expect(tickets.take(withCipher(original), SERVICE)).toBe(kept);
  });

  it('is not kept if its buffer was overwritten with another ticket', () => {
    const tickets = new OpenedTickets();
    const other = ticketOf(5, 6, 7, 8);
    tickets.keep(other, openedAs(2, other));
    const opened = openedAs(1, ticket);
    // Alice's ticket, whose buffer holds Bob's by then.
    tickets.keep(other, opened);
    tickets.keep(other, openedAs(1, ticket));
    expect(isDisposed(opened)).toBe(true);
    expect(tickets.take(other, SERVICE)).toBeUndefined();
    const bobs = openedAs(2, other);
    tickets.keep(other, bobs);
    expect(tickets.take(other, SERVICE)).toBe(bobs);
  });

  it('is forgotten and wiped once the key that opened it is not in the keytab any more', () => {
    const before = makeKeytab({ enctype: 18 });
    const after = makeKeytab({ enctype: 18, seed: 8 });
    const service = before.entries[0]!;
    const opened = () => ({ ...openedAs(1, ticket), service });
    const tickets = new OpenedTickets();
    tickets.retain(before);
    const [first, kept] = [opened(), opened()];
    for (const each of [first, kept]) tickets.keep(ticket, each);
    tickets.retain({ ...before, entries: [...after.entries, service] });
    expect(tickets.take(ticket, service)).toBe(kept);
    tickets.keep(ticket, kept);
    tickets.retain(after);
    expect(isDisposed(kept)).toBe(true);
    expect(tickets.take(ticket, service)).toBeUndefined();
    // Opened by that key while the keytab changed.
    const late = opened();
    tickets.keep(ticket, late);
    expect(isDisposed(late)).toBe(true);
    expect(tickets.take(ticket, service)).toBeUndefined();
  });

  it('is wiped only after its use when its key is revoked meanwhile', () => {
    const tickets = new OpenedTickets();
    const kept = keepTwice(tickets, ticket, 1);
    expect(tickets.take(ticket, SERVICE)).toBe(kept);
    tickets.retain(makeKeytab({ seed: 8 }));
    expect(isDisposed(kept)).toBe(false);
    tickets.keep(ticket, kept);
    expect(isDisposed(kept)).toBe(true);
    expect(tickets.take(ticket, SERVICE)).toBeUndefined();
  });

  it('is kept up to a maximum length', () => {
    const tickets = new OpenedTickets();
    for (const [length, isKept] of [
      [16_384, true],
      [16_385, false],
    ] as const) {
      const long = withCipher(seededBytes(length));
      const opened = keepTwice(tickets, long, 1);
      expect(tickets.take(long, SERVICE)).toBe(isKept ? opened : undefined);
      expect(isDisposed(opened)).toBe(!isKept);
    }
  });

  // The last byte selects the slot; the last four bytes decide whether the ticket was seen before.
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
  ])('is not kept if the previous one ends in %j and it ends in %j', (one, other) => {
    const tickets = new OpenedTickets();
    tickets.keep(ticketOf(...one), openedAs(1, ticketOf(...one)));
    const opened = openedAs(1, ticketOf(...other));
    tickets.keep(ticketOf(...other), opened);
    expect(isDisposed(opened)).toBe(true);
    expect(tickets.take(ticketOf(...other), SERVICE)).toBeUndefined();
  });

  it('does not affect other slots, and is wiped when another ticket takes its slot', () => {
    const table = new OpenedTickets();
    const tickets = Array.from({ length: 256 }, (_, last) => ticketOf(7, 7, 7, last));
    const kept = tickets.map((each, seed) => keepTwice(table, each, seed));
    expect(kept.map(isDisposed)).not.toContain(true);
    const intruder = ticketOf(8, 7, 7, 40);
    table.keep(intruder, openedAs(999, intruder));
    // Seen once, it replaces nothing.
    expect(isDisposed(kept[40]!)).toBe(false);
    table.keep(intruder, openedAs(999, intruder));
    expect(kept.flatMap((each, at) => (isDisposed(each) ? [at] : []))).toEqual([40]);
  });

  it('is the right one and used once at a time, in any order of requests', () => {
    const step = fc.record({ ticket: fc.nat(5), end: fc.option(fc.nat(7)) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = new OpenedTickets();
        // Six tickets share three slots.
        const tickets = [0, 1, 2, 3, 4, 5].map((n) => ticketOf(n, 0, 0, n % 3));
        const made: OpenedTicket[] = [];
        const open: { ticket: number; opened: OpenedTicket }[] = [];
        for (const { ticket: n, end } of steps) {
          if (end === null) {
            let opened = table.take(tickets[n]!, SERVICE);
            if (opened === undefined) {
              opened = openedAs(n, tickets[n]!);
              made.push(opened);
            }
            expect(open.some((request) => request.opened === opened)).toBe(false);
            expect(opened.ticket.clientName.components).toEqual([`user${n}`]);
            open.push({ ticket: n, opened });
          } else if (end < open.length) {
            const [request] = open.splice(end, 1);
            table.keep(tickets[request!.ticket]!, request!.opened);
          }
          // Those in use are not wiped; and of those that are not, one for each place is left.
          expect(open.some(({ opened }) => isDisposed(opened))).toBe(false);
          const left = made.filter((each) => !isDisposed(each)).length - open.length;
          expect(left).toBeLessThanOrEqual(3);
        }
      }),
      { numRuns: runs(100) },
    );
  });
});

function seededBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  seededRandom(length)(bytes);
  return bytes;
}
