import { describe, expect, it } from 'vitest';
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts';
import { frameMechanismToken, unframeToken } from '../../src/gss/framing.ts';
import type { Oid } from '../../src/index.ts';
import { Mechanism } from '../../src/index.ts';
import {
  decodeNegToken,
  encodeNegTokenInit,
  encodeNegTokenResp,
  NegState,
} from '../../src/spnego/neg-token.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import { CLIENT, makeKeytab, makeParties } from '../support/realm-kit.ts';

const HOSTILE = encodeUtf8('not a Kerberos token');

async function negotiate(
  mechTypes: readonly Oid[],
  options: ExchangeOptions & { optimistic?: boolean } = {},
) {
  const parties = await makeParties(options);
  const mechToken = parties.initiator.begin();
  const init = encodeNegTokenInit({
    mechTypes,
    ...(options.optimistic !== false && { mechToken }),
  });
  const handshake = parties.begin();
  return { ...parties, handshake, mechToken, result: await handshake.accept(init) };
}

function respOf(token: Uint8Array | undefined) {
  const resp = decodeNegToken(token!);
  if (resp.kind !== 'resp') throw new Error('not a NegTokenResp');
  return resp;
}

describe('the acceptor behind SPNEGO', () => {
  it('completes in one leg where Kerberos is the first mechanism', async () => {
    for (const first of [Mechanism.krb5, Mechanism.msKrb5]) {
      const { result, initiator } = await negotiate([first, Mechanism.ntlmssp]);
      if (result.status !== 'complete') throw new Error(`not complete: ${result.status}`);
      const resp = respOf(result.outputToken);
      expect(resp).toMatchObject({ negState: NegState.acceptCompleted, supportedMech: first });
      expect(resp.mechListMic).toBeUndefined();
      const client = initiator.finish(resp.responseToken);
      expect(result.context.initiator.toString()).toBe(CLIENT);
      expect(client.unwrap(result.context.wrap(HOSTILE)).message).toEqual(HOSTILE);
    }
  });

  it('asks for a MIC of the list where Kerberos comes second, and checks it', async () => {
    const mechTypes = [Mechanism.ntlmssp, Mechanism.krb5];
    for (const honest of [true, false]) {
      const { result, handshake, initiator, mechToken } = await negotiate(mechTypes);
      if (result.status !== 'continue') throw new Error('not continued');
      expect(respOf(result.outputToken)).toMatchObject({
        negState: NegState.requestMic,
        supportedMech: Mechanism.krb5,
      });
      const second = await handshake.accept(encodeNegTokenResp({ responseToken: mechToken }));
      if (second.status !== 'continue') throw new Error('not continued');
      const resp = respOf(second.outputToken);
      const client = initiator.finish(resp.responseToken);
      // RFC 4178 §5: the DER of the MechTypeList, here of two OIDs.
      const init = decodeNegToken(encodeNegTokenInit({ mechTypes }));
      if (init.kind !== 'init') throw new Error('not a NegTokenInit');
      client.verifyMic(init.mechTypeList, resp.mechListMic!);
      const mechListMic = client.getMic(honest ? init.mechTypeList : HOSTILE);
      const last = await handshake.accept(encodeNegTokenResp({ mechListMic }));
      expect(last.status).toBe(honest ? 'complete' : 'failed');
      if (last.status === 'failed') {
        expect(last.error.code).toBe('GSS_S_BAD_MIC');
        expect(respOf(last.outputToken).negState).toBe(NegState.reject);
      }
    }
  });

  it('takes the mechanism token in a second leg where none came along', async () => {
    const { result, handshake, mechToken } = await negotiate([Mechanism.krb5], {
      optimistic: false,
    });
    expect(respOf(result.outputToken).negState).toBe(NegState.acceptIncomplete);
    const second = await handshake.accept(encodeNegTokenResp({ responseToken: mechToken }));
    expect(second.status).toBe('complete');
  });

  it('names its mechanisms to a client that sends an empty token', async () => {
    const { begin, initiator } = await makeParties();
    const handshake = begin();
    const hints = await handshake.accept(new Uint8Array());
    if (hints.status !== 'continue') throw new Error('not continued');
    const init = decodeNegToken(hints.outputToken);
    expect(init).toMatchObject({
      kind: 'init',
      mechTypes: [Mechanism.krb5],
      negHints: { hintName: 'not_defined_in_RFC4178@please_ignore' },
    });
    // As MIT krb5's is: 73 bytes with its one mechanism more or less.
    expect(hints.outputToken[0]).toBe(0x60);
    const token = encodeNegTokenInit({ mechTypes: [Mechanism.krb5], mechToken: initiator.begin() });
    expect((await handshake.accept(token)).status).toBe('complete');
  });

  it('puts the KRB-ERROR into its reject', async () => {
    const { result, initiator } = await negotiate([Mechanism.krb5], {
      ticket: { keytab: makeKeytab({ seed: 99 }) },
    });
    if (result.status !== 'failed') throw new Error('not failed');
    const resp = respOf(result.outputToken);
    expect(resp.negState).toBe(NegState.reject);
    expect(() => initiator.finish(resp.responseToken)).toThrowError(
      expect.objectContaining({ minor: expect.objectContaining({ errorCode: 31 }) }),
    );
  });

  it('refuses NTLM and NegoEx by their names', async () => {
    const { begin } = await makeParties();
    const cases: [Uint8Array, string][] = [
      [encodeUtf8('NTLMSSP\0\u0001\0\0\0'), 'NTLM_RECEIVED'],
      [encodeUtf8('NEGOEXTS\0\0\0\0'), 'NEGOEX_RECEIVED'],
      [encodeNegTokenInit({ mechTypes: [Mechanism.ntlmssp], mechToken: HOSTILE }), 'NTLM_RECEIVED'],
      [encodeNegTokenInit({ mechTypes: [Mechanism.negoex] }), 'NEGOEX_RECEIVED'],
      [encodeNegTokenInit({ mechTypes: ['1.2.3.4'] }), 'SPNEGO_NEGOTIATION_FAILED'],
    ];
    for (const [token, code] of cases) {
      const result = await begin().accept(token);
      if (result.status !== 'failed') throw new Error('not failed');
      expect(result.error.minor?.code).toBe(code);
      expect(result.error.hint).toMatch(code === 'SPNEGO_NEGOTIATION_FAILED' ? /mechanism/ : /SPN/);
    }
  });

  it('names NTLM and NegoEx wherever they stand', async () => {
    const ntlm = concatBytes(encodeUtf8('NTLMSSP\0'), Uint8Array.of(1, 0, 0, 0));
    const negoex = concatBytes(encodeUtf8('NEGOEXTS'), new Uint8Array(32));
    const krb5 = [Mechanism.krb5, Mechanism.ntlmssp];
    for (const [foreign, mechanism, code] of [
      [ntlm, Mechanism.ntlmssp, 'NTLM_RECEIVED'],
      [negoex, Mechanism.negoex, 'NEGOEX_RECEIVED'],
    ] as const) {
      const tries: (readonly Uint8Array[])[] = [
        // As the token of Kerberos, at once and after it was asked for.
        [encodeNegTokenInit({ mechTypes: krb5, mechToken: foreign })],
        [encodeNegTokenInit({ mechTypes: krb5 }), encodeNegTokenResp({ responseToken: foreign })],
        // A client that starts over, without SPNEGO.
        [encodeNegTokenInit({ mechTypes: krb5 }), foreign],
        // Framed.
        [frameMechanismToken(mechanism, foreign)],
      ];
      for (const tokens of tries) {
        const { begin } = await makeParties();
        const handshake = begin();
        const results = [];
        for (const token of tokens) results.push(await handshake.accept(token));
        expect(results.at(-1)).toMatchObject({
          status: 'failed',
          error: { code: 'GSS_S_BAD_MECH', minor: { code }, hint: expect.stringContaining('SPN') },
        });
      }
    }
  });

  it('takes a NegTokenInit without the frame of RFC 2743', async () => {
    const { initiator, begin } = await makeParties();
    const mechToken = initiator.begin();
    const framed = encodeNegTokenInit({ mechTypes: [Mechanism.krb5], mechToken });
    const result = await begin().accept(unframeToken(framed).inner);
    expect(result.status).toBe('complete');
    const lone = await begin().accept(encodeNegTokenResp({ responseToken: mechToken }));
    expect(lone).toMatchObject({ status: 'failed', error: { code: 'GSS_S_DEFECTIVE_TOKEN' } });
    expect(lone.outputToken).toBeDefined();
    const raw = await makeParties({ acceptor: { mechanisms: [Mechanism.krb5] } });
    const refused = await raw.begin().accept(unframeToken(framed).inner);
    expect(refused).toMatchObject({ status: 'failed', error: { code: 'GSS_S_DEFECTIVE_TOKEN' } });
    expect(refused.outputToken).toBeUndefined();
  });

  it('may be the only mechanism, or none', async () => {
    const only = await makeParties({ acceptor: { mechanisms: [Mechanism.spnego] } });
    const raw = await only.begin().accept(only.initiator.begin());
    if (raw.status !== 'failed') throw new Error('accepted');
    expect(raw.error.code).toBe('GSS_S_NO_CRED');
    // Not even after a question.
    const asked = only.begin();
    expect((await asked.accept(new Uint8Array())).status).toBe('continue');
    expect((await asked.accept(only.initiator.begin())).status).toBe('failed');
    const none = await negotiate([Mechanism.krb5], { acceptor: { mechanisms: [Mechanism.krb5] } });
    if (none.result.status !== 'failed') throw new Error('accepted');
    expect(none.result.error.code).toBe('GSS_S_NO_CRED');
  });

  it('puts together what comes in pieces, if it is asked to', async () => {
    const { begin, initiator } = await makeParties({ handshake: { reassemble: true } });
    const token = encodeNegTokenInit({ mechTypes: [Mechanism.krb5], mechToken: initiator.begin() });
    const handshake = begin();
    for (let at = 0; at < token.length; at += 100) {
      const result = await handshake.accept(token.subarray(at, at + 100));
      if (at + 100 >= token.length) {
        expect(result.status).toBe('complete');
      } else {
        expect(result).toEqual({ status: 'continue', outputToken: new Uint8Array() });
      }
    }
  });

  it('speaks DCE style inside', async () => {
    const { result, handshake, initiator } = await negotiate([Mechanism.krb5], {
      initiator: { flags: 0x1000 },
    });
    const first = respOf(result.outputToken);
    expect(first.negState).toBe(NegState.acceptIncomplete);
    const third = initiator.confirm(first.responseToken!);
    const last = await handshake.accept(encodeNegTokenResp({ responseToken: third }));
    if (last.status !== 'complete') throw new Error('not complete');
    // As MIT krb5 sends it.
    expect([...last.outputToken!]).toEqual([0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x00]);
  });
});
