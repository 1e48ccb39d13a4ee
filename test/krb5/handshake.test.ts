import { describe, expect, it } from 'vitest';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { frameMechanismToken, frameToken, TokenId, unframeToken } from '../../src/gss/framing.ts';
import { ContextFlag, KerberosError, Mechanism } from '../../src/index.ts';
import { encodeInitiatorOptions } from '../../src/krb5/authenticator-checksum.ts';
import { decodeKrbError } from '../../src/messages/krb-error.ts';
import { makeKeytab, makeParties, NOW_SECONDS } from '../support/realm-kit.ts';

const OTHER_FLAGS =
  ContextFlag.delegation |
  ContextFlag.replay |
  ContextFlag.sequence |
  ContextFlag.confidentiality |
  ContextFlag.integrity |
  ContextFlag.identify |
  ContextFlag.extendedError;

describe('an initiator that is refused after its flags were read', () => {
  it.each([
    ['wants no answer', 0, 0, false],
    ['wants all but an answer', 0, OTHER_FLAGS, false],
    ['wants mutual authentication by its flags alone', 0, ContextFlag.mutual, true],
    ['wants DCE style by its flags alone', 0, ContextFlag.dceStyle, true],
    ['wants mutual authentication by the AP-REQ alone', ContextFlag.mutual, 0, true],
    ['wants it by both', ContextFlag.mutual, ContextFlag.mutual | OTHER_FLAGS, true],
  ])('is told so if it waits for an answer: %s', async (_, apFlags, flags, answered) => {
    const { initiator, begin } = await makeParties({
      initiator: {
        flags: apFlags,
        authenticator: {
          checksum: encodeInitiatorOptions({
            flags: flags | ContextFlag.delegation,
            bindings: new Uint8Array(16),
            // What is no KRB-CRED fails when all the rest was found good.
            delegation: Uint8Array.of(1, 2, 3),
          }),
        },
      },
    });
    const { status, outputToken } = await begin().accept(initiator.begin());
    expect(status).toBe('failed');
    expect(outputToken !== undefined).toBe(answered);
    if (outputToken === undefined) return;
    const { inner } = unframeToken(outputToken);
    expect([inner[0], inner[1]]).toEqual([TokenId.krbError >> 8, TokenId.krbError & 0xff]);
    const { stime, susec, errorCode } = decodeKrbError(inner.subarray(2));
    // KRB_ERR_GENERIC: it says nothing that would help an attacker.
    expect({ stime, susec, errorCode }).toEqual({
      stime: NOW_SECONDS,
      susec: 250_000,
      errorCode: 60,
    });
    expect(() => initiator.finish(outputToken)).toThrowError(
      expect.objectContaining({ minor: expect.any(KerberosError) }),
    );
  });
});

describe('a first token', () => {
  it('has the TOK_ID of an AP-REQ before the AP-REQ', async () => {
    const { initiator, begin } = await makeParties();
    const apReq = unframeToken(initiator.begin()).inner.subarray(2);
    const framed = (id: number) => frameToken(Mechanism.krb5, id, apReq);
    for (const id of [TokenId.apRep, TokenId.krbError, 0x0001, 0x0000, 0x0101, 0x1100, 0xffff]) {
      const result = await begin().accept(framed(id));
      expect(result, `TOK_ID ${id}`).toMatchObject({
        status: 'failed',
        error: { code: 'GSS_S_DEFECTIVE_TOKEN', minor: { code: 'KRB_AP_ERR_MSG_TYPE' } },
      });
      // There is nothing yet that a KRB-ERROR could answer.
      expect(result.outputToken).toBeUndefined();
    }
    expect((await begin().accept(framed(TokenId.apReq))).status).toBe('complete');
  });

  it('that ends in its TOK_ID is none, and one that ends behind it has no AP-REQ', async () => {
    const { begin } = await makeParties();
    for (const [inner, code] of [
      [[], 'KRB_AP_ERR_MSG_TYPE'],
      [[1], 'KRB_AP_ERR_MSG_TYPE'],
      [[1, 0], 'KRB5_PARSE_MALFORMED'],
      [[1, 0, 0x6e], 'KRB5_PARSE_MALFORMED'],
    ] as const) {
      const token = frameMechanismToken(Mechanism.krb5, Uint8Array.from(inner));
      expect(await begin().accept(token), `${inner}`).toMatchObject({
        status: 'failed',
        error: { code: 'GSS_S_DEFECTIVE_TOKEN', minor: { code } },
      });
    }
  });
});

describe('a third leg of DCE style', () => {
  it('is refused where the callback for weak enctypes throws', async () => {
    const crypto = withLegacyEnctypes();
    const { initiator, begin } = await makeParties({
      keytab: makeKeytab({ enctype: 23, crypto }),
      initiator: { flags: ContextFlag.dceStyle | ContextFlag.mutual },
      acceptor: {
        onWeakEnctype: () => {
          throw new Error('log down');
        },
      },
    });
    const handshake = begin();
    const { outputToken } = await handshake.accept(initiator.begin());
    expect(await handshake.accept(initiator.confirm(outputToken!))).toMatchObject({
      status: 'failed',
      error: { minor: { message: 'onWeakEnctype threw' } },
    });
  });
});
