import { describe, expect, it } from 'vitest';
import { DecodeError, KerberosError } from '../../src/errors.ts';
import type { GssErrorCode } from '../../src/gss/status.ts';
import {
  displayMajor,
  displayStatus,
  GssError,
  RoutineError,
  SupplementaryStatus,
} from '../../src/gss/status.ts';

const FAILURE = 'Unspecified GSS failure.  Minor code may provide more information';

describe('GssError', () => {
  it('has the number of RFC 2744 and the text of MIT', () => {
    const error = new GssError('GSS_S_BAD_MIC', { reason: 'fault.program' });
    expect(error.major).toBe(0x60000);
    expect(error.code).toBe('GSS_S_BAD_MIC');
    expect(error.message).toBe('A token had an invalid Message Integrity Check (MIC)');
    expect(error.name).toBe('GssError');
    expect(error.minor).toBeUndefined();
    expect(error.hint).toBeUndefined();
  });

  it("speaks with the minor status's message and hint", () => {
    const minor = new KerberosError('KRB_AP_ERR_SKEW', {
      reason: 'fault.program',
      hint: 'set the clock',
    });
    const error = new GssError('GSS_S_FAILURE', { minor });
    expect(error.message).toBe('Clock skew too great');
    expect(error.hint).toBe('set the clock');
    expect(error.cause).toBe(minor);
    expect(new GssError('GSS_S_FAILURE', { message: 'x', minor, hint: 'y' }).hint).toBe('y');
  });

  it('numbers the routine errors from 1 to 18', () => {
    expect(Object.values(RoutineError)).toEqual(
      Array.from({ length: 18 }, (_, i) => (i + 1) * 0x10000),
    );
  });
});

// Pairs of lines that MIT's gss-server printed.
describe('displayStatus', () => {
  const minor = new KerberosError('KRB_AP_ERR_REPEAT', { reason: 'fault.program' });
  const integrity = new KerberosError('KRB_AP_ERR_BAD_INTEGRITY', { reason: 'fault.program' });
  it.each([
    [new GssError('GSS_S_FAILURE', { minor }), FAILURE, 'Request is a replay'],
    [
      new GssError('GSS_S_DEFECTIVE_TOKEN', { reason: 'fault.program', message: 'no 0x60' }),
      'Invalid token was supplied',
      'Unknown error',
    ],
    [
      new GssError('GSS_S_DEFECTIVE_TOKEN', {
        reason: 'fault.program',
        message: 'wrap token too short',
        reporter: 'context',
      }),
      'Invalid token was supplied',
      'Unknown code 0',
    ],
    [
      new GssError('GSS_S_NO_CRED', { reason: 'fault.program' }),
      'No credentials were supplied, or the credentials were unavailable or inaccessible',
      'Unknown error',
    ],
    [
      new GssError('GSS_S_BAD_MIC', { minor: integrity }),
      'A token had an invalid Message Integrity Check (MIC)',
      'Decrypt integrity check failed',
    ],
    [
      new GssError('GSS_S_BAD_MIC', { reason: 'fault.program' }),
      'A token had an invalid Message Integrity Check (MIC)',
      'Unknown code 0',
    ],
    [
      new GssError('GSS_S_DUPLICATE_TOKEN', { reason: 'fault.program' }),
      'The token was a duplicate of an earlier token',
      'Unknown code 0',
    ],
    [
      new GssError('GSS_S_UNSEQ_TOKEN', { reason: 'fault.program' }),
      'A later token has already been processed',
      'Unknown code 0',
    ],
    [minor, FAILURE, 'Request is a replay'],
    [new DecodeError('keytab is truncated'), FAILURE, 'keytab is truncated'],
    [new TypeError('message: expected bytes'), FAILURE, 'message: expected bytes'],
    [undefined, FAILURE, 'Unknown error'],
    ['text', FAILURE, 'Unknown error'],
  ])('%s', (error, major, second) => {
    expect(displayStatus(error).slice(0, 2)).toEqual([major, second]);
  });

  it('adds the text where MIT has no minor status, and what to do', () => {
    const refusal = {
      reason: 'token.truncated',
      message: 'token is cut',
      hint: 'ask the proxy',
    } as const;
    const error = new GssError('GSS_S_DEFECTIVE_TOKEN', refusal);
    expect(displayStatus(error).slice(2)).toEqual(['token is cut', 'ask the proxy']);
  });
});

describe('displayMajor', () => {
  it('takes a status word apart', () => {
    expect(displayMajor(0)).toEqual(['The routine completed successfully']);
    expect(displayMajor(0xd0000)).toEqual([FAILURE]);
    expect(displayMajor(0x60012)).toEqual([
      'A token had an invalid Message Integrity Check (MIC)',
      'The token was a duplicate of an earlier token',
      'An expected per-message token was not received',
    ]);
    expect(displayMajor(0x01000000)).toEqual(['A required input parameter could not be read']);
    expect(displayMajor(0xff000000)).toEqual(['An invalid status code was supplied']);
    expect(displayMajor(0x00ff0000)).toEqual(['An invalid status code was supplied']);
    expect(displayMajor(0x8000)).toEqual(['An invalid status code was supplied']);
  });

  it('has one line for each status that there is, the one of its error', () => {
    for (const [code, major] of Object.entries({ ...RoutineError, ...SupplementaryStatus })) {
      const error = new GssError(code as GssErrorCode, { reason: 'fault.program' });
      expect(error.major).toBe(major);
      expect(displayMajor(major)).toEqual([displayStatus(error)[0]]);
    }
    expect(displayMajor(1)).toEqual(['The routine must be called again to complete its function']);
  });

  it('knows the three calling errors, before all others', () => {
    expect(displayMajor(0x02000000)).toEqual(['A required output parameter could not be written']);
    expect(displayMajor(0x03000000)).toEqual(['A parameter was malformed']);
    expect(displayMajor(0x04000000)).toEqual(['An invalid status code was supplied']);
    expect(displayMajor(0x01060002)).toEqual([
      'A required input parameter could not be read',
      'A token had an invalid Message Integrity Check (MIC)',
      'The token was a duplicate of an earlier token',
    ]);
  });
});
