/** Published flaws of the AP exchange and of what lives around it, tried on this package. */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts';
import { KeyUsage } from '../../src/crypto/numbers.ts';
import { frameToken, TokenId, unframeToken } from '../../src/gss/framing.ts';
import { negotiate } from '../../src/http/negotiate.ts';
import type { Acceptor, AcceptResult, Handshake, SecurityContext } from '../../src/index.ts';
import {
  ContextFlag,
  createAcceptor,
  exportName,
  GssNameType,
  importName,
  importSecurityContext,
  Mechanism,
} from '../../src/index.ts';
import type { ApReq, Authenticator } from '../../src/messages/ap-req.ts';
import {
  ApOption,
  decodeApReq,
  decodeAuthenticator,
  encodeApReq,
  encodeAuthenticator,
} from '../../src/messages/ap-req.ts';
import { encodeEncKrbCredPart, encodeKrbCred } from '../../src/messages/krb-cred.ts';
import { encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import { createInitiator } from '../../src/testing/index.ts';
import { element } from '../messages/element.ts';
import { gssCodeOf } from '../support/library-errors.ts';
import {
  CLIENT,
  establish,
  makeKeytab,
  makeParties,
  NOW,
  NOW_SECONDS,
  SERVICE,
  seededRandom,
} from '../support/realm-kit.ts';
import { testsOf } from './advisory.ts';
import { EXCHANGE } from './records/exchange.ts';

const advisory = testsOf(EXCHANGE);
const OTHER_SERVICE = 'HTTP/www.example.test@EXAMPLE.TEST';

type Parties = Awaited<ReturnType<typeof makeParties>>;

function failureOf(result: AcceptResult) {
  if (result.status !== 'failed') throw new Error(`not refused: ${result.status}`);
  return result;
}

function contextOf(result: AcceptResult): SecurityContext {
  if (result.status === 'failed') throw result.error;
  if (result.status !== 'complete') throw new Error('not complete');
  return result.context;
}

function apReqOf(token: Uint8Array): ApReq {
  return decodeApReq(unframeToken(token).inner.subarray(2));
}

function tokenOf(apReq: ApReq, mechanism: Parameters<typeof frameToken>[0] = Mechanism.krb5) {
  return frameToken(mechanism, TokenId.apReq, encodeApReq(apReq));
}

/** A request whose authenticator holds these bytes. */
function withAuthenticator({ ticket }: Parties, plain: Uint8Array): Uint8Array {
  const { sessionKey } = ticket;
  const cipher = sessionKey.encrypt(KeyUsage.apReqAuthenticator, plain, seededRandom(8));
  return tokenOf({
    apOptions: 0,
    ticket: ticket.ticket,
    authenticator: { enctype: sessionKey.enctype, cipher },
  });
}

function authenticatorOf({ ticket }: Parties, token: Uint8Array): Authenticator {
  const { cipher } = apReqOf(token).authenticator;
  const plain = ticket.sessionKey.decrypt(KeyUsage.apReqAuthenticator, cipher);
  return decodeAuthenticator(plain);
}

/** The same request with everything altered that nobody has signed, one thing at a time. */
function rewritings(token: Uint8Array): Uint8Array[] {
  const apReq = apReqOf(token);
  const { ticket } = apReq;
  const { serverName } = ticket;
  const tickets = [
    { ...ticket, realm: 'ELSEWHERE.TEST' },
    { ...ticket, realm: 'example.test' },
    { ...ticket, serverName: { ...serverName, nameType: 3 } },
    { ...ticket, serverName: { ...serverName, components: ['host', 'other.example.test'] } },
    { ...ticket, serverName: { ...serverName, components: ['HTTP', 'www.example.test'] } },
    { ...ticket, serverName: { ...serverName, components: ['x'] } },
    { ...ticket, encPart: { ...ticket.encPart, kvno: 7 } },
    { ...ticket, encPart: { enctype: ticket.encPart.enctype, cipher: ticket.encPart.cipher } },
  ];
  return [
    token,
    ...tickets.map((altered) => tokenOf({ ...apReq, ticket: altered })),
    ...[0, ApOption.mutualRequired, 1].map((apOptions) => tokenOf({ ...apReq, apOptions })),
    tokenOf({ ...apReq, authenticator: { ...apReq.authenticator, kvno: 5 } }),
    tokenOf(apReq, Mechanism.msKrb5),
    tokenOf(apReq, Mechanism.oldKrb5),
    encodeNegTokenInit({ mechTypes: [Mechanism.krb5], mechToken: token }),
    encodeNegTokenInit({ mechTypes: [Mechanism.msKrb5, Mechanism.krb5], mechToken: token }),
  ];
}

advisory('noChecksum', async () => {
  const parties = await makeParties();
  const { checksum: _, ...bare } = authenticatorOf(parties, parties.initiator.begin());
  const token = withAuthenticator(parties, encodeAuthenticator(bare));
  const context = contextOf(await parties.begin().accept(token));
  const granted = ContextFlag.transferable | ContextFlag.protectionReady;
  expect(context.flags & ~granted).toBe(0);
  expect(context.initiator.toString()).toBe(CLIENT);
  const channelBindings = { applicationData: encodeUtf8('tls-server-end-point:...') };
  const strict = await makeParties({
    acceptor: { channelBindingPolicy: 'required' },
    handshake: { channelBindings },
  });
  const unbound = withAuthenticator(strict, encodeAuthenticator(bare));
  expect(failureOf(await strict.begin().accept(unbound)).error.code).toBe('GSS_S_BAD_BINDINGS');
});

advisory('unauthenticatedNames', async () => {
  const keytab = makeKeytab({}, { principal: OTHER_SERVICE, seed: 8 });
  const parties = await makeParties({ keytab, ticket: { service: 'host@server.example.test' } });
  const { credential, initiator } = parties;
  let accepted = 0;
  for (const token of rewritings(initiator.begin())) {
    const acceptor = createAcceptor({ credential, clock: () => NOW });
    const result = await acceptor.begin().accept(token);
    if (result.status !== 'complete') continue;
    accepted++;
    expect(result.context.initiator.toString()).toBe(CLIENT);
    expect(result.context.acceptor.toString()).toBe(SERVICE);
    expect(result.context.ticket.kvno).toBe(1);
  }
  expect(accepted).toBeGreaterThan(8);
});

advisory('malleableReplayKey', async () => {
  const keytab = makeKeytab({}, { principal: OTHER_SERVICE, seed: 8 });
  const ticket = { service: 'host@server.example.test' };
  const { acceptor, initiator } = await makeParties({ keytab, ticket });
  const token = initiator.begin();
  expect((await acceptor.begin().accept(token)).status).toBe('complete');
  let known = 0;
  for (const altered of rewritings(token)) {
    const { error } = failureOf(await acceptor.begin().accept(altered));
    if (error.minor?.code === 'KRB_AP_ERR_REPEAT') known++;
  }
  expect(known).toBeGreaterThan(8);
});

advisory('cacheForEachCall', async () => {
  const { acceptor, credential, initiator } = await makeParties();
  const token = initiator.begin();
  expect((await acceptor.begin().accept(token)).status).toBe('complete');
  const results = await Promise.all([1, 2, 3].map(() => acceptor.begin().accept(token)));
  for (const result of results) {
    expect(failureOf(result).error.minor?.code).toBe('KRB_AP_ERR_REPEAT');
  }
  // At the same moment, too: one of them comes first.
  const racing = createAcceptor({ credential, clock: () => NOW });
  const race = await Promise.all([1, 2, 3, 4].map(() => racing.begin().accept(token)));
  expect(race.map(({ status }) => status).sort()).toEqual([
    'complete',
    'failed',
    'failed',
    'failed',
  ]);
});

advisory('falseReplays', async () => {
  const { acceptor, keytab, ticket, initiator } = await makeParties();
  const same = { ticket, clock: () => NOW, sequenceNumber: 1234 };
  const tokens = [1, 2, 3].map((seed) =>
    createInitiator({ ...same, random: seededRandom(seed) }).begin(),
  );
  const bob = await makeParties({ keytab, ticket: { client: 'bob@EXAMPLE.TEST' } });
  tokens.push(initiator.begin(), initiator.begin(), bob.initiator.begin());
  for (const token of tokens) {
    expect((await acceptor.begin().accept(token)).status).toBe('complete');
  }
});

advisory('otherRealm', async () => {
  const parties = await makeParties();
  const good = authenticatorOf(parties, parties.initiator.begin());
  const { clientName } = good;
  for (const change of [
    { clientRealm: 'ELSEWHERE.TEST' },
    { clientRealm: 'example.test' },
    { clientName: { ...clientName, components: ['bob'] } },
    { clientName: { ...clientName, components: ['alice', 'admin'] } },
    { clientName: { ...clientName, components: ['alice@EXAMPLE.TEST'] } },
  ]) {
    const token = withAuthenticator(parties, encodeAuthenticator({ ...good, ...change }));
    const { error } = failureOf(await parties.begin().accept(token));
    expect(error.minor?.code).toBe('KRB_AP_ERR_BADMATCH');
  }
});

advisory('failedContexts', async () => {
  const dce = ContextFlag.mutual | ContextFlag.dceStyle | ContextFlag.integrity;
  const { initiator, begin } = await makeParties({ initiator: { flags: dce } });
  const handshake = begin();
  const first = await handshake.accept(initiator.begin());
  expect(first.status).toBe('continue');
  expect(first).not.toHaveProperty('context');
  const third = initiator.confirm(first.outputToken!);
  const altered = third.with(third.length - 1, third.at(-1)! ^ 1);
  const failed = failureOf(await handshake.accept(altered));
  expect(failed).not.toHaveProperty('context');
  // The right token, too late; and the first one once more.
  for (const token of [third, initiator.begin()]) {
    const again = await handshake.accept(token).catch((error: unknown) => error);
    expect(again).not.toMatchObject({ status: 'complete' });
  }
  // A context that was disposed of is none.
  const { server } = await establish();
  server.dispose();
  expect(gssCodeOf(() => server.wrap(encodeUtf8('x')))).toBe('GSS_S_NO_CONTEXT');
});

advisory('unfinishedExchanges', async () => {
  const dce = ContextFlag.mutual | ContextFlag.dceStyle | ContextFlag.integrity;
  const { acceptor, initiator } = await makeParties({ initiator: { flags: dce } });
  const abandoned: WeakRef<Handshake>[] = [];
  // A negotiation; DCE style with its keys; a token of which most is still to come.
  const piece = new Uint8Array(50_000);
  piece.set([0x60, 0x83, 0x03, 0xff, 0xfb]);
  for (let i = 0; i < 60; i++) {
    for (const token of [
      encodeNegTokenInit({ mechTypes: [Mechanism.ntlmssp, Mechanism.krb5] }),
      initiator.begin(),
      piece,
    ]) {
      abandoned.push(await abandon(acceptor, token));
    }
  }
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What a WeakRef has shown is kept until the end of the turn.
  for (let i = 0; i < 5; i++) {
    await turn();
    collect();
  }
  expect(abandoned.filter((reference) => reference.deref() !== undefined)).toEqual([]);
  // And no exchange takes more than a quarter of a megabyte.
  const tooLong = Uint8Array.of(0x60, 0x83, 0x04, 0x00, 0x00, 0);
  const result = await acceptor.begin({ reassemble: true }).accept(tooLong);
  expect(failureOf(result).error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
});

advisory('recursion', async () => {
  const parties = await makeParties();
  const good = authenticatorOf(parties, parties.initiator.begin());
  for (const tag of [0x30, 0xa0, 0x60, 0x24]) {
    const deep = nested((length) => [headerOf(tag, length)], 20_000);
    for (const token of [deep, frameToken(Mechanism.krb5, TokenId.apReq, deep)]) {
      expect(failureOf(await parties.begin().accept(token)).error.code).toMatch(/^GSS_S_/);
    }
    const inside = withAuthenticator(parties, deep);
    expect(failureOf(await parties.begin().accept(inside)).error.code).toMatch(/^GSS_S_/);
  }
  // Indefinite lengths, 30 000 deep: two bytes a level.
  for (const tag of [0x30, 0x60, 0xa0]) {
    const indefinite = new Uint8Array(60_000).map((_, at) => (at % 2 === 0 ? tag : 0x80));
    for (const token of [indefinite, frameToken(Mechanism.krb5, TokenId.apReq, indefinite)]) {
      expect(failureOf(await parties.begin().accept(token)).error.code).toMatch(/^GSS_S_/);
    }
  }
  // AD-IF-RELEVANT in AD-IF-RELEVANT, sealed by the client: nobody follows it down.
  const type = element(0xa0, element(0x02, Uint8Array.of(1)));
  const data = nested((length) => {
    const octets = headerOf(0x04, length);
    const field = headerOf(0xa1, octets.length + length);
    const fields = type.length + field.length + octets.length + length;
    const one = headerOf(0x30, fields);
    return [headerOf(0x30, one.length + fields), one, type, field, octets];
  }, 5_000);
  const authorizationData = [{ type: 1, data }];
  const plain = encodeAuthenticator({ ...good, authorizationData });
  const result = await parties.begin().accept(withAuthenticator(parties, plain));
  if (result.status === 'failed') expect(result.error.code).toBe('GSS_S_FAILURE');
  else expect(contextOf(result).initiator.toString()).toBe(CLIENT);
});

advisory('lengthArithmetic', async () => {
  const parties = await makeParties();
  const good = parties.initiator.begin();
  const plain = encodeAuthenticator(authenticatorOf(parties, good));
  const lengths = [0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
  for (const length of lengths) {
    const bytes = [0x84, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255];
    for (const at of [1, 3]) {
      const outer = Uint8Array.of(...good.subarray(0, at), ...bytes, ...good.subarray(at + 1));
      expect(failureOf(await parties.begin().accept(outer)).error.code).toBe(
        'GSS_S_DEFECTIVE_TOKEN',
      );
    }
    for (const at of plain.keys()) {
      if (at % 3 !== 1) continue;
      const inner = Uint8Array.of(...plain.subarray(0, at), ...bytes, ...plain.subarray(at + 1));
      const sealed = withAuthenticator(parties, inner);
      expect(failureOf(await parties.begin().accept(sealed)).error.code).toBe('GSS_S_FAILURE');
    }
  }
});

advisory('times', async () => {
  const parties = await makeParties();
  const plain = encodeAuthenticator(authenticatorOf(parties, parties.initiator.begin()));
  const at = Buffer.from(plain).indexOf('20260601');
  expect(at).toBeGreaterThan(0);
  for (const text of [
    '20260601120000',
    '20260601120000z',
    '20261301120000Z',
    '20260230120000Z',
    '20260601250000Z',
    '2026060112000\0Z',
    '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0',
    '99999999999999Z',
    '-0260601120000Z',
  ]) {
    const altered = plain.slice();
    altered.set(encodeUtf8(text), at);
    if (text.length < 15) altered[at + 14] = 0x30;
    const { error } = failureOf(await parties.begin().accept(withAuthenticator(parties, altered)));
    expect(error.code, text).toBe('GSS_S_FAILURE');
    expect(error.minor?.message, text).toMatch(/GeneralizedTime/);
  }
});

advisory('emptyDelegation', async () => {
  const flags = ContextFlag.mutual | ContextFlag.delegation;
  const key = { enctype: 18, value: new Uint8Array(32).fill(1) };
  for (const ticketInfo of [[], [{ key, endTime: NOW_SECONDS + 10 }]]) {
    const cipher = encodeEncKrbCredPart({ ticketInfo });
    const delegation = encodeKrbCred({ tickets: [], encPart: { enctype: 0, cipher } });
    const { initiator, begin } = await makeParties({ initiator: { flags, delegation } });
    const { error } = failureOf(await begin().accept(initiator.begin()));
    expect(error.code).toBe('GSS_S_FAILURE');
    expect(error.minor?.message).toMatch(/tickets/);
  }
});

advisory('exportedNames', async () => {
  const { server } = await establish();
  const good = exportName(server.initiator);
  const reimported = importName(good, GssNameType.exportName);
  expect(reimported.toString()).toBe(CLIENT);
  for (let length = 0; length < good.length; length++) expectBadName(good.slice(0, length));
  expectBadName(Uint8Array.of(...good, 0));
  expectBadName(Uint8Array.of(...good, ...good));
  // All but the name itself: token id, the OID and the two lengths.
  for (let at = 0; at < good.length - CLIENT.length; at++) {
    expectBadName(good.with(at, good[at]! ^ 0x40));
  }
});

advisory('exportedContexts', async () => {
  const { client, server } = await establish();
  const bytes = server.export();
  for (let at = 0; at < bytes.length; at++) {
    for (const damaged of [bytes.slice(0, at), bytes.with(at, bytes[at]! ^ 0x10)]) {
      const code = gssCodeOf(() => importSecurityContext(damaged));
      expect(code).toBe('GSS_S_DEFECTIVE_TOKEN');
    }
  }
  const moved = importSecurityContext(bytes);
  const message = encodeUtf8('after the move');
  expect(moved.unwrap(client.wrap(message)).message).toEqual(message);
  expect(gssCodeOf(() => server.wrap(message))).toBe('GSS_S_NO_CONTEXT');
});

advisory('sharedConnections', async () => {
  const { acceptor, initiator } = await makeParties();
  const header = `Negotiate ${Buffer.from(initiator.begin()).toString('base64')}`;
  const first = await negotiate(acceptor, header);
  expect(first.status).toBe(200);
  expect(first).not.toHaveProperty('state');
  for (const next of [undefined, null, '', 'Negotiate', 'Negotiate ', 'Basic YTpi']) {
    expect((await negotiate(acceptor, next)).status).toBe(401);
  }
  // Not even with the header that has just been good.
  expect((await negotiate(acceptor, header)).status).toBe(401);
});

/** An exchange that waits for its next token; no frame of the test refers to it any more. */
async function abandon(acceptor: Acceptor, token: Uint8Array): Promise<WeakRef<Handshake>> {
  const handshake = acceptor.begin({ reassemble: true });
  expect((await handshake.accept(token)).status).toBe('continue');
  return new WeakRef(handshake);
}

/** Elements inside one another. @param wrap - What stands before so many bytes. */
function nested(wrap: (length: number) => readonly Uint8Array[], times: number): Uint8Array {
  const headers: Uint8Array[] = [];
  let length = 0;
  for (let i = 0; i < times; i++) {
    const header = concatBytes(...wrap(length));
    headers.push(header);
    length += header.length;
  }
  return concatBytes(...headers.reverse());
}

function headerOf(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return Uint8Array.of(tag, 0x80 | bytes.length, ...bytes);
}

function expectBadName(bytes: Uint8Array): void {
  const code = gssCodeOf(() => importName(bytes, GssNameType.exportName));
  expect(code).toMatch(/^GSS_S_(BAD_NAME|BAD_MECH)$/);
}
