import { describe, expect, it } from 'vitest';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { acquireCredential, createAcceptor, GssError, KerberosError } from '../../src/index.ts';
import type { Keytab } from '../../src/keytab/keytab.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import { CLIENT, makeKeytab, NOW, SERVICE } from '../support/realm-kit.ts';

async function refusalOf(promise: Promise<unknown>): Promise<GssError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof GssError)) throw new Error(`expected a GssError, got ${error}`);
  return error;
}

function requestFor(keytab: Keytab): Uint8Array {
  const ticket = mintTicket({ keytab, client: CLIENT, clock: () => NOW });
  return createInitiator({ ticket, clock: () => NOW }).begin();
}

describe('acquiring a credential', () => {
  it('takes a keytab, a function and a promise, and names the service as MIT krb5 does', async () => {
    const keytab = makeKeytab();
    for (const source of [keytab, () => keytab, () => Promise.resolve(keytab)]) {
      const credential = await acquireCredential({ keytab: source, service: 'host@' });
      expect(credential.service).toBe('host/@');
      expect(credential.keytab).toBe(keytab);
    }
    expect((await acquireCredential({ keytab })).service).toBe('*');
    const several = await acquireCredential({ keytab, service: ['HTTP@', SERVICE] });
    expect(several.service).toBe(`HTTP/@, ${SERVICE}`);
  });

  it('fails where there is no key for the service, and says what there is', async () => {
    const error = await refusalOf(acquireCredential({ keytab: makeKeytab(), service: 'HTTP@' }));
    expect(error.code).toBe('GSS_S_NO_CRED');
    expect(error.minor?.code).toBe('KRB5_KT_NOTFOUND');
    expect(`${error.minor?.message} ${error.hint}`).toContain(SERVICE);
    const empty: Keytab = { version: 2, entries: [] };
    expect((await refusalOf(acquireCredential({ keytab: empty }))).code).toBe('GSS_S_NO_CRED');
  });

  it('fails for a name that is none, and for a keytab that cannot be had', async () => {
    const badName = await refusalOf(acquireCredential({ keytab: makeKeytab(), service: '@host' }));
    expect(badName.code).toBe('GSS_S_BAD_NAME');
    const reasons = [
      new KerberosError('KRB5_KT_IOERR', { reason: 'fault.program' }),
      new Error('vault is sealed'),
    ];
    for (const reason of reasons) {
      const keytab = () => Promise.reject(reason);
      const error = await refusalOf(acquireCredential({ keytab }));
      expect(error.code).toBe('GSS_S_NO_CRED');
      expect(error.cause).toBe(reason);
    }
    await expect(acquireCredential({ keytab: makeKeytab(), service: [] })).rejects.toThrow(
      new TypeError('service names: expected at least one, got none'),
    );
  });

  // RFC 4120 §5.2.9: kvno is optional; a ticket without one may be for any key.
  it('takes a ticket that names no kvno for a key of whatever kvno', async () => {
    for (const service of [undefined, 'host@', SERVICE]) {
      for (const kvno of [0, 1, 2, 5]) {
        const keytab = makeKeytab({ kvno });
        const credential = await acquireCredential({ keytab, ...(service && { service }) });
        const acceptor = createAcceptor({ credential, clock: () => NOW });
        const ticket = mintTicket({ keytab, client: CLIENT, kvno: null, clock: () => NOW });
        const token = createInitiator({ ticket, clock: () => NOW }).begin();
        expect((await acceptor.begin().accept(token)).status).toBe('complete');
      }
    }
  });

  it('can bring its keys to another provider', async () => {
    const crypto = withLegacyEnctypes();
    const keytab = makeKeytab();
    const credential = await acquireCredential({ keytab, crypto });
    expect(credential.keytab.entries[0]?.key.crypto).toBe(crypto);
    expect(credential.keytab.entries[0]?.key.equals(keytab.entries[0]!.key)).toBe(true);
  });
});

describe('a keytab that is rotated', () => {
  it('is asked for again when a ticket finds no key, once for all who wait', async () => {
    const [old, next] = [makeKeytab({ kvno: 1 }), makeKeytab({ kvno: 2, seed: 9 })];
    let current = old;
    let asked = 0;
    const credential = await acquireCredential({
      keytab: async () => {
        asked++;
        await Promise.resolve();
        return current;
      },
      clock: () => NOW,
    });
    const acceptor = createAcceptor({ credential, clock: () => NOW });
    expect((await acceptor.begin().accept(requestFor(old))).status).toBe('complete');
    expect(asked).toBe(1);
    current = next;
    const tokens = [1, 2, 3, 4, 5].map(() => requestFor(next));
    const results = await Promise.all(tokens.map((token) => acceptor.begin().accept(token)));
    expect(results.map(({ status }) => status)).toEqual(new Array(5).fill('complete'));
    expect(asked).toBe(2);
    expect(credential.keytab).toBe(next);
    // The key that was taken away is not good any more.
    expect((await acceptor.begin().accept(requestFor(old))).status).toBe('failed');
  });

  it.each<[string, () => Keytab, string]>([
    [
      'throws',
      () => {
        throw new Error('no answer of https://app:hunter2@vault.example.com');
      },
      'the keytab provider failed: Error: no answer of https://...@vault.example.com',
    ],
    [
      'returns none',
      () => undefined as unknown as Keytab,
      'the keytab provider failed: TypeError: keytab: expected a function of a keytab, got undefined',
    ],
  ])('is no credential if its provider %s, and the store is to blame', async (_, keytab, text) => {
    const error = await acquireCredential({ keytab }).catch((error: unknown) => error);
    expect(error).toMatchObject({
      code: 'GSS_S_NO_CRED',
      reason: 'keytab.failed',
      text,
      remedies: ['look at the store in which the application has the keytab'],
    });
  });

  it('serves on with the keys at hand while its provider fails', async () => {
    const keytab = makeKeytab();
    let failing = false;
    const credential = await acquireCredential({
      keytab: () => {
        if (failing) throw new Error('the file is gone');
        return keytab;
      },
      clock: () => NOW,
      onWarning: () => {},
    });
    const acceptor = createAcceptor({ credential, clock: () => NOW });
    failing = true;
    const stranger = await acceptor.begin().accept(requestFor(makeKeytab({ seed: 77 })));
    if (stranger.status !== 'failed') throw new Error('accepted');
    expect(stranger.error.minor?.code).toBe('KRB_AP_ERR_BAD_INTEGRITY');
    expect((await acceptor.begin().accept(requestFor(keytab))).status).toBe('complete');
    expect(await credential.refresh()).toBe(false);
    failing = false;
    expect(await credential.refresh()).toBe(false);
  });

  it('lets no more than 256 wait for it, each time anew', async () => {
    const answers: ((keytab: Keytab) => void)[] = [];
    const asking = acquireCredential({
      keytab: () => new Promise<Keytab>((resolve) => answers.push(resolve)),
    });
    answers[0]!(makeKeytab());
    const credential = await asking;
    for (const round of [1, 2, 3]) {
      const waiting = Array.from({ length: 300 }, () => credential.refresh());
      expect(await Promise.all(waiting.slice(256))).toEqual(new Array(44).fill(false));
      answers[round]!(makeKeytab({ seed: round }));
      expect(await Promise.all(waiting.slice(0, 256))).toEqual(new Array(256).fill(true));
      expect(answers.length).toBe(round + 1);
    }
  });

  it('has nothing newer where it was given as it is', async () => {
    const credential = await acquireCredential({ keytab: makeKeytab() });
    expect(await credential.refresh()).toBe(false);
  });
});
