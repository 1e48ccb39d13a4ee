/** What all errors of this package have: reason, facts, text and remedies, in text, JSON and inspection. */
import { inspect } from 'node:util';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { asReason } from '../src/errors.ts';
import {
  DecodeError,
  explain,
  GssError,
  isRefusal,
  KerberosError,
  ReasonedError,
} from '../src/index.ts';

const detail = { missing: ['mutual'] };
const minor = new KerberosError('KDC_ERR_POLICY', { reason: 'policy.flags', detail });
const error = new GssError('GSS_S_FAILURE', { minor });

beforeAll(async () => {
  await explain(error);
});

describe('an error', () => {
  it('has its message and hint for text and remedy until the catalogue is loaded', async () => {
    // Modules of its own: the others may have the catalogue.
    vi.resetModules();
    const fresh = await import('../src/index.ts');
    const early = new fresh.KerberosError('KDC_ERR_POLICY', { reason: 'policy.flags', detail });
    const error = new fresh.GssError('GSS_S_FAILURE', { minor: early });
    expect([error.text, error.remedies, error.hint]).toEqual([
      'KDC policy rejects request',
      [],
      undefined,
    ]);
    const hinted = new fresh.DecodeError('cut', { hint: 'look' });
    expect([hinted.text, hinted.remedies]).toEqual(['cut', ['look']]);
    expect(await fresh.explain(error)).toBe(error);
    expect(error.text).toBe('requiredFlags has mutual, which the client did not ask for');
    expect(error.remedies[0]).toMatch(/have the client ask for mutual/);
    expect(error.hint).toBe(`${error.text}; ${error.remedies[0]}`);
    expect(error.message).toBe('KDC policy rejects request');
  });

  it('has reason and facts of its minor, or its own', () => {
    expect([error.reason, error.detail]).toEqual(['policy.flags', detail]);
    const own = new GssError('GSS_S_FAILURE', { reason: 'fault.program', minor });
    expect([own.reason, own.detail]).toEqual(['fault.program', {}]);
    expect(new DecodeError('x').reason).toBe('token.malformed');
  });

  it('is whole in JSON, message included', () => {
    const logged = JSON.parse(JSON.stringify(error));
    expect(logged).toMatchObject({
      name: 'GssError',
      message: 'KDC policy rejects request',
      code: 'GSS_S_FAILURE',
      major: 0xd0000,
      reason: 'policy.flags',
      detail,
      text: error.text,
      remedies: error.remedies,
      minor: { code: 'KDC_ERR_POLICY', errorCode: 12, reason: 'policy.flags' },
    });
    const cause = new Error('redis://user:secret@cache refused');
    const caused = new KerberosError('KRB5_RC_IO', { reason: 'replay.cache-failed', cause });
    expect(JSON.parse(JSON.stringify(caused)).cause).toBe('Error: redis://...@cache refused');
  });

  it('is whole when it is printed, with its stack', () => {
    const printed = inspect(error);
    for (const part of ['policy.flags', 'requiredFlags has mutual', 'remedies', 'errors.test.ts']) {
      expect(printed).toContain(part);
    }
    expect(inspect(new Error('outer', { cause: error }))).toContain('policy.flags');
  });

  it('is printed once, and what is behind its minor status too', () => {
    const cause = new Error('connect ECONNREFUSED');
    const minor = new KerberosError('KRB5_RC_IO', { reason: 'replay.cache-failed', cause });
    const printed = inspect(new GssError('GSS_S_FAILURE', { minor }));
    expect(printed.match(/nobody is let in/g)).toHaveLength(1);
    expect(printed).toContain("minor: 'KRB5_RC_IO: ");
    expect(printed).toContain('Error: connect ECONNREFUSED');
  });

  it('of an application, whose facts are missing, can be shown', () => {
    const odd = new KerberosError('KRB_AP_ERR_SKEW', { reason: 'policy.flags' } as never);
    expect([odd.text, odd.remedies]).toEqual(['Clock skew too great', []]);
    expect(() => JSON.stringify(odd) + inspect(odd)).not.toThrow();
    const none = new KerberosError('KRB_AP_ERR_SKEW', {} as never);
    expect(none.text).toBe('Clock skew too great');
  });
});

describe('asReason', () => {
  it('keeps the hint that an error was made with, and never that of its former reason', async () => {
    const vague = new DecodeError('cut');
    await explain(vague);
    expect(vague.hint).toMatch(/^the token is not what its mechanism describes/);
    const specific = asReason(vague, { reason: 'export.malformed' }) as DecodeError;
    expect(specific.hint).toBe(`${specific.text}; ${specific.remedies[0]}`);
    expect(specific.hint).not.toContain('token');
    const hinted = new DecodeError('cut', { hint: 'look' });
    expect(asReason(hinted, { reason: 'export.malformed' })).toMatchObject({ hint: 'look' });
  });
});

describe('isRefusal', () => {
  it('narrows the facts by the reason', () => {
    const thrown: unknown = error;
    if (!isRefusal(thrown) || thrown.reason !== 'policy.flags') throw new Error('not narrowed');
    const missing: readonly string[] = thrown.detail.missing;
    expect(missing).toEqual(['mutual']);
    expect(thrown).toBeInstanceOf(ReasonedError);
    expect(isRefusal(new Error('x'))).toBe(false);
  });
});
