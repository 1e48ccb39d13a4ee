/** Counters, report and published events of an acceptor. */
import { describe, expect, it } from 'vitest';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import type { AcceptResult, ChannelBindings } from '../../src/index.ts';
import { defaultCrypto, Mechanism, TicketFlag } from '../../src/index.ts';
import { ChannelName } from '../../src/observe/channels.ts';
import { createInitiator } from '../../src/testing/index.ts';
import { listen } from '../support/channels.ts';
import { encodeEncKrbCredPart, encodeKrbCred } from '../support/encoders.ts';
import { CLIENT, makeKeytab, makeParties, NOW, SERVICE } from '../support/realm-kit.ts';

const BINDINGS: ChannelBindings = { applicationData: Uint8Array.from([1, 2, 3]) };
const PEER = { type: 2, address: Uint8Array.of(192, 0, 2, 7) };

function statusOf({ status }: AcceptResult): string {
  return status;
}

describe('statistics', () => {
  it('count contexts by service, enctype and bindings', async () => {
    const { acceptor, initiator, ticket } = await makeParties();
    expect(acceptor.statistics).toEqual({
      since: new Date(NOW),
      accepted: 0,
      refused: 0,
      abandoned: 0,
      challenged: 0,
      refusals: {},
      challenges: {},
      notes: {},
      warnings: {},
      enctypes: { tickets: {}, sessionKeys: {}, subkeys: {}, messages: {} },
      bindings: { bound: 0, unbound: 0, none: 0 },
      services: {},
    });
    expect(statusOf(await acceptor.begin().accept(initiator.begin()))).toBe('complete');
    const bound = createInitiator({ ticket, clock: () => NOW + 1, channelBindings: BINDINGS });
    const begun = acceptor.begin({ channelBindings: BINDINGS });
    expect(statusOf(await begun.accept(bound.begin()))).toBe('complete');
    const unbound = createInitiator({ ticket, clock: () => NOW + 2 });
    const other = acceptor.begin({ channelBindings: BINDINGS });
    expect(statusOf(await other.accept(unbound.begin()))).toBe('complete');
    const { accepted, enctypes, bindings, services } = acceptor.statistics;
    const aes = { 'aes256-cts-hmac-sha1-96': 3 };
    expect(accepted).toBe(3);
    expect(enctypes).toEqual({ tickets: aes, sessionKeys: aes, subkeys: aes, messages: aes });
    expect(bindings).toEqual({ bound: 1, unbound: 1, none: 1 });
    expect(services).toEqual({ [SERVICE]: { accepted: 3, refused: 0 } });
  });

  it('count refusals by reason, and by service only if its key opened the ticket', async () => {
    const { acceptor, initiator } = await makeParties();
    const token = initiator.begin();
    await acceptor.begin().accept(token);
    expect(statusOf(await acceptor.begin().accept(token))).toBe('failed');
    const stranger = await makeParties({
      keytab: makeKeytab({ principal: 'host/evil.test@EVIL.TEST', seed: 66 }),
    });
    expect(statusOf(await acceptor.begin().accept(stranger.initiator.begin()))).toBe('failed');
    expect(statusOf(await acceptor.begin().accept(Uint8Array.of(1, 2, 3)))).toBe('failed');
    const { refused, refusals, services } = acceptor.statistics;
    expect(refused).toBe(3);
    expect(Object.values(refusals).reduce((sum, count) => sum + count)).toBe(3);
    expect(services).toEqual({ [SERVICE]: { accepted: 1, refused: 1 } });
  });

  it('count the clients that prefer NTLM, and those of them that go away', async () => {
    const { acceptor, ticket } = await makeParties();
    const initiator = createInitiator({
      ticket,
      clock: () => NOW,
      spnego: { mechanisms: [Mechanism.ntlmssp, Mechanism.krb5] },
    });
    const handshake = acceptor.begin({ peerAddress: PEER });
    expect(statusOf(await handshake.accept(initiator.begin()))).toBe('continue');
    expect(handshake.abandonment).toBe(handshake.foreignChoice);
    const { challenged, challenges } = acceptor.statistics;
    expect({ challenged, challenges }).toEqual({
      challenged: 1,
      challenges: { [NTLM]: 1 },
    });
    handshake.abort();
    handshake.abort();
    expect(handshake.abandonment).toBeUndefined();
    const { abandoned, refusals, refused } = acceptor.statistics;
    expect({ abandoned, refusals, refused }).toEqual({
      abandoned: 1,
      refusals: { [NTLM]: 1 },
      refused: 0,
    });
    expect(acceptor.report().foreignOffers).toEqual([
      { address: '192.0.2.7', ntlm: 1, negoex: 0, iakerb: 0, lastSeen: new Date(NOW) },
    ]);
  });

  it('count what accepted clients lack: a delegated credential, a PAC', async () => {
    using published = listen(ChannelName.accept);
    const { forwardable, okAsDelegate } = TicketFlag;
    const twice = { type: 1, data: new Uint8Array(3) };
    const cases: [ticket: object, notes: string[]][] = [
      [{ flags: 0 }, ['delegation.not-forwardable']],
      [{ flags: forwardable }, ['delegation.not-trusted']],
      [{ flags: forwardable | okAsDelegate }, ['delegation.not-requested']],
      [
        { flags: forwardable, pac: { buffers: [twice, twice] } },
        ['delegation.not-trusted', 'pac.malformed'],
      ],
    ];
    for (const [ticket, notes] of cases) {
      const { acceptor, initiator } = await makeParties({ ticket });
      expect(statusOf(await acceptor.begin().accept(initiator.begin()))).toBe('complete');
      expect(acceptor.statistics.notes).toEqual(Object.fromEntries(notes.map((one) => [one, 1])));
    }
    expect(published.messages.map(({ attributes }) => attributes)).toMatchObject(
      cases.map(([, [delegation, note]]) => ({
        'kerberos.delegation': delegation,
        ...(note !== undefined && { 'kerberos.note': note }),
      })),
    );
  });

  it('have no note about delegation for a client that has delegated', async () => {
    using published = listen(ChannelName.accept);
    const key = { enctype: 18, value: new Uint8Array(32).fill(7) };
    const { ticket } = await makeParties();
    const delegation = encodeKrbCred({
      tickets: [ticket.ticket],
      encPart: { enctype: 0, cipher: encodeEncKrbCredPart({ ticketInfo: [{ key }] }) },
    });
    const { acceptor, initiator } = await makeParties({ initiator: { delegation } });
    expect(statusOf(await acceptor.begin().accept(initiator.begin()))).toBe('complete');
    expect(acceptor.statistics.notes).toEqual({});
    const [{ attributes } = { attributes: {} }] = published.messages;
    expect(attributes['kerberos.delegation']).toBe('delegated');
  });

  it('do not count an exchange that has not begun as abandoned', async () => {
    const { acceptor } = await makeParties();
    acceptor.begin().abort();
    expect(acceptor.statistics.abandoned).toBe(0);
  });
});

describe('report', () => {
  it('names the clients with weak enctypes, per service', async () => {
    const crypto = withLegacyEnctypes(defaultCrypto);
    const keytab = makeKeytab({ enctype: 23, crypto }, { enctype: 18, kvno: 2, seed: 8 });
    const { acceptor, initiator } = await makeParties({ keytab, ticket: { enctype: 23 } });
    expect(statusOf(await acceptor.begin().accept(initiator.begin()))).toBe('complete');
    const { services, unusedKeys, weakKeys, since, until } = acceptor.report();
    expect({ since, until }).toEqual({ since: new Date(NOW), until: new Date(NOW) });
    expect(services).toEqual([
      {
        service: SERVICE,
        accepted: 1,
        clients: [
          {
            client: CLIENT,
            lastSeen: new Date(NOW),
            weakTicket: 1,
            weakSessionKey: 1,
            weakSubkey: 1,
            weakMessages: 1,
            withoutBindings: 0,
          },
        ],
        unlisted: 0,
      },
    ]);
    const enctype = 'arcfour-hmac';
    expect(weakKeys).toEqual([{ service: SERVICE, kvno: 1, enctype }]);
    expect(unusedKeys).toEqual([{ service: SERVICE, kvno: 2, enctype: 'aes256-cts-hmac-sha1-96' }]);
  });

  it('names the clients without channel bindings where the server had some', async () => {
    const { acceptor, initiator, ticket } = await makeParties();
    await acceptor.begin({ channelBindings: BINDINGS }).accept(initiator.begin());
    const again = createInitiator({ ticket, clock: () => NOW + 1 });
    await acceptor.begin({ channelBindings: BINDINGS }).accept(again.begin());
    const without = createInitiator({ ticket, clock: () => NOW + 2 });
    await acceptor.begin().accept(without.begin());
    const [service] = acceptor.report().services;
    expect(service).toMatchObject({
      accepted: 3,
      clients: [{ client: CLIENT, withoutBindings: 2 }],
    });
    expect(acceptor.report().unusedKeys).toEqual([]);
  });
});

describe('channels', () => {
  it('publish an accepted client with the names of OpenTelemetry', async () => {
    using accepted = listen(ChannelName.accept);
    const { acceptor, initiator } = await makeParties();
    await acceptor.begin({ peerAddress: PEER }).accept(initiator.begin());
    expect(accepted.messages).toEqual([
      {
        attributes: {
          'enduser.id': CLIENT,
          'client.address': '192.0.2.7',
          'kerberos.service': SERVICE,
          'kerberos.ticket.kvno': 1,
          'kerberos.ticket.enctype': 'aes256-cts-hmac-sha1-96',
          'kerberos.session.enctype': 'aes256-cts-hmac-sha1-96',
          'kerberos.subkey.enctype': 'aes256-cts-hmac-sha1-96',
          'kerberos.message.enctype': 'aes256-cts-hmac-sha1-96',
          'kerberos.channel_bindings': 'none',
          'kerberos.flags': expect.any(Number),
          'kerberos.delegation': 'delegation.not-forwardable',
        },
      },
    ]);
  });

  it('publish a refused client: who it is only if its ticket was opened', async () => {
    using refused = listen(ChannelName.refuse);
    const { acceptor, initiator } = await makeParties();
    const token = initiator.begin();
    await acceptor.begin().accept(token);
    const replay = await acceptor.begin().accept(token);
    const stranger = await makeParties({
      keytab: makeKeytab({ principal: 'host/evil.test@EVIL.TEST', kvno: 9, seed: 66 }),
    });
    await acceptor.begin().accept(stranger.initiator.begin());
    const [first, second] = refused.messages;
    expect(first?.error).toBe(replay.status === 'failed' ? replay.error : undefined);
    expect(first?.attributes).toMatchObject({
      'enduser.id': CLIENT,
      'kerberos.service': SERVICE,
      'kerberos.ticket.kvno': 1,
      'kerberos.ticket.enctype': 'aes256-cts-hmac-sha1-96',
      'kerberos.session.enctype': 'aes256-cts-hmac-sha1-96',
    });
    expect(second?.attributes).toMatchObject({
      'kerberos.service': 'host/evil.test@EVIL.TEST',
      'kerberos.ticket.kvno': 9,
    });
    expect(second?.attributes).not.toHaveProperty('enduser.id');
    for (const message of refused.messages) {
      expect(message.attributes['error.type']).toBeTypeOf('string');
      expect(message.attributes['error.message']).toBeTypeOf('string');
    }
  });

  it('publish a challenge, with its reason if the client prefers NTLM', async () => {
    using challenged = listen(ChannelName.challenge);
    using refused = listen(ChannelName.refuse);
    const { acceptor, ticket } = await makeParties();
    const initiator = createInitiator({
      ticket,
      clock: () => NOW,
      spnego: { mechanisms: [Mechanism.ntlmssp, Mechanism.krb5] },
    });
    const handshake = acceptor.begin();
    await handshake.accept(initiator.begin());
    const choice = handshake.foreignChoice;
    handshake.abort();
    await expect
      .poll(() => [challenged, refused].map(({ messages }) => messages.length))
      .toEqual([1, 1]);
    expect(challenged.messages.map(({ error }) => error)).toEqual([choice]);
    expect(challenged.messages[0]?.attributes).toMatchObject({ 'error.type': NTLM });
    expect(refused.messages.map(({ error }) => error)).toEqual([choice]);
  });
});

const NTLM = 'negotiate.ntlm';
