import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { ContextFlag } from '../../src/index.ts';
import { createInitiator } from '../../src/testing/index.ts';
import { Census } from '../support/census.ts';
import { establish, makeKeytab, makeParties, NOW, seededRandom } from '../support/realm-kit.ts';

const MESSAGE = encodeUtf8('a message');
const { mutual, replay, sequence } = ContextFlag;

describe('an established context', () => {
  // RFC 2743 §1.2.3: what the initiator has not asked for is not done to its messages.
  it.each([
    { asked: 'nothing', flags: 0, again: 'ok', early: 'ok', late: 'ok' },
    { asked: 'replay', flags: replay, again: 'duplicate', early: 'ok', late: 'ok' },
    {
      asked: 'sequence',
      flags: sequence,
      again: 'unsequenced',
      early: 'gap',
      late: 'unsequenced',
    },
    {
      asked: 'both',
      flags: replay | sequence,
      again: 'duplicate',
      early: 'gap',
      late: 'unsequenced',
    },
  ])('looks at the numbers of messages as it was asked: $asked', async (expected) => {
    for (const enctype of [18, 20, 23]) {
      for (const also of [0, mutual]) {
        const { client, server } = await establish({
          keytab: makeKeytab({ enctype, crypto: withLegacyEnctypes() }),
          initiator: { flags: expected.flags | also },
        });
        const [first, second, third] = [1, 2, 3].map(() => client.wrap(MESSAGE));
        expect(server.unwrap(first!).sequence).toBe('ok');
        expect(server.unwrap(first!).sequence).toBe(expected.again);
        expect(server.unwrap(third!).sequence).toBe(expected.early);
        expect(server.unwrap(second!).sequence).toBe(expected.late);
        expect(server.flags & (replay | sequence)).toBe(expected.flags);
      }
    }
  });

  it('shares the name of its service with all others', async () => {
    const { acceptor, ticket, keytab } = await makeParties();
    const names = [];
    for (let i = 0; i < 3; i++) {
      const initiator = createInitiator({ ticket, clock: () => NOW });
      const result = await acceptor.begin().accept(initiator.begin());
      if (result.status !== 'complete') throw new Error('not complete');
      names.push(result.context.acceptor);
    }
    expect(new Set(names).size).toBe(1);
    expect(names[0]!.principal).toEqual(keytab.entries[0]!.principal);
  });

  // RFC 1964 has no flag that says which key protects a token.
  it.each([16, 23])(
    'leaves nothing of the subkey that old tokens cannot use (%i)',
    async (enctype) => {
      const crypto = withLegacyEnctypes();
      const made: number[][] = [];
      const next = seededRandom(21);
      const random = (target: Uint8Array) => {
        next(target);
        // Not where the census looks.
        made.push([...target]);
      };
      const { initiator, begin } = await makeParties({
        keytab: makeKeytab({ enctype, crypto }),
        acceptor: { random },
      });
      const token = initiator.begin();
      made.length = 0;
      const census = new Census();
      const result = await census.watch(() => begin().accept(token));
      if (result.status !== 'complete') throw new Error('not complete');
      // Of the seed the key is made: for RC4 it is the key (RFC 4757 §4), for DES3 parity is put in.
      const seed = Uint8Array.from(
        made.find(({ length }) => length === (enctype === 23 ? 16 : 21))!,
      );
      const unused = crypto.profiles.get(enctype)!.randomToKey(seed);
      expect(result.context.sessionKey.bytes()).not.toEqual(unused);
      expect(census.left({ used: result.context.sessionKey.bytes() })).toEqual(['used']);
      expect(census.left({ seed, unused })).toEqual([]);
    },
  );
});
