/** The bounds of what an acceptor remembers about its clients. */
import { expect, it } from 'vitest';
import { ForeignOffers } from '../../src/observe/foreign-offers.ts';
import { Tally } from '../../src/observe/tally.ts';
import type { ContextFacts } from '../../src/observe/usage.ts';
import { ServiceUses } from '../../src/observe/usage.ts';

function facts(client: string, server = 'host/a@A', kvno = 1): ContextFacts {
  return {
    client,
    ticket: { server, kvno, enctype: 23, sessionEnctype: 18, flags: 0 },
    subkeyEnctype: 18,
    messageEnctype: 18,
    bindings: 'none',
    flags: 0,
    peer: undefined,
  };
}

it('names at most 4096 risky clients, and counts the others', () => {
  const uses = new ServiceUses();
  for (let i = 0; i < 5000; i++) uses.accepted(facts(`c${i}@A`), () => i);
  uses.accepted(facts('c0@A'), () => 9999);
  const [service] = uses.services;
  expect(service?.accepted).toBe(5001);
  expect(service?.clients.size).toBe(4096);
  expect(service?.unlisted).toBe(904);
  expect(service?.clients.get('c0@A')).toMatchObject({ weakTicket: 2, lastSeen: 9999 });
});

it('knows at most 1024 services, and 256 combinations of kvno and enctypes of each', () => {
  const uses = new ServiceUses();
  for (let i = 0; i < 2000; i++) uses.accepted(facts('a@A', `host/${i}@A`), () => 0);
  expect(uses.services).toHaveLength(1024);
  for (let i = 0; i < 300; i++) uses.accepted(facts('a@A', 'host/0@A', i), () => 0);
  expect(uses.services[0]?.keys).toHaveLength(256);
  expect(uses.services[0]?.keys.at(-1)?.kvno).toBe(299);
});

it('remembers the last 1024 addresses that offered NTLM', () => {
  const offers = new ForeignOffers();
  for (let i = 0; i < 1100; i++) {
    offers.add('ntlm', { type: 2, address: Uint8Array.of(10, 0, i >> 8, i & 0xff) }, i);
  }
  offers.add('iakerb', undefined, 5);
  const list = offers.list();
  expect(list).toHaveLength(1024);
  expect(list[0]?.address).toBe('10.0.0.77');
  expect(list.at(-1)).toEqual({
    address: 'unknown',
    ntlm: 0,
    negoex: 0,
    iakerb: 1,
    lastSeen: new Date(5),
  });
});

it('counts names beyond the bound together', () => {
  const tally = new Tally(2);
  for (const name of ['a', 'b', 'c', '__proto__', 'a']) tally.add(name);
  expect(tally.toRecord()).toEqual({ a: 2, b: 1, other: 2 });
});
