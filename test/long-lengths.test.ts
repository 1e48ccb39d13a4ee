/**
 * Lengths in more bytes than they need: taken where nothing protects the bytes, as MIT krb5 takes
 * them, and refused in what was encrypted. A second encoding of a request is no second request.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../src/bytes.ts';
import { KeyUsage } from '../src/crypto/numbers.ts';
import { ContextFlag, Mechanism } from '../src/index.ts';
import { decodeApRep } from '../src/messages/ap-rep.ts';
import { decodeAuthenticator, encodeAuthenticator } from '../src/messages/ap-req.ts';
import { decodeEncTicketPart } from '../src/messages/ticket.ts';
import {
  decodeNegToken,
  encodeNegTokenInit,
  encodeNegTokenResp,
  NegState,
} from '../src/spnego/neg-token.ts';
import { createInitiator } from '../src/testing/index.ts';
import type { Octets } from './support/lengths.ts';
import { stretch, stretchFramed } from './support/lengths.ts';
import { runs } from './support/properties.ts';
import { CLIENT, makeParties, NOW, NOW_SECONDS } from './support/realm-kit.ts';

/** Of a list of numbers one after the other, again and again. */
function cycle(numbers: readonly number[]): Octets {
  let at = 0;
  return () => numbers[at++ % numbers.length]!;
}

/** An AP-REQ with its header. */
function stretchApReq(token: Uint8Array, octets: Octets): Uint8Array {
  return stretchFramed(token, octets, (inner) =>
    concatBytes(inner.subarray(0, 2), stretch(inner.subarray(2), octets)),
  );
}

const sizes = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 12 });

describe('an AP-REQ with long lengths', () => {
  it('is that of the same client, and a replay of every other encoding of it', async () => {
    const encoding = fc
      .tuple(fc.boolean(), sizes)
      .map(([inSpnego, numbers]) => ({ inSpnego, numbers }));
    await fc.assert(
      fc.asyncProperty(fc.array(encoding, { minLength: 2, maxLength: 5 }), async (encodings) => {
        const { initiator, begin } = await makeParties();
        const token = initiator.begin();
        const init = encodeNegTokenInit({ mechTypes: [Mechanism.krb5], mechToken: token });
        let isFirst = true;
        for (const { inSpnego, numbers } of encodings) {
          const octets = cycle(numbers);
          const other = inSpnego
            ? stretchFramed(init, octets, (inner) => stretch(inner, octets))
            : stretchApReq(token, octets);
          const result = await begin().accept(other);
          if (isFirst) {
            if (result.status !== 'complete') throw new Error(`refused: ${result.status}`);
            expect(String(result.context.initiator)).toBe(CLIENT);
          } else {
            if (result.status !== 'failed') throw new Error('accepted twice');
            expect(result.error.minor?.code).toBe('KRB_AP_ERR_REPEAT');
          }
          isFirst = false;
        }
      }),
      { numRuns: runs(25) },
    );
  });

  it('is the same ticket to the cache of those that come again', async () => {
    const { ticket, begin } = await makeParties();
    for (let i = 0; i < 9; i++) {
      const clock = () => NOW + i;
      const token = createInitiator({ ticket, clock }).begin();
      const result = await begin().accept(stretchApReq(token, cycle([i])));
      if (result.status !== 'complete') throw new Error(`refused: ${result.status}`);
      expect(String(result.context.initiator)).toBe(CLIENT);
    }
  });

  it('may come without its header too, with a third leg of that kind', async () => {
    const { initiator, begin } = await makeParties({
      initiator: { flags: ContextFlag.dceStyle | ContextFlag.mutual },
    });
    const handshake = begin();
    const first = await handshake.accept(stretch(initiator.begin(), cycle([8, 0, 3])));
    if (first.status !== 'continue') throw new Error(`not continued: ${first.status}`);
    const reply = stretch(initiator.confirm(first.outputToken), cycle([4]));
    expect((await handshake.accept(reply)).status).toBe('complete');
    expect(decodeApRep(stretch(reply, cycle([0])))).toEqual(decodeApRep(reply));
  });

  it('is refused where the lengths are in what was encrypted', async () => {
    const { ticket, keytab } = await makeParties();
    const { encPart } = ticket.ticket;
    const plain = keytab.entries[0]!.key.decrypt(KeyUsage.ticket, encPart.cipher);
    const authenticator = encodeAuthenticator({
      clientRealm: 'EXAMPLE.TEST',
      clientName: { nameType: 1, components: ['alice'] },
      cusec: 0,
      ctime: NOW_SECONDS,
    });
    for (const [bytes, decode] of [
      [plain, decodeEncTicketPart],
      [authenticator, decodeAuthenticator],
    ] as const) {
      expect(() => decode(bytes)).not.toThrow();
      expect(() => decode(stretch(bytes, cycle([1])))).toThrow(/shortest form/);
      expect(() => decode(stretch(bytes, cycle([5])))).toThrow(/length of 5 bytes/);
    }
  });
});

describe('a list of mechanisms with long lengths', () => {
  it.each([
    ['as it came', true],
    ['encoded again', false],
  ])('is signed %s: %s', async (_, asItCame) => {
    const { initiator, begin } = await makeParties();
    const mechTypes = [Mechanism.ntlmssp, Mechanism.krb5];
    const plainInit = encodeNegTokenInit({ mechTypes });
    const octets = cycle([2, 0, 4]);
    const init = stretchFramed(plainInit, octets, (inner) => stretch(inner, octets));
    const decoded = [plainInit, init].map((token) => decodeNegToken(token));
    const [again, came] = decoded.map((one) => one.kind === 'init' && one.mechTypeList);
    if (!came || !again) throw new Error('not read as a NegTokenInit');
    expect(came).not.toEqual(again);

    const handshake = begin();
    expect((await handshake.accept(init)).status).toBe('continue');
    const second = await handshake.accept(encodeNegTokenResp({ responseToken: initiator.begin() }));
    const reply = decodeNegToken(second.outputToken!);
    if (reply.kind !== 'resp') throw new Error('not a NegTokenResp');
    const client = initiator.finish(reply.responseToken);
    client.verifyMic(came, reply.mechListMic!);
    const mechListMic = client.getMic(asItCame ? came : again);
    const last = await handshake.accept(
      encodeNegTokenResp({ negState: NegState.acceptCompleted, mechListMic }),
    );
    expect(last.status).toBe(asItCame ? 'complete' : 'failed');
  });
});
