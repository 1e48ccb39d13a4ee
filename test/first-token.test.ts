import { describe, expect, it } from 'vitest';
import { Mechanism } from '../src/index.ts';
import { encodeNegTokenInit, encodeNegTokenResp } from '../src/spnego/neg-token.ts';
import { makeParties } from './support/realm-kit.ts';

const NTLM_FIRST = encodeNegTokenInit({ mechTypes: [Mechanism.ntlmssp, Mechanism.krb5] });

describe('the choice of a client that would rather use NTLM', () => {
  it('is known until the client goes on with Kerberos', async () => {
    const { initiator, begin } = await makeParties();
    const handshake = begin();
    expect(handshake.foreignChoice).toBeUndefined();
    await handshake.accept(NTLM_FIRST);
    const choice = {
      code: 'GSS_S_BAD_MECH',
      minor: { code: 'NTLM_RECEIVED' },
      hint: expect.stringMatching(/preferred NTLM to Kerberos.*gets no Kerberos ticket/),
    };
    expect(handshake.foreignChoice).toMatchObject(choice);
    const second = await handshake.accept(encodeNegTokenResp({ responseToken: initiator.begin() }));
    expect(second.status).toBe('continue');
    expect(handshake.foreignChoice).toBeUndefined();
    handshake.abort();

    const gone = begin();
    await gone.accept(NTLM_FIRST);
    gone.abort();
    expect(gone.foreignChoice).toMatchObject(choice);
  });

  it('is none of a client that begins with Kerberos', async () => {
    const { initiator, begin } = await makeParties();
    for (const token of [
      encodeNegTokenInit({ mechTypes: [Mechanism.krb5, Mechanism.ntlmssp] }),
      initiator.begin(),
    ]) {
      const handshake = begin();
      await handshake.accept(token);
      expect(handshake.foreignChoice).toBeUndefined();
    }
  });
});

describe('what is no first token', () => {
  it.each([
    ['an AP-REP without a header', [0x6f, 0], /roles are exchanged/],
    ['a KRB-ERROR without a header', [0x7e, 0], /sent a KRB-ERROR/],
    ['a MIC', [0x04, 0x04, 0, 0xff], /began on another connection or server/],
    ['a Wrap token', [0x05, 0x04, 0, 0xff], /began on another connection or server/],
    ['TLS', [0x16, 0x03, 0x01, 0x02], /starts TLS/],
    ['base64', [...Buffer.from('YIICKQYGKwYBBQUC')], /base64 text/],
    ['base64 of NTLM', [...Buffer.from('TlRMTVNTUAAB')], /base64 text/],
    ['HTTP', [...Buffer.from('GET / HTTP/1.1')], /does not begin as a first token/],
    ['nothing known', [0, 0], /does not begin as a first token/],
  ])('is told by how it starts: %s', async (_, token, hint) => {
    const { begin } = await makeParties();
    const result = await begin().accept(Uint8Array.from(token));
    if (result.status !== 'failed') throw new Error(`not refused: ${result.status}`);
    expect(result.error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
    expect(result.error.message).toMatch(/does not start with \[APPLICATION 0\]/);
    expect(result.error.hint).toMatch(hint);
  });
});
