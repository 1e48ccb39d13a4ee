import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import { GssError, importSecurityContext } from '../../src/index.ts';
import { runs } from '../support/properties.ts';
import { CLIENT, establish, makeKeytab, NOW_SECONDS, SERVICE } from '../support/realm-kit.ts';

const MESSAGE = new TextEncoder().encode('a message');

describe('a context', () => {
  it('says who is there and until when', async () => {
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

  it('refuses misuse by its caller', async () => {
    const { server } = await establish();
    expect(() => server.wrap('text' as never)).toThrow(/message: expected a Uint8Array/);
    expect(() => server.unwrap(null as never)).toThrow(TypeError);
    expect(() => server.wrapSizeLimit(-1)).toThrow(RangeError);
    expect(() => server.pseudoRandom('full', MESSAGE, 70_000)).toThrow(RangeError);
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

describe('an exported context', () => {
  it('goes on where it was, window and numbers included, on either side', async () => {
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
});
