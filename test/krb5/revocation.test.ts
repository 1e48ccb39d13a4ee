/** A key that was taken out of the keytab opens nothing after 5 s; a failing provider revokes nothing. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AcquireCredentialOptions, CredentialWarning } from '../../src/index.ts';
import { acquireCredential, createAcceptor, KerberosError } from '../../src/index.ts';
import type { Keytab, KeytabEntry } from '../../src/keytab/keytab.ts';
import type { MintedTicket } from '../../src/testing/index.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import { CLIENT, makeKeytab, NOW, SERVICE } from '../support/realm-kit.ts';

const LEAKED = { kvno: 1, seed: 11 };
const GOOD = { kvno: 2, seed: 12 };
const both = makeKeytab(LEAKED, GOOD);
/** Read from the file anew: no object of it is one of `both`. */
const reduced = (): Keytab => makeKeytab(GOOD);

const mint = (keytab: Keytab): MintedTicket =>
  mintTicket({ keytab, client: CLIENT, clock: () => NOW });
const stolen = mint(makeKeytab(LEAKED));
const legitimate = mint(makeKeytab(GOOD));

type Answer = () => unknown;

/** An acceptor whose keytab and clock the test controls. */
async function makeService(options: Partial<AcquireCredentialOptions> = {}) {
  const state = { now: NOW, answer: (() => both) as Answer, asked: 0 };
  const warnings: CredentialWarning[] = [];
  const credential = await acquireCredential({
    keytab: () => {
      state.asked++;
      return state.answer() as Keytab;
    },
    service: SERVICE,
    clock: () => state.now,
    onWarning: (warning) => warnings.push(warning),
    ...options,
  });
  const acceptor = createAcceptor({ credential, clock: () => NOW });
  const present = async (ticket: MintedTicket): Promise<string> => {
    const token = createInitiator({ ticket, clock: () => NOW }).begin();
    const result = await acceptor.begin().accept(token);
    return result.status === 'failed' ? result.error.minor!.code : result.status;
  };
  return { state, warnings, credential, present };
}

/** Until everything that is not waiting for time or input has happened. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a key that was taken out of the keytab', () => {
  it('opens nothing after 5 s, however often its ticket came before', async () => {
    const { state, present } = await makeService();
    for (let time = 0; time < 3; time++) expect(await present(stolen)).toBe('complete');
    expect(await present(legitimate)).toBe('complete');
    state.answer = reduced;
    const seen: string[] = [];
    for (let elapsed = 0; elapsed <= 6000; elapsed += 250) {
      state.now = NOW + elapsed;
      seen.push(await present(stolen));
      // No good client is lost meanwhile.
      expect(await present(legitimate)).toBe('complete');
    }
    expect(seen[0]).toBe('complete');
    expect(seen.indexOf('KRB_AP_ERR_BADKEYVER') * 250).toBeLessThanOrEqual(5000);
    expect(new Set(seen.slice(seen.indexOf('KRB_AP_ERR_BADKEYVER')))).toEqual(
      new Set(['KRB_AP_ERR_BADKEYVER']),
    );
  });

  it.each([2000, 2500, 5000, 3_600_000, -1, Number.NaN])(
    'opens nothing in the first request after %s ms without any',
    async (elapsed) => {
      const { state, present } = await makeService();
      for (let time = 0; time < 3; time++) expect(await present(stolen)).toBe('complete');
      state.answer = async () => {
        await settle();
        return reduced();
      };
      state.now = NOW + elapsed;
      expect(await present(stolen)).toBe('KRB_AP_ERR_BADKEYVER');
    },
  );

  it('opens nothing where a look began before the process was frozen', async () => {
    const { state, present } = await makeService();
    state.answer = async () => {
      state.now += 3_600_000;
      state.answer = reduced;
      return both;
    };
    state.now = NOW + 4000;
    expect(await present(stolen)).toBe('KRB_AP_ERR_BADKEYVER');
    // At the start; before it froze and after; and once more because the ticket found no key.
    expect(state.asked).toBe(4);
  });

  it('takes nothing away from the keys that stay: their tickets are still known', async () => {
    const { state, present, credential } = await makeService();
    for (let time = 0; time < 3; time++) expect(await present(legitimate)).toBe('complete');
    const kept = credential.keytab.entries[1];
    state.answer = reduced;
    state.now = NOW + 5000;
    expect(await present(legitimate)).toBe('complete');
    expect(credential.keytab.entries).toHaveLength(1);
    expect(credential.keytab.entries[0]).toBe(kept);
  });
});

describe('looking again', () => {
  it('costs nothing but a look at the clock while the keys are young', async () => {
    const { state, present, credential } = await makeService();
    state.now = NOW + 999;
    for (let time = 0; time < 10; time++) expect(await present(legitimate)).toBe('complete');
    expect(credential.current()).toBeUndefined();
    expect(state.asked).toBe(1);
  });

  it('happens in the background first, and once for all who come meanwhile', async () => {
    const { state, present, credential } = await makeService();
    let answer: (keytab: Keytab) => void = () => {};
    state.answer = () => new Promise<Keytab>((resolve) => (answer = resolve));
    state.now = NOW + 1000;
    expect(credential.current()).toBeUndefined();
    const early = Array.from({ length: 20 }, () => present(stolen));
    expect(await Promise.all(early)).toEqual(new Array(20).fill('complete'));
    expect(state.asked).toBe(2);
    state.now = NOW + 2000;
    const late = Array.from({ length: 20 }, () => present(stolen));
    await settle();
    answer(reduced());
    expect(await Promise.all(late)).toEqual(new Array(20).fill('KRB_AP_ERR_BADKEYVER'));
    // One look that all of them shared, and one by those whose ticket found no key.
    expect(state.asked).toBe(3);
  });

  it('is not done for a keytab that was given as it is', async () => {
    let clocked = 0;
    const { credential, present } = await makeService({
      keytab: both,
      clock: () => {
        clocked++;
        return NOW;
      },
    });
    clocked = 0;
    expect(credential.current()).toBeUndefined();
    expect(await present(legitimate)).toBe('complete');
    expect(clocked).toBe(0);
  });
});

const entry = both.entries[0]!;
const disposed = makeKeytab({ seed: 99 });
disposed.entries[0]!.key.dispose();
const bad = (change: Partial<Record<keyof KeytabEntry, unknown>>) => ({
  version: 2,
  entries: [entry, { ...entry, ...change }],
});

describe('a provider that fails', () => {
  it.each<[string, Answer, string]>([
    [
      'throws',
      () => {
        throw new Error('vault is sealed');
      },
      'vault is sealed',
    ],
    [
      'throws undefined',
      () => {
        throw undefined;
      },
      'provider failed: undefined',
    ],
    [
      'rejects',
      () => Promise.reject(new KerberosError('KRB5_KT_NOTFOUND', { reason: 'fault.program' })),
      'entry not found',
    ],
    ['returns nothing', () => undefined, 'got undefined'],
    ['returns null', () => null, 'got null'],
    ['returns a text', () => 'keys', 'got text'],
    ['returns a function', () => () => both, 'got a function'],
    ['returns a list', () => [], 'got a list'],
    ['returns an object', async () => ({}), 'it has no list of entries'],
    ['returns no entries', () => ({ version: 2, entries: [] }), 'the keytab has no entries'],
    ['returns null entries', () => ({ version: 2, entries: [null] }), 'entries[0] is null'],
    ['returns a hole', () => ({ version: 2, entries: new Array(1) }), 'entries[0] is undefined'],
    ['returns texts', () => ({ version: 2, entries: ['x'] }), 'entries[0] is text'],
    ['returns no principal', () => bad({ principal: undefined }), 'entries[1].principal is not'],
    ['returns no realm', () => bad({ principal: { components: ['a'] } }), 'entries[1].principal'],
    ['returns no name', () => bad({ principal: { realm: 'R', components: [1] } }), 'entries[1].pr'],
    ['returns no kvno', () => bad({ kvno: Number.NaN }), 'entries[1].kvno is not a whole number'],
    ['returns no time', () => bad({ timestamp: undefined }), 'entries[1].timestamp is not a whole'],
    ['returns raw bytes', () => bad({ key: new Uint8Array(32) }), 'entries[1].key is not an Encr'],
    ['returns a wiped key', () => disposed, 'entries[0].key is disposed of'],
  ])('because it %s is reported once, and the last keys serve on', async (_, answer, text) => {
    const { state, warnings, present } = await makeService();
    state.answer = answer;
    for (const elapsed of [5000, 10_000, 3_600_000]) {
      state.now = NOW + elapsed;
      expect(await present(legitimate)).toBe('complete');
      expect(await present(stolen)).toBe('complete');
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({
      kind: 'provider',
      message: expect.stringContaining('the keys read before stay in use'),
      error: {
        code: 'KRB5_KT_IOERR',
        reason: 'keytab.failed',
        message: expect.stringContaining(text),
      },
    });
    // Good again, and then bad again: reported again.
    for (const [elapsed, next, count] of [
      [4_000_000, reduced, 1],
      [5_000_000, answer, 2],
    ] as const) {
      state.answer = next;
      state.now = NOW + elapsed;
      expect(await present(legitimate)).toBe('complete');
      expect(await present(stolen)).toBe('KRB_AP_ERR_BADKEYVER');
      expect(warnings).toHaveLength(count);
    }
  });

  it('and has reported that itself is not reported again', async () => {
    const keytab = Object.assign(() => both, { failure: undefined as unknown });
    const { state, warnings, present } = await makeService({ keytab, maxKeytabAge: 60 });
    keytab.failure = new Error('not found');
    state.now = NOW + 60_000;
    expect(await present(legitimate)).toBe('complete');
    expect(warnings).toEqual([]);
    state.now = NOW + 70_000;
    expect(await present(legitimate)).toBe('KRB5_KT_IOERR');
    expect(warnings.map(({ kind }) => kind)).toEqual(['expired']);
  });

  it('for longer than maxKeytabAge stops the service until it gives keys again', async () => {
    const { state, warnings, present } = await makeService({ maxKeytabAge: 600 });
    for (let time = 0; time < 3; time++) expect(await present(legitimate)).toBe('complete');
    state.answer = () => undefined;
    state.now = NOW + 599_000;
    expect(await present(legitimate)).toBe('complete');
    state.now = NOW + 604_000;
    for (let time = 0; time < 3; time++) expect(await present(legitimate)).toBe('KRB5_KT_IOERR');
    expect(warnings.map(({ kind }) => kind)).toEqual(['provider', 'expired']);
    expect(warnings[1]!.message).toContain('have expired after 600 s');
    state.answer = () => both;
    expect(await present(legitimate)).toBe('complete');
    expect(await present(stolen)).toBe('complete');
  });

  it('serves on for ever if nothing else was asked for', async () => {
    const { state, present } = await makeService();
    state.answer = () => undefined;
    state.now = NOW + 10 * 365 * 86_400_000;
    expect(await present(legitimate)).toBe('complete');
  });

  it('has a key for another service only: reported, and its clients are refused', async () => {
    const { state, warnings, present } = await makeService();
    state.answer = () => makeKeytab({ principal: 'HTTP/other.example.test@EXAMPLE.TEST' });
    state.now = NOW + 5000;
    expect(await present(legitimate)).toBe('KRB_AP_ERR_NOKEY');
    expect(warnings.map(({ kind }) => kind)).toEqual(['no-service']);
    expect(warnings[0]!.message).toContain(SERVICE);
  });

  it('has records that cannot be read: reported for each keytab, and the others serve', async () => {
    const skipped = [1, 2].map(
      (n) =>
        new KerberosError('KRB5_KT_FORMAT', {
          reason: 'fault.program',
          message: `record ${n}`,
          hint: 'h',
        }),
    );
    const { state, warnings, present } = await makeService();
    for (const [at, list] of [
      [1, skipped.slice(0, 1)],
      [2, skipped.slice(0, 1)],
      [3, skipped],
    ] as const) {
      state.answer = () => ({ ...both, skipped: list });
      state.now = NOW + 5000 * at;
      expect(await present(legitimate)).toBe('complete');
    }
    expect(warnings.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([
      'records: record 1: left out, the others are used (h)',
      'records: record 1, and 1 more: left out, the others are used (h)',
    ]);
    const credential = { keytab: { ...both, skipped }, onWarning: vi.fn() };
    await acquireCredential(credential);
    expect(credential.onWarning).toHaveBeenCalledTimes(1);
  });

  it('is reported by the runtime where nobody listens', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const state = { now: NOW, keytab: both as unknown };
    const credential = await acquireCredential({
      keytab: () => state.keytab as Keytab,
      clock: () => state.now,
    });
    state.keytab = {};
    state.now += 5000;
    await credential.current();
    expect(emitWarning).toHaveBeenCalledTimes(1);
    expect(emitWarning.mock.calls[0]).toEqual([
      expect.stringContaining('it has no list of entries'),
      { code: 'KRB5_ACCEPTOR_KEYTAB' },
    ]);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('the disk is full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the disk is full'))],
  ])('harms nobody if the callback %s', async (_, onWarning) => {
    const { state, present } = await makeService({ onWarning });
    state.answer = () => undefined;
    state.now = NOW + 5000;
    expect(await present(legitimate)).toBe('complete');
    await settle();
  });
});

describe('a provider that does not answer', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });

  it('is waited for by those who come in the next 2 s, and by nobody after them', async () => {
    const { state, warnings, present } = await makeService();
    let answer: (keytab: Keytab) => void = () => {};
    state.answer = () => new Promise<Keytab>((resolve) => (answer = resolve));
    state.now = NOW + 10_000;
    const seen: string[] = [];
    const waiting = Array.from({ length: 1000 }, () => present(legitimate));
    for (const exchange of waiting) void exchange.then((status) => seen.push(status));
    await settle();
    vi.advanceTimersByTime(1999);
    await settle();
    expect(seen).toEqual([]);
    vi.advanceTimersByTime(1);
    await Promise.all(waiting);
    expect(new Set(seen)).toEqual(new Set(['complete']));
    expect(vi.getTimerCount()).toBe(0);
    state.now += 2000;
    expect(await present(legitimate)).toBe('complete');
    expect(vi.getTimerCount()).toBe(0);
    expect(state.asked).toBe(2);
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('has not answered for 2 s; the keys read before stay in use'),
    ]);
    expect(warnings[0]!.error.reason).toBe('keytab.silent');
    // What comes late still counts.
    state.answer = reduced;
    answer(reduced());
    await settle();
    expect(await present(legitimate)).toBe('complete');
    expect(await present(stolen)).toBe('KRB_AP_ERR_BADKEYVER');
  });

  it('is asked again after 30 s, and what it says to the old question counts no more', async () => {
    const { state, present } = await makeService();
    const answers: ((keytab: Keytab) => void)[] = [];
    state.answer = () => new Promise<Keytab>((resolve) => answers.push(resolve));
    state.now = NOW + 10_000;
    const waiting = present(legitimate);
    await settle();
    vi.advanceTimersByTime(2000);
    expect(await waiting).toBe('complete');
    state.now += 30_000;
    const next = present(stolen);
    await settle();
    expect(answers).toHaveLength(2);
    answers[1]!(reduced());
    await settle();
    // The ticket found no key: a third look.
    answers[2]!(reduced());
    expect(await next).toBe('KRB_AP_ERR_BADKEYVER');
    answers[0]!(both);
    await settle();
    const last = present(stolen);
    await settle();
    answers[3]!(reduced());
    expect(await last).toBe('KRB_AP_ERR_BADKEYVER');
  });

  it('stops the service after maxKeytabAge', async () => {
    const { state, warnings, present } = await makeService({ maxKeytabAge: 60 });
    state.answer = () => new Promise<Keytab>(() => {});
    state.now = NOW + 61_000;
    const waiting = present(legitimate);
    await settle();
    vi.advanceTimersByTime(2000);
    expect(await waiting).toBe('KRB5_KT_IOERR');
    expect(warnings.map(({ kind }) => kind)).toEqual(['provider', 'expired']);
  });
});

describe('options of a credential', () => {
  const keytab = makeKeytab();

  it.each<[string, object, string]>([
    [
      'a promise of a keytab',
      { keytab: Promise.resolve(keytab) },
      'keytab: expected a keytab or a function, got a promise: is an await missing?',
    ],
    ['no keytab', {}, 'keytab: expected a keytab or a function, got undefined'],
    ['a path', { keytab: '/etc/krb5.keytab' }, 'keytab: expected a keytab or a function, got text'],
    [
      'no entries',
      { keytab: { version: 2 } },
      'keytab: expected a keytab or a function, it has no list of entries',
    ],
    [
      'an unset variable',
      { keytab, service: undefined },
      'service: expected a value, got undefined; omit the option to use its default',
    ],
    ['null', { keytab, service: null }, 'service: expected a name or a list of names, got null'],
    ['a number', { keytab, service: 80 }, 'service: expected a name or a list of names, got 80'],
    [
      '* among others',
      { keytab, service: ['host@', '*'] },
      "service names: expected names of services, got '*' at 1",
    ],
    [
      '* in a list',
      { keytab, service: ['*'] },
      "service names: expected names of services, got '*' at 0",
    ],
    [
      'an unset variable in a list',
      { keytab, service: ['host@', undefined] },
      'service names: expected names of services, got undefined at 1',
    ],
    [
      'a misspelt name',
      { keytab, services: 'host@' },
      'acquireCredential: expected no option "services"; is service meant?',
    ],
    ['no number', { keytab, maxKeytabAge: Number.NaN }, 'maxKeytabAge: expected seconds, got NaN'],
    ['a negative number', { keytab, maxKeytabAge: -1 }, 'maxKeytabAge: expected seconds, got -1'],
    [
      'a callback that is none',
      { keytab, onWarning: 'log' },
      'onWarning: expected a function, got text',
    ],
    [
      'a clock that is none',
      { keytab, clock: 5 },
      'clock: expected a function that is not async, got 5',
    ],
  ])('refuse %s', async (_, options, message) => {
    await expect(acquireCredential(options as AcquireCredentialOptions)).rejects.toThrow(
      expect.objectContaining({ message }),
    );
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['an object', {}],
    ['garbage', { version: 2, entries: [{}] }],
    ['a wiped key', disposed],
  ])('refuse a function that returns %s at the start', async (_, given) => {
    const acquiring = acquireCredential({ keytab: () => given as Keytab });
    await expect(acquiring).rejects.toMatchObject({ code: 'GSS_S_NO_CRED' });
  });
});
