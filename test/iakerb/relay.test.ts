import { describe, expect, it, vi } from 'vitest';
import { KerberosError } from '../../src/errors.ts';
import {
  frameMechanismToken,
  frameToken,
  readFirstToken,
  TokenId,
  unframeToken,
} from '../../src/gss/framing.ts';
import type { AcceptorOptions, AskKdc, IakerbOptions } from '../../src/index.ts';
import {
  acquireCredential,
  ContextFlag,
  createAcceptor,
  explain,
  Mechanism,
} from '../../src/index.ts';
import { Relays } from '../../src/krb5/relays.ts';
import { Tag } from '../../src/messages/der/reader.ts';
import { parseHostAddress } from '../../src/messages/host-address.ts';
import type { ProxiedMessage } from '../../src/messages/kdc/iakerb.ts';
import { decodeProxiedMessage, encodeProxiedMessage } from '../../src/messages/kdc/iakerb.ts';
import { decodeKrbError, encodeKrbError } from '../../src/messages/krb-error.ts';
import type { HostAddress } from '../../src/messages/primitives.ts';
import { AddressType } from '../../src/messages/primitives.ts';
import {
  encodeNegTokenInit,
  encodeNegTokenResp,
  readNegToken,
} from '../../src/spnego/neg-token.ts';
import type { IakerbInitiatorOptions, RealmOptions } from '../../src/testing/index.ts';
import {
  createIakerbInitiator,
  createInitiator,
  createRealm,
  requestTicket,
} from '../../src/testing/index.ts';
import type { Timer } from '../../src/time.ts';

const SERVICE = 'host/www.example.test';

async function world({
  realm,
  ...options
}: Omit<Partial<AcceptorOptions>, 'iakerb'> & {
  readonly realm?: RealmOptions;
  readonly iakerb?: Partial<IakerbOptions>;
} = {}) {
  const test = createRealm({ services: [SERVICE], ...realm });
  const kdc = vi.fn(test.kdc);
  const acceptor = createAcceptor({
    credential: await acquireCredential({ keytab: test.keytab }),
    ...options,
    iakerb: { kdc, ...options.iakerb },
  });
  return { realm: test, kdc, acceptor };
}

function client(options: Partial<IakerbInitiatorOptions> = {}) {
  return createIakerbInitiator({
    client: 'alice@EXAMPLE.TEST',
    password: 'alice-password',
    service: SERVICE,
    ...options,
  });
}

type World = Awaited<ReturnType<typeof world>>;

/** Both sides until the acceptor is done. @param between - Called after each answer. */
async function meet(
  { acceptor }: Pick<World, 'acceptor'>,
  initiator = client(),
  { exported = false, alter = (token: Uint8Array) => token } = {},
) {
  let handshake = acceptor.begin();
  let step = initiator.begin();
  for (;;) {
    if (step.status !== 'continue') throw new Error('the initiator was done first');
    const result = await handshake.accept(alter(step.outputToken));
    if (result.status !== 'continue') return { result, initiator };
    if (exported) handshake = acceptor.resume(handshake.export());
    step = initiator.step(alter(result.outputToken));
  }
}

describe('IAKERB', () => {
  it.each(['draft', 'old-mit'] as const)(
    'logs a client in by its password, in the form %s',
    async (dialect) => {
      const { kdc, ...here } = await world();
      const { result, initiator } = await meet(here, client({ dialect }));
      expect(result).toMatchObject({ status: 'complete' });
      if (result.status !== 'complete') return;
      expect(`${result.context.initiator}`).toBe('alice@EXAMPLE.TEST');
      expect(result.context.mechanism).toBe(Mechanism.iakerb);
      const final = initiator.step(result.outputToken);
      if (final.status !== 'complete') throw new Error('not complete');
      const message = Uint8Array.of(1, 2, 3);
      expect(result.context.unwrap(final.context.wrap(message)).message).toEqual(message);
      final.context.verifyMic(message, result.context.getMic(message));
      expect(kdc).toHaveBeenCalledTimes(3);
    },
  );

  it('tells a client our realm that does not know its own', async () => {
    const here = await world();
    const { result } = await meet(here, client({ client: 'alice' }));
    expect(result.status).toBe('complete');
    expect(here.kdc).toHaveBeenCalledTimes(3);
  });

  it('goes on elsewhere between any two tokens', async () => {
    const { result } = await meet(await world(), client(), { exported: true });
    expect(result.status).toBe('complete');
  });

  it('does DCE style', async () => {
    const { acceptor } = await world();
    const handshake = acceptor.begin();
    const initiator = client({ flags: ContextFlag.mutual | ContextFlag.dceStyle });
    let step = initiator.begin();
    for (;;) {
      if (step.outputToken === undefined) throw new Error('no token');
      const result = await handshake.accept(step.outputToken);
      if (result.status === 'complete') break;
      if (result.status === 'failed') throw result.error;
      step = initiator.step(result.outputToken);
    }
    expect(step.status).toBe('complete');
  });

  it('takes an AP-REQ that names Kerberos, and answers in the same way', async () => {
    const here = await world();
    let tokens = 0;
    const alter = (token: Uint8Array) =>
      ++tokens === 7 ? frameMechanismToken(Mechanism.krb5, unframeToken(token).inner) : token;
    const { result } = await meet(here, client(), { alter });
    expect(tokens).toBe(7);
    if (result.status !== 'complete') throw result;
    expect(result.context.mechanism).toBe(Mechanism.iakerb);
    expect(unframeToken(result.outputToken!).mechanism).toBe(Mechanism.krb5);
  });

  it.each([
    ['a message for a KDC that names Kerberos', TokenId.iakerbProxy, Mechanism.krb5],
    ['an AP-REQ of another mechanism', TokenId.apReq, Mechanism.ntlmssp],
  ])('refuses %s', async (_, tokenId, mechanism) => {
    const { acceptor } = await world();
    const handshake = acceptor.begin();
    const { outputToken } = client().begin();
    expect((await handshake.accept(outputToken!)).status).toBe('continue');
    const { inner } = unframeToken(outputToken!);
    const token = frameToken(mechanism, tokenId, inner.subarray(2));
    expect((await handshake.accept(token)).status).toBe('failed');
  });

  it('passes on what the KDC refuses', async () => {
    const here = await world();
    await expect(meet(here, client({ password: 'wrong' }))).rejects.toMatchObject({
      code: 'KDC_ERR_PREAUTH_FAILED',
    });
  });

  it('keeps copies of the tokens, which belong to the caller', async () => {
    const { acceptor } = await world();
    const handshake = acceptor.begin();
    const initiator = client();
    let step = initiator.begin();
    for (;;) {
      const result = await handshake.accept(step.outputToken!);
      step.outputToken!.fill(0);
      if (result.status === 'failed') throw result.error;
      step = initiator.step(result.outputToken);
      result.outputToken!.fill(0);
      if (result.status === 'complete') break;
    }
    expect(step.status).toBe('complete');
  });

  it('tells of a client that goes away after an error of the KDC', async () => {
    const { acceptor } = await world();
    const handshake = acceptor.begin();
    await handshake.accept(client({ password: 'wrong' }).begin().outputToken!);
    const left = handshake.abandonment;
    expect(left).toMatchObject({ reason: 'negotiate.abandoned', detail: { relayed: true } });
    await explain(left);
    expect(left?.text).toMatch(/in the middle of a login that was relayed/);
    expect(left?.remedies).toEqual([expect.stringMatching(/log of the KDC/)]);
  });

  it.each([
    ['a token of the client', 0],
    ['a token of the acceptor', 1],
    ['the last answer', 5],
  ])('refuses where %s was altered on its way', async (_, which) => {
    const here = await world();
    let count = 0;
    // In the cookie, which both sides skip: nobody notices but the checksum.
    const alter = (token: Uint8Array) => (count++ === which ? withCookie(token) : token);
    const { result } = await meet(here, client(), { alter });
    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'GSS_S_BAD_MIC', reason: 'iakerb.transcript' },
    });
  });
});

/** The failure of an exchange whose initiator gets a KRB-ERROR of the relay. */
async function refusal(here: Pick<World, 'acceptor'>, initiator = client()) {
  const { result } = await meet(here, initiator);
  if (result.status !== 'failed') throw new Error('it was not refused');
  return {
    reason: result.error.reason,
    detail: result.error.detail,
    code: result.error.minor?.code,
    told: result.outputToken && readErrorOf(result.outputToken),
  };
}

/** The number of the KRB-ERROR in an IAKERB_PROXY token, which says nothing else. */
function readErrorOf(token: Uint8Array): number {
  const { inner } = unframeToken(token);
  const error = decodeKrbError(decodeProxiedMessage(inner.subarray(2)).message);
  expect(error).not.toHaveProperty('eText');
  expect(error).not.toHaveProperty('eData');
  return error.errorCode;
}

describe('what is relayed', () => {
  it('goes to the realms of the keytab only', async () => {
    const here = await world();
    expect(await refusal(here, client({ client: 'eve@ELSEWHERE.TEST' }))).toEqual({
      reason: 'iakerb.realm-not-relayed',
      detail: { realm: 'ELSEWHERE.TEST' },
      code: 'KRB_AP_ERR_IAKERB_KDC_NOT_FOUND',
      told: 85,
    });
    expect(here.kdc).not.toHaveBeenCalled();
  });

  it.each([
    ['a list', ['ELSEWHERE.TEST']],
    ['a function', (realm: string) => realm === 'ELSEWHERE.TEST'],
    ['a function of a promise', async (realm: string) => realm === 'ELSEWHERE.TEST'],
  ])('goes to the realms of %s, and to no other', async (_, realms) => {
    const here = await world({ iakerb: { realms } });
    expect(await refusal(here)).toMatchObject({ told: 85 });
    expect(here.kdc).not.toHaveBeenCalled();
    await meet(here, client({ client: 'eve@ELSEWHERE.TEST' }));
    expect(here.kdc).toHaveBeenCalled();
  });

  it.each([
    ['undefined', () => undefined],
    ['a truthy value', () => 'yes'],
    ['a rejection', () => Promise.reject(new Error('no'))],
    [
      'an exception',
      () => {
        throw new Error('no');
      },
    ],
  ])('goes nowhere if the function realms gives %s', async (_, realms) => {
    const here = await world({ iakerb: { realms: realms as unknown as () => boolean } });
    const { reason, detail } = await refusal(here);
    expect(reason).toBeTypeOf('string');
    expect(detail).toMatchObject({ realm: 'EXAMPLE.TEST' });
    expect(here.kdc).not.toHaveBeenCalled();
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('connect ECONNREFUSED'))],
    ['answers nothing', async () => new Uint8Array()],
    ['answers no bytes', async () => 'x' as unknown as Uint8Array],
    ['answers another message', async () => Uint8Array.of(0x6d, 0x02, 0x30, 0x00)],
    ['answers two messages', async () => Uint8Array.of(0x6b, 0x00, 0x6b, 0x00)],
    ['floods', async () => new Uint8Array(200_000).fill(0x6b)],
    [
      'throws',
      () => {
        throw new Error('a defect');
      },
    ],
  ])('ends if the KDC %s', async (_, kdc) => {
    const here = await world({ iakerb: { kdc } });
    const { reason, detail, code, told } = await refusal(here);
    expect({ reason, code, told }).toEqual({
      reason: 'iakerb.kdc-unreachable',
      code: 'KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE',
      told: 86,
    });
    expect(detail).toMatchObject({ realm: 'EXAMPLE.TEST', problem: expect.any(String) });
  });

  it('ends if no KDC is known', async () => {
    const unknown = new KerberosError('KRB5_REALM_UNKNOWN', { reason: 'config.missing' });
    const here = await world({ iakerb: { kdc: () => Promise.reject(unknown) } });
    expect(await refusal(here)).toMatchObject({ told: 85, reason: 'iakerb.realm-not-relayed' });
  });

  it('waits for a KDC as long as its own deadline says, and tells it to stop', async () => {
    const timers: { readonly ring: () => void; readonly delay: number }[] = [];
    const timer: Timer = (ring, delay) => {
      timers.push({ ring, delay });
      return () => {};
    };
    const signals: AbortSignal[] = [];
    const kdc: AskKdc = (_realm, _message, signal) => {
      signals.push(signal as AbortSignal);
      return new Promise(() => {});
    };
    const { acceptor } = await world({ timer, iakerb: { kdc, deadline: 7 } });
    const asked = refusal({ acceptor });
    await expect.poll(() => timers).toHaveLength(1);
    expect(timers[0]?.delay).toBe(7000);
    expect(signals[0]?.aborted).toBe(false);
    timers[0]?.ring();
    expect(await asked).toMatchObject({ told: 86, reason: 'iakerb.kdc-unreachable' });
    expect(signals[0]?.aborted).toBe(true);
  });

  it('is told to have met its deadline, not by the reason of the signal, as fetch has it', async () => {
    let ring: (() => void) | undefined;
    const timer: Timer = (call) => {
      ring = call;
      return () => {};
    };
    const kdc: AskKdc = (_realm, _message, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const { acceptor } = await world({ timer, iakerb: { kdc, deadline: 7 } });
    const asked = refusal({ acceptor });
    await expect.poll(() => ring).toBeDefined();
    ring?.();
    const problem = 'The function of iakerb did not answer for 7 s';
    expect(await asked).toMatchObject({ told: 86, detail: { problem } });
  });

  it('ends with the connection', async () => {
    const signals: AbortSignal[] = [];
    const kdc: AskKdc = (_realm, _message, signal) => {
      signals.push(signal as AbortSignal);
      return new Promise(() => {});
    };
    const { acceptor } = await world({ iakerb: { kdc } });
    const handshake = acceptor.begin();
    const { outputToken } = client().begin();
    const accepting = handshake.accept(outputToken!);
    await expect.poll(() => signals).toHaveLength(1);
    handshake.abort();
    expect((await accepting).status).toBe('failed');
    expect(signals[0]?.aborted).toBe(true);
  });

  it('lets a thousand exchanges wait for a KDC, and serves other clients meanwhile', async () => {
    const { kdc: answer, keytab } = createRealm({ services: [SERVICE] });
    let open: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let waiting = 0;
    const kdc: AskKdc = async (realm, message) => {
      waiting++;
      await gate;
      return await answer(realm, message);
    };
    const acceptor = createAcceptor({
      credential: await acquireCredential({ keytab }),
      iakerb: { kdc, maxRelaysPerSource: 1000, ratePerSource: 1000 },
      // The deadlines never come, however long the machine takes.
      timer: () => () => {},
    });
    const logins = Array.from({ length: 20 }, () => meet({ acceptor }));
    // Of the others the first token is enough: a whole login derives keys from passwords.
    const token = client().begin().outputToken!;
    const exchanges = Array.from({ length: 980 }, () => acceptor.begin().accept(token));
    await expect.poll(() => waiting).toBe(1000);
    const ticket = await requestTicket({
      kdc: answer,
      client: 'alice@EXAMPLE.TEST',
      password: 'alice-password',
      service: SERVICE,
    });
    const direct = await acceptor.begin().accept(createInitiator({ ticket }).begin());
    expect(direct.status).toBe('complete');
    open?.();
    const results = (await Promise.all(logins)).map(({ result }) => result.status);
    expect(results).toEqual(Array(20).fill('complete'));
    const statuses = new Set((await Promise.all(exchanges)).map(({ status }) => status));
    expect(statuses).toEqual(new Set(['continue']));
  });

  it('has a bound for each exchange', async () => {
    const error = encodeKrbError({
      stime: 0,
      susec: 0,
      errorCode: 25,
      realm: 'EXAMPLE.TEST',
      serverName: { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] },
    });
    const { acceptor } = await world({ iakerb: { kdc: async () => error } });
    const handshake = acceptor.begin();
    const token = client().begin().outputToken!;
    for (let hop = 0; hop < 26; hop++) {
      expect((await handshake.accept(token)).status).toBe('continue');
    }
    expect(await handshake.accept(token)).toMatchObject({
      status: 'failed',
      error: { reason: 'iakerb.too-many' },
    });
  });

  it('has a bound for the bytes that an exchange keeps', async () => {
    const long = new Uint8Array(120_000);
    long.set([0x7e, 0x83, 0x01, 0xd4, 0xbb]);
    const { acceptor } = await world({ iakerb: { kdc: async () => long } });
    const handshake = acceptor.begin();
    const token = client().begin().outputToken!;
    let hops = 0;
    let result = await handshake.accept(token);
    for (; result.status === 'continue'; hops++) result = await handshake.accept(token);
    expect(hops).toBe(9);
    expect(result).toMatchObject({ error: { reason: 'iakerb.too-many' } });
  });

  it('has bounds for one address, and for all', async () => {
    const waiting: (() => void)[] = [];
    const kdc = () => new Promise<Uint8Array>((_, reject) => waiting.push(reject));
    const here = await world({ iakerb: { kdc, maxRelays: 3, maxRelaysPerSource: 2 } });
    const address = (last: number) => ({ type: 2, address: Uint8Array.of(192, 0, 2, last) });
    const begin = (last: number) =>
      here.acceptor.begin({ peerAddress: address(last) }).accept(client().begin().outputToken!);
    const open = [begin(1), begin(1)];
    await expect.poll(() => waiting).toHaveLength(2);
    expect(await begin(1)).toMatchObject({ error: { detail: { bound: 'maxRelaysPerSource, 2' } } });
    open.push(begin(2));
    await expect.poll(() => waiting).toHaveLength(3);
    expect(await begin(3)).toMatchObject({ error: { detail: { bound: 'maxRelays, 3' } } });
    for (const end of waiting.splice(0)) end();
    await Promise.all(open);
    open.push(begin(1));
    await expect.poll(() => waiting).toHaveLength(1);
  });

  it('asks the function realms within the bounds', async () => {
    const waiting: ((verdict: boolean) => void)[] = [];
    const realms = () => new Promise<boolean>((resolve) => waiting.push(resolve));
    const here = await world({ iakerb: { realms, maxRelays: 2, ratePerSource: 0.3 } });
    const begin = () => here.acceptor.begin().accept(client().begin().outputToken!);
    const open = [begin(), begin()];
    await expect.poll(() => waiting).toHaveLength(2);
    expect(await begin()).toMatchObject({ error: { detail: { bound: 'maxRelays, 2' } } });
    expect(waiting).toHaveLength(2);
    for (const end of waiting.splice(0)) end(false);
    const refused = { status: 'failed', error: { reason: 'iakerb.realm-not-relayed' } };
    expect(await Promise.all(open)).toMatchObject([refused, refused]);
    open.push(begin());
    await expect.poll(() => waiting).toHaveLength(1);
    const bound = 'ratePerSource, 0.3 a second';
    expect(await begin()).toMatchObject({ error: { detail: { bound } } });
    expect(here.kdc).not.toHaveBeenCalled();
    waiting[0]?.(true);
    expect(await open[2]).toMatchObject({ status: 'continue' });
  });

  it.each([
    ['a message of another kind', Uint8Array.of(0x6e, 0x00)],
    ['more than one message', Uint8Array.of(0x6a, 0x00, 0x6a, 0x00)],
    ['a very long message', new Uint8Array(131_073).fill(0x6a)],
    ['no message', new Uint8Array()],
  ])('is not %s', async (_, message) => {
    const { acceptor, kdc } = await world();
    const token = proxyToken({ targetRealm: 'EXAMPLE.TEST', message });
    expect((await acceptor.begin().accept(token)).status).toBe('failed');
    expect(kdc).not.toHaveBeenCalled();
  });

  it('has at most 128 KiB, a question as an answer', async () => {
    const lengths = { question: 131_072, answer: 131_072 };
    const asked: number[] = [];
    const kdc: AskKdc = async (_realm, message) => {
      asked.push(message.length);
      return whole(0x6b, lengths.answer);
    };
    const { acceptor } = await world({ iakerb: { kdc } });
    const relay = () => {
      const message = whole(0x6a, lengths.question);
      return acceptor.begin().accept(proxyToken({ targetRealm: 'EXAMPLE.TEST', message }));
    };
    expect((await relay()).status).toBe('continue');
    lengths.answer++;
    expect(await relay()).toMatchObject({ error: { reason: 'iakerb.kdc-unreachable' } });
    lengths.question++;
    expect(await relay()).toMatchObject({ error: { reason: 'token.too-long' } });
    expect(asked).toEqual([131_072, 131_072]);
  });

  it('is nothing without the option', async () => {
    const { keytab } = createRealm({ services: [SERVICE] });
    const credential = await acquireCredential({ keytab });
    const token = client().begin().outputToken!;
    const result = await createAcceptor({ credential }).begin().accept(token);
    expect(result).toMatchObject({ status: 'failed', error: { code: 'GSS_S_NO_CRED' } });
    expect(() => createAcceptor({ credential, mechanisms: [Mechanism.iakerb] })).toThrow(
      /IAKERB expected the option iakerb/,
    );
    const iakerb = { kdc: async () => new Uint8Array() };
    expect(() => createAcceptor({ credential, mechanisms: [Mechanism.krb5], iakerb })).toThrow(
      /expected IAKERB among the mechanisms/,
    );
  });
});

describe('IAKERB in SPNEGO', () => {
  it('is negotiated as any mechanism, and exported between its tokens', async () => {
    const { acceptor } = await world();
    const initiator = client();
    const first = initiator.begin().outputToken!;
    const init = encodeNegTokenInit({ mechTypes: [Mechanism.iakerb], mechToken: first });
    let handshake = acceptor.begin();
    let result = await handshake.accept(init);
    for (;;) {
      if (result.status === 'failed') throw result.error;
      const answer = readNegToken(readFirstToken(result.outputToken!));
      if (answer.kind !== 'resp') throw new Error('no answer');
      if (result.status === 'complete') {
        expect(initiator.step(answer.responseToken).status).toBe('complete');
        expect(result.context.mechanism).toBe(Mechanism.iakerb);
        break;
      }
      const { outputToken } = initiator.step(answer.responseToken);
      handshake = acceptor.resume(handshake.export());
      result = await handshake.accept(encodeNegTokenResp({ responseToken: outputToken! }));
    }
  });
});

describe('Relays', () => {
  it('allows a burst, and then the rate', () => {
    let now = 0;
    const bounds = { maxRelays: 1000, maxRelaysPerSource: 1000, ratePerSource: 2 };
    const relays = new Relays(bounds, () => now);
    const from = (last: number) =>
      relays.begin({ type: 2, address: Uint8Array.of(10, 0, 0, last) });
    for (let i = 0; i < 20; i++) from(1)();
    expect(() => from(1)).toThrow(expect.objectContaining({ reason: 'iakerb.too-many' }));
    from(2)();
    now += 1000;
    from(1)();
    from(1)();
    expect(() => from(1)).toThrow();
    // A clock that was set back gives nothing.
    now -= 3_600_000;
    expect(() => from(1)).toThrow();
    expect(relays.open).toBe(0);
  });

  it('relays seldom, where the rate is less than one message in ten seconds', () => {
    let now = 0;
    const bounds = { maxRelays: 9, maxRelaysPerSource: 9, ratePerSource: 0.02 };
    const relays = new Relays(bounds, () => now);
    relays.begin(undefined)();
    now += 49_000;
    expect(() => relays.begin(undefined)).toThrow(
      expect.objectContaining({ detail: { bound: 'ratePerSource, 0.02 a second' } }),
    );
    now += 1000;
    relays.begin(undefined)();
  });

  it('counts a /64 of IPv6, which one host has to itself, as one source', () => {
    const bounds = { maxRelays: 9, maxRelaysPerSource: 1, ratePerSource: 9 };
    const relays = new Relays(bounds, () => 0);
    const begin = (address: string) => relays.begin(parseHostAddress(address));
    begin('2001:db8::1');
    expect(() => begin('2001:db8::ffff:2')).toThrow(
      expect.objectContaining({ detail: { bound: 'maxRelaysPerSource, 1' } }),
    );
    begin('2001:db8:0:1::1');
    begin('192.0.2.1');
    begin('192.0.2.2');
    expect(relays.open).toBe(4);
  });

  it('remembers a bounded number of sources', () => {
    const bounds = { maxRelays: 1, maxRelaysPerSource: 1, ratePerSource: 1 };
    const relays = new Relays(bounds, () => 0);
    for (let i = 0; i < 12_000; i++) relays.begin(networkOf(i))();
    expect(relays.sources).toBe(10_000);
  });

  it('forgets the source that has been idle for longest, and none with a relay that waits', () => {
    const bounds = { maxRelays: 9, maxRelaysPerSource: 1, ratePerSource: 0.1 };
    const relays = new Relays(bounds, () => 0);
    const end = relays.begin(networkOf(0));
    relays.begin(networkOf(1))();
    relays.begin(networkOf(2))();
    for (let i = 3; i < 10_002; i++) relays.begin(networkOf(i))();
    const refused = expect.objectContaining({ reason: 'iakerb.too-many' });
    // Each has used up its allowance; the source that is forgotten has all of it again.
    relays.begin(networkOf(1))();
    for (const known of [0, 1, 10_001])
      expect(() => relays.begin(networkOf(known))).toThrow(refused);
    expect(relays.sources).toBe(10_001);
    end();
    expect(() => relays.begin(networkOf(0))).toThrow(refused);
    relays.begin(networkOf(2))();
  });
});

/** An address in a /64 of its own. */
function networkOf(number: number): HostAddress {
  const address = new Uint8Array(16);
  new DataView(address.buffer).setUint32(4, number);
  return { type: AddressType.ipv6, address };
}

/** An element of DER that has this length. */
function whole(tag: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const inner = length - 5;
  bytes.set([tag, 0x83, inner >> 16, (inner >> 8) & 0xff, inner & 0xff]);
  return bytes;
}

function proxyToken(message: Pick<ProxiedMessage, 'targetRealm' | 'message'>): Uint8Array {
  const contents = encodeProxiedMessage({ ...message, realmTag: Tag.utf8String });
  return frameToken(Mechanism.iakerb, TokenId.iakerbProxy, contents);
}

/** The token with a cookie in its IAKERB-HEADER. */
function withCookie(token: Uint8Array): Uint8Array {
  const at = token.findIndex(
    (byte, i) => byte === 0x05 && token[i + 1] === 0x01 && token[i + 2] === 0x30,
  );
  const header = token.subarray(at + 4, at + 4 + token[at + 3]!);
  const rest = token.subarray(at + 4 + header.length);
  const inner = [
    0x06,
    6,
    0x2b,
    6,
    1,
    5,
    2,
    5,
    5,
    1,
    0x30,
    header.length + 5,
    ...header,
    0xa2,
    3,
    4,
    1,
    7,
    ...rest,
  ];
  const { length } = inner;
  const prefix =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.from([0x60, ...prefix, ...inner]);
}
