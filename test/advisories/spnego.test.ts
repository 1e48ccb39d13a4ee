/** Published flaws of negotiation, tried on this package. */
import { expect } from 'vitest';
import { concatBytes, encodeUtf8, Writer } from '../../src/bytes.ts';
import { frameMechanismToken } from '../../src/gss/framing.ts';
import { encodeMechanism } from '../../src/gss/mechanism.ts';
import type { Handshake, Oid, SecurityContext } from '../../src/index.ts';
import { ContextFlag, Mechanism } from '../../src/index.ts';
import {
  decodeNegToken,
  encodeNegTokenInit,
  encodeNegTokenResp,
  NegState,
} from '../../src/spnego/neg-token.ts';
import { element } from '../messages/element.ts';
import { micToken } from '../support/cfx-tokens.ts';
import { CLIENT, makeParties } from '../support/realm-kit.ts';
import { testsOf } from './advisory.ts';
import { SPNEGO } from './records/spnego.ts';
import { failureOf } from './support.ts';

const advisory = testsOf(SPNEGO);
const { krb5, ntlmssp, negoex } = Mechanism;

function respOf(token: Uint8Array | undefined) {
  const resp = decodeNegToken(token ?? new Uint8Array());
  if (resp.kind !== 'resp') throw new Error('not a NegTokenResp');
  return resp;
}

function mechTypeListOf(mechTypes: readonly Oid[]): Uint8Array {
  return element(0x30, ...mechTypes.map((oid) => element(0x06, encodeMechanism(oid))));
}

function initOf(...fields: readonly Uint8Array[]): Uint8Array {
  return frameMechanismToken(Mechanism.spnego, element(0xa0, element(0x30, ...fields)));
}

/** A client whose first choice is NTLM, so that the list has to be protected; its MIC is due next. */
async function untilMic(flags?: number) {
  const parties = await makeParties({ initiator: flags === undefined ? {} : { flags } });
  const handshake = parties.begin();
  const mechTypes = [ntlmssp, krb5] as const;
  const first = await handshake.accept(encodeNegTokenInit({ mechTypes }));
  expect(respOf(first.outputToken).negState).toBe(NegState.requestMic);
  const responseToken = parties.initiator.begin();
  const second = await handshake.accept(encodeNegTokenResp({ responseToken }));
  expect(second.status).toBe('continue');
  const client = parties.initiator.finish(respOf(second.outputToken).responseToken);
  return { handshake, client, list: mechTypeListOf(mechTypes) };
}

advisory('overlongLength', async () => {
  const { initiator, begin } = await makeParties();
  const mechToken = initiator.begin();
  const good = encodeNegTokenInit({ mechTypes: [krb5], mechToken });
  for (let length = 1; length < good.length; length++) {
    const { error } = failureOf(await begin().accept(good.subarray(0, length)));
    expect(error.code, `cut to ${length}`).toBe('GSS_S_DEFECTIVE_TOKEN');
  }
  // Each length in the part before the mechanism's token, grown: none is backed by the token any more.
  const headers = good.length - mechToken.length;
  let grown = 0;
  for (let at = 1; at < headers; at++) {
    if (good[at] !== 0x82) continue;
    for (const high of [0x7f, 0xff]) {
      const token = good.with(at + 1, high);
      expect(failureOf(await begin().accept(token)).error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
      grown++;
    }
  }
  expect(grown).toBeGreaterThanOrEqual(8);
  // MIT krb5's t_invalid.c: headers that end in the middle.
  for (const token of [
    [0x60],
    [0x60, 0x84],
    [0x60, 0x40, 0x06],
    [0x60, 0x40, 0x06, 0x09],
    [0x60, 0x03, 0x06, 0x82],
    [0x60, 0x84, 0xff, 0xff, 0xff, 0xff, 6, 6, 0x2b, 6, 1, 5, 5, 2],
  ]) {
    const { error } = failureOf(await begin().accept(Uint8Array.from(token)));
    expect(error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
  }
});

advisory('failedFirstToken', async () => {
  const { initiator, begin } = await makeParties();
  const good = encodeNegTokenInit({ mechTypes: [krb5], mechToken: initiator.begin() });
  const bad: Uint8Array[] = [
    encodeNegTokenResp({ negState: NegState.acceptCompleted }),
    encodeNegTokenResp({ responseToken: Uint8Array.of(1) }),
    initOf(),
    initOf(element(0xa1, element(0x03, Uint8Array.of(1, 0xfe)))),
    frameMechanismToken(Mechanism.spnego, new Uint8Array()),
    frameMechanismToken(Mechanism.spnego, element(0xa0)),
  ];
  for (const token of bad) {
    const handshake = begin();
    const { error, outputToken } = failureOf(await handshake.accept(token));
    expect(error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
    expect(respOf(outputToken)).toEqual({ kind: 'resp', negState: NegState.reject });
    await expectOver(handshake, good);
  }
});

advisory('initiatorChooses', async () => {
  const { initiator, begin } = await makeParties();
  const responseToken = initiator.begin();
  for (const supportedMech of [krb5, Mechanism.msKrb5, ntlmssp]) {
    const handshake = begin();
    await handshake.accept(encodeNegTokenInit({ mechTypes: [krb5] }));
    const resp = encodeNegTokenResp({ supportedMech, responseToken });
    const { error } = failureOf(await handshake.accept(resp));
    expect(error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
    await expectOver(handshake, encodeNegTokenResp({ responseToken }));
  }
});

advisory('emptyContinuation', async () => {
  const { begin } = await makeParties();
  const firsts = [
    encodeNegTokenInit({ mechTypes: [ntlmssp, krb5] }),
    encodeNegTokenInit({ mechTypes: [krb5] }),
    // An empty one is a question, but only one time.
    new Uint8Array(),
  ];
  for (const first of firsts) {
    const handshake = begin();
    expect((await handshake.accept(first)).status).toBe('continue');
    const { error } = failureOf(await handshake.accept(new Uint8Array()));
    expect(error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
  }
  const { handshake } = await untilMic();
  const { error } = failureOf(await handshake.accept(new Uint8Array()));
  expect(error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
});

advisory('listTamperedWith', async () => {
  const whatTheClientSent = [[negoex, krb5], [krb5, ntlmssp], [krb5]] as const;
  for (const mechTypes of whatTheClientSent) {
    const { handshake, client } = await untilMic();
    const mechListMic = client.getMic(mechTypeListOf(mechTypes));
    const { error } = failureOf(await handshake.accept(encodeNegTokenResp({ mechListMic })));
    expect(error.code).toBe('GSS_S_BAD_MIC');
  }
  // No MIC is no way around it.
  const { handshake } = await untilMic();
  const silent = encodeNegTokenResp({ negState: NegState.acceptCompleted });
  expect(failureOf(await handshake.accept(silent)).error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
  const honest = await untilMic();
  const mechListMic = honest.client.getMic(honest.list);
  const last = await honest.handshake.accept(encodeNegTokenResp({ mechListMic }));
  expect(last.status).toBe('complete');
});

advisory('micOfAnotherType', async () => {
  const others = [element(0x03, Uint8Array.of(0)), element(0x05), element(0x30), element(0x24)];
  for (const number of [2, 3]) {
    for (const other of others) {
      const { handshake } = await untilMic();
      const resp = element(0xa1, element(0x30, element(0xa0 | number, other)));
      const { error } = failureOf(await handshake.accept(resp));
      expect(error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
    }
  }
});

advisory('micUnderItsTag', async () => {
  const wrong = new Uint8Array(28).fill(4);
  const hints = element(0xa3, element(0x30));
  // In a NegTokenInit, [3] of RFC 4178 and [4] of MS-SPNG; in a NegTokenResp, [3].
  for (const field of [
    [element(0xa3, element(0x04, wrong))],
    [hints, element(0xa4, element(0x04, wrong))],
  ]) {
    const { initiator, begin } = await makeParties();
    const types = element(0xa0, mechTypeListOf([krb5]));
    const mechToken = element(0xa2, element(0x04, initiator.begin()));
    const result = await begin().accept(initOf(types, mechToken, ...field));
    expect(failureOf(result).error.code).toMatch(/^GSS_S_(BAD_MIC|DEFECTIVE_TOKEN)$/);
  }
  const { handshake } = await untilMic();
  const resp = element(0xa1, element(0x30, element(0xa3, element(0x04, wrong))));
  expect(failureOf(await handshake.accept(resp)).error.code).toMatch(/MIC|DEFECTIVE/);
});

advisory('sequenceZero', async () => {
  const { mutual, replay, sequence, integrity } = ContextFlag;
  for (const flags of [mutual | integrity, mutual | integrity | replay | sequence]) {
    const { handshake, client, list } = await untilMic(flags);
    const mechListMic = micToken(list, {
      sender: 'initiator',
      key: client.sessionKey,
      acceptorSubkey: true,
      sequence: 0n,
    });
    const last = await handshake.accept(encodeNegTokenResp({ mechListMic }));
    if (last.status !== 'complete') throw new Error(`not complete: ${last.status}`);
    expect(last.context.initiator.toString()).toBe(CLIENT);
    expectTalk(client, last.context);
  }
});

advisory('negoEx', async () => {
  const hostile = negoExMessages();
  for (const message of hostile) {
    for (const token of [message, frameMechanismToken(negoex, message)]) {
      const { begin } = await makeParties();
      const { error } = failureOf(await begin().accept(token));
      expect(error.minor?.code ?? error.code).toMatch(/NEGOEX_RECEIVED|GSS_S_DEFECTIVE_TOKEN/);
    }
    const { begin, initiator } = await makeParties();
    const only = encodeNegTokenInit({ mechTypes: [negoex], mechToken: message });
    expect(failureOf(await begin().accept(only)).error.minor?.code).toBe('NEGOEX_RECEIVED');
    // As Windows offers it: NegoEx first, with a token of its own, which nobody reads.
    const handshake = begin();
    const both = encodeNegTokenInit({ mechTypes: [negoex, krb5], mechToken: message });
    const first = await handshake.accept(both);
    expect(respOf(first.outputToken)).toMatchObject({
      negState: NegState.requestMic,
      supportedMech: krb5,
    });
    const responseToken = initiator.begin();
    const second = await handshake.accept(encodeNegTokenResp({ responseToken }));
    expect(second.status).toBe('continue');
  }
  expect(hostile.length).toBeGreaterThan(150);
});

advisory('unknownPreferred', async () => {
  const { begin, initiator } = await makeParties();
  const mechToken = initiator.begin();
  const none = encodeNegTokenInit({ mechTypes: ['1.3.6.1.4.1.5322.22.1.18'], mechToken });
  const { error, outputToken } = failureOf(await begin().accept(none));
  expect(error.minor?.code).toBe('SPNEGO_NEGOTIATION_FAILED');
  expect(respOf(outputToken).negState).toBe(NegState.reject);
  // The token of the unknown mechanism is a good AP-REQ: Kerberos must not get it all the same.
  const handshake = begin();
  const mechTypes = ['1.3.6.1.4.1.5322.22.1.18', krb5] as const;
  const first = await handshake.accept(encodeNegTokenInit({ mechTypes, mechToken }));
  expect(respOf(first.outputToken)).toEqual({
    kind: 'resp',
    negState: NegState.requestMic,
    supportedMech: krb5,
  });
});

advisory('emptyMechTypes', async () => {
  const { begin, initiator } = await makeParties();
  const mechToken = element(0xa2, element(0x04, initiator.begin()));
  const empty = element(0xa0, element(0x30));
  for (const token of [
    initOf(empty),
    initOf(empty, mechToken),
    initOf(element(0xa0)),
    initOf(mechToken),
    initOf(),
  ]) {
    const { error, outputToken } = failureOf(await begin().accept(token));
    expect(error.code).toMatch(/^GSS_S_(BAD_MECH|DEFECTIVE_TOKEN)$/);
    expect(respOf(outputToken).negState).toBe(NegState.reject);
  }
});

advisory('unknownChoice', async () => {
  const { begin, initiator } = await makeParties();
  const body = element(0x30, element(0xa0, mechTypeListOf([krb5])));
  for (let tag = 0; tag < 256; tag++) {
    const framed = frameMechanismToken(Mechanism.spnego, element(tag, body));
    const { status } = await begin().accept(framed);
    // NegotiationToken ::= CHOICE { negTokenInit [0], negTokenResp [1] }.
    expect(status, `tag ${tag}`).toBe(tag === 0xa0 ? 'continue' : 'failed');
  }
  const good = initiator.begin();
  for (let tag = 0; tag < 256; tag++) {
    if (tag === 0x60) continue;
    const { error } = failureOf(await begin().accept(good.with(0, tag)));
    expect(error.code, `tag ${tag}`).toBe('GSS_S_DEFECTIVE_TOKEN');
  }
});

advisory('hostileOids', async () => {
  const { begin } = await makeParties();
  const contents = [
    new Uint8Array(),
    Uint8Array.of(0x80),
    Uint8Array.of(0x2a, 0x80, 0x01),
    Uint8Array.of(0x2a, 0x86),
    new Uint8Array(127).fill(0xff),
    new Uint8Array(128).fill(0x7f),
    new Uint8Array(60_000).fill(0x81),
    concatBytes(new Uint8Array(4_000).fill(0x81), Uint8Array.of(1)),
    concatBytes(encodeMechanism(krb5), Uint8Array.of(1)),
    encodeMechanism(krb5).subarray(0, -1),
  ];
  for (const oid of contents) {
    const list = element(0xa0, element(0x30, element(0x06, oid)));
    const negotiated = failureOf(await begin().accept(initOf(list)));
    expect(negotiated.error.code).toMatch(/^GSS_S_(BAD_MECH|DEFECTIVE_TOKEN)$/);
    const framed = element(0x60, element(0x06, oid), Uint8Array.of(1, 0));
    const raw = failureOf(await begin().accept(framed));
    expect(raw.error.code).toMatch(/^GSS_S_(BAD_MECH|DEFECTIVE_TOKEN|NO_CRED)$/);
  }
});

/** Nothing brings a refused exchange back, not even what would have been good at first. */
async function expectOver(handshake: Handshake, good: Uint8Array): Promise<void> {
  const again = await handshake.accept(good).catch((error: unknown) => error);
  expect(again).not.toMatchObject({ status: 'complete' });
  expect(again).not.toMatchObject({ status: 'continue' });
}

function expectTalk(client: SecurityContext, server: SecurityContext): void {
  const message = encodeUtf8('after the negotiation');
  expect(server.unwrap(client.wrap(message)).message).toEqual(message);
  expect(client.unwrap(server.wrap(message)).message).toEqual(message);
}

/** MS-NEGOEX §2.2: messages whose lengths, offsets and counts are all of what makes no sense. */
function negoExMessages(): Uint8Array[] {
  const extremes = [0, 1, 39, 40, 41, 95, 96, 97, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
  const messages: Uint8Array[] = [];
  for (const type of [0, 2, 5, 7, 255]) {
    for (const value of extremes) {
      messages.push(negoExMessage(type, value, 96, 96));
      messages.push(negoExMessage(type, 40, value, 96));
      messages.push(negoExMessage(type, 96, 96, value));
    }
  }
  const whole = negoExMessage(0, 96, 96, 96);
  for (let length = 8; length < whole.length; length += 8) messages.push(whole.slice(0, length));
  return messages;
}

function negoExMessage(
  type: number,
  headerLength: number,
  messageLength: number,
  vectorOffset: number,
): Uint8Array {
  const writer = new Writer().raw(encodeUtf8('NEGOEXTS')).u32(type, true).u32(0, true);
  writer.u32(headerLength, true).u32(messageLength, true).raw(new Uint8Array(16).fill(7));
  // NEGO_MESSAGE: random, version, two vectors of offset and count.
  writer.raw(new Uint8Array(32).fill(9)).u64(0n, true);
  writer.u32(vectorOffset, true).u32(0xffff, true);
  return writer.u32(vectorOffset, true).u32(0xffff, true).finish();
}
