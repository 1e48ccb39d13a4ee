import { describe, expect, it } from 'vitest';
import { explain } from '../../../src/cli/demo-http/explain.ts';
import type { KerberosErrorName } from '../../../src/errors.ts';
import { KerberosError } from '../../../src/errors.ts';
import type { GssErrorCode } from '../../../src/gss/status.ts';
import { GssError } from '../../../src/gss/status.ts';

function titleOf(minor: KerberosErrorName, code: GssErrorCode = 'GSS_S_FAILURE', status = 401) {
  const error = new GssError(code, {
    minor: new KerberosError(minor, { reason: 'fault.program' }),
  });
  return explain({ status, error }).title;
}

describe('explain', () => {
  it.each([
    ['NTLM_RECEIVED', 'Your browser sent NTLM instead of Kerberos'],
    ['NEGOEX_RECEIVED', 'Your browser sent NTLM instead of Kerberos'],
    ['SPNEGO_NEGOTIATION_FAILED', 'Your browser signed on in a way that this server does not know'],
    ['KRB_AP_ERR_NOKEY', 'Your ticket is for another service'],
    ['KRB_AP_ERR_NOT_US', 'Your ticket is for another service'],
    ['KRB_AP_ERR_BADKEYVER', 'The server’s keytab and your ticket have different key versions'],
    ['KRB_AP_ERR_BAD_INTEGRITY', 'The server’s key does not open your ticket'],
    ['KRB_AP_ERR_SKEW', 'The clocks of your machine and the server differ'],
    ['KRB_AP_ERR_TKT_NYV', 'The clocks of your machine and the server differ'],
    ['KRB_AP_ERR_TKT_EXPIRED', 'Your ticket has expired'],
    ['KRB_AP_ERR_REPEAT', 'This request was sent twice'],
    ['KDC_ERR_ETYPE_NOSUPP', 'Your ticket is encrypted in a way that this server does not permit'],
    ['KRB_AP_ERR_ILL_CR_TKT', 'Your realm is not trusted here'],
    ['KRB5_PARSE_MALFORMED', 'What the browser sent arrived damaged'],
    ['KRB_AP_ERR_BADADDR', 'The sign-on failed'],
  ] as const)('says of %s: %s', (minor, title) => {
    expect(titleOf(minor)).toBe(title);
  });

  it.each([
    [401, undefined, 'Your browser did not sign on'],
    [401, 'GSS_S_BAD_BINDINGS', 'Your sign-on is not bound to this TLS connection'],
    [401, 'GSS_S_BAD_MECH', 'Your browser signed on in a way that this server does not know'],
    [401, 'GSS_S_DEFECTIVE_TOKEN', 'What the browser sent arrived damaged'],
    [400, 'GSS_S_DEFECTIVE_TOKEN', 'What the browser sent arrived damaged'],
    [403, 'GSS_S_UNAUTHORIZED', 'You are known, but may not enter'],
    [403, 'GSS_S_NO_CRED', 'The sign-on failed'],
    [503, 'GSS_S_FAILURE', 'The server has a problem of its own'],
  ] as const)('says of %i and %s: %s', (status, code, title) => {
    const error = code && new GssError(code, { reason: 'fault.program' });
    expect(explain({ status, error }).title).toBe(title);
  });

  it('says that tickets are for names to who opened an IP address, unless something else failed', () => {
    expect(explain({ status: 401, byAddress: true }).title).toMatch(/IP address/);
    const ntlm = new GssError('GSS_S_BAD_MECH', {
      minor: new KerberosError('NTLM_RECEIVED', { reason: 'fault.program' }),
    });
    expect(explain({ status: 401, error: ntlm, byAddress: true }).title).toMatch(/IP address/);
    const skew = new GssError('GSS_S_FAILURE', {
      minor: new KerberosError('KRB_AP_ERR_SKEW', { reason: 'fault.program' }),
    });
    expect(explain({ status: 401, error: skew, byAddress: true }).title).toMatch(/clocks/);
  });

  it('gives the error itself: code, text, hint and facts', () => {
    const minor = new KerberosError('KRB_AP_ERR_SKEW', {
      reason: 'fault.program',
      hint: 'set the clock',
      detail: { offset: -720, other: ['a', 'b'] },
    });
    const { technical } = explain({
      status: 401,
      error: new GssError('GSS_S_FAILURE', { minor }),
    });
    expect(technical).toEqual([
      ['Answer', '401'],
      ['Code', 'GSS_S_FAILURE, KRB_AP_ERR_SKEW'],
      ['Error', 'Clock skew too great'],
      ['Hint', 'set the clock'],
      ['Difference in seconds', '-720'],
      ['other', 'a, b'],
    ]);
  });

  it('shows the settings of browsers where they may help, and not where the server is at fault', () => {
    expect(explain({ status: 401 }).browser).toBe(true);
    const error = new GssError('GSS_S_FAILURE', {
      minor: new KerberosError('KRB_AP_ERR_BADKEYVER', { reason: 'fault.program' }),
    });
    expect(explain({ status: 401, error }).browser).toBe(false);
  });
});
