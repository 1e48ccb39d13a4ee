/** Published flaws of the AP exchange and of what lives around it, tried on this package. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { frameToken, TokenId, unframeToken } from '../../src/gss/framing.ts';
import { negotiate } from '../../src/http/negotiate.ts';
import type { Acceptor, AskKdc, Handshake } from '../../src/index.ts';
import {
  acquireCredential,
  ContextFlag,
  createAcceptor,
  Mechanism,
  TicketFlag,
} from '../../src/index.ts';
import { ApOption, encodeAuthenticator } from '../../src/messages/ap-req.ts';
import { decodeProxiedMessage, encodeProxiedMessage } from '../../src/messages/kdc/iakerb.ts';
import { kdcAsker } from '../../src/node/kdc/ask-kdc.ts';
import { encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import { createIakerbInitiator, createInitiator, createRealm } from '../../src/testing/index.ts';
import { kdcError } from '../support/fake-kdc.ts';
import { gssCodeOf } from '../support/library-errors.ts';
import {
  CLIENT,
  establish,
  makeKeytab,
  makeParties,
  NOW,
  SERVICE,
  seededRandom,
} from '../support/realm-kit.ts';
import { testsOf } from './advisory.ts';
import { EXCHANGE } from './records/exchange.ts';
import {
  apReqOf,
  authenticatorOf,
  contextOf,
  failureOf,
  tokenOf,
  withAuthenticator,
} from './support.ts';

const advisory = testsOf(EXCHANGE);
const OTHER_SERVICE = 'HTTP/www.example.test@EXAMPLE.TEST';

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
  // Two names of one account have one key: the keytab says which service this is, not the ticket.
  const account = makeKeytab({ principal: OTHER_SERVICE });
  const { begin } = await makeParties({ keytab: account, service: 'HTTP@www.example.test' });
  const forHost = await makeParties({ keytab: makeKeytab() });
  const context = contextOf(await begin().accept(forHost.initiator.begin()));
  expect(context.acceptor.toString()).toBe(OTHER_SERVICE);
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

advisory('anonymousClients', async () => {
  for (const client of [
    'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS',
    'WELLKNOWN/ANONYMOUS@EXAMPLE.TEST',
    CLIENT,
  ]) {
    for (const flags of client === CLIENT ? [TicketFlag.anonymous] : [0, TicketFlag.anonymous]) {
      const { begin, initiator } = await makeParties({ ticket: { client, flags } });
      const { error } = failureOf(await begin().accept(initiator.begin()));
      expect(error.minor?.code, client).toMatch(/^(KDC_ERR_POLICY|KRB_AP_ERR_BADMATCH)$/);
    }
  }
  const client = 'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS';
  const { begin, initiator } = await makeParties({
    ticket: { client, flags: TicketFlag.anonymous },
    acceptor: { allowAnonymous: true },
  });
  const { flags } = contextOf(await begin().accept(initiator.begin()));
  expect(flags & ContextFlag.anonymous).not.toBe(0);
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

advisory('relayAbuse', async () => {
  const realm = createRealm({ services: ['host/www.example.test'] });
  const asked: string[] = [];
  const acceptor = createAcceptor({
    credential: await acquireCredential({ keytab: realm.keytab }),
    iakerb: {
      kdc: async (name, message) => {
        asked.push(name);
        return await realm.kdc(name, message);
      },
    },
  });
  const login = { password: 'alice-password', service: 'host/www.example.test' };
  // A realm that is not ours, or only looks like it.
  for (const name of [
    'OTHER.TEST',
    'example.test',
    'EXAMPLE.TEST.',
    'EXAMPLE.TEST\0',
    '127.0.0.1',
  ]) {
    const first = createIakerbInitiator({ ...login, client: `alice@${name}` }).begin();
    const result = await acceptor.begin().accept(first.outputToken!);
    expect(failureOf(result).error.reason).toBe('iakerb.realm-not-relayed');
    // What goes back is not longer than what came, but for the header of an error.
    expect(result.outputToken!.length).toBeLessThan(first.outputToken!.length + 200);
  }
  expect(asked).toEqual([]);
  // A client that only talks to the KDC has no context, and does not get one for the AP-REQ alone.
  const logIn = async () => {
    const initiator = createIakerbInitiator({ ...login, client: 'alice@EXAMPLE.TEST' });
    const handshake = acceptor.begin();
    let { outputToken: last } = initiator.begin();
    for (let hop = 0; hop < 3; hop++) {
      const result = await handshake.accept(last!);
      expect(result).not.toHaveProperty('context');
      last = initiator.step(result.outputToken).outputToken;
    }
    return { handshake, apReq: last! };
  };
  const { apReq: alone } = await logIn();
  expect(failureOf(await acceptor.begin().accept(alone)).error.reason).toBe('iakerb.transcript');
  const { handshake, apReq } = await logIn();
  expect((await handshake.accept(apReq)).status).toBe('complete');
  expect(asked).toEqual(new Array(6).fill('EXAMPLE.TEST'));
});

/** An acceptor that relays, and the first token of a client, with the AS-REQ in it. */
async function relayTo(kdc: AskKdc) {
  const { keytab } = createRealm({ services: ['host/www.example.test'] });
  const credential = await acquireCredential({ keytab });
  const acceptor = createAcceptor({ credential, iakerb: { kdc } });
  const login = { client: 'alice@EXAMPLE.TEST', password: 'x', service: 'host/www.example.test' };
  const token = createIakerbInitiator(login).begin().outputToken!;
  const request = decodeProxiedMessage(unframeToken(token).inner.subarray(2));
  return { acceptor, token, request };
}

advisory('relayAmplification', async () => {
  const answer = kdcError(NOW, 25);
  const datagrams: number[] = [];
  const socket = createSocket('udp4', (message, { port, address }) => {
    datagrams.push(message.length);
    for (let copy = 0; copy < 100; copy++) socket.send(answer, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  try {
    const server = { host: '127.0.0.1', port: socket.address().port };
    const ask = kdcAsker(async () => [server]);
    const { acceptor, token, request } = await relayTo(
      async (...asked) => (await ask(...asked)).bytes,
    );
    const result = await acceptor.begin().accept(token);
    expect(result.status).toBe('continue');
    const { inner } = unframeToken(result.outputToken!);
    expect(decodeProxiedMessage(inner.subarray(2)).message).toEqual(answer);
    await turn();
    expect(datagrams).toEqual([request.message.length]);
    // What is no request for a KDC is not sent at all.
    const { message } = request;
    for (const other of [answer, message.subarray(0, -1), Uint8Array.of(...message, 0)]) {
      const contents = encodeProxiedMessage({ ...request, message: other });
      const wrong = frameToken(Mechanism.iakerb, TokenId.iakerbProxy, contents);
      expect((await acceptor.begin().accept(wrong)).status).toBe('failed');
    }
    expect(datagrams).toHaveLength(1);
  } finally {
    socket.close();
  }
});

advisory('relayLoop', async () => {
  // A way to a KDC that leads back to the server itself.
  const reached: string[] = [];
  const itself: AskKdc = async (_realm, message) => {
    const result = await acceptor.begin().accept(message);
    reached.push(result.status);
    return result.outputToken ?? new Uint8Array();
  };
  const { acceptor, token, request } = await relayTo(itself);
  const result = await acceptor.begin().accept(token);
  expect(failureOf(result).error.reason).toBe('iakerb.kdc-unreachable');
  expect(reached).toEqual(['failed']);
  // A message that is a token for another relay.
  const contents = encodeProxiedMessage({ ...request, message: token });
  const nested = frameToken(Mechanism.iakerb, TokenId.iakerbProxy, contents);
  expect((await acceptor.begin().accept(nested)).status).toBe('failed');
  expect(reached).toHaveLength(1);
  // A KDC that never lets the client come to an end.
  let answers = 0;
  const endless = await relayTo(async () => {
    answers++;
    return kdcError(NOW, 25);
  });
  const handshake = endless.acceptor.begin();
  let last = await handshake.accept(endless.token);
  while (last.status === 'continue') last = await handshake.accept(endless.token);
  expect(failureOf(last).error.reason).toBe('iakerb.too-many');
  expect(answers).toBe(26);
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
