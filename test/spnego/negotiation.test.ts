import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.ts';
import { SecurityContext } from '../../src/context/context.ts';
import type { ContextState } from '../../src/context/state.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import { explain, KerberosError } from '../../src/errors.ts';
import { frameMechanismToken, readFirstToken } from '../../src/gss/framing.ts';
import { Mechanism } from '../../src/gss/mechanism.ts';
import { GssName } from '../../src/gss/name.ts';
import type { Oid } from '../../src/gss/oid.ts';
import { ContextFlag, displayStatus, GssError } from '../../src/gss/status.ts';
import type { HandshakeState, Step } from '../../src/handshake-state.ts';
import { disposeState, FIRST_TOKEN } from '../../src/handshake-state.ts';
import { advanceOver } from '../../src/handshake-step.ts';
import type { AcceptorSettings, Exchange, MechanismSteps } from '../../src/krb5/settings.ts';
import type { NegTokenInit, NegTokenResp } from '../../src/spnego/neg-token.ts';
import {
  decodeNegToken,
  encodeNegTokenInit,
  encodeNegTokenResp,
  NegState,
} from '../../src/spnego/neg-token.ts';
import { negotiationOf } from '../../src/spnego/negotiation.ts';
import { SequenceCounter, SequenceWindow } from '../../src/tokens/sequence.ts';
import { seededRandom } from '../support/vectors.ts';

const { krb5, msKrb5, oldKrb5, ntlmssp, negoex, spnego } = Mechanism;
const UNKNOWN: Oid = '1.3.6.1.4.1.5322.22.1.18';

/** A context that is just established; all of them have one key. */
function contextOf(role: 'initiator' | 'acceptor', flags: number): ContextState {
  const name = GssName.ofPrincipal({ nameType: 1, components: ['a'], realm: 'EXAMPLE.TEST' });
  const now = new Date(0);
  return {
    role,
    mechanism: krb5,
    flags,
    initiator: name,
    acceptor: name,
    ticket: {
      server: 'a@EXAMPLE.TEST',
      kvno: 1,
      enctype: 18,
      sessionEnctype: 18,
      flags: 0,
      authTime: now,
      endTime: now,
    },
    authorizationData: [],
    vouched: { authenticationIndicators: [] },
    initiatorKey: EncryptionKey.generate(18, seededRandom(1)),
    sendSequence: new SequenceCounter(0),
    window: new SequenceWindow(0, { replay: true, sequence: true, width: 64 }),
    random: seededRandom(2),
  };
}

function micOf(role: 'initiator' | 'acceptor', message: Uint8Array): Uint8Array {
  return new SecurityContext(contextOf(role, ContextFlag.integrity)).getMic(message);
}

function initiatorMic(message: Uint8Array): Uint8Array {
  return micOf('initiator', message);
}

/** Does what the client's tokens say: one letter each. */
function fakeMechanism(oids: readonly [Oid, ...Oid[]] = [krb5, msKrb5, oldKrb5]) {
  const contexts: ContextState[] = [];
  const complete = (flags: number): { status: 'complete'; context: ContextState } => {
    contexts.push(contextOf('acceptor', flags));
    return { status: 'complete', context: contexts.at(-1)! };
  };
  const answer = (token: string): Step => {
    switch (token) {
      case 'mutual':
        return { ...complete(ContextFlag.integrity), outputToken: bytesOf('reply') };
      case 'one-way':
        return complete(ContextFlag.integrity);
      case 'empty reply':
        return { ...complete(ContextFlag.integrity), outputToken: new Uint8Array(0) };
      case 'no integrity':
        return { ...complete(0), outputToken: bytesOf('reply') };
      case 'leg':
        return { status: 'continue', outputToken: bytesOf('more'), next: waiting() };
      case 'error token': {
        const minor = new KerberosError('KRB_AP_ERR_SKEW', { reason: 'fault.program' });
        const error = new GssError('GSS_S_FAILURE', { minor });
        return { status: 'failed', error, outputToken: bytesOf('KRB-ERROR') };
      }
      default:
        return {
          status: 'failed',
          error: new GssError('GSS_S_DEFECTIVE_TOKEN', { reason: 'fault.program' }),
        };
    }
  };
  const mechanism: MechanismSteps = {
    oids,
    bareTags: [],
    begin: async ({ framed, inner }) => answer(framed ? 'mutual' : textOf(inner)),
    step: async (_, token) => answer(textOf(token)),
  };
  return { mechanism, contexts };
}

/** A state that the mechanism has in the middle. */
function waiting(): HandshakeState {
  const context = contextOf('acceptor', 0);
  return { at: 'dce-third-leg', context, sessionKey: context.initiatorKey };
}

// What the negotiation hands on to its mechanisms, and does not look at.
const EXCHANGE = { settings: { mechanisms: [krb5, spnego] } as object as AcceptorSettings };

/** Takes tokens as `Handshake` does, but all of them as SPNEGO's. */
function negotiatorOf(mechanism: MechanismSteps) {
  const negotiation = negotiationOf([mechanism]);
  const exchange = EXCHANGE as Exchange;
  let state: HandshakeState = FIRST_TOKEN;
  const take = (token: Uint8Array) => {
    if (state.at !== 'first-token') return negotiation.step(state, token, exchange);
    if (token.length === 0 && !state.hinted) return negotiation.hint();
    return begin(token);
  };
  const begin = (token: Uint8Array) => {
    try {
      return negotiation.begin(readFirstToken(token), exchange);
    } catch (error) {
      return negotiation.refuse(error);
    }
  };
  return {
    foreignChoice: () => (state.at === 'negotiating' ? state.foreignChoice : undefined),
    dispose: () => disposeState(state),
    accept: async (token: Uint8Array): Promise<Step> => {
      const step = await take(token);
      if (step.status === 'failed') disposeState(state);
      state = step.status === 'continue' ? step.next : FIRST_TOKEN;
      return step;
    },
  };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function setUp() {
  const { mechanism, contexts } = fakeMechanism();
  const handshake = negotiatorOf(mechanism);
  const send = async (token: Uint8Array) => {
    const result = await handshake.accept(token);
    const { status, outputToken } = result;
    const error = status === 'failed' ? result.error : undefined;
    const reply = outputToken && decodeNegToken(outputToken);
    return { status, outputToken, reply, error };
  };
  return {
    contexts,
    send,
    init: (init: NegTokenInit) => send(encodeNegTokenInit(init)),
    resp: (resp: NegTokenResp) => send(encodeNegTokenResp(resp)),
  };
}

/** The MechTypeList as a client that computes MICs has it. */
function listOf(mechTypes: readonly Oid[]): Uint8Array {
  const init = decodeNegToken(encodeNegTokenInit({ mechTypes }));
  return init.kind === 'init' ? init.mechTypeList : new Uint8Array(0);
}

describe('the first mechanism chosen', () => {
  it.each([krb5, msKrb5, oldKrb5])(
    '%s with its token: done at once, the OID reflected',
    async (oid) => {
      const { init } = setUp();
      const { status, reply } = await init({
        mechTypes: [oid, ntlmssp],
        mechToken: bytesOf('mutual'),
      });
      expect(status).toBe('complete');
      expect(reply).toEqual({
        kind: 'resp',
        negState: NegState.acceptCompleted,
        supportedMech: oid,
        responseToken: bytesOf('reply'),
      });
    },
  );

  it.each(['one-way', 'empty reply'])(
    '%s: the reply has no token of the mechanism',
    async (token) => {
      const { init } = setUp();
      const { status, outputToken } = await init({ mechTypes: [krb5], mechToken: bytesOf(token) });
      expect(status).toBe('complete');
      expect(toHex(outputToken!)).toBe('a1143012a0030a0100a10b06092a864886f712010202');
    },
  );

  it('without its token: the mechanism is named, and waited for', async () => {
    const { init, resp } = setUp();
    const first = await init({ mechTypes: [krb5, ntlmssp] });
    expect(first.status).toBe('continue');
    expect(first.reply).toEqual({
      kind: 'resp',
      negState: NegState.acceptIncomplete,
      supportedMech: krb5,
    });
    const second = await resp({ responseToken: bytesOf('mutual') });
    expect(second.status).toBe('complete');
    expect(second.reply).toEqual({
      kind: 'resp',
      negState: NegState.acceptCompleted,
      responseToken: bytesOf('reply'),
    });
  });

  it('in several legs', async () => {
    const { init, resp } = setUp();
    const first = await init({ mechTypes: [krb5], mechToken: bytesOf('leg') });
    expect(first.status).toBe('continue');
    expect(first.reply).toEqual({
      kind: 'resp',
      negState: NegState.acceptIncomplete,
      supportedMech: krb5,
      responseToken: bytesOf('more'),
    });
    const second = await resp({ responseToken: bytesOf('leg') });
    expect(second.reply).toEqual({
      kind: 'resp',
      negState: NegState.acceptIncomplete,
      responseToken: bytesOf('more'),
    });
    const third = await resp({ responseToken: bytesOf('one-way') });
    expect(third.status).toBe('complete');
    expect(toHex(third.outputToken!)).toBe('a1073005a0030a0100');
  });

  it('gets no MIC that it did not ask for, and one if it sends one', async () => {
    const { init } = setUp();
    const mechTypes = [krb5, ntlmssp];
    const mechListMic = initiatorMic(listOf(mechTypes));
    const { status, reply } = await init({ mechTypes, mechToken: bytesOf('mutual'), mechListMic });
    expect(status).toBe('complete');
    expect(reply).toEqual({
      kind: 'resp',
      negState: NegState.acceptCompleted,
      supportedMech: krb5,
      responseToken: bytesOf('reply'),
      mechListMic: micOf('acceptor', listOf(mechTypes)),
    });
  });
});

describe('another mechanism first', () => {
  const mechTypes = [negoex, ntlmssp, krb5, UNKNOWN];
  const list = listOf(mechTypes);
  const acceptorMic = micOf('acceptor', list);

  async function begun() {
    const set = setUp();
    const first = await set.init({ mechTypes, mechToken: bytesOf('NTLMSSP') });
    expect(first.status).toBe('continue');
    expect(first.reply).toEqual({
      kind: 'resp',
      negState: NegState.requestMic,
      supportedMech: krb5,
    });
    return set;
  }

  it('with a last token of ours: our MIC first, then theirs, then silence', async () => {
    const { resp } = await begun();
    const second = await resp({ responseToken: bytesOf('mutual') });
    expect(second.status).toBe('continue');
    expect(second.reply).toEqual({
      kind: 'resp',
      negState: NegState.acceptIncomplete,
      responseToken: bytesOf('reply'),
      mechListMic: acceptorMic,
    });
    const third = await resp({ negState: 0, mechListMic: initiatorMic(list) });
    expect(third).toMatchObject({ status: 'complete', outputToken: undefined });
  });

  it('with a last token of theirs: their MIC with it, ours in answer', async () => {
    const { resp } = await begun();
    const second = await resp({
      responseToken: bytesOf('one-way'),
      mechListMic: initiatorMic(list),
    });
    expect(second.status).toBe('complete');
    expect(second.reply).toEqual({
      kind: 'resp',
      negState: NegState.acceptCompleted,
      mechListMic: acceptorMic,
    });
  });

  it('takes the MIC over the bytes as they came', async () => {
    const set = setUp();
    const first = await set.init({ mechTypes: [ntlmssp, msKrb5, krb5] });
    expect(first.reply).toMatchObject({ supportedMech: msKrb5 });
    const mic = initiatorMic(listOf([ntlmssp, msKrb5, krb5]));
    const second = await set.resp({ responseToken: bytesOf('one-way'), mechListMic: mic });
    expect(second.status).toBe('complete');
  });

  it('has no MICs if the mechanism has no integrity', async () => {
    const { resp } = await begun();
    const second = await resp({ responseToken: bytesOf('no integrity') });
    expect(second.status).toBe('complete');
    expect(second.reply).toMatchObject({ negState: NegState.acceptCompleted });
    expect(second.reply).not.toHaveProperty('mechListMic');
  });

  it('refuses a MIC that is missing', async () => {
    const { resp, contexts } = await begun();
    const second = await resp({ responseToken: bytesOf('one-way') });
    expect(second.status).toBe('failed');
    expect(second.error?.code).toBe('GSS_S_DEFECTIVE_TOKEN');
    expect(second.error?.message).toContain('no mechListMIC, but one is required');
    expect(toHex(second.outputToken!)).toBe('a1073005a0030a0102');
    expect(contexts[0]?.initiatorKey.disposed).toBe(true);
  });

  it.each([
    ['altered', () => initiatorMic(list).fill(0, 16)],
    ['over a shorter list', () => initiatorMic(listOf([krb5]))],
    ['over another order', () => initiatorMic(listOf([...mechTypes].reverse()))],
    ['our own, sent back', () => acceptorMic],
  ])('refuses a MIC that is %s', async (_, mic) => {
    const { resp, contexts } = await begun();
    expect((await resp({ responseToken: bytesOf('mutual') })).status).toBe('continue');
    const third = await resp({ mechListMic: mic() });
    expect(third.status).toBe('failed');
    expect(third.error?.code).toBe('GSS_S_BAD_MIC');
    expect(toHex(third.outputToken!)).toBe('a1073005a0030a0102');
    expect(contexts[0]?.initiatorKey.disposed).toBe(true);
  });

  it('refuses a further mechanism token where the MIC is due', async () => {
    const { resp, contexts } = await begun();
    await resp({ responseToken: bytesOf('mutual') });
    const third = await resp({
      responseToken: bytesOf('one-way'),
      mechListMic: initiatorMic(list),
    });
    expect(third.error?.message).toContain('a mechanism token after the last one');
    expect(contexts).toHaveLength(1);
    expect(contexts[0]?.initiatorKey.disposed).toBe(true);
  });
});

describe('hints', () => {
  it('answer an empty first token with the mechanisms, and the client begins anew', async () => {
    const { send, init } = setUp();
    const first = await send(new Uint8Array(0));
    expect(first.status).toBe('continue');
    expect(first.outputToken?.length).toBe(73);
    expect(first.reply).toMatchObject({
      kind: 'init',
      mechTypes: [krb5],
      negHints: { hintName: 'not_defined_in_RFC4178@please_ignore' },
    });
    const second = await init({ mechTypes: [msKrb5], mechToken: bytesOf('mutual') });
    expect(second.status).toBe('complete');
    expect(second.reply).toMatchObject({ supportedMech: msKrb5 });
  });

  it('are given once', async () => {
    const { send } = setUp();
    await send(new Uint8Array(0));
    const second = await send(new Uint8Array(0));
    expect(second.error?.code).toBe('GSS_S_DEFECTIVE_TOKEN');
  });
});

describe('no SPNEGO at all', () => {
  it.each([false, true])('serves a mechanism that comes bare (after hints: %s)', async (hints) => {
    const { mechanism } = fakeMechanism();
    const advance = advanceOver([mechanism]);
    let state: HandshakeState = FIRST_TOKEN;
    if (hints) {
      const first = await advance(state, new Uint8Array(0), EXCHANGE as Exchange);
      if (first.status !== 'continue') throw new Error('not continued');
      state = first.next;
    }
    const token = frameMechanismToken(msKrb5, bytesOf('AP-REQ'));
    const result = await advance(state, token, EXCHANGE as Exchange);
    expect(result).toMatchObject({ status: 'complete', outputToken: bytesOf('reply') });
  });

  it('hands all legs of it on', async () => {
    const tokens: string[] = [];
    const note = async (token: Uint8Array): Promise<Step> => {
      tokens.push(textOf(token));
      return { status: 'continue', outputToken: bytesOf('x'), next: waiting() };
    };
    const spy: MechanismSteps = {
      ...fakeMechanism().mechanism,
      begin: ({ inner }) => note(inner),
      step: (_, token) => note(token),
    };
    const advance = advanceOver([spy]);
    const first = frameMechanismToken(krb5, bytesOf('1'));
    const step = await advance(FIRST_TOKEN, first, EXCHANGE as Exchange);
    if (step.status !== 'continue') throw new Error('not continued');
    await advance(step.next, bytesOf('anything'), EXCHANGE as Exchange);
    expect(tokens[1]).toBe('anything');
  });
});

describe('other mechanisms', () => {
  it.each<[string, Uint8Array, string]>([
    ['NTLM', bytesOf('NTLMSSP\0\x01\0\0\0'), 'NTLM_RECEIVED'],
    ['NegoEx', bytesOf('NEGOEXTS\0'), 'NEGOEX_RECEIVED'],
    ['NTLM in a list', encodeNegTokenInit({ mechTypes: [ntlmssp] }), 'NTLM_RECEIVED'],
    ['both in a list', encodeNegTokenInit({ mechTypes: [negoex, ntlmssp] }), 'NTLM_RECEIVED'],
    ['NegoEx in a list', encodeNegTokenInit({ mechTypes: [negoex] }), 'NEGOEX_RECEIVED'],
    ['others', encodeNegTokenInit({ mechTypes: [UNKNOWN] }), 'SPNEGO_NEGOTIATION_FAILED'],
    ['SPNEGO itself', encodeNegTokenInit({ mechTypes: [spnego] }), 'SPNEGO_NEGOTIATION_FAILED'],
    ['none', encodeNegTokenInit({ mechTypes: [] }), 'SPNEGO_NEGOTIATION_FAILED'],
  ])('%s: refused by name, with what to do', async (_, token, code) => {
    const { status, error, outputToken } = await setUp().send(token);
    expect(status).toBe('failed');
    expect(error?.code).toBe('GSS_S_BAD_MECH');
    expect(error?.minor?.code).toBe(code);
    await explain(error);
    expect(error?.hint).toMatch(
      code.endsWith('RECEIVED') ? /SPN of exactly one account/ : /offers/,
    );
    expect(displayStatus(error)[0]).toBe('An unsupported mechanism was requested');
    expect(toHex(outputToken!)).toBe('a1073005a0030a0102');
  });
});

describe('a client that would rather use another mechanism', () => {
  const ntlm = bytesOf('NTLMSSP\0\x03\0\0\0');

  it.each<[string, Uint8Array[]]>([
    ['as the first token', [encodeNegTokenResp({ responseToken: ntlm })]],
    [
      'where Kerberos goes on',
      [encodeNegTokenInit({ mechTypes: [krb5] }), encodeNegTokenResp({ responseToken: ntlm })],
    ],
    [
      'with a choice of its own',
      [
        encodeNegTokenInit({ mechTypes: [krb5] }),
        encodeNegTokenResp({ supportedMech: ntlmssp, responseToken: ntlm }),
      ],
    ],
    [
      'in a second NegTokenInit',
      [
        encodeNegTokenInit({ mechTypes: [krb5] }),
        encodeNegTokenInit({ mechTypes: [ntlmssp], mechToken: ntlm }),
      ],
    ],
  ])('is told by its token, whatever else is wrong: %s', async (_, tokens) => {
    const { send } = setUp();
    let error: GssError | undefined;
    for (const token of tokens) ({ error } = await send(token));
    expect(error?.code).toBe('GSS_S_BAD_MECH');
    expect(error?.minor?.code).toBe('NTLM_RECEIVED');
  });

  it.each<[Oid, Uint8Array | undefined, string | undefined]>([
    [ntlmssp, undefined, 'NTLM_RECEIVED'],
    [ntlmssp, ntlm, 'NTLM_RECEIVED'],
    [negoex, undefined, 'NEGOEX_RECEIVED'],
    [negoex, bytesOf('NEGOEXTS'), 'NEGOEX_RECEIVED'],
    [UNKNOWN, ntlm, 'NTLM_RECEIVED'],
    [UNKNOWN, bytesOf('x'), undefined],
  ])('is told apart as long as it does not go on: %s', async (first, mechToken, code) => {
    const handshake = negotiatorOf(fakeMechanism().mechanism);
    const init = { mechTypes: [first, krb5], ...(mechToken && { mechToken }) };
    const result = await handshake.accept(encodeNegTokenInit(init));
    expect(result.status).toBe('continue');
    expect(handshake.foreignChoice()?.minor?.code).toBe(code);
    await handshake.accept(encodeNegTokenResp({ responseToken: bytesOf('mutual') }));
    expect(handshake.foreignChoice()).toBeUndefined();
  });

  it('leaves nothing behind when it leaves', async () => {
    const { mechanism, contexts } = fakeMechanism();
    const handshake = negotiatorOf(mechanism);
    await handshake.accept(encodeNegTokenInit({ mechTypes: [ntlmssp, krb5] }));
    await handshake.accept(encodeNegTokenResp({ responseToken: bytesOf('mutual') }));
    handshake.dispose();
    expect(contexts.map(({ initiatorKey }) => initiatorKey.disposed)).toEqual([true]);
  });
});

describe('refusals', () => {
  it("carry the mechanism's error token, and no other word", async () => {
    const { init } = setUp();
    const result = await init({ mechTypes: [krb5], mechToken: bytesOf('error token') });
    expect(result.status).toBe('failed');
    expect(result.error?.minor?.code).toBe('KRB_AP_ERR_SKEW');
    expect(result.reply).toEqual({
      kind: 'resp',
      negState: NegState.reject,
      responseToken: bytesOf('KRB-ERROR'),
    });
    expect(toHex(result.outputToken!)).toMatch(/^a1[0-9a-f]{2}30[0-9a-f]{2}a0030a0102/);
  });

  it('are plain where the mechanism has no token', async () => {
    const { init } = setUp();
    const result = await init({ mechTypes: [krb5], mechToken: bytesOf('garbage') });
    expect(result.error?.code).toBe('GSS_S_DEFECTIVE_TOKEN');
    expect(toHex(result.outputToken!)).toBe('a1073005a0030a0102');
  });

  it('are not blamed for a token that is altered if it is a later one of another exchange', async () => {
    const { error } = await setUp().resp({ responseToken: bytesOf('mutual') });
    expect(error).toMatchObject({ reason: 'token.out-of-order' });
  });

  it('meet a client that speaks out of turn', async () => {
    const started = async () => {
      const set = setUp();
      await set.init({ mechTypes: [krb5] });
      return set;
    };
    const cases: [Promise<{ error: GssError | undefined }>, string][] = [
      [setUp().resp({ responseToken: bytesOf('mutual') }), 'before any NegTokenInit'],
      [(await started()).init({ mechTypes: [krb5] }), 'a second NegTokenInit'],
      [(await started()).resp({}), 'neither a token nor a MIC'],
      [(await started()).resp({ negState: 0 }), 'neither a token nor a MIC'],
      [(await started()).resp({ mechListMic: bytesOf('x') }), 'before there is a context'],
      [
        (await started()).resp({ supportedMech: krb5, responseToken: bytesOf('mutual') }),
        'chosen by the initiator',
      ],
      [(await started()).send(new Uint8Array(0)), 'truncated'],
      [setUp().send(fromHex('6003060100')), ''],
      [setUp().send(bytesOf('GET / HTTP/1.1')), '[0] expected'],
    ];
    for (const [result, message] of cases) {
      const { error } = await result;
      expect(error?.code).toBe('GSS_S_DEFECTIVE_TOKEN');
      expect(error?.message).toContain(message);
    }
  });

  it('take note of a client that gives up, without a word', async () => {
    const { init, resp } = setUp();
    await init({ mechTypes: [krb5], mechToken: bytesOf('leg') });
    const result = await resp({ negState: NegState.reject });
    expect(result).toMatchObject({ status: 'failed', outputToken: undefined });
    expect(result.error?.minor?.code).toBe('SPNEGO_REJECTED');
  });

  it('never throw, whatever the client sends', async () => {
    const first = fc.constantFrom(
      encodeNegTokenInit({ mechTypes: [krb5] }),
      encodeNegTokenInit({ mechTypes: [ntlmssp, krb5], mechToken: bytesOf('mutual') }),
      new Uint8Array(0),
    );
    const later = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .constantFrom('mutual', 'leg', 'x')
        .map((text) => encodeNegTokenResp({ responseToken: bytesOf(text) })),
      fc.constantFrom(encodeNegTokenResp({ mechListMic: bytesOf('y') }), encodeNegTokenResp({})),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(first, later),
        fc.array(later, { maxLength: 4 }),
        async (a, rest) => {
          const { send } = setUp();
          let status = 'continue';
          for (const token of [a, ...rest]) {
            if (status !== 'continue') break;
            const result = await send(token);
            status = result.status;
            expect(result.error instanceof GssError).toBe(status === 'failed');
          }
        },
      ),
    );
  });

  it('let a fault of our own through', async () => {
    const broken: MechanismSteps = {
      ...fakeMechanism().mechanism,
      begin: () => Promise.reject(new RangeError('bug')),
    };
    const token = encodeNegTokenInit({ mechTypes: [krb5], mechToken: bytesOf('x') });
    await expect(negotiatorOf(broken).accept(token)).rejects.toThrow('bug');
  });
});
