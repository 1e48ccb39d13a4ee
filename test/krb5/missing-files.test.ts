/** A bundle whose files of dynamic imports are missing: what needs them is refused, and says so. */
import { describe, expect, it, vi } from 'vitest';
import { acquireCredential, createAcceptor } from '../../src/index.ts';
import type { CredentialWarning } from '../../src/keytab/warning.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import { CLIENT, makeKeytab, NOW } from '../support/realm-kit.ts';

const missing = vi.hoisted(() => () => {
  throw new Error('no such file');
});
vi.mock('../../src/keytab/explain.ts', missing);

function token(keytab = makeKeytab()): Uint8Array {
  const ticket = mintTicket({ keytab, client: CLIENT, clock: () => NOW });
  return createInitiator({ ticket, clock: () => NOW }).begin();
}

describe('without the explanations of keys', () => {
  it('a client whose ticket no key opens is refused, and others are let in', async () => {
    const keytab = makeKeytab();
    const acceptor = createAcceptor({
      credential: await acquireCredential({ keytab }),
      clock: () => NOW,
    });
    const result = await acceptor.begin().accept(token(makeKeytab({ seed: 8 })));
    expect(result).toMatchObject({ status: 'failed', error: { reason: 'fault.program' } });
    expect((await acceptor.begin().accept(token(keytab))).status).toBe('complete');
  });

  it('a keytab without a key for the service gives no credential', async () => {
    const acquired = acquireCredential({ keytab: makeKeytab(), service: 'ftp@' });
    await expect(acquired).rejects.toThrow();
  });

  it('a new keytab without a key for the service is not taken over, and reported', async () => {
    let now = NOW;
    let keytab = makeKeytab();
    const warnings: CredentialWarning[] = [];
    const credential = await acquireCredential({
      keytab: () => keytab,
      service: 'host@',
      clock: () => now,
      onWarning: (warning) => warnings.push(warning),
    });
    const first = keytab;
    keytab = makeKeytab({ principal: 'ftp/server.example.test@EXAMPLE.TEST' });
    now += 5000;
    await credential.current();
    expect(credential.keytab).toBe(first);
    expect(warnings).toMatchObject([{ kind: 'provider' }]);
  });
});
