import { afterEach, describe, expect, it, vi } from 'vitest';
import { toKrbErrorCode } from '../../src/errors.ts';
import { frameToken, TokenId } from '../../src/gss/framing.ts';
import { ContextFlag, GssError, Mechanism } from '../../src/index.ts';
import { encodeKrbError } from '../../src/messages/krb-error.ts';
import type { Initiator } from '../../src/testing/index.ts';
import { createInitiator } from '../../src/testing/index.ts';
import { establish, makeParties, NOW, NOW_SECONDS, seededRandom } from '../support/realm-kit.ts';

afterEach(() => vi.restoreAllMocks());

function krbError(errorCode: number): Uint8Array {
  const message = encodeKrbError({
    stime: NOW_SECONDS,
    susec: 0,
    errorCode,
    realm: '',
    serverName: { nameType: 0, components: [] },
  });
  return frameToken(Mechanism.krb5, TokenId.krbError, message);
}

function failureOf(initiator: Initiator, token?: Uint8Array): unknown {
  try {
    initiator.finish(token);
  } catch (error) {
    return error;
  }
  throw new Error('expected a failure');
}

describe('an initiator', () => {
  it('refuses to finish before it has begun', async () => {
    const { initiator } = await makeParties();
    expect(failureOf(initiator)).toEqual(
      new TypeError('initiator: expected begin() before finish()'),
    );
  });

  it('requires an answer if it asked for one', async () => {
    const { initiator } = await makeParties({ initiator: { flags: ContextFlag.mutual } });
    initiator.begin();
    expect(failureOf(initiator)).toMatchObject({
      code: 'GSS_S_DEFECTIVE_TOKEN',
      message: expect.stringContaining('the acceptor sent no AP-REP'),
    });
  });

  it('refuses the answer to another request, a millisecond later', async () => {
    const { initiator, begin, ticket } = await makeParties();
    const result = await begin().accept(initiator.begin());
    for (const later of [1, 1000]) {
      const other = createInitiator({
        ticket,
        clock: () => NOW + later,
        random: seededRandom(),
      });
      other.begin();
      expect(failureOf(other, result.outputToken)).toMatchObject({ code: 'KRB_AP_ERR_MUT_FAIL' });
    }
    expect(initiator.finish(result.outputToken).acceptor.toString()).toContain('host/');
  });

  it('reports the code of the acceptor’s KRB-ERROR', async () => {
    const { initiator } = await makeParties();
    initiator.begin();
    const skew = krbError(toKrbErrorCode('KRB_AP_ERR_SKEW'));
    for (const [token, code] of [
      [skew, 'KRB_AP_ERR_SKEW'],
      [krbError(60), 'KRB_ERR_GENERIC'],
      [krbError(4711), 'KRB_ERR_GENERIC'],
    ] as const) {
      const error = failureOf(initiator, token);
      expect(error).toBeInstanceOf(GssError);
      expect(error).toMatchObject({ code: 'GSS_S_FAILURE', minor: { code } });
    }
  });

  it('refuses its own token and an empty frame as an answer', async () => {
    const { initiator } = await makeParties();
    const apReq = initiator.begin();
    const nothing = Uint8Array.of(
      0x60,
      0x0b,
      ...apReq.subarray(apReq.indexOf(0x06)).subarray(0, 11),
    );
    for (const token of [apReq, nothing]) {
      expect(failureOf(initiator, token)).toMatchObject({ code: 'GSS_S_DEFECTIVE_TOKEN' });
    }
  });

  it('uses the clock of the machine by default, also in DCE style', async () => {
    vi.spyOn(Date, 'now').mockReturnValue(NOW);
    for (const dce of [0, ContextFlag.dceStyle]) {
      const { ticket, begin } = await makeParties();
      const initiator = createInitiator({ ticket, flags: ContextFlag.mutual | dce });
      const handshake = begin();
      const first = await handshake.accept(initiator.begin());
      const last =
        dce === 0 ? first : await handshake.accept(initiator.confirm(first.outputToken!));
      expect(last.status).toBe('complete');
    }
  });

  it('can present a ticket without a kvno', async () => {
    const { client, server } = await establish({ ticket: { kvno: null } });
    expect(client.ticket.kvno).toBe(0);
    expect(server.unwrap(client.wrap(Uint8Array.of(1))).message).toEqual(Uint8Array.of(1));
  });
});
