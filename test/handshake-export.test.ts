import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { concatBytes, encodeUtf8, toHex } from '../src/bytes.ts';
import { withLegacyEnctypes } from '../src/crypto/legacy/index.ts';
import type { Handshake, HandshakeOptions, Oid, SecurityContext } from '../src/index.ts';
import { ContextFlag, createAcceptor, EncryptionKey, GssError, Mechanism } from '../src/index.ts';
import { decodeNegToken, encodeNegTokenInit, encodeNegTokenResp } from '../src/spnego/neg-token.ts';
import type { Initiator } from '../src/testing/index.ts';
import { encodeEncKrbCredPart, encodeKrbCred } from './support/encoders.ts';
import type { ExchangeOptions } from './support/realm-kit.ts';
import {
  CLIENT,
  makeKeytab,
  makeParties,
  NOW,
  NOW_SECONDS,
  SERVICE,
  seededRandom,
} from './support/realm-kit.ts';

const MESSAGE = encodeUtf8('after the move');
const BINDINGS = { applicationData: encodeUtf8('tls-exporter:ours') };
const PEER = { type: 2, address: Uint8Array.of(192, 0, 2, 7) };
const INTEGRITY = ContextFlag.mutual | ContextFlag.replay | ContextFlag.integrity;
const DCE = INTEGRITY | ContextFlag.dceStyle;
const crypto = withLegacyEnctypes();

/** What an initiator does: from the acceptor's last token to its own next one. */
type Play = Generator<Uint8Array, SecurityContext, Uint8Array | undefined>;

interface Flow {
  readonly name: string;
  readonly options?: ExchangeOptions;
  readonly play: (initiator: Initiator) => Play;
}

const FLOWS: readonly Flow[] = [
  {
    name: 'SPNEGO, the mechanism token in a second leg',
    play: (initiator) => negotiate(initiator, [Mechanism.krb5], false),
  },
  {
    name: 'SPNEGO, Kerberos second, with a MIC of the list',
    options: { initiator: { flags: INTEGRITY } },
    play: (initiator) => negotiate(initiator, [Mechanism.ntlmssp, Mechanism.krb5], true),
  },
  {
    name: 'SPNEGO with a wrong OID, and hints first',
    *play(initiator) {
      yield new Uint8Array();
      return yield* negotiate(initiator, [Mechanism.msKrb5, Mechanism.krb5], false);
    },
  },
  {
    name: 'DCE style',
    options: { initiator: { flags: DCE } },
    play: playDce,
  },
  {
    name: 'DCE style with RC4, and no subkey of the initiator',
    options: {
      keytab: makeKeytab({ enctype: 23, crypto }),
      initiator: { flags: DCE, subkeyEnctype: null },
    },
    play: playDce,
  },
  {
    name: 'DCE style inside of SPNEGO, Kerberos second',
    options: { initiator: { flags: DCE } },
    *play(initiator) {
      const list = listOf([Mechanism.ntlmssp, Mechanism.krb5]);
      yield encodeNegTokenInit({ mechTypes: [Mechanism.ntlmssp, Mechanism.krb5] });
      const second = yield encodeNegTokenResp({ responseToken: initiator.begin() });
      const reply = respOf(second!).responseToken!;
      const client = initiator.finish(reply);
      // RFC 4178 §5: the MIC goes with the last token of the mechanism.
      const mechListMic = client.getMic(list);
      const responseToken = initiator.confirm(reply);
      const last = yield encodeNegTokenResp({ responseToken, mechListMic });
      client.verifyMic(list, respOf(last!).mechListMic!);
      return client;
    },
  },
  {
    name: 'Kerberos in one leg, moved before it began',
    *play(initiator) {
      return initiator.finish(yield initiator.begin());
    },
  },
  {
    name: 'Kerberos under SPNEGO’s hints, without SPNEGO',
    options: { initiator: { flags: INTEGRITY } },
    *play(initiator) {
      yield new Uint8Array();
      return initiator.finish(yield initiator.begin());
    },
  },
  {
    name: 'a token in pieces',
    options: { handshake: { reassemble: true } },
    *play(initiator) {
      const mechToken = initiator.begin();
      const token = encodeNegTokenInit({ mechTypes: [Mechanism.krb5], mechToken });
      let received: Uint8Array | undefined;
      for (let at = 0; at < token.length; at += 300) received = yield token.slice(at, at + 300);
      return initiator.finish(respOf(received!).responseToken);
    },
  },
];

function* negotiate(initiator: Initiator, mechTypes: readonly Oid[], mic: boolean): Play {
  yield encodeNegTokenInit({ mechTypes });
  const received = yield encodeNegTokenResp({ responseToken: initiator.begin() });
  const { responseToken, mechListMic } = respOf(received!);
  const client = initiator.finish(responseToken);
  if (!mic) return client;
  client.verifyMic(listOf(mechTypes), mechListMic!);
  yield encodeNegTokenResp({ mechListMic: client.getMic(listOf(mechTypes)) });
  return client;
}

function* playDce(initiator: Initiator): Play {
  const reply = yield initiator.begin();
  const client = initiator.finish(reply);
  const confirmation = initiator.confirm(reply!);
  yield confirmation;
  return client;
}

function respOf(token: Uint8Array) {
  const resp = decodeNegToken(token);
  if (resp.kind !== 'resp') throw new Error('not a NegTokenResp');
  return resp;
}

function listOf(mechTypes: readonly Oid[]): Uint8Array {
  const init = decodeNegToken(encodeNegTokenInit({ mechTypes }));
  if (init.kind !== 'init') throw new Error('not a NegTokenInit');
  return init.mechTypeList;
}

/** Runs a flow; before each of the acceptor's legs that `moves` names it goes elsewhere. */
async function run(flow: Flow, moves: (leg: number) => boolean) {
  const options = flow.options ?? {};
  const parties = await makeParties(options);
  let handshake: Handshake = parties.begin();
  const play = flow.play(parties.initiator);
  let sent = play.next();
  let legs = 0;
  for (;;) {
    if (sent.done === true) throw new Error('the client was done first');
    if (moves(legs)) handshake = await elsewhere(handshake, options, parties.credential);
    legs++;
    const result = await handshake.accept(sent.value);
    if (result.status === 'failed') throw result.error;
    const next = play.next(result.outputToken);
    if (result.status === 'complete') {
      if (next.done !== true) throw new Error('the client goes on');
      return { legs, server: result.context, client: next.value, handshake };
    }
    sent = next;
  }
}

/** A fresh acceptor: nothing is shared but the keytab. */
async function elsewhere(
  handshake: Handshake,
  { acceptor }: ExchangeOptions,
  credential: Parameters<typeof createAcceptor>[0]['credential'],
): Promise<Handshake> {
  const bytes = handshake.export();
  const random = seededRandom(77);
  const fresh = createAcceptor({ credential, clock: () => NOW, random, ...acceptor });
  const resumed = fresh.resume(bytes);
  bytes.fill(0);
  return resumed;
}

describe.each(FLOWS)('an exchange that moves: $name', (flow) => {
  it('goes on at every point, and at all of them', async () => {
    const { legs } = await run(flow, () => false);
    const plans: ((leg: number) => boolean)[] = [() => true];
    for (let leg = 0; leg < legs; leg++) plans.push((at) => at === leg);
    for (const moves of plans) {
      const { server, client, legs: again } = await run(flow, moves);
      expect(again).toBe(legs);
      expect(`${server.initiator} ${server.acceptor}`).toBe(`${CLIENT} ${SERVICE}`);
      for (const confidential of [true, false]) {
        expect(server.unwrap(client.wrap(MESSAGE, { confidential }))).toMatchObject({
          message: MESSAGE,
          sequence: 'ok',
        });
        expect(client.unwrap(server.wrap(MESSAGE, { confidential }))).toMatchObject({
          message: MESSAGE,
          sequence: 'ok',
        });
      }
    }
  });

  it('is refused when altered, cut or extended', async () => {
    const parties = await makeParties(flow.options);
    const play = flow.play(parties.initiator);
    const handshake = parties.begin();
    const first = play.next();
    if (first.done === true) throw new Error('nothing to send');
    const result = await handshake.accept(first.value);
    const waiting = result.status === 'continue' ? handshake : parties.begin();
    const bytes = waiting.export();
    const refuse = (altered: Uint8Array): void =>
      expect(() => parties.acceptor.resume(altered)).toThrowError(
        expect.objectContaining({ code: 'GSS_S_DEFECTIVE_TOKEN' }),
      );
    for (let at = 0; at < bytes.length; at++) {
      refuse(bytes.with(at, bytes[at]! ^ (1 << (at % 8))));
      refuse(bytes.subarray(0, at));
    }
    refuse(Uint8Array.of(...bytes, 0));
    expect(parties.acceptor.resume(bytes)).toBeDefined();
  });
});

describe('an exported handshake', () => {
  it('is of no use where it was, nor while it works, nor after the end', async () => {
    const { begin, initiator } = await makeParties();
    const handshake = begin();
    handshake.export();
    await expect(handshake.accept(initiator.begin())).rejects.toThrow(TypeError);
    expect(() => handshake.export()).toThrow(/expected one that waits/);
    const other = begin();
    const working = other.accept(initiator.begin());
    expect(() => other.export()).toThrow(/expected one that waits/);
    await working;
    expect(() => other.export()).toThrow(/expected one that waits/);
  });

  it('keeps channel bindings, address and policy, which may be given anew', async () => {
    const options: ExchangeOptions = {
      handshake: { channelBindings: BINDINGS, peerAddress: PEER },
      acceptor: { checkAddresses: true, channelBindingPolicy: 'required' },
      ticket: { addresses: [PEER] },
      initiator: { channelBindings: BINDINGS },
    };
    const attempt = async (resumed: HandshakeOptions) => {
      const { acceptor, begin, initiator } = await makeParties(options);
      const handshake = begin();
      await handshake.accept(new Uint8Array());
      return acceptor.resume(handshake.export(), resumed).accept(initiator.begin());
    };
    expect((await attempt({})).status).toBe('complete');
    const elsewhere = { channelBindings: { applicationData: encodeUtf8('another channel') } };
    const refused = await attempt(elsewhere);
    expect(refused).toMatchObject({ status: 'failed', error: { code: 'GSS_S_BAD_BINDINGS' } });
    const address = { peerAddress: { type: 2, address: Uint8Array.of(192, 0, 2, 8) } };
    const other = await attempt(address);
    expect(other).toMatchObject({ error: { minor: { code: 'KRB_AP_ERR_BADADDR' } } });
  });

  it('keeps channel bindings of every kind', async () => {
    const channelBindings = {
      initiatorAddress: { type: 2, address: Uint8Array.of(192, 0, 2, 7) },
      acceptorAddress: { type: 24, address: new Uint8Array(16).fill(1) },
      applicationData: encodeUtf8('of an application'),
    };
    const { initiatorAddress, acceptorAddress, applicationData } = channelBindings;
    for (const bindings of [
      channelBindings,
      { initiatorAddress },
      { acceptorAddress, applicationData },
      { initiatorAddress: { type: 0xffff_ffff, address: new Uint8Array() } },
    ]) {
      const { acceptor, begin, initiator } = await makeParties({
        handshake: { channelBindings: bindings },
        acceptor: { channelBindingPolicy: 'required' },
        initiator: { channelBindings: bindings },
      });
      const handshake = begin();
      await handshake.accept(new Uint8Array());
      const result = await acceptor.resume(handshake.export()).accept(initiator.begin());
      if (result.status !== 'complete') throw new Error('not complete');
      expect(result.context.flags & ContextFlag.channelBound).toBe(ContextFlag.channelBound);
    }
  });

  it('may take tokens in pieces from then on', async () => {
    const { acceptor, begin, initiator } = await makeParties();
    const handshake = begin();
    await handshake.accept(new Uint8Array());
    const token = initiator.begin();
    const resumed = acceptor.resume(handshake.export(), { reassemble: true });
    const first = await resumed.accept(token.subarray(0, 100));
    expect(first).toEqual({ status: 'continue', outputToken: new Uint8Array() });
    // And what came of a token moves along, whatever is said of tokens in pieces.
    const second = acceptor.resume(resumed.export(), { reassemble: false });
    expect((await second.accept(token.subarray(100, 200))).status).toBe('continue');
    const third = acceptor.resume(second.export());
    expect((await third.accept(token.subarray(200))).status).toBe('complete');
  });

  it('is as strict as it was: a third leg of another is refused', async () => {
    const { acceptor, begin, initiator } = await makeParties({ initiator: { flags: DCE } });
    const handshake = begin();
    const second = await handshake.accept(initiator.begin());
    const resumed = acceptor.resume(handshake.export());
    const reflected = await resumed.accept(second.outputToken!);
    expect(reflected).toMatchObject({ error: { minor: { code: 'KRB_AP_ERR_MUT_FAIL' } } });
  });

  it('fails where it goes on with a mechanism that the other acceptor lacks', async () => {
    const kdc = (): Promise<Uint8Array> => Promise.reject(new Error('no KDC'));
    const { acceptor, credential, initiator } = await makeParties({
      acceptor: { iakerb: { kdc } },
    });
    const mechTypes = [Mechanism.iakerb, Mechanism.krb5];
    const handshake = acceptor.begin();
    expect((await handshake.accept(encodeNegTokenInit({ mechTypes }))).status).toBe('continue');
    const resumed = await elsewhere(handshake, {}, credential);
    const token = encodeNegTokenResp({ responseToken: initiator.begin() });
    expect(await resumed.accept(token)).toMatchObject({
      status: 'failed',
      error: { code: 'GSS_S_DEFECTIVE_TOKEN', minor: { reason: 'export.malformed' } },
    });
  });

  it('says what it is, and of which version', async () => {
    const { begin } = await makeParties();
    const handshake = begin();
    await handshake.accept(new Uint8Array());
    // "K5HS" and 4: what this version wrote, the next one has to read or refuse.
    expect([...handshake.export().subarray(0, 5)]).toEqual([0x4b, 0x35, 0x48, 0x53, 4]);
  });

  it('counts the pieces of a token on, however often it moves', async () => {
    const { acceptor } = await makeParties({ handshake: { reassemble: true } });
    let handshake = acceptor.begin({ reassemble: true });
    // [APPLICATION 0] of 3000 bytes.
    await handshake.accept(Uint8Array.of(0x60, 0x82, 0x0b, 0xb4));
    for (let piece = 2; piece <= 1024; piece++) {
      handshake = acceptor.resume(handshake.export());
      expect((await handshake.accept(Uint8Array.of(0))).status).toBe('continue');
    }
    handshake = acceptor.resume(handshake.export());
    expect(await handshake.accept(Uint8Array.of(0))).toMatchObject({
      status: 'failed',
      error: { message: 'token comes in too many pieces' },
    });
  });

  it('knows the replay cache of where it is', async () => {
    const { acceptor, begin, initiator } = await makeParties();
    const token = initiator.begin();
    expect((await begin().accept(token)).status).toBe('complete');
    const handshake = begin();
    await handshake.accept(new Uint8Array());
    const result = await acceptor.resume(handshake.export()).accept(token);
    expect(result).toMatchObject({ error: { minor: { code: 'KRB_AP_ERR_REPEAT' } } });
  });

  it('keeps its bindings where the options name others, or name them without any', async () => {
    const other = { applicationData: encodeUtf8('tls-exporter:theirs') };
    const cases = [
      [{}, BINDINGS, 'complete'],
      [{}, other, 'failed'],
      [{ channelBindings: undefined }, BINDINGS, 'complete'],
      [{ channelBindings: undefined }, other, 'failed'],
      [{ channelBindings: other }, other, 'complete'],
      [{ channelBindings: [other, BINDINGS] }, BINDINGS, 'complete'],
      [{ channelBindings: [] }, BINDINGS, 'failed'],
    ] as const;
    for (const given of [BINDINGS, [BINDINGS], [{ applicationData: MESSAGE }, BINDINGS]]) {
      for (const [options, channelBindings, expected] of cases) {
        const { acceptor, initiator } = await makeParties({ initiator: { channelBindings } });
        const handshake = acceptor.begin({ channelBindings: given });
        await handshake.accept(encodeNegTokenInit({ mechTypes: [Mechanism.krb5] }));
        const resumed = acceptor.resume(handshake.export(), options as HandshakeOptions);
        const token = encodeNegTokenResp({ responseToken: initiator.begin() });
        expect((await resumed.accept(token)).status).toBe(expected);
      }
    }
  });

  it('takes what was delegated along, PAC or the reason for none, and indicators', async () => {
    const tgs = { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] };
    const key = EncryptionKey.generate(18, seededRandom(9));
    const delegation = encodeKrbCred({
      tickets: [
        { realm: 'EXAMPLE.TEST', serverName: tgs, encPart: { enctype: 18, cipher: MESSAGE } },
      ],
      encPart: {
        enctype: 0,
        cipher: encodeEncKrbCredPart({
          ticketInfo: [
            {
              key: { enctype: 18, value: key.bytes() },
              flags: 0x40000000,
              authTime: NOW_SECONDS - 10,
              // Before 1970, and after 2106: times have 64 bits and a sign.
              startTime: -86_400,
              endTime: NOW_SECONDS + 10,
              renewTill: 2 ** 32 + 86_400,
              addresses: [PEER],
            },
          ],
        }),
      },
    });
    for (const broken of [false, true]) {
      const flow: Flow = {
        ...FLOWS.find(({ name }) => name === 'DCE style')!,
        options: {
          initiator: { flags: DCE | ContextFlag.delegation, delegation },
          ticket: {
            pac: broken
              ? {
                  buffers: [
                    { type: 1, data: new Uint8Array(3) },
                    { type: 1, data: new Uint8Array(3) },
                  ],
                }
              : { logonInfo: { effectiveName: 'alice' } },
          },
        },
      };
      const here = await run(flow, () => false);
      const there = await run(flow, (leg) => leg === 1);
      const [ticket] = there.server.delegatedCredential!.tickets;
      expect(ticket!.sessionKey.equals(key)).toBe(true);
      expect([ticket!.startTime, ticket!.renewTill]).toEqual([-86_400, 2 ** 32 + 86_400]);
      expect(ticket).toMatchObject({
        ...here.server.delegatedCredential!.tickets[0],
        sessionKey: expect.anything(),
      });
      expect(there.server.flags).toBe(here.server.flags);
      expect(there.server.ticket).toEqual(here.server.ticket);
      expect(there.server.authorizationData).toEqual(here.server.authorizationData);
      expect(there.server.pac?.userSid).toBe(here.server.pac?.userSid);
      expect(there.server.pac === undefined).toBe(broken);
      expect(there.server.pacError?.message).toBe(here.server.pacError?.message);
      expect(there.server.pacError === undefined).toBe(!broken);
    }
  });

  it.each([
    ['DCE style', DCE, []],
    [
      'a MIC that is owed',
      INTEGRITY,
      [encodeNegTokenInit({ mechTypes: [Mechanism.ntlmssp, Mechanism.krb5] })],
    ],
  ])('leaves no key behind where it was: %s', async (_, flags, before) => {
    const { begin, initiator } = await makeParties({ initiator: { flags } });
    const seen: EncryptionKey[] = [];
    const generate = EncryptionKey.generate;
    const first = initiator.begin();
    try {
      EncryptionKey.generate = (...args) => {
        const key = generate(...args);
        seen.push(key);
        return key;
      };
      const handshake = begin();
      for (const token of before) await handshake.accept(token);
      const token = before.length === 0 ? first : encodeNegTokenResp({ responseToken: first });
      expect((await handshake.accept(token)).status).toBe('continue');
      const copies = seen.map((key) => key.bytes());
      const bytes = handshake.export();
      expect(seen).toHaveLength(1);
      expect(() => seen[0]!.bytes()).toThrow(TypeError);
      // That is why they are secret.
      expect(toHex(bytes)).toContain(toHex(copies[0]!));
    } finally {
      EncryptionKey.generate = generate;
    }
  });

  it('is in a state that there is, and a negotiation holds no other', async () => {
    const { acceptor, begin } = await makeParties();
    const handshake = begin();
    await handshake.accept(encodeNegTokenInit({ mechTypes: [Mechanism.krb5] }));
    const body = handshake.export().slice(0, -32);
    const seal = (end: readonly number[]): Uint8Array => {
      const altered = concatBytes(body.slice(0, -2), Uint8Array.from(end));
      const digest = createHash('sha256').update(altered).digest();
      return concatBytes(altered, digest);
    };
    // It ends with the state of the chosen mechanism: 0, the first token, and no hints.
    expect([...body.slice(-2)]).toEqual([0, 0]);
    expect(acceptor.resume(seal([0, 0]))).toBeDefined();
    // 2: a negotiation; 3: one that waits for a MIC.
    const refusal = async (end: readonly number[]) => {
      const result = await acceptor.resume(seal(end)).accept(Uint8Array.of(0));
      if (result.status !== 'failed') throw new Error('not refused');
      expect(result.error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
      return result.error.minor?.message;
    };
    for (const end of [[2, 0], [3, 0], [5, 0], [255]]) {
      expect(await refusal(end)).toContain('unknown state');
    }
    expect(await refusal([0, 2])).toContain('malformed flag');
    expect(await refusal([0, 0, 0])).toContain('followed by 1');
  });

  it('says that it is none where it is none', async () => {
    const { acceptor, begin, initiator } = await makeParties();
    const result = await begin().accept(initiator.begin());
    if (result.status !== 'complete') throw new Error('not complete');
    for (const bytes of [new Uint8Array(), new Uint8Array(100), result.context.export()]) {
      expect(() => acceptor.resume(bytes)).toThrow(GssError);
    }
    expect(() => acceptor.resume('text' as never)).toThrow(TypeError);
  });
});
