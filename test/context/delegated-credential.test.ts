import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/bytes.ts';
import { DelegatedCredential } from '../../src/context/delegated-credential.ts';
import { ContextFlag, DecodeError, EncryptionKey, formatCredentialCache } from '../../src/index.ts';
import { decodeInitiatorOptions } from '../../src/krb5/authenticator-checksum.ts';
import { formatPrincipal } from '../../src/messages/principal.ts';
import type { Ticket } from '../../src/messages/ticket.ts';
import { decodeTicket } from '../../src/messages/ticket.ts';
import { createInitiator } from '../../src/testing/index.ts';
import { encodeEncKrbCredPart, encodeKrbCred, encodeTicket } from '../support/encoders.ts';
import { makeParties, NOW, NOW_SECONDS, seededRandom } from '../support/realm-kit.ts';

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

async function delegate(tickets: readonly Ticket[], ticketInfo: readonly Info[]) {
  return await deliver(
    encodeKrbCred({
      tickets,
      encPart: { enctype: 0, cipher: encodeEncKrbCredPart({ ticketInfo }) },
    }),
  );
}

async function deliver(delegation: Uint8Array) {
  const flags = ContextFlag.mutual | ContextFlag.delegation;
  const { initiator, begin } = await makeParties({ initiator: { flags, delegation } });
  return await begin().accept(initiator.begin());
}

describe('a KRB-CRED that delegates', () => {
  it('has as many tickets as it describes', async () => {
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
      error: { minor: { message: expect.stringContaining('has 2 tickets, but describes 1') } },
    });
    expect((await delegate([TICKET, TICKET], [infoOf(), infoOf()])).status).toBe('complete');
  });

  it('says itself which service its ticket is for', async () => {
    const named = (components: string[], realm: string) =>
      infoOf({ serverName: { nameType: 2, components }, realm });
    for (const [components, realm] of [
      [TGS.components, 'EXAMPLE.TEST'],
      [TGS.components, 'example.test'],
      [['krbtgt', 'OTHER.TEST'], 'EXAMPLE.TEST'],
    ] as const) {
      const result = await delegate([TICKET], [named([...components], realm)]);
      if (result.status !== 'complete') throw new Error('not complete');
      expect(result.context.delegatedCredential?.tickets[0]?.server).toMatchObject({
        components,
        realm,
      });
    }
  });

  it('hands its ticket on as it came, however its kvno is encoded', async () => {
    // RFC 4120 §5.2.9 has a UInt32; MIT krb5, Heimdal and Windows encode 2^31 and more (of read-only
    // domain controllers) as a negative Int32, and decode only that.
    const unsigned = encodeTicket({ ...TICKET, encPart: { ...TICKET.encPart, kvno: 0x8001_0002 } });
    const kvno = Buffer.of(0xa1, 7, 2, 5, 0, 0x80, 1, 0, 2);
    const at = Buffer.from(unsigned).indexOf(kvno);
    const negative = Uint8Array.from([
      ...unsigned.subarray(0, at),
      ...[0xa1, 6, 2, 4, 0x80, 1, 0, 2],
      ...unsigned.subarray(at + kvno.length),
    ]);
    // One byte less in Ticket, its sequence, enc-part and EncryptedData (before etype 18).
    for (const length of [1, 3, at - 8, at - 6]) negative[length]!--;
    expect(decodeTicket(negative).encPart.kvno).toBe(0x8001_0002);
    const part = encodeEncKrbCredPart({ ticketInfo: [infoOf()] });
    const encPart = der(0x30, der(0xa0, integer(0)), der(0xa2, der(0x04, part)));
    const header = [der(0xa0, integer(5)), der(0xa1, integer(22))];
    const tickets = der(0xa2, der(0x30, negative));
    const result = await deliver(der(0x76, der(0x30, ...header, tickets, der(0xa3, encPart))));
    if (result.status !== 'complete') throw new Error('not complete');
    const { delegatedCredential } = result.context;
    expect(delegatedCredential?.tickets[0]?.ticket).toEqual(negative);
    const cache = Buffer.from(formatCredentialCache(delegatedCredential!));
    expect(cache.includes(Buffer.from(negative))).toBe(true);
  });
});

describe('a credential cache', () => {
  it('has times of 32 bits: what lies beyond never was, or never ends', async () => {
    const times = { authTime: -5, startTime: 2 ** 31, endTime: 2 ** 33, renewTill: 2 ** 32 - 1 };
    const result = await delegate([TICKET], [infoOf(times)]);
    if (result.status !== 'complete') throw new Error('not complete');
    const cache = Buffer.from(formatCredentialCache(result.context.delegatedCredential!));
    const key = cache.indexOf(Buffer.from(infoOf().key.value));
    const words = [0, 1, 2, 3].map((i) => cache.readUInt32BE(key + 32 + 4 * i));
    expect(words).toEqual([0, 0x8000_0000, 0xffff_ffff, 0xffff_ffff]);
  });
});

describe('a KRB-CRED that is encrypted', () => {
  const subkey = EncryptionKey.generate(17, seededRandom(5));

  /** Sealed with a key (RFC 4120 §5.8.1: usage 14) for a session key of enctype 18, a subkey of 17. */
  async function deliverSealed(
    keyOf: (sessionKey: EncryptionKey) => EncryptionKey,
    enctype?: number,
  ) {
    const random = seededRandom(6);
    const { ticket, begin } = await makeParties();
    const key = keyOf(ticket.sessionKey);
    const part = encodeEncKrbCredPart({ ticketInfo: [infoOf({ flags: 0x4000_0000 })] });
    const initiator = createInitiator({
      ticket,
      clock: () => NOW,
      authenticator: { subkey: { enctype: subkey.enctype, value: subkey.bytes() } },
      delegation: encodeKrbCred({
        tickets: [TICKET],
        encPart: { enctype: enctype ?? key.enctype, cipher: key.encrypt(14, part, random) },
      }),
    });
    return await begin().accept(initiator.begin());
  }

  // RFC 4121 §4.1.1: the session key; some versions of Java use the subkey.
  it('opens with the session key, or with the subkey', async () => {
    for (const keyOf of [(sessionKey: EncryptionKey) => sessionKey, () => subkey]) {
      const result = await deliverSealed(keyOf);
      if (result.status !== 'complete') throw new Error('not complete');
      const { delegatedCredential, flags } = result.context;
      expect(flags & ContextFlag.delegation).toBe(ContextFlag.delegation);
      expect(delegatedCredential).toMatchObject({
        client: { realm: 'EXAMPLE.TEST', components: ['alice'] },
        tickets: [{ flags: 0x4000_0000, endTime: NOW_SECONDS + 10 }],
      });
    }
  });

  it('opens with no other key, and with neither as an enctype that it is not of', async () => {
    const stranger = (enctype: number) => EncryptionKey.generate(enctype, seededRandom(8));
    for (const [keyOf, enctype] of [
      [() => stranger(17), undefined],
      [() => stranger(18), undefined],
      [() => stranger(20), undefined],
      [(sessionKey: EncryptionKey) => sessionKey, 17],
      [(sessionKey: EncryptionKey) => sessionKey, 20],
      [() => subkey, 18],
      [() => subkey, 20],
    ] as const) {
      expect(await deliverSealed(keyOf, enctype)).toMatchObject({
        status: 'failed',
        error: { minor: { code: 'KRB_AP_ERR_BAD_INTEGRITY' } },
      });
    }
  });
});

describe('what a KRB-CRED leaves out', () => {
  // RFC 4120 §5.8.1: fields that the receiver knows already are optional.
  it('belongs to the initiator, unless name and realm are both present', async () => {
    const clientName = { nameType: 1, components: ['bob'] };
    const clientRealm = 'OTHER.TEST';
    for (const [more, client] of [
      [{}, 'alice@EXAMPLE.TEST'],
      [{ clientName }, 'alice@EXAMPLE.TEST'],
      [{ clientRealm }, 'alice@EXAMPLE.TEST'],
    ] as const) {
      const result = await delegate([TICKET], [infoOf(more)]);
      if (result.status !== 'complete') throw new Error('not complete');
      const credential = result.context.delegatedCredential!;
      expect(formatPrincipal(credential.client)).toBe(client);
      expect(formatPrincipal(credential.tickets[0]!.client)).toBe(client);
    }
  });

  it('cannot name a client other than the initiator, in any of its tickets', async () => {
    for (const [clientName, clientRealm] of [
      ['bob', 'EXAMPLE.TEST'],
      ['alice', 'OTHER.TEST'],
      ['administrator', 'EXAMPLE.TEST'],
      ['Alice', 'EXAMPLE.TEST'],
    ] as const) {
      const other = infoOf({ clientName: { nameType: 1, components: [clientName] }, clientRealm });
      for (const infos of [[other], [infoOf({}), other]]) {
        const result = await delegate(
          infos.map(() => TICKET),
          infos,
        );
        expect(result).toMatchObject({
          status: 'failed',
          error: { minor: { code: 'KRB_AP_ERR_BADMATCH' } },
        });
      }
    }
    // RFC 4120 §6.2: the type of a name is a hint.
    const clientName = { nameType: 2, components: ['alice'] };
    const same = infoOf({ clientName, clientRealm: 'EXAMPLE.TEST' });
    expect((await delegate([TICKET], [same])).status).toBe('complete');
  });

  it('of the service is what its ticket says', async () => {
    for (const more of [
      { realm: 'OTHER.TEST' },
      { serverName: { nameType: 2, components: ['krbtgt', 'OTHER.TEST'] } },
    ]) {
      const result = await delegate([TICKET], [infoOf(more)]);
      if (result.status !== 'complete') throw new Error('not complete');
      const [ticket] = result.context.delegatedCredential!.tickets;
      expect(formatPrincipal(ticket!.server)).toBe('krbtgt/EXAMPLE.TEST@EXAMPLE.TEST');
    }
  });

  it('cannot be all of its tickets', () => {
    expect(() => new DelegatedCredential([])).toThrow(/tickets: expected at least one/);
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

  it('may be empty, and be followed by extensions (RFC 6542 §3.1)', () => {
    const extension = Uint8Array.of(0, 0, 0, 7, 0, 0, 0, 2, 7, 7);
    const empty = Uint8Array.of(1, 0, 0, 0);
    for (const rest of [[], [extension], [extension, extension]]) {
      const contents = concatBytes(head, delegation, empty, ...rest);
      expect(decodeInitiatorOptions(contents)).toEqual({
        flags: 1,
        bindings: new Uint8Array(16),
        delegation: new Uint8Array(),
      });
    }
    const whole = concatBytes(head, delegation, empty, extension);
    for (const length of [1, 4, 7, 8, 9]) {
      const cut = whole.subarray(0, whole.length - extension.length + length);
      expect(() => decodeInitiatorOptions(cut)).toThrow(DecodeError);
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

function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const bytes = concatBytes(...contents);
  const length = bytes.length < 128 ? [bytes.length] : [0x81, bytes.length];
  return Uint8Array.of(tag, ...length, ...bytes);
}

function integer(value: number): Uint8Array {
  return der(0x02, Uint8Array.of(value));
}
