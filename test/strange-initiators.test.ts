/** Initiators that are within the protocol, or nearly so, but like none that anybody uses. */

import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../src/bytes.ts';
import { frameToken, TokenId } from '../src/gss/framing.ts';
import type { AcceptResult, DelegatedTicket } from '../src/index.ts';
import { ContextFlag, EncryptionKey, Mechanism } from '../src/index.ts';
import { decodeApRep, encodeApRep } from '../src/messages/ap-rep.ts';
import { encodeNegTokenInit, encodeNegTokenResp } from '../src/spnego/neg-token.ts';
import { encodeEncKrbCredPart, encodeKrbCred } from './support/encoders.ts';
import type { ExchangeOptions } from './support/realm-kit.ts';
import { CLIENT, makeParties, seededRandom } from './support/realm-kit.ts';

const BINDINGS = { applicationData: encodeUtf8('tls-exporter:ours') };

async function resultOf(options: ExchangeOptions): Promise<AcceptResult> {
  const { begin, initiator } = await makeParties(options);
  return begin().accept(initiator.begin());
}

async function contextOf(options: ExchangeOptions) {
  const { begin, initiator } = await makeParties(options);
  const result = await begin().accept(initiator.begin());
  if (result.status !== 'complete') throw new Error(`not complete: ${JSON.stringify(result)}`);
  return { server: result.context, client: initiator.finish(result.outputToken) };
}

describe('an authenticator', () => {
  it('without a sequence number counts from 0', async () => {
    for (const flags of [ContextFlag.sequence, ContextFlag.sequence | ContextFlag.mutual]) {
      const { client, server } = await contextOf({
        initiator: {
          flags,
          sequenceNumber: 0,
          authenticator: { sequenceNumber: undefined } as never,
        },
      });
      const [zero, one] = [
        client.getMic(BINDINGS.applicationData),
        client.getMic(new Uint8Array()),
      ];
      // RFC 4121 §4.2.6.1: SND_SEQ.
      expect(zero.subarray(8, 16)).toEqual(new Uint8Array(8));
      expect(server.verifyMic(BINDINGS.applicationData, zero).sequence).toBe('ok');
      expect(server.verifyMic(new Uint8Array(), one).sequence).toBe('ok');
    }
  });

  it('with a subkey of an enctype that nobody here has is refused, and told which', async () => {
    const subkey = { enctype: 99, value: new Uint8Array(16) };
    const initiator = { authenticator: { subkey } };
    expect(await resultOf({ initiator })).toMatchObject({
      error: { minor: { code: 'KRB5_NOPERM_ETYPE', hint: expect.stringMatching(/^the subkey/) } },
    });
    // To permit it does not make it known.
    const acceptor = { permittedEnctypes: [18, 99] };
    expect(await resultOf({ initiator, acceptor })).toMatchObject({
      status: 'failed',
      error: {
        minor: {
          code: 'KDC_ERR_ETYPE_NOSUPP',
          message: 'Encryption type etype 99 is not supported',
          hint: expect.stringMatching(/let client and KDC use another one/),
        },
      },
    });
    const weak = { enctype: 23, value: new Uint8Array(16) };
    expect(await resultOf({ initiator: { authenticator: { subkey: weak } } })).toMatchObject({
      error: {
        minor: { hint: expect.stringMatching(/is weak.*let client and KDC use a newer one/) },
      },
    });
  });

  it('with a checksum over nothing asks for replay detection and order, and no more', async () => {
    const { ticket, acceptor, initiator } = await makeParties({
      initiator: {
        flags: ContextFlag.confidentiality,
        subkeyEnctype: null,
        authenticator: { checksum: { type: 16, checksum: new Uint8Array(12) } },
      },
    });
    expect(await acceptor.begin().accept(initiator.begin())).toMatchObject({
      error: { code: 'GSS_S_BAD_MIC', minor: { code: 'KRB_AP_ERR_BAD_INTEGRITY' } },
    });
    const checksum = { type: 16, checksum: ticket.sessionKey.checksum(10, new Uint8Array()) };
    const { server } = await contextOf({
      initiator: {
        flags: ContextFlag.confidentiality,
        subkeyEnctype: null,
        authenticator: { checksum },
      },
    });
    const asked = ContextFlag.mutual | ContextFlag.replay | ContextFlag.sequence;
    expect(server.flags & (asked | ContextFlag.confidentiality)).toBe(
      ContextFlag.replay | ContextFlag.sequence,
    );
  });

  it.each<[string, readonly Uint8Array[]]>([
    ['of three bytes', [Uint8Array.of(0, 0x40, 0)]],
    ['of five bytes', [Uint8Array.of(0, 0x40, 0, 0, 0)]],
    ['twice', [new Uint8Array(4), Uint8Array.of(0, 0x40, 0, 0)]],
    ['of no bytes', [new Uint8Array()]],
  ])('that may say it knows channel bindings, but not so, is refused: %s', async (_, options) => {
    const authorizationData = options.map((data) => ({ type: 143, data }));
    const initiator = { authenticator: { authorizationData } };
    const bound = { initiator, handshake: { channelBindings: BINDINGS } };
    const result = await resultOf(bound);
    expect(result).toMatchObject({
      status: 'failed',
      error: { minor: { message: 'AD-AUTH-DATA-AP-OPTIONS is malformed' } },
    });
    // MIT krb5 refuses it where there is no channel to be bound to as well.
    expect((await resultOf({ initiator })).status).toBe('failed');
  });
});

describe('a token for the mechanism that was chosen', () => {
  it('that is framed for another is refused', async () => {
    const { begin, initiator } = await makeParties();
    const mechTypes = [Mechanism.krb5];
    const foreign = frameToken(Mechanism.iakerb, TokenId.apReq, initiator.begin());
    const first = await begin().accept(encodeNegTokenInit({ mechTypes, mechToken: foreign }));
    expect(first).toMatchObject({ status: 'failed', error: { code: 'GSS_S_BAD_MECH' } });
    const handshake = begin();
    await handshake.accept(encodeNegTokenInit({ mechTypes }));
    const second = await handshake.accept(encodeNegTokenResp({ responseToken: foreign }));
    expect(second).toMatchObject({ status: 'failed', error: { code: 'GSS_S_BAD_MECH' } });
  });
});

describe('a third leg of DCE style', () => {
  it('that claims another enctype than the session key’s is refused before it is opened', async () => {
    const flags = ContextFlag.mutual | ContextFlag.dceStyle;
    for (const [enctype, status] of [
      [18, 'complete'],
      [17, 'failed'],
      [20, 'failed'],
      [-1, 'failed'],
    ] as const) {
      const { begin, initiator } = await makeParties({ initiator: { flags } });
      const handshake = begin();
      const second = await handshake.accept(initiator.begin());
      const { encPart } = decodeApRep(initiator.confirm(second.outputToken!));
      const last = await handshake.accept(encodeApRep({ encPart: { ...encPart, enctype } }));
      expect(last.status).toBe(status);
      if (last.status !== 'failed') continue;
      expect(last.error).toMatchObject({ minor: { code: 'KRB_AP_ERR_BAD_INTEGRITY' } });
    }
  });
});

describe('a delegated credential', () => {
  const tgs = { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] };
  const key = EncryptionKey.generate(18, seededRandom(9));

  it('of which only the key is told has the client’s name and no times', async () => {
    const ticket = {
      realm: 'EXAMPLE.TEST',
      serverName: tgs,
      encPart: { enctype: 18, cipher: encodeUtf8('opaque') },
    };
    const info = { key: { enctype: 18, value: key.bytes() } };
    const delegation = encodeKrbCred({
      tickets: [ticket],
      encPart: { enctype: 0, cipher: encodeEncKrbCredPart({ ticketInfo: [info] }) },
    });
    const { server } = await contextOf({ initiator: { delegation } });
    const [delegated, ...others] = server.delegatedCredential!.tickets as DelegatedTicket[];
    expect(others).toEqual([]);
    expect(delegated).toMatchObject({
      client: { realm: 'EXAMPLE.TEST', components: ['alice'] },
      server: { ...tgs, realm: 'EXAMPLE.TEST' },
      flags: 0,
      authTime: 0,
      startTime: 0,
      endTime: 0,
      renewTill: 0,
      addresses: [],
    });
    expect(server.initiator.toString()).toBe(CLIENT);
    expect(delegated!.sessionKey.equals(key)).toBe(true);
    using credential = server.delegatedCredential!;
    expect(credential.tickets).toHaveLength(1);
    credential.dispose();
    expect(() => delegated!.sessionKey.bytes()).toThrow(TypeError);
  });
});
