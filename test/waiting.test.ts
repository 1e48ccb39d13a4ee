/** Every accept ends: the replay cache and the keytab may hang, the peer may go away. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { KeyUsage } from '../src/crypto/numbers.ts';
import { unframeToken } from '../src/gss/framing.ts';
import type { AcceptResult, Handshake, KerberosError } from '../src/index.ts';
import { acquireCredential, ContextFlag, createAcceptor, Mechanism } from '../src/index.ts';
import { decodeApReq, decodeAuthenticator } from '../src/messages/ap-req.ts';
import { encodeNegTokenInit } from '../src/spnego/neg-token.ts';
import { createInitiator } from '../src/testing/index.ts';
import { systemTimer } from '../src/time.ts';
import { Census } from './support/census.ts';
import type { ExchangeOptions } from './support/realm-kit.ts';
import { CLIENT, makeKeytab, makeParties, NOW, seededRandom } from './support/realm-kit.ts';
import { ManualTimers, settle } from './support/timers.ts';

const DCE = ContextFlag.dceStyle | ContextFlag.mutual | ContextFlag.integrity;

function minorOf(result: AcceptResult): KerberosError {
  if (result.status !== 'failed' || result.error.minor === undefined) {
    throw new Error(`expected a refusal, got ${result.status}`);
  }
  return result.error.minor;
}

/** A replay cache that answers when the test does. */
class SlowCache {
  readonly asked: { answer: (fresh: unknown) => void; fail: (error: unknown) => void }[] = [];

  checkAndStore(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.asked.push({ answer: resolve as (fresh: unknown) => void, fail: reject });
    });
  }
}

async function slowParties(options: ExchangeOptions = {}) {
  const timers = new ManualTimers();
  const cache = new SlowCache();
  const acceptor = { replayCache: cache, timer: timers.timer, ...options.acceptor };
  const parties = await makeParties({ ...options, acceptor });
  return { ...parties, timers, cache };
}

/** The keys of an exchange that is not established, from its first token. */
function secretsOf(token: Uint8Array, { ticket }: Awaited<ReturnType<typeof makeParties>>) {
  const apReq = decodeApReq(token[0] === 0x6e ? token : unframeToken(token).inner.subarray(2));
  const { subkey } = decodeAuthenticator(
    ticket.sessionKey.decrypt(KeyUsage.apReqAuthenticator, apReq.authenticator.cipher),
  );
  return { session: ticket.sessionKey.bytes(), subkey: subkey!.value };
}

/** Whatever is a rejection that nobody handles, until the end of the test. */
function unhandledRejections(): unknown[] {
  const seen: unknown[] = [];
  const listener = (reason: unknown): void => void seen.push(reason);
  process.on('unhandledRejection', listener);
  onTestFinished(() => void process.off('unhandledRejection', listener));
  return seen;
}

describe('a replay cache that does not answer', () => {
  it.each([
    [undefined, 5],
    [0.25, 0.25],
    [30, 30],
  ])('refuses after the deadline of %s s, and says for how long', async (deadline, seconds) => {
    const { initiator, begin, timers } = await slowParties({
      acceptor: deadline === undefined ? {} : { deadline },
    });
    const accepting = begin().accept(initiator.begin());
    await settle();
    expect(timers.running).toEqual([seconds * 1000]);
    timers.expire();
    expect(minorOf(await accepting)).toMatchObject({
      code: 'KRB5_RC_IO',
      message: `The replay cache did not answer for ${seconds} s`,
      detail: { seconds },
    });
  });

  it.each([
    ['yes', ({ answer }: SlowCache['asked'][number]) => answer(true)],
    ['no', ({ answer }: SlowCache['asked'][number]) => answer(false)],
    ['an error', ({ fail }: SlowCache['asked'][number]) => fail(new Error('connection lost'))],
  ])('changes nothing with %s that comes late, and leaves no key', async (_, reply) => {
    const rejections = unhandledRejections();
    const census = new Census();
    const parties = await slowParties();
    const { initiator, begin, timers, cache } = parties;
    const token = initiator.begin();
    const secrets = secretsOf(token, parties);
    const { accepting } = await census.watch(async () => {
      const waiting = { accepting: begin().accept(token) };
      await settle();
      return waiting;
    });
    expect(census.left(secrets).sort()).toEqual(['session', 'subkey']);
    const result = await census.watch(() => {
      timers.expire();
      return accepting;
    });
    expect(minorOf(result).code).toBe('KRB5_RC_IO');
    expect(census.left(secrets)).toEqual([]);
    await census.watch(async () => {
      reply(cache.asked[0]!);
      await settle();
    });
    expect(census.left(secrets)).toEqual([]);
    expect(rejections).toEqual([]);
  });

  it('lets in who is answered in time, and leaves no timer', async () => {
    const { initiator, begin, timers, cache } = await slowParties();
    const accepting = begin().accept(initiator.begin());
    await settle();
    cache.asked[0]!.answer(true);
    expect((await accepting).status).toBe('complete');
    expect(timers.running).toEqual([]);
  });

  it('is not waited for by more than 1024, and by others as soon as it answers', async () => {
    const { ticket, acceptor, timers, cache } = await slowParties();
    let seed = 100;
    const accept = (): Promise<AcceptResult> =>
      acceptor
        .begin()
        .accept(
          createInitiator({ ticket, clock: () => NOW, random: seededRandom(seed++) }).begin(),
        );
    const waiting = Array.from({ length: 1024 }, accept);
    expect(minorOf(await accept())).toMatchObject({
      code: 'KRB5_RC_IO',
      message: 'The replay cache does not answer',
      detail: { waiting: 1024 },
    });
    expect(cache.asked.length).toBe(1024);
    cache.asked[0]!.answer(true);
    expect((await waiting[0]!).status).toBe('complete');
    const late = accept();
    await settle();
    expect(cache.asked.length).toBe(1025);
    timers.expire();
    for (const one of [...waiting.slice(1), late])
      expect(minorOf(await one).code).toBe('KRB5_RC_IO');
    const next = accept();
    await settle();
    cache.asked.at(-1)!.answer(true);
    expect((await next).status).toBe('complete');
  });
});

describe('a replay cache that answers at once', () => {
  it('costs no timer', async () => {
    const timers = new ManualTimers();
    const { initiator, begin } = await makeParties({ acceptor: { timer: timers.timer } });
    expect((await begin().accept(initiator.begin())).status).toBe('complete');
    expect(timers.started).toBe(0);
  });
});

const thenable = (then: unknown): never => ({ then }) as never;

describe('a replay cache at fault', () => {
  it.each<[string, () => never, RegExp | string]>([
    ['1', () => 1 as never, 'expected true or false, got 1;'],
    ["'true'", () => 'true' as never, 'expected true or false, got text;'],
    ['null', () => null as never, 'expected true or false, got null;'],
    ['undefined', () => undefined as never, 'expected true or false, got undefined;'],
    ['an object', () => ({}) as never, 'expected true or false, got an object;'],
    ['a promise of 1', () => Promise.resolve(1) as never, 'expected true or false, got 1;'],
    [
      'a thenable that gives text',
      () => thenable((resolve: (x: unknown) => void) => resolve('OK')),
      'expected true or false, got text;',
    ],
    [
      'a thenable that throws',
      () => {
        return thenable(() => {
          throw new TypeError('no\nway');
        });
      },
      'threw TypeError: no\\x0away;',
    ],
    [
      'an object whose then cannot be read',
      () =>
        Object.defineProperty({}, 'then', {
          get: () => {
            throw new RangeError('trap');
          },
        }) as never,
      'threw RangeError: trap;',
    ],
    [
      'nothing, and throws',
      () => {
        throw new Error('redis://user:secret@cache:6379 refused the connection');
      },
      'threw Error: redis://...@cache:6379 refused the connection;',
    ],
    [
      'a rejection',
      () => Promise.reject(new Error('x'.repeat(9999))) as never,
      /threw Error: x{249}\.\.\.;/,
    ],
    ['a rejection with text', () => Promise.reject('secret') as never, 'threw string;'],
  ])('that answers %s lets nobody in, and is told so', async (_, checkAndStore, hint) => {
    const rejections = unhandledRejections();
    const { initiator, begin } = await makeParties({
      acceptor: { replayCache: { checkAndStore } },
    });
    const minor = minorOf(await begin().accept(initiator.begin()));
    expect(minor.code).toBe('KRB5_RC_IO');
    expect(minor.hint).toMatch(hint);
    await settle();
    expect(rejections).toEqual([]);
  });

  it('that answers twice is heard once', async () => {
    const both = (resolve: (fresh: unknown) => void, reject: (error: unknown) => void): void => {
      resolve(false);
      resolve(true);
      reject(new Error('and failed'));
    };
    const replayCache = { checkAndStore: () => thenable(both) };
    const { initiator, begin } = await makeParties({ acceptor: { replayCache } });
    expect(minorOf(await begin().accept(initiator.begin())).code).toBe('KRB_AP_ERR_REPEAT');
  });
});

describe('a keytab that does not answer', () => {
  it('refuses after the deadline who has another key, and serves all others', async () => {
    const timers = new ManualTimers();
    const keytab = makeKeytab();
    let asked = 0;
    const credential = await acquireCredential({
      keytab: () => (asked++ === 0 ? keytab : new Promise<never>(() => {})),
    });
    const acceptor = createAcceptor({ credential, clock: () => NOW, timer: timers.timer });
    const stranger = await makeParties({ keytab: makeKeytab({ seed: 99, kvno: 2 }) });
    const accepting = acceptor.begin().accept(stranger.initiator.begin());
    await settle();
    const good = await makeParties({ keytab });
    expect((await acceptor.begin().accept(good.initiator.begin())).status).toBe('complete');
    timers.expire();
    expect(minorOf(await accepting)).toMatchObject({
      code: 'KRB5_KT_IOERR',
      message: 'The keytab did not answer for 5 s',
    });
  });
});

describe('an exchange that is given up while it waits', () => {
  const WAYS: readonly (readonly [
    string,
    (handshake: Handshake, controller: AbortController) => void,
  ])[] = [
    ['by abort()', (handshake) => handshake.abort(new Error('client is gone'))],
    ['by disposing of it', (handshake) => handshake[Symbol.dispose]()],
    ['by its signal', (_, controller) => controller.abort(new Error('client is gone'))],
  ];

  it.each(WAYS)('ends at once, %s, and leaves no key', async (_, giveUp) => {
    const rejections = unhandledRejections();
    const controller = new AbortController();
    const census = new Census();
    const parties = await slowParties({ handshake: { signal: controller.signal } });
    const token = parties.initiator.begin();
    const secrets = secretsOf(token, parties);
    const handshake = parties.begin();
    const result = await census.watch(async () => {
      const accepting = handshake.accept(token);
      await settle();
      giveUp(handshake, controller);
      return accepting;
    });
    expect(minorOf(result)).toMatchObject({
      code: 'KRB_ERR_GENERIC',
      message: 'The exchange was aborted',
    });
    expect(parties.timers.running).toEqual([]);
    await census.watch(async () => {
      parties.cache.asked[0]!.answer(true);
      await settle();
    });
    expect(census.left(secrets)).toEqual([]);
    expect(rejections).toEqual([]);
    expect(minorOf(await handshake.accept(token)).message).toBe('The exchange was aborted');
  });

  it('says why, where the reason is an error', async () => {
    const controller = new AbortController();
    const { initiator, begin } = await slowParties();
    const accepting = begin().accept(initiator.begin(), { signal: controller.signal });
    await settle();
    const reason = new Error('client is\ngone');
    controller.abort(reason);
    expect(minorOf(await accepting)).toMatchObject({
      hint: 'Error: client is\\x0agone',
      cause: reason,
    });
  });

  it('takes no listener along into the next one', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = new Set<unknown>();
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (type: string, listener: never) => {
      listeners.add(listener);
      addEventListener.call(signal, type, listener);
    };
    signal.removeEventListener = (type: string, listener: never) => {
      listeners.delete(listener);
      removeEventListener.call(signal, type, listener);
    };
    const { initiator, begin, cache } = await slowParties({ handshake: { signal } });
    const accepting = begin().accept(initiator.begin());
    await settle();
    expect(listeners.size).toBe(1);
    cache.asked[0]!.answer(true);
    expect((await accepting).status).toBe('complete');
    expect(listeners.size).toBe(0);
  });
});

describe('an exchange that is given up before it begins', () => {
  it('asks nobody', async () => {
    const { initiator, begin, cache } = await slowParties();
    const signal = AbortSignal.abort();
    const result = await begin().accept(initiator.begin(), { signal });
    expect(minorOf(result).message).toBe('The exchange was aborted');
    expect(cache.asked).toEqual([]);
  });
});

describe('an exchange that is given up between two tokens', () => {
  it.each([
    ['bare', false],
    ['in SPNEGO', true],
  ])('leaves no key (DCE style, %s)', async (_, spnego) => {
    const census = new Census();
    const parties = await makeParties({ initiator: { flags: DCE } });
    const token = parties.initiator.begin();
    const secrets = secretsOf(token, parties);
    const handshake = parties.begin();
    const second = await census.watch(() =>
      handshake.accept(
        spnego ? encodeNegTokenInit({ mechTypes: [Mechanism.krb5], mechToken: token }) : token,
      ),
    );
    expect(second.status).toBe('continue');
    expect(census.left(secrets).sort()).toEqual(['session', 'subkey']);
    handshake.abort();
    expect(census.left(secrets)).toEqual([]);
    expect(minorOf(await handshake.accept(token)).message).toBe('The exchange was aborted');
    expect(() => handshake.export()).toThrow(TypeError);
  });

  it('leaves no key in SPNEGO where the next token is nonsense', async () => {
    const census = new Census();
    const parties = await makeParties({ initiator: { flags: DCE } });
    const token = parties.initiator.begin();
    const secrets = secretsOf(token, parties);
    const handshake = parties.begin();
    const mechTypes = [Mechanism.krb5];
    await census.watch(() => handshake.accept(encodeNegTokenInit({ mechTypes, mechToken: token })));
    expect((await handshake.accept(Uint8Array.of(0xa1, 0x00))).status).toBe('failed');
    expect(census.left(secrets)).toEqual([]);
  });
});

describe('a context that is established', () => {
  it('outlives the end of its exchange', async () => {
    const { initiator, begin } = await makeParties();
    const handshake = begin();
    const result = await handshake.accept(initiator.begin());
    handshake.abort();
    if (result.status !== 'complete') throw new Error(result.status);
    expect(result.context.initiator.toString()).toBe(CLIENT);
    const client = initiator.finish(result.outputToken);
    client.verifyMic(Uint8Array.of(1), result.context.getMic(Uint8Array.of(1)));
  });

  it('outlives the end of its exchange in DCE style', async () => {
    const { initiator, begin } = await makeParties({ initiator: { flags: DCE } });
    const handshake = begin();
    const second = await handshake.accept(initiator.begin());
    const client = initiator.finish(second.outputToken!);
    const result = await handshake.accept(initiator.confirm(second.outputToken!));
    handshake.abort();
    if (result.status !== 'complete') throw new Error(result.status);
    client.verifyMic(Uint8Array.of(1), result.context.getMic(Uint8Array.of(1)));
  });
});

describe('the options of waiting', () => {
  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2_147_484, '5', null])(
    'have no deadline of %s',
    async (deadline) => {
      await expect(makeParties({ acceptor: { deadline: deadline as never } })).rejects.toThrow(
        /^deadline: expected a number above 0 and at most 2147483/,
      );
    },
  );

  it('fails if it was aborted while the texts of a failed PAC were loaded', async () => {
    vi.resetModules();
    const fresh = await import('./support/realm-kit.ts');
    const { encodeAuthorizationData } = await import('../src/messages/authorization-data.ts');
    const pac = encodeAuthorizationData([{ type: 128, data: new Uint8Array(8).fill(255) }]);
    const { initiator, begin } = await fresh.makeParties({
      ticket: { authorizationData: [{ type: 1, data: pac }] },
    });
    const handshake = begin();
    const accepting = handshake.accept(initiator.begin());
    // The code of the catalogue is not there so soon.
    for (let i = 0; i < 30; i++) await undefined;
    handshake.abort();
    expect(await accepting).toMatchObject({
      status: 'failed',
      error: { minor: { reason: 'fault.aborted' } },
    });
    // A client without that failure was not refused, had it come first.
    const next = await begin().accept(initiator.begin());
    expect(next).toMatchObject({ context: { pacError: { reason: 'pac.malformed' } } });
  });

  it('fails at the deadline if the texts of its failure cannot be loaded, in the words of MIT krb5', async () => {
    vi.resetModules();
    vi.doMock('../src/explain/catalogue.ts', () => new Promise(() => {}));
    onTestFinished(() => vi.doUnmock('../src/explain/catalogue.ts'));
    const fresh = await import('./support/realm-kit.ts');
    const timers = new ManualTimers();
    const { initiator, begin } = await fresh.makeParties({
      ticket: { endTime: 1 },
      acceptor: { timer: timers.timer },
    });
    for (const aborted of [false, true]) {
      const handshake = begin();
      if (aborted) handshake.abort();
      const accepting = handshake.accept(initiator.begin());
      await expect.poll(() => timers.running).toEqual([5000]);
      timers.expire();
      const result = await accepting;
      if (result.status !== 'failed') throw new Error(result.status);
      expect(result.error.text).toBe(aborted ? 'The exchange was aborted' : 'Ticket expired');
    }
  });

  it.each([
    ['../src/handshake-import.ts', {}],
    ['../src/context/open-delegation.ts', { flags: DCE | ContextFlag.delegation }],
  ])('fails at the deadline if %s cannot be loaded, and leaves no key', async (path, initiator) => {
    vi.resetModules();
    vi.doMock(path, () => new Promise(() => {}));
    onTestFinished(() => vi.doUnmock(path));
    const fresh = await import('./support/realm-kit.ts');
    const timers = new ManualTimers();
    const parties = await fresh.makeParties({
      initiator: { ...initiator, delegation: Uint8Array.of(1, 2, 3) },
      acceptor: { timer: timers.timer },
    });
    const token = parties.initiator.begin();
    const secrets = secretsOf(token, parties);
    const moved = parties.acceptor.resume(parties.begin().export());
    const census = new Census();
    const result = await census.watch(async () => {
      const accepting = moved.accept(token);
      await expect.poll(() => timers.running).toEqual([5000]);
      timers.expire();
      return await accepting;
    });
    expect(result).toMatchObject({
      status: 'failed',
      error: { reason: 'fault.module-silent', detail: { name: 'module loader', seconds: 5 } },
    });
    expect(census.left(secrets)).toEqual([]);
  });

  it('is not disturbed by another call before the answer, whatever that brings', async () => {
    const { initiator, begin, cache } = await slowParties();
    const token = initiator.begin();
    const handshake = begin();
    const accepting = handshake.accept(token);
    await settle();
    const aborted = { signal: AbortSignal.abort() };
    await expect(handshake.accept(token, aborted)).rejects.toThrow(/one token at a time/);
    cache.asked[0]!.answer(true);
    expect((await accepting).status).toBe('complete');
    await expect(handshake.accept(token, aborted)).rejects.toThrow(/after the end/);
  });

  it.each([{}, null, 'abort', new AbortController()])('have no signal of %o', async (signal) => {
    const { acceptor, begin } = await makeParties();
    expect(() => acceptor.begin({ signal: signal as never })).toThrow(/^signal: expected an Abort/);
    await expect(begin().accept(new Uint8Array(), { signal: signal as never })).rejects.toThrow(
      /^signal: expected an Abort/,
    );
  });
});

describe("the runtime's timer", () => {
  it('does not keep a process alive', () => {
    const started = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => started.mockRestore());
    const callback = vi.fn();
    const cancel = systemTimer(callback, 60_000);
    const timeout = started.mock.results[0]!.value as NodeJS.Timeout;
    expect(timeout.hasRef()).toBe(false);
    cancel();
  });

  it('calls back', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const callback = vi.fn();
    systemTimer(callback, 5000);
    systemTimer(callback, 5000)();
    vi.advanceTimersByTime(4999);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
  });
});
