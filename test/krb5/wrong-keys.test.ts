/** What a ticket costs that no key opens: a look at its head for each key, not a decryption. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canHaveMade } from '../../src/ap/encrypted-part.ts';
import type { BlockCipher, CryptoBackend } from '../../src/crypto/backend.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { KeyUsage } from '../../src/crypto/numbers.ts';
import { frameToken, TokenId } from '../../src/gss/framing.ts';
import type { CryptoProvider } from '../../src/index.ts';
import {
  acquireCredential,
  createAcceptor,
  defaultCrypto,
  EncryptionKey,
  Mechanism,
} from '../../src/index.ts';
import type { Keytab } from '../../src/keytab/keytab.ts';
import { encodeApReq } from '../../src/messages/ap-req.ts';
import type { EncTicketPart } from '../../src/messages/ticket.ts';
import { encodeEncTicketPart } from '../../src/messages/ticket.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import { runs } from '../support/properties.ts';
import { CLIENT, makeKeytab, NOW, NOW_SECONDS, seededRandom } from '../support/realm-kit.ts';

const TAG = 0x63;
const legacy = withLegacyEnctypes();
const random = seededRandom(21);

/** A provider whose AES tells how many bytes it has decrypted. */
function counting(): { crypto: CryptoProvider; work: { decrypted: number } } {
  const work = { decrypted: 0 };
  const { backend } = defaultCrypto;
  const watch = (cipher: BlockCipher): BlockCipher => ({
    blockSize: cipher.blockSize,
    cbcEncrypt: (...args) => cipher.cbcEncrypt(...args),
    cbcDecrypt(bytes, start, end, iv) {
      work.decrypted += end - start;
      cipher.cbcDecrypt(bytes, start, end, iv);
    },
    wipe: () => cipher.wipe(),
  });
  const watched: CryptoBackend = { ...backend, aes: (key) => watch(backend.aes(key)) };
  return { crypto: { ...defaultCrypto, backend: watched }, work };
}

/** A keytab of one key for each of so many services. */
function services(count: number, crypto: CryptoProvider): Keytab {
  return makeKeytab(
    ...Array.from({ length: count }, (_, i) => ({
      principal: `HTTP/h${i}.example.test@EXAMPLE.TEST`,
      seed: i + 1,
      crypto,
    })),
  );
}

/** An AP-REQ that anybody can make: its ticket is for an alias, and of noise. */
function forged(size: number): Uint8Array {
  const cipher = new Uint8Array(size);
  random(cipher);
  const serverName = { nameType: 2, components: ['HTTP', 'alias.example.test'] };
  const ticket = { realm: 'EXAMPLE.TEST', serverName, encPart: { enctype: 18, cipher } };
  const authenticator = { enctype: 18, cipher: new Uint8Array(40) };
  return frameToken(
    Mechanism.krb5,
    TokenId.apReq,
    encodeApReq({ apOptions: 0, ticket, authenticator }),
  );
}

describe('a forged ticket', () => {
  it.each([
    // Short: one key is tried whole, the other 63 by two blocks.
    [1000, 64, 992 + 63 * 32],
    [48_000, 1, 32],
    [48_000, 4, 4 * 32],
    [48_000, 64, 64 * 32],
    [48_000, 1000, 64 * 32],
    [260_000, 64, 64 * 32],
  ])('of %i bytes, and %i keys, has %i bytes decrypted', async (size, keys, bytes) => {
    const { crypto, work } = counting();
    const credential = await acquireCredential({ keytab: services(keys, crypto) });
    const acceptor = createAcceptor({ credential, clock: () => NOW });
    const result = await acceptor.begin().accept(forged(size));
    expect(result).toMatchObject({ error: { minor: { code: 'KRB_AP_ERR_NOT_US' } } });
    expect(work.decrypted).toBeLessThanOrEqual(bytes);
    expect(work.decrypted).toBeGreaterThan(0);
  });

  it('is refused with the same answer wherever a ticket was altered', async () => {
    const { crypto } = counting();
    const keytab = services(4, crypto);
    const credential = await acquireCredential({ keytab });
    const acceptor = createAcceptor({ credential, clock: () => NOW });
    const ticket = mintTicket({
      keytab,
      service: 'HTTP/h3.example.test',
      client: CLIENT,
      clock: () => NOW,
    });
    const answers = new Set<string>();
    const { cipher } = ticket.ticket.encPart;
    for (const at of [0, 16, 20, 31, 32, 100, cipher.length - 1]) {
      const altered = cipher.slice();
      altered[at]! ^= 0x10;
      const encPart = { ...ticket.ticket.encPart, cipher: altered };
      const token = createInitiator({
        ticket: { ...ticket, ticket: { ...ticket.ticket, encPart } },
        clock: () => NOW,
      }).begin();
      const result = await acceptor.begin().accept(token);
      if (result.status !== 'failed') throw new Error('accepted');
      answers.add(
        `${result.error.minor?.code} ${Buffer.from(result.outputToken!).toString('hex')}`,
      );
    }
    expect(answers.size).toBe(1);
  });
});

function partOf(addresses: number): EncTicketPart {
  return {
    flags: 0x00a0_0000,
    key: { enctype: 18, value: new Uint8Array(32).fill(7) },
    clientRealm: 'EXAMPLE.TEST',
    clientName: { nameType: 1, components: ['alice'] },
    transited: { type: 1, contents: new Uint8Array() },
    authTime: NOW_SECONDS,
    endTime: NOW_SECONDS + 3600,
    addresses: Array.from({ length: addresses }, () => ({ type: 2, address: new Uint8Array(4) })),
  };
}

describe('the head of a ticket', () => {
  const enctypes = [...legacy.profiles.keys()];

  it.each(enctypes)('passes for its key, and for hardly another (enctype %i)', (enctype) => {
    const key = EncryptionKey.generate(enctype, random, legacy);
    const others = Array.from({ length: 20 }, () =>
      EncryptionKey.generate(enctype, random, legacy),
    );
    // Around the places where lengths take one byte more.
    for (const addresses of [0, 1, 2, 3, 4, 5, 6, 7, 8, 20, 4000]) {
      const plain = encodeEncTicketPart(partOf(addresses));
      const cipher = key.encrypt(KeyUsage.ticket, plain, random);
      expect(canHaveMade(key, KeyUsage.ticket, cipher, TAG)).toBe(true);
      // DES pads, and so its plaintexts have no known length.
      const passed = others.filter((other) => canHaveMade(other, KeyUsage.ticket, cipher, TAG));
      expect(passed).toHaveLength(key.paddedTo === 1 ? 0 : others.length);
    }
  });

  it('passes for its key whatever the length of the ticket', () => {
    const key = EncryptionKey.generate(18, random, legacy);
    const elementOf = (length: number) => {
      const field = new Uint8Array(length);
      field[0] = 0xa0;
      return wrap(TAG, wrap(0x30, field));
    };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70_000 }), (length) => {
        const cipher = key.encrypt(KeyUsage.ticket, elementOf(length), random);
        return canHaveMade(key, KeyUsage.ticket, cipher, TAG);
      }),
      {
        numRuns: runs(100),
        examples: [
          [1],
          [40],
          [123],
          [124],
          [125],
          [126],
          [127],
          [128],
          [249],
          [250],
          [251],
          [252],
          [253],
          [254],
          [255],
          [256],
          [65_527],
          [65_528],
          [65_529],
          [65_530],
          [65_535],
          [65_536],
        ],
      },
    );
  });

  it.each(enctypes)('cannot be told from a short ciphertext (enctype %i)', (enctype) => {
    const key = EncryptionKey.generate(enctype, random, legacy);
    for (let length = 0; length < 29; length++) {
      expect(canHaveMade(key, KeyUsage.ticket, new Uint8Array(length), TAG)).toBe(true);
    }
  });
});

function wrap(tag: number, contents: Uint8Array): Uint8Array {
  const { length } = contents;
  const octets = length < 0x80 ? [] : length < 0x100 ? [1] : length < 0x1_0000 ? [2] : [3];
  const header = Uint8Array.of(
    tag,
    ...(octets.length === 0
      ? [length]
      : [0x80 | octets[0]!, ...[length >> 16, length >> 8, length].slice(3 - octets[0]!)]),
  );
  return Buffer.concat([header, contents]);
}
