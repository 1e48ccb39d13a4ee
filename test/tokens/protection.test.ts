import { describe, expect, it } from 'vitest';
import { DecodeError, KerberosError } from '../../src/errors.ts';
import { GssError } from '../../src/gss/status.ts';
import { asBadMic } from '../../src/tokens/protection.ts';

describe('what a cipher throws', () => {
  it('is a bad MIC if something did not decrypt', () => {
    const minor = new KerberosError('KRB_AP_ERR_BAD_INTEGRITY', { reason: 'fault.program' });
    const error = asBadMic(minor) as GssError;
    expect(error).toBeInstanceOf(GssError);
    expect(error).toMatchObject({ code: 'GSS_S_BAD_MIC', minor, reporter: 'context' });
  });

  // The failure of a caller's provider is not the peer's fault.
  it.each([
    new KerberosError('KDC_ERR_ETYPE_NOSUPP', { reason: 'fault.program' }),
    new DecodeError('key is malformed'),
    new TypeError('key: expected one that was not disposed of'),
    Object.assign(new Error('of a device'), { code: 'KRB_AP_ERR_BAD_INTEGRITY' }),
    undefined,
  ])('is passed on as it is if it is anything else: %s', (error) => {
    expect(asBadMic(error)).toBe(error);
  });
});
