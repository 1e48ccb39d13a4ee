import { describe, expect, it } from 'vitest';
import { KerberosError } from '../../../src/errors.ts';
import { replayCacheError, systemReplayCacheError } from '../../../src/node/replay-cache/error.ts';

describe('the error of a replay cache', () => {
  it.each<[unknown, string, string]>([
    [
      Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
      'Replay cache /a/b: ENOSPC: no space left on device, write',
      'nobody is let in until this works: free some space',
    ],
    [
      Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }),
      'Replay cache /a/b: EIO: i/o error, read',
      'nobody is let in until this works',
    ],
    [new TypeError('odd'), 'Replay cache /a/b: odd', 'nobody is let in until this works'],
    ['a text', 'Replay cache /a/b: a text', 'nobody is let in until this works'],
    [undefined, 'Replay cache /a/b: undefined', 'nobody is let in until this works'],
  ])('of %s', (cause, message, hint) => {
    const error = systemReplayCacheError('/a/b', cause);
    expect(error).toBeInstanceOf(KerberosError);
    expect(error).toMatchObject({ code: 'KRB5_RC_IO', message, hint, detail: { path: '/a/b' } });
    expect(error.cause).toBe(cause);
  });

  it('is not wrapped twice: its own errors are returned as they are', () => {
    const own = replayCacheError('/a/b', 'is full', 'it forgets by itself');
    expect(own.message).toBe('Replay cache /a/b is full');
    expect(systemReplayCacheError('/c', own)).toBe(own);
  });
});
