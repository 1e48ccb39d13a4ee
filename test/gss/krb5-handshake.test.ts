import { describe, expect, it } from 'vitest';
import { encodeInitiatorOptions } from '../../src/gss/authenticator-checksum.ts';
import { TokenId, unframeToken } from '../../src/gss/framing.ts';
import { ContextFlag, KerberosError } from '../../src/index.ts';
import { decodeKrbError } from '../../src/messages/krb-error.ts';
import { makeParties, NOW_SECONDS } from '../support/realm-kit.ts';

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
