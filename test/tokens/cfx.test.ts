import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SecurityContext } from '../../src/index.ts';
import { gssErrorOf } from '../support/library-errors.ts';
import { runs } from '../support/properties.ts';
import { establish, makeKeytab } from '../support/realm-kit.ts';

const ENCTYPES = [17, 18, 19, 20] as const;
const MESSAGE = new TextEncoder().encode('thirty-two bytes of plain text..');

/** The token as a peer with another RRC would have sent it (RFC 4121 §4.2.5). */
function rotate(token: Uint8Array, rrc: number): Uint8Array {
  const rotated = token.slice();
  const body = token.subarray(16);
  const by = rrc % body.length;
  rotated.set(body.subarray(body.length - by), 16);
  rotated.set(body.subarray(0, body.length - by), 16 + by);
  rotated[6] = rrc >>> 8;
  rotated[7] = rrc;
  return rotated;
}

function* flips(token: Uint8Array): Generator<{ at: number; bit: number; flipped: Uint8Array }> {
  for (let at = 0; at < token.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = token.slice();
      flipped[at]! ^= 1 << bit;
      yield { at, bit, flipped };
    }
  }
}

describe.each(ENCTYPES)('wrap tokens of enctype %i', (enctype) => {
  const both = () => establish({ keytab: makeKeytab({ enctype }), initiator: { flags: 2 } });

  it('carry any message both ways', async () => {
    const { client, server } = await both();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (message, confidential) => {
        for (const [from, to] of [
          [client, server],
          [server, client],
        ] as [SecurityContext, SecurityContext][]) {
          const token = from.wrap(message, { confidential });
          expect(to.unwrap(token)).toEqual({ message, confidential, qop: 0, sequence: 'ok' });
          expect(from.wrapSizeLimit(token.length, { confidential })).toBe(message.length);
          expect(from.wrapSizeLimit(10, { confidential })).toBe(0);
        }
      }),
      { numRuns: runs(60) },
    );
  });

  it('may be rotated by any count', async () => {
    const { client, server } = await both();
    for (const confidential of [true, false]) {
      const token = client.wrap(MESSAGE, { confidential });
      const length = token.length - 16;
      for (const rrc of [0, 1, 12, 16, 28, length - 1, length, length + 1, 1000, 0xffff]) {
        expect(server.unwrap(rotate(token, rrc)).message).toEqual(MESSAGE);
      }
    }
  });

  for (const confidential of [true, false]) {
    it(`are refused at every single-bit flip, ${confidential ? 'sealed' : 'signed'}`, async () => {
      const { client, server } = await both();
      const token = client.wrap(MESSAGE, { confidential });
      for (const { at, bit, flipped } of flips(token)) {
        // Bytes 6 and 7 are RRC, which is not authenticated: a wrong one garbles the rest, since no
        // length here divides the difference that one bit makes.
        const error = gssErrorOf(() => server.unwrap(flipped));
        const expected =
          at < 2 || at === 3 || (at < 6 && at > 3 && !confidential)
            ? ['GSS_S_DEFECTIVE_TOKEN']
            : ['GSS_S_BAD_MIC', 'GSS_S_DEFECTIVE_TOKEN'];
        expect(expected, `byte ${at} bit ${bit}`).toContain(error.code);
      }
      // The window has not moved: the token itself is still valid.
      expect(server.unwrap(token).message).toEqual(MESSAGE);
    });

    it(`are refused when cut or extended, ${confidential ? 'sealed' : 'signed'}`, async () => {
      const { client, server } = await both();
      const token = client.wrap(MESSAGE, { confidential });
      for (let length = 0; length < token.length; length++) {
        gssErrorOf(() => server.unwrap(token.subarray(0, length)));
      }
      gssErrorOf(() => server.unwrap(Uint8Array.of(...token, 0)));
      expect(server.unwrap(token).sequence).toBe('ok');
    });
  }

  it('are refused at every single-bit flip of a MIC and of its message', async () => {
    const { client, server } = await both();
    const mic = client.getMic(MESSAGE);
    for (const { flipped } of flips(mic)) {
      const error = gssErrorOf(() => server.verifyMic(MESSAGE, flipped));
      expect(['GSS_S_BAD_MIC', 'GSS_S_DEFECTIVE_TOKEN']).toContain(error.code);
    }
    for (const { flipped } of flips(MESSAGE)) {
      expect(gssErrorOf(() => server.verifyMic(flipped, mic)).code).toBe('GSS_S_BAD_MIC');
    }
    for (let length = 0; length < mic.length; length++) {
      gssErrorOf(() => server.verifyMic(MESSAGE, mic.subarray(0, length)));
    }
    expect(server.verifyMic(MESSAGE, mic)).toEqual({ qop: 0, sequence: 'ok' });
  });
});

describe('per-message tokens', () => {
  it('have the headers of RFC 4121 §4.2.6', async () => {
    const sequenceNumber = 0x0102_0304;
    const { client, server } = await establish({ initiator: { sequenceNumber } });
    const head = (token: Uint8Array): number[] => [...token.subarray(0, 16)];
    const mic = client.getMic(MESSAGE);
    // Flags: the acceptor's subkey; the number of 64 bits counts up from that of 32.
    expect(head(mic)).toEqual([4, 4, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 2, 3, 4]);
    const sealed = client.wrap(MESSAGE);
    expect(head(sealed)).toEqual([5, 4, 6, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 5]);
    const signed = client.wrap(MESSAGE, { confidential: false });
    // EC is the length of the checksum.
    expect(head(signed)).toEqual([5, 4, 4, 0xff, 0, 12, 0, 0, 0, 0, 0, 0, 1, 2, 3, 6]);
    expect(signed.subarray(16, -12)).toEqual(MESSAGE);
    expect(head(server.getMic(MESSAGE)).slice(0, 8)).toEqual([4, 4, 5, 255, 255, 255, 255, 255]);
    expect(head(server.wrap(MESSAGE)).slice(0, 8)).toEqual([5, 4, 7, 0xff, 0, 0, 0, 0]);
  });

  it('are refused when they are reflected to their sender', async () => {
    const { client, server } = await establish();
    for (const context of [client, server]) {
      const token = context.wrap(MESSAGE);
      expect(gssErrorOf(() => context.unwrap(token)).code).toBe('GSS_S_BAD_MIC');
      expect(gssErrorOf(() => context.verifyMic(MESSAGE, context.getMic(MESSAGE))).code).toBe(
        'GSS_S_BAD_MIC',
      );
    }
  });

  it('are not taken for each other, nor by another context', async () => {
    const { client, server } = await establish();
    const other = await establish({ ticket: { sessionEnctype: 17 } });
    expect(gssErrorOf(() => server.unwrap(client.getMic(MESSAGE))).code).toBe(
      'GSS_S_DEFECTIVE_TOKEN',
    );
    expect(gssErrorOf(() => server.verifyMic(MESSAGE, client.wrap(MESSAGE))).code).toBe(
      'GSS_S_DEFECTIVE_TOKEN',
    );
    expect(gssErrorOf(() => server.unwrap(other.client.wrap(MESSAGE))).code).toBe('GSS_S_BAD_MIC');
  });

  it('are defective with a precise message before any key is used', async () => {
    const { client, server } = await establish();
    const mic = client.getMic(MESSAGE);
    // RFC 4121 §4.2.2: Sealed shall not be set in a MIC token.
    mic[2]! |= 2;
    expect(gssErrorOf(() => server.verifyMic(MESSAGE, mic))).toMatchObject({
      code: 'GSS_S_DEFECTIVE_TOKEN',
      message: expect.stringContaining('claims to be sealed'),
    });
    // RFC 4121 §4.2.6.1: five bytes of filler.
    for (const at of [3, 4, 5, 6, 7]) {
      const unfilled = client.getMic(MESSAGE);
      unfilled[at]! ^= 0x10;
      expect(gssErrorOf(() => server.verifyMic(MESSAGE, unfilled))).toMatchObject({
        code: 'GSS_S_DEFECTIVE_TOKEN',
        message: expect.stringContaining('malformed filler'),
      });
    }
    for (const token of [server.getMic(MESSAGE), server.wrap(MESSAGE)]) {
      const check =
        token[0] === 4 ? () => server.verifyMic(MESSAGE, token) : () => server.unwrap(token);
      expect(gssErrorOf(check)).toMatchObject({ code: 'GSS_S_BAD_MIC' });
    }
    for (const [context, own] of [
      [server, server.wrap(MESSAGE)],
      [client, client.wrap(MESSAGE)],
    ] as const) {
      expect(gssErrorOf(() => context.unwrap(own))).toMatchObject({
        code: 'GSS_S_BAD_MIC',
        message: expect.stringContaining('in the other direction'),
      });
    }
  });

  it('say what kind of error it was, sealed or signed', async () => {
    const { client, server } = await establish();
    const sealed = client.wrap(MESSAGE);
    sealed[40]! ^= 1;
    expect(gssErrorOf(() => server.unwrap(sealed)).minor?.code).toBe('KRB_AP_ERR_BAD_INTEGRITY');
    const signed = client.wrap(MESSAGE, { confidential: false });
    signed[20]! ^= 1;
    expect(gssErrorOf(() => server.unwrap(signed)).minor).toBeUndefined();
  });

  it('never change what they are given', async () => {
    const { client, server } = await establish();
    const token = client.wrap(MESSAGE);
    const [copy, message] = [token.slice(), MESSAGE.slice()];
    const { message: opened } = server.unwrap(token);
    opened.fill(0);
    expect(token).toEqual(copy);
    expect(MESSAGE).toEqual(message);
    const signed = client.wrap(MESSAGE, { confidential: false });
    server.unwrap(signed).message.fill(0);
    expect(server.unwrap(signed).message).toEqual(MESSAGE);
  });
});
