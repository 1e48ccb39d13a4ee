import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Enctype } from '../../src/crypto/numbers.ts';
import { explainNoKey } from '../../src/keytab/explain.ts';
import type { Keytab, KeytabEntry } from '../../src/keytab/keytab.ts';
import type { TicketKeyRequest } from '../../src/keytab/lookup.ts';
import { kvnoFits, MAX_KEY_TRIALS, selectKeys } from '../../src/keytab/lookup.ts';
import { matchService, parseServiceName } from '../../src/keytab/service-name.ts';
import { formatPrincipal, parsePrincipal, principalEqual } from '../../src/messages/principal.ts';
import { runs } from '../support/properties.ts';
import { keytabOf, ticketFor } from './support.ts';

const AES128 = Enctype.aes128CtsHmacSha1;
const AES256 = Enctype.aes256CtsHmacSha1;

/** `HTTP/a@R#3`: the principal and the kvno of each key, in the order in which it is tried. */
function tried(keytab: Keytab, service: string | undefined, ticket: TicketKeyRequest): string[] {
  return [...selectKeys(keytab, parseServiceName(service), ticket)].map(
    ({ principal, kvno }) => `${formatPrincipal(principal)}#${kvno}`,
  );
}

describe('the kvno', () => {
  const keytab = keytabOf(
    ['HTTP/a@R', 2, AES256, 2],
    ['HTTP/a@R', 3, AES256, 3],
    ['HTTP/a@R', 4, AES256, 4],
    ['HTTP/a@R', 4, AES128, 4],
    ['HTTP/a@R', 260, AES256, 5],
  );

  it.each<[number | undefined, string[]]>([
    [3, ['HTTP/a@R#3']],
    [260, ['HTTP/a@R#260', 'HTTP/a@R#4']],
    // An old tool stored the low 8 bits only.
    [259, ['HTTP/a@R#3']],
    [65_538, ['HTTP/a@R#2']],
    [5, []],
    // An entry with the whole kvno is not matched by its low bits.
    [516, ['HTTP/a@R#4']],
    [undefined, ['HTTP/a@R#260', 'HTTP/a@R#2', 'HTTP/a@R#3', 'HTTP/a@R#4']],
    [0, ['HTTP/a@R#260', 'HTTP/a@R#2', 'HTTP/a@R#3', 'HTTP/a@R#4']],
  ])('%s of an explicit principal', (kvno, expected) => {
    expect(tried(keytab, 'HTTP/a@R', ticketFor('HTTP/a@R', kvno, AES256))).toEqual(expected);
  });

  it.each<[number, string[]]>([
    [3, ['HTTP/a@R#3', 'HTTP/a@R#260', 'HTTP/a@R#2', 'HTTP/a@R#4']],
    [260, ['HTTP/a@R#260', 'HTTP/a@R#4', 'HTTP/a@R#3', 'HTTP/a@R#2']],
    [9, ['HTTP/a@R#260', 'HTTP/a@R#2', 'HTTP/a@R#3', 'HTTP/a@R#4']],
  ])('%s of a host-based name: keys of other kvnos are tried too', (kvno, expected) => {
    expect(tried(keytab, 'HTTP@a', ticketFor('HTTP/a@R', kvno, AES256))).toEqual(expected);
  });

  it('0 in the keytab fits any ticket, and is tried after exact ones', () => {
    const keytab = keytabOf(['a@R', 0, AES256], ['a@R', 7, AES256], ['a@R', 8, AES256]);
    const matcher = parseServiceName('*');
    const kvnos = [...selectKeys(keytab, matcher, ticketFor('a@R', 7, AES256))].map((e) => e.kvno);
    expect(kvnos).toEqual([7, 0, 8]);
  });

  it('counts as wrapped where a small one was written no earlier than a large one', () => {
    const wrapped = keytabOf(['a@R', 255, AES256, 10], ['a@R', 1, AES256, 10]);
    expect(tried(wrapped, '*', ticketFor('a@R', 0, AES256))).toEqual(['a@R#1', 'a@R#255']);
    const turned = keytabOf(['a@R', 1, AES256, 11], ['a@R', 255, AES256, 10]);
    expect(tried(turned, '*', ticketFor('a@R', 0, AES256))).toEqual(['a@R#1', 'a@R#255']);
    const grown = keytabOf(['a@R', 1, AES256, 10], ['a@R', 255, AES256, 11]);
    expect(tried(grown, '*', ticketFor('a@R', 0, AES256))).toEqual(['a@R#255', 'a@R#1']);
    const far = keytabOf(['a@R', 128, AES256, 11], ['a@R', 255, AES256, 10]);
    expect(tried(far, '*', ticketFor('a@R', 0, AES256))).toEqual(['a@R#255', 'a@R#128']);
  });

  it('of an entry fits if it is equal, the low 8 bits, or 0', () => {
    expect(kvnoFits(4, 260)).toBe(true);
    expect(kvnoFits(260, 4)).toBe(false);
    expect(kvnoFits(0, 0xffffffff)).toBe(true);
    expect(kvnoFits(255, 0xffffffff)).toBe(true);
    expect(kvnoFits(0xffffffff, 0xffffffff)).toBe(true);
  });
});

describe('the service', () => {
  const keytab = keytabOf(
    ['host/a@R', 1, AES256],
    ['HTTP/a@R', 2, AES256],
    ['HTTP/b@R', 1, AES256],
    ['HTTP/b@S', 1, AES256],
    ['HTTP/a@R', 1, AES128],
  );

  it.each([
    ['*', 'HTTP/a@R', ['HTTP/a@R#2', 'host/a@R#1', 'HTTP/b@R#1', 'HTTP/b@S#1']],
    ['*', 'alias/of/a@R', ['HTTP/a@R#2', 'host/a@R#1', 'HTTP/b@R#1', 'HTTP/b@S#1']],
    ['HTTP@', 'host/a@R', ['HTTP/a@R#2', 'HTTP/b@R#1', 'HTTP/b@S#1']],
    ['HTTP/b', 'HTTP/a@R', ['HTTP/b@R#1', 'HTTP/b@S#1']],
    ['HTTP/b', 'HTTP/b@S', ['HTTP/b@S#1', 'HTTP/b@R#1']],
    ['HTTP/a@R', 'HTTP/b@R', ['HTTP/a@R#2']],
    ['HTTP/b@R', 'HTTP/a@R', []],
    ['ftp@', 'ftp/a@R', []],
  ])('%s, ticket for %s', (service, server, expected) => {
    expect(tried(keytab, service, ticketFor(server, 2, AES256))).toEqual(expected);
  });

  it('may be a list of several', () => {
    const matcher = parseServiceName(['HTTP/a@R', 'host@']);
    const keys = [...selectKeys(keytab, matcher, ticketFor('HTTP/a@R', 1, AES256))];
    // HTTP/a is accepted with the ticket's kvno only, which it lacks; host/a with any.
    expect(keys.map((entry) => formatPrincipal(entry.principal))).toEqual(['host/a@R']);
  });
});

describe('a ticket', () => {
  it('finds only keys of its own enctype, if that is supported', () => {
    const keytab = keytabOf(['a@R', 1, AES128], ['a@R', 1, Enctype.rc4Hmac], ['a@R', 1, 99]);
    expect(tried(keytab, '*', ticketFor('a@R', 1, AES128))).toEqual(['a@R#1']);
    expect(tried(keytab, '*', ticketFor('a@R', 1, AES256))).toEqual([]);
    expect(tried(keytab, '*', ticketFor('a@R', 1, Enctype.rc4Hmac))).toEqual([]);
    expect(tried(keytab, '*', ticketFor('a@R', 1, 99))).toEqual([]);
  });

  it('finds nothing in an empty keytab', () => {
    expect(tried(keytabOf(), '*', ticketFor('a@R', 1, AES128))).toEqual([]);
  });

  it('does not match another principal whose joined name looks the same', () => {
    const keytab = keytabOf(['a/b\\/c@R', 2, AES128], ['a/b/c@R', 1, AES128]);
    expect(tried(keytab, '*', ticketFor('a/b\\/c@R', 9, AES128))).toEqual([
      'a/b\\/c@R#2',
      'a/b/c@R#1',
    ]);
    expect(tried(keytab, '*', ticketFor('a/b/c@R', 9, AES128))).toEqual([
      'a/b/c@R#1',
      'a/b\\/c@R#2',
    ]);
  });

  it('causes a bounded number of trials, the keys of its own server first', () => {
    const keytab = keytabOf(
      ...Array.from({ length: 10_000 }, (_, i) => [`HTTP/h${i}@R`, 1, AES128] as const),
    );
    const last = tried(keytab, '*', ticketFor('HTTP/h9999@R', 1, AES128));
    expect(last).toHaveLength(MAX_KEY_TRIALS);
    expect(last[0]).toBe('HTTP/h9999@R#1');
    expect(new Set(last).size).toBe(MAX_KEY_TRIALS);
    expect(tried(keytab, '*', ticketFor('nobody@R', 2, AES128))).toHaveLength(MAX_KEY_TRIALS);
    const manyKvnos = keytabOf(
      ...Array.from({ length: 200 }, (_, i) => ['a@R', i + 1, AES128] as const),
    );
    expect(tried(manyKvnos, '*', ticketFor('a@R', 150, AES128))).toHaveLength(MAX_KEY_TRIALS);
    expect(tried(manyKvnos, '*', ticketFor('a@R', 150, AES128))[0]).toBe('a@R#150');
  });
});

describe('a large keytab', () => {
  const SIZE = 20_000;

  /** A keytab that counts how often a member of an entry is read. */
  function watched(name: (i: number) => string, kvno: (i: number) => number) {
    const key = keytabOf(['a@R', 1, AES256]).entries[0]!.key;
    const looks = { count: 0 };
    const entries = Array.from({ length: SIZE }, (_, i): KeytabEntry => {
      const entry = { principal: parsePrincipal(name(i)), kvno: kvno(i), timestamp: i, key };
      const get = (_target: unknown, member: keyof KeytabEntry) => {
        looks.count++;
        return entry[member];
      };
      return new Proxy(entry, { get } as ProxyHandler<KeytabEntry>);
    });
    const keytab: Keytab = { version: 2, entries };
    return { keytab, looks };
  }

  const shapes: [string, (i: number) => string, (i: number) => number][] = [
    ['names', (i) => `HTTP/h${i}@R`, () => 1],
    ['kvnos of one name', () => 'HTTP/h1@R', (i) => i + 1],
    ['equal entries', () => 'HTTP/h1@R', () => 1],
    ['names and kvnos', (i) => `HTTP/h${i % 100}@R`, (i) => 1 + Math.floor(i / 100)],
    ['entries of kvno 0', () => 'HTTP/h1@R', () => 0],
  ];

  it.each(shapes)('of many %s is not scanned for each ticket', (_, name, kvno) => {
    const { keytab, looks } = watched(name, kvno);
    for (const service of ['*', 'HTTP@', 'HTTP/h1@R', ['HTTP/h1@R', 'host@', 'HTTP@h2']]) {
      const matcher = parseServiceName(service);
      for (const server of ['HTTP/h1@R', 'HTTP/alias@R', 'host/x@S']) {
        for (const ticketKvno of [undefined, 1, 7, 255, 300, 0xffff_ffff]) {
          for (const enctype of [AES256, AES128]) {
            const ticket = ticketFor(server, ticketKvno, enctype);
            // The first time builds the index.
            for (let time = 0; time < 2; time++) {
              looks.count = 0;
              expect([...selectKeys(keytab, matcher, ticket)].length).toBeLessThanOrEqual(64);
              explainNoKey(keytab, matcher, ticket);
            }
            expect(looks.count).toBeLessThan(1000);
          }
        }
      }
    }
  });
});

describe('selection', () => {
  const principal = fc.constantFrom(
    'HTTP/a@R',
    'HTTP/a@S',
    'HTTP/A@R',
    'HTTP/b@R',
    'host/a@R',
    'a@R',
    'HTTP/a/b@R',
  );
  const kvno = fc.constantFrom(0, 1, 2, 3, 255, 256, 257, 258, 65_537);
  const enctype = fc.constantFrom(AES128, AES256, Enctype.rc4Hmac);
  const service = fc.constantFrom('HTTP@', 'HTTP@a', 'HTTP/b', 'HTTP/a@R', 'a@', 'HTTP/a/b@R');
  const services = fc.oneof(fc.constant('*'), fc.array(service, { minLength: 1, maxLength: 2 }));
  const specs = fc.array(fc.tuple(principal, kvno, enctype, fc.nat({ max: 3 })), {
    maxLength: 30,
  });

  it('agrees with a simple model that looks at every entry', () => {
    fc.assert(
      fc.property(
        specs,
        services,
        principal,
        fc.option(kvno, { nil: undefined }),
        enctype,
        (entries, services, server, ticketKvno, ticketEnctype) => {
          const keytab = keytabOf(...entries);
          const matcher = parseServiceName(services);
          const ticket = ticketFor(server, ticketKvno, ticketEnctype);
          const rank = (entry: KeytabEntry) => rankOf(entry, ticket, [services].flat());
          const keys = [...selectKeys(keytab, matcher, ticket)];
          const expected = keytab.entries.filter((entry) => rank(entry) < Number.MAX_VALUE);
          expect(new Set(keys)).toEqual(new Set(expected));
          expect(keys).toHaveLength(expected.length);
          const ranks = keys.map(rank);
          expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
        },
      ),
      { numRuns: runs(1000) },
    );
  });

  /** 0 exact, 1 low bits, 2 wildcard, 3 any other of the ticket server; 4, 5 of other principals. */
  function rankOf(
    { principal, kvno, key }: KeytabEntry,
    ticket: TicketKeyRequest,
    services: readonly string[],
  ): number {
    if (key.enctype !== ticket.enctype || !key.supported) return Number.MAX_VALUE;
    const wanted = ticket.kvno ?? 0;
    const tier =
      kvno === 0 || wanted === 0 ? 2 : kvno === wanted ? 0 : kvno === wanted % 256 ? 1 : 3;
    const accepts = services.some((text) => {
      const match = matchService(parseServiceName(text), principal);
      return match === 'every-kvno' || (match === 'matching-kvno' && tier < 3);
    });
    if (!accepts) return Number.MAX_VALUE;
    if (principalEqual(principal, { ...ticket.serverName, realm: ticket.realm })) return tier;
    return tier < 3 ? 4 : 5;
  }
});
