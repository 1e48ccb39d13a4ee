import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { GssError, importSecurityContext } from '../../src/index.ts';
import { runs } from '../support/properties.ts';
import { CLIENT, establish, makeKeytab, NOW_SECONDS, SERVICE } from '../support/realm-kit.ts';

const MESSAGE = new TextEncoder().encode('a message');

describe('a context', () => {
  it('names both sides and the time of expiry', async () => {
    const { server } = await establish({
      ticket: { renewTill: NOW_SECONDS + 90_000, startTime: NOW_SECONDS - 5 },
    });
    expect(`${server.initiator} ${server.acceptor}`).toBe(`${CLIENT} ${SERVICE}`);
    expect(server.expiresAt.getTime()).toBe((NOW_SECONDS + 36_000) * 1000);
    expect(server.ticket.renewTill?.getTime()).toBe((NOW_SECONDS + 90_000) * 1000);
    expect(server.ticket.startTime?.getTime()).toBe((NOW_SECONDS - 5) * 1000);
  });

  it('counts the seconds that its ticket lasts', async () => {
    const { server } = await establish();
    expect(server.contextTime(() => NOW_SECONDS * 1000)).toBe(36_000);
    expect(server.contextTime(() => (NOW_SECONDS + 36_000) * 1000 - 1)).toBe(0);
    expect(server.contextTime(() => (NOW_SECONDS + 99_999) * 1000)).toBe(0);
    expect(server.contextTime()).toBeGreaterThanOrEqual(0);
    server.dispose();
    expect(() => server.contextTime()).toThrow(GssError);
  });

  it('computes the same pseudo-random bytes on both sides, of any length', async () => {
    for (const enctype of [17, 18, 19, 20]) {
      const { client, server } = await establish({ keytab: makeKeytab({ enctype }) });
      for (const key of ['full', 'partial'] as const) {
        const long = server.pseudoRandom(key, MESSAGE, 200);
        expect(client.pseudoRandom(key, MESSAGE, 200)).toEqual(long);
        for (const length of [0, 1, 16, 31, 33, 48]) {
          expect(server.pseudoRandom(key, MESSAGE, length)).toEqual(long.subarray(0, length));
        }
        expect(new Set(long).size).toBeGreaterThan(50);
      }
      expect(server.pseudoRandom('full', MESSAGE, 32)).not.toEqual(
        server.pseudoRandom('partial', MESSAGE, 32),
      );
    }
  });

  it('computes the pseudo-random bytes of RFC 4402 with the counter of RFC 7802', async () => {
    for (const enctype of [17, 20]) {
      const { server } = await establish({ keytab: makeKeytab({ enctype }) });
      const { sessionKey } = server;
      const blocks = [0, 1, 2].map((n) =>
        sessionKey.prf(concatBytes(Uint8Array.of(0, 0, 0, n), MESSAGE)),
      );
      const expected = concatBytes(...blocks).subarray(0, 40);
      expect(server.pseudoRandom('full', MESSAGE, 40)).toEqual(expected);
      expect(server.pseudoRandom('full', MESSAGE, 65_536).length).toBe(65_536);
      for (const length of [65_537, -1, 1.5, Number.NaN]) {
        expect(() => server.pseudoRandom('full', MESSAGE, length)).toThrow(RangeError);
      }
    }
  });

  it('expects messages to be encrypted where nobody says', async () => {
    const { client, server } = await establish();
    for (const size of [100, 1000]) {
      const limit = server.wrapSizeLimit(size);
      expect(limit).toBe(server.wrapSizeLimit(size, { confidential: true }));
      expect(limit).toBe(server.wrapSizeLimit(size, {}));
      expect(limit).toBeLessThan(server.wrapSizeLimit(size, { confidential: false }));
    }
    expect(client.unwrap(server.wrap(MESSAGE)).confidential).toBe(true);
    expect(client.unwrap(server.wrap(MESSAGE, {})).confidential).toBe(true);
    const data = () => [
      { type: 'header' as const },
      { type: 'data' as const, bytes: MESSAGE.slice() },
      { type: 'trailer' as const },
    ];
    expect(server.wrapIov(data())).toBe(true);
    expect(server.wrapIov(data(), {})).toBe(true);
    expect(server.wrapIov(data(), { confidential: false })).toBe(false);
    expect(server.wrapIovLength(data())).toEqual(
      server.wrapIovLength(data(), { confidential: true }),
    );
    expect(server.wrapIovLength(data())).not.toEqual(
      server.wrapIovLength(data(), { confidential: false }),
    );
    const aead = server.wrapAead(MESSAGE, new Uint8Array(3));
    expect(client.unwrapAead(aead, new Uint8Array(3)).confidential).toBe(true);
  });

  it('refuses misuse by its caller', async () => {
    const { server } = await establish();
    expect(() => server.wrapAead('text' as never, MESSAGE)).toThrow(/message: expected a Uint8/);
    expect(() => server.pseudoRandom('full', 'text' as never, 4)).toThrow(
      /input: expected a Uint8/,
    );
    expect(() => server.wrap('text' as never)).toThrow(/message: expected a Uint8Array/);
    expect(() => server.unwrap(null as never)).toThrow(TypeError);
    expect(() => server.wrapSizeLimit(-1)).toThrow(RangeError);
    expect(() => server.pseudoRandom('full', MESSAGE, 70_000)).toThrow(RangeError);
    expect(() => server.pseudoRandom('FULL' as 'full', MESSAGE, 8)).toThrow(/key: expected full/);
  });

  it('is of no use once disposed of', async () => {
    const { server, client } = await establish();
    const key = server.sessionKey;
    server.dispose();
    server.dispose();
    for (const use of [
      () => server.wrap(MESSAGE),
      () => server.unwrap(client.wrap(MESSAGE)),
      () => server.getMic(MESSAGE),
      () => server.export(),
      () => server.sessionKey,
      () => server.pseudoRandom('full', MESSAGE, 1),
      () => server.wrapSizeLimit(100),
    ]) {
      expect(use).toThrowError(expect.objectContaining({ code: 'GSS_S_NO_CONTEXT' }));
    }
    expect(() => key.bytes()).toThrow(TypeError);
    expect(server.initiator.toString()).toBe(CLIENT);
  });

  it('shows no key in any text', async () => {
    const { server } = await establish();
    const secret = toHex(server.sessionKey.bytes());
    const decimal = [...server.sessionKey.bytes().subarray(0, 6)].join(', ');
    for (const text of [
      inspect(server, { depth: 10, showHidden: true }),
      JSON.stringify(server),
      String(server),
    ]) {
      expect(text).not.toContain(secret.slice(0, 12));
      expect(text).not.toContain(decimal);
    }
  });
});

describe('a token out of order', () => {
  it.each([17, 18, 23])('has its number and the expected one (enctype %i)', async (enctype) => {
    const crypto = withLegacyEnctypes();
    const { client, server } = await establish({
      keytab: makeKeytab({ enctype, crypto }),
      initiator: { sequenceNumber: 100 },
      acceptor: { permittedEnctypes: [enctype] },
    });
    const [first, second, third] = [1, 2, 3].map(() => client.wrap(MESSAGE));
    expect(server.unwrap(first!).numbers).toBeUndefined();
    expect(server.unwrap(first!)).toMatchObject({
      sequence: 'duplicate',
      numbers: { expected: '101', received: '100' },
    });
    expect(server.unwrap(third!)).toMatchObject({
      sequence: 'gap',
      numbers: { expected: '101', received: '102' },
    });
    expect(server.unwrap(second!)).toMatchObject({
      sequence: 'unsequenced',
      numbers: { expected: '103', received: '101' },
    });
    const mic = client.getMic(MESSAGE);
    expect(server.verifyMic(MESSAGE, mic)).toEqual({ qop: 0, sequence: 'ok' });
    expect(server.verifyMic(MESSAGE, mic).numbers).toEqual({ expected: '104', received: '103' });
  });
});

describe('an exported context', () => {
  it('continues with its window and numbers, on either side', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(17, 18, 19, 20),
        fc.constantFrom(0x3e, 0x32, 0x0c, 0x04),
        fc.integer({ min: 0, max: 20 }),
        async (enctype, flags, before) => {
          const { client, server } = await establish({
            keytab: makeKeytab({ enctype }),
            initiator: { flags },
            ticket: {
              authorizationData: [{ type: 1, data: Uint8Array.of(0x30, 0) }],
              renewTill: NOW_SECONDS + 7,
            },
          });
          const tokens = Array.from({ length: 22 }, () => client.wrap(MESSAGE));
          for (let i = 0; i < before; i++) server.unwrap(tokens[i]!);
          const { initiator, acceptor, ticket, authorizationData, mechanism, expiresAt } = server;
          const moved = importSecurityContext(server.export());
          expect(() => server.wrap(MESSAGE)).toThrow(GssError);
          expect(moved).toMatchObject({ ticket, authorizationData, mechanism, expiresAt });
          expect(moved.flags).toBe(server.flags);
          expect(`${moved.initiator} ${moved.acceptor}`).toBe(`${initiator} ${acceptor}`);
          if (before > 0 && (flags & 4) !== 0) {
            expect(moved.unwrap(tokens[before - 1]!).sequence).toBe('duplicate');
          }
          expect(moved.unwrap(tokens[before]!).sequence).toBe('ok');
          const movedClient = importSecurityContext(client.export());
          expect(movedClient.unwrap(moved.wrap(MESSAGE))).toMatchObject({ sequence: 'ok' });
          expect(movedClient.verifyMic(MESSAGE, moved.getMic(MESSAGE)).sequence).toBe('ok');
        },
      ),
      { numRuns: runs(30) },
    );
  });

  it('is refused at every single-bit flip, truncation and extension', async () => {
    const { server } = await establish();
    const bytes = server.export();
    const refuse = (altered: Uint8Array) =>
      expect(() => importSecurityContext(altered)).toThrowError(
        expect.objectContaining({ code: 'GSS_S_DEFECTIVE_TOKEN' }),
      );
    for (let at = 0; at < bytes.length; at++) {
      const altered = bytes.slice();
      altered[at]! ^= 1 << (at % 8);
      refuse(altered);
      refuse(bytes.subarray(0, at));
    }
    refuse(Uint8Array.of(...bytes, 0));
    expect(importSecurityContext(bytes).initiator.toString()).toBe(CLIENT);
  });

  const PLAIN_TICKET = {
    renewTill: NOW_SECONDS + 90_000,
    authTime: -5,
    endTime: NOW_SECONDS + 9,
    startTime: NOW_SECONDS - 5,
  };
  const TWICE = [
    { type: 1, data: new Uint8Array(3) },
    { type: 1, data: new Uint8Array(3) },
  ];
  it.each([
    ['plain', PLAIN_TICKET],
    ['with a PAC', { ...PLAIN_TICKET, pac: { logonInfo: { effectiveName: 'alice' } } }],
    ['with a PAC that is refused', { ...PLAIN_TICKET, pac: { buffers: TWICE } }],
  ])(
    'of any contents under the right digest is refused, or is what was exported (%s)',
    async (_, ticket) => {
      const { server } = await establish({ ticket });
      const bytes = server.export();
      expect(importSecurityContext(bytes).ticket.authTime.getTime()).toBe(-5000);
      const seal = (body: Uint8Array) =>
        concatBytes(body, createHash('sha256').update(body).digest());
      const body = bytes.subarray(0, bytes.length - 32);
      expect(seal(body)).toEqual(bytes);
      let refused = 0;
      for (let at = 0; at < body.length; at++) {
        for (const by of [1, 4, 0x80, 0xff]) {
          const altered = body.slice();
          altered[at]! ^= by;
          let again: Uint8Array;
          try {
            again = importSecurityContext(seal(altered)).export();
          } catch (error) {
            expect(error).toBeInstanceOf(GssError);
            expect((error as GssError).code).toBe('GSS_S_DEFECTIVE_TOKEN');
            refused++;
            continue;
          }
          // No error is mistaken for another.
          expect(toHex(again), `byte ${at} altered by ${by}`).toBe(toHex(seal(altered)));
        }
      }
      // Well-formed fields with impossible values: no authtime, an unknown error code.
      const replaced = (from: string, to: string) =>
        importSecurityContext(seal(fromHex(toHex(body).replace(from, to))));
      expect(() => replaced('fffffffffffffffb', 'ffffffffffffffff')).toThrow(/has no times/);
      if (server.pacError !== undefined) {
        const code = toHex(new TextEncoder().encode(server.pacError.code));
        expect(() => replaced(code, code.replace(/../, '5a'))).toThrow(/an unknown error/);
      }
      expect(refused).toBeGreaterThan(100);
      expect(toHex(body.subarray(0, 5))).toBe('4b35534301');
    },
  );
});
