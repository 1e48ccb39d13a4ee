import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/bytes.ts';
import { decodeInitiatorOptions } from '../../src/gss/authenticator-checksum.ts';
import { ContextFlag, EncryptionKey } from '../../src/index.ts';
import { encodeEncKrbCredPart, encodeKrbCred } from '../../src/messages/krb-cred.ts';
import { makeParties, NOW_SECONDS, seededRandom } from '../support/realm-kit.ts';

const TGS = { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] };
const TICKET = {
  realm: 'EXAMPLE.TEST',
  serverName: TGS,
  encPart: { enctype: 18, cipher: Uint8Array.of(1, 2, 3) },
};

function infoOf(more: object = {}) {
  const value = EncryptionKey.generate(18, seededRandom(9)).bytes();
  return { key: { enctype: 18, value }, endTime: NOW_SECONDS + 10, ...more };
}

type Info = ReturnType<typeof infoOf>;

async function delegate(tickets: readonly (typeof TICKET)[], ticketInfo: readonly Info[]) {
  const { initiator, begin } = await makeParties({
    initiator: {
      flags: ContextFlag.mutual | ContextFlag.delegation,
      delegation: encodeKrbCred({
        tickets,
        encPart: { enctype: 0, cipher: encodeEncKrbCredPart({ ticketInfo }) },
      }),
    },
  });
  return await begin().accept(initiator.begin());
}

describe('a KRB-CRED that delegates', () => {
  it('has as many tickets as it tells of', async () => {
    for (const [tickets, told] of [
      [1, 2],
      [2, 1],
      [0, 0],
      [0, 1],
    ] as const) {
      const result = await delegate(
        Array.from({ length: tickets }, () => TICKET),
        Array.from({ length: told }, () => infoOf()),
      );
      if (result.status !== 'failed') throw new Error(`${tickets} tickets, ${told} told of`);
      expect(result.error.code).toBe('GSS_S_FAILURE');
    }
    const result = await delegate([TICKET, TICKET], [infoOf()]);
    expect(result).toMatchObject({
      error: { minor: { message: expect.stringContaining('has 2 tickets and tells of 1') } },
    });
    expect((await delegate([TICKET, TICKET], [infoOf(), infoOf()])).status).toBe('complete');
  });

  it('tells of the service that its ticket is for', async () => {
    const named = (components: string[], realm: string) =>
      infoOf({ serverName: { nameType: 2, components }, realm });
    const good = await delegate([TICKET], [named(TGS.components, 'EXAMPLE.TEST')]);
    expect(good.status).toBe('complete');
    for (const wrong of [
      named(['krbtgt', 'OTHER.TEST'], 'EXAMPLE.TEST'),
      named(TGS.components, 'OTHER.TEST'),
    ]) {
      expect(await delegate([TICKET], [wrong])).toMatchObject({
        status: 'failed',
        error: { minor: { message: expect.stringContaining('another service than its ticket') } },
      });
    }
  });
});

describe('the checksum that carries it', () => {
  const head = concatBytes(Uint8Array.of(16, 0, 0, 0), new Uint8Array(16));
  const delegation = Uint8Array.of(1, 0, 0, 0);

  it('has Dlgopt 1 (RFC 4121 §4.1.1)', () => {
    const of = (option: number) =>
      decodeInitiatorOptions(
        concatBytes(head, delegation, Uint8Array.of(option, 0, 3, 0, 7, 8, 9)),
      );
    expect(of(1)).toEqual({
      flags: 1,
      bindings: new Uint8Array(16),
      delegation: Uint8Array.of(7, 8, 9),
    });
    for (const option of [0, 2]) {
      expect(() => of(option)).toThrow(`has the option ${option} for delegation`);
    }
  });

  it('may have the flag and nothing more, as some initiators send it', () => {
    for (const rest of [[], [0, 0, 0, 1, 0, 0, 0, 0]]) {
      const contents = concatBytes(head, Uint8Array.of(0, 0, 0, 0), Uint8Array.from(rest));
      expect(decodeInitiatorOptions(contents).delegation).toBeUndefined();
    }
    expect(decodeInitiatorOptions(concatBytes(head, delegation)).delegation).toBeUndefined();
    expect(() => decodeInitiatorOptions(concatBytes(head, delegation, new Uint8Array(3)))).toThrow(
      /./,
    );
  });
});
