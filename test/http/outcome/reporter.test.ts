/** Hooks and counters of an authenticator: whatever becomes of a request is told and counted. */
import { describe, expect, it } from 'vitest';
import type { AuthenticationRequest } from '../../../src/http/authentication.ts';
import { createAuthenticator } from '../../../src/http/authenticator.ts';
import type { AuthenticatorOptions } from '../../../src/http/options.ts';
import { ChannelName } from '../../../src/observe/channels.ts';
import { listen } from '../../support/channels.ts';
import { CLIENT, makeKeytab, makeParties, SERVICE } from '../../support/realm-kit.ts';

const PEER = { type: 2, address: Uint8Array.of(192, 0, 2, 7) };
const TICKET = { client: CLIENT, service: SERVICE, kvno: 1, enctype: 18, sessionEnctype: 18 };

async function site(options: Partial<AuthenticatorOptions> = {}) {
  const { acceptor, initiator } = await makeParties();
  const told: string[] = [];
  const authenticator = createAuthenticator({
    acceptor,
    onAccepted: ({ identity }) => void told.push(`accepted ${identity.name}`),
    onChallenged: (_, why) => void told.push(`challenged ${why?.reason}`),
    onRefused: ({ reason }) => void told.push(`refused ${reason}`),
    onAbandoned: ({ reason }) => void told.push(`abandoned ${reason}`),
    ...options,
  });
  const closing = new AbortController();
  const connection = {};
  const ask = (authorization?: string, more: Partial<AuthenticationRequest> = {}) =>
    authenticator.authenticate({
      authorization,
      connection,
      closed: () => closing.signal,
      peerAddress: PEER,
      ...more,
    });
  const negotiate = () => `Negotiate ${Buffer.from(initiator.begin()).toString('base64')}`;
  return { acceptor, ask, negotiate, told, close: () => closing.abort() };
}

describe('a challenge', () => {
  it('that nobody answers is told and counted when the connection closes', async () => {
    using challenged = listen(ChannelName.challenge);
    using refused = listen(ChannelName.refuse);
    const { acceptor, ask, told, close } = await site();
    await ask();
    await ask();
    expect(acceptor.statistics).toMatchObject({ challenged: 2, abandoned: 0 });
    close();
    await expect.poll(() => told).toHaveLength(3);
    expect(told.at(-1)).toBe('abandoned negotiate.abandoned');
    expect(acceptor.statistics).toMatchObject({
      abandoned: 1,
      refusals: { 'negotiate.abandoned': 1 },
    });
    expect(challenged.messages.map(({ attributes }) => attributes)).toEqual([
      { 'client.address': '192.0.2.7' },
      { 'client.address': '192.0.2.7' },
    ]);
    await expect.poll(() => refused.messages).toHaveLength(1);
    expect(refused.messages[0]!.attributes).toMatchObject({
      'error.type': 'negotiate.abandoned',
      'client.address': '192.0.2.7',
    });
  });

  it('that is answered is not abandoned, whatever becomes of the answer', async () => {
    const { acceptor, ask, negotiate, told, close } = await site();
    await ask();
    await ask(negotiate());
    close();
    await ask('Negotiate !');
    expect(told).toEqual(['challenged undefined', 'accepted alice', 'refused token.not-base64']);
    expect(acceptor.statistics).toMatchObject({ challenged: 1, abandoned: 0, accepted: 1 });
  });

  it('that came through a proxy is not abandoned when the proxy closes its connection', async () => {
    const through = { proxyHeader: 'x-forwarded-for' };
    const shared = await site();
    await shared.ask(undefined, through);
    await shared.ask('Negotiate', through);
    shared.close();
    const apart = await site({ sharedConnections: 'trust' });
    await apart.ask(undefined, through);
    apart.close();
    await expect.poll(() => apart.told).toHaveLength(2);
    expect(apart.told[1]).toBe('abandoned negotiate.abandoned');
    expect(shared.told).toEqual(['challenged undefined', 'challenged token.empty']);
    expect(shared.acceptor.statistics).toMatchObject({ challenged: 2, abandoned: 0 });
  });

  it('of a request without a known connection is counted only', async () => {
    const { acceptor, ask, told } = await site();
    await ask(undefined, { connection: undefined, closed: undefined } as never);
    expect(told).toEqual(['challenged undefined']);
    expect(acceptor.statistics.challenged).toBe(1);
  });

  it('says that Negotiate came without a token', async () => {
    const { acceptor, ask, told } = await site();
    expect(await ask('Negotiate')).toMatchObject({
      outcome: 'challenged',
      status: 401,
      why: { reason: 'token.empty' },
    });
    expect(told).toEqual(['challenged token.empty']);
    expect(acceptor.statistics.challenges).toEqual({ 'token.empty': 1 });
  });
});

describe('a refusal', () => {
  it('before any exchange is counted, and one in an exchange once', async () => {
    const { acceptor, ask, negotiate } = await site({ requireTls: true });
    const token = negotiate();
    await ask(token);
    expect(acceptor.statistics.refusals).toEqual({ 'http.plain-http': 1 });
    await ask(token, { secure: true });
    await ask(token, { secure: true });
    await ask('Negotiate !', { secure: true });
    await ask('Basic YTpi', { secure: true });
    expect(acceptor.statistics).toMatchObject({
      accepted: 1,
      refused: 4,
      refusals: {
        'http.plain-http': 1,
        'replay.repeated': 1,
        'token.not-base64': 1,
        'http.other-scheme': 1,
      },
    });
  });

  it('comes with what its ticket shows: the client only if a key has opened it', async () => {
    const told: [reason: string, facts: object][] = [];
    const { ask, negotiate } = await site({
      onRefused: ({ reason }, _, facts) => void told.push([reason, facts]),
    });
    const token = negotiate();
    await ask(token);
    await ask(token);
    const { initiator } = await makeParties({
      keytab: makeKeytab({ principal: 'host/evil.test@EVIL.TEST', kvno: 9, seed: 66 }),
    });
    await ask(`Negotiate ${Buffer.from(initiator.begin()).toString('base64')}`);
    await ask('Basic YTpi');
    const [, other] = told;
    expect(told).toEqual([
      ['replay.repeated', TICKET],
      [other?.[0], { service: 'host/evil.test@EVIL.TEST', kvno: 9, enctype: 18 }],
      ['http.other-scheme', {}],
    ]);
    expect(other?.[0]).toMatch(/^spn\./);
  });

  it('by the option authorize is counted beside the accepted context, and names the client', async () => {
    using refused = listen(ChannelName.refuse);
    const told: object[] = [];
    const { acceptor, ask, negotiate } = await site({
      authorize: () => false,
      onRefused: (_, __, facts) => void told.push(facts),
    });
    await ask(negotiate());
    expect(told).toEqual([TICKET]);
    expect(refused.messages.map(({ attributes }) => attributes)).toMatchObject([
      { 'enduser.id': CLIENT, 'error.type': 'policy.authorize', 'kerberos.service': SERVICE },
    ]);
    expect(acceptor.statistics).toMatchObject({
      accepted: 1,
      refused: 1,
      refusals: { 'policy.authorize': 1 },
    });
  });
});
