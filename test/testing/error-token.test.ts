import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import { frameToken, TokenId } from '../../src/gss/framing.ts';
import { GssError, Mechanism } from '../../src/index.ts';
import { encodeKrbError } from '../../src/messages/krb-error.ts';
import { readErrorToken } from '../../src/testing/index.ts';
import { makeParties, NOW, NOW_SECONDS } from '../support/realm-kit.ts';

function errorToken(fields: {
  eText?: string;
  eData?: Uint8Array;
  errorCode?: number;
}): Uint8Array {
  const serverName = { nameType: 0, components: [] };
  const needed = { stime: NOW_SECONDS, susec: 7, errorCode: 60, realm: '', serverName };
  return frameToken(Mechanism.krb5, TokenId.krbError, encodeKrbError({ ...needed, ...fields }));
}

describe('the error token', () => {
  it('for a wrong clock names the error and asks Windows to correct its clock', async () => {
    const { initiator, begin } = await makeParties({ initiator: { clock: () => NOW + 600_000 } });
    const { outputToken } = await begin().accept(initiator.begin());
    expect(await readErrorToken(outputToken!)).toEqual({
      errorCode: 37,
      code: 'KRB_AP_ERR_SKEW',
      serverTime: NOW_SECONDS,
      serverMicroseconds: 250_000,
      data: { type: 2 },
    });
  });

  it('is read with its text and the value of its data', async () => {
    // KERB-ERROR-DATA { data-type[1] 3 (KERB_ERR_TYPE_EXTENDED), data-value[2] an NTSTATUS }.
    const eData = fromHex('300da103020103a2060404220000c0');
    const token = errorToken({ eText: 'no', eData });
    const error = await readErrorToken(token);
    token.fill(0);
    expect(error).toEqual({
      errorCode: 60,
      code: 'KRB_ERR_GENERIC',
      serverTime: NOW_SECONDS,
      serverMicroseconds: 7,
      text: 'no',
      data: { type: 3, value: fromHex('220000c0') },
    });
  });

  it('has no name for a number that this package does not know', async () => {
    expect(await readErrorToken(errorToken({ errorCode: 25 }))).toEqual({
      errorCode: 25,
      serverTime: NOW_SECONDS,
      serverMicroseconds: 7,
    });
  });

  it('is refused if it is another token or has malformed data', async () => {
    const { initiator, begin } = await makeParties();
    const { outputToken } = await begin().accept(initiator.begin());
    await expect(readErrorToken(outputToken!)).rejects.toThrow(GssError);
    await expect(readErrorToken(errorToken({ eData: fromHex('3003020101') }))).rejects.toThrow(
      DecodeError,
    );
  });
});
