/** What the tests of the inspector share. */
import { expect } from 'vitest';
import { formatCredentialCache } from '../../src/context/credential-cache.ts';
import { ContextFlag, EncryptionKey } from '../../src/index.ts';
import type { Inspection } from '../../src/inspect/inspect.ts';
import type { Item } from '../../src/inspect/item.ts';
import { walk } from '../../src/inspect/item.ts';
import { encodeEncKrbCredPart, encodeKrbCred } from '../support/encoders.ts';
import { makeKeytab, makeParties, NOW_SECONDS, seededRandom } from '../support/realm-kit.ts';

export function itemsOf({ items }: Inspection): Item[] {
  const all: Item[] = [];
  for (const item of items) walk(item, (each) => all.push(each));
  return all;
}

/** The values of all items of a label. */
export function values(inspection: Inspection, label: string): (string | undefined)[] {
  return itemsOf(inspection)
    .filter((item) => item.label === label)
    .map(({ value }) => value);
}

/** Holds for every inspection: places are inside of the bytes, and texts are printable and bounded. */
export function expectSound(inspection: Inspection): void {
  const faults: string[] = [];
  const check = (item: Item, end: number): void => {
    const { label, value = '', problems = [], parts = [], space } = item;
    const { offset = 0, length = 0 } = item;
    const inner = space === undefined ? end : Number.POSITIVE_INFINITY;
    if (offset < 0 || length < 0 || offset + length > inner) faults.push(`${label} at ${offset}`);
    for (const text of [label, value, ...problems]) {
      if (UNPRINTABLE.test(text) || text.length > 5000) faults.push(`text of ${label}`);
    }
    const partsEnd = item.length === undefined ? Number.POSITIVE_INFINITY : offset + length;
    for (const part of parts) check(part, partsEnd);
  };
  for (const item of inspection.items) check(item, Number.POSITIVE_INFINITY);
  expect(faults).toEqual([]);
  expect(itemsOf(inspection).length).toBeLessThan(21_000);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: none may reach a terminal
const UNPRINTABLE = /[\0-\x1f\x7f-\x9f\u202a-\u202e]/;

/** Parties of which the client delegates a ticket. */
export async function delegating(enctype = 18) {
  const keytab = makeKeytab({ enctype });
  const tgtKey = EncryptionKey.generate(18, seededRandom(91)).bytes();
  const { ticket } = await makeParties({ keytab });
  const ticketInfo = [
    {
      key: { enctype: 18, value: tgtKey },
      endTime: NOW_SECONDS + 10,
      realm: 'EXAMPLE.TEST',
      serverName: { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] },
      clientRealm: 'EXAMPLE.TEST',
      clientName: { nameType: 1, components: ['alice'] },
    },
  ];
  const delegation = encodeKrbCred({
    tickets: [ticket.ticket],
    encPart: { enctype: 0, cipher: encodeEncKrbCredPart({ ticketInfo }) },
  });
  const flags = ContextFlag.mutual | ContextFlag.delegation;
  const parties = await makeParties({ keytab, initiator: { flags, delegation } });
  return { ...parties, tgtKey };
}

/** A credential cache with a delegated ticket. */
export async function sampleCache(): Promise<Uint8Array> {
  const { initiator, begin } = await delegating();
  const result = await begin().accept(initiator.begin());
  if (result.status !== 'complete') throw new Error(result.status);
  return formatCredentialCache(result.context.delegatedCredential!);
}
