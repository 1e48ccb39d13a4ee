import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toHex } from '../src/bytes.ts';
import { withLegacyEnctypes } from '../src/crypto/legacy/index.ts';
import { frameToken, TokenId, unframeToken } from '../src/gss/framing.ts';
import type { AcceptorOptions, AcceptResult, Oid, ReplayRecord } from '../src/index.ts';
import {
  acquireCredential,
  ContextFlag,
  createAcceptor,
  EncryptionKey,
  Enctype,
  GssError,
  KerberosError,
  Mechanism,
  nobleCrypto,
} from '../src/index.ts';
import { decodeApRep, encodeApRep } from '../src/messages/ap-rep.ts';
import { ApOption, decodeApReq, encodeApReq } from '../src/messages/ap-req.ts';
import { decodeKrbError } from '../src/messages/krb-error.ts';
import { NameType } from '../src/messages/principal.ts';
import { TicketFlag } from '../src/messages/ticket.ts';
import { createInitiator } from '../src/testing/index.ts';
import type { ExchangeOptions } from './support/realm-kit.ts';
import {
  CLIENT,
  establish,
  makeKeytab,
  makeParties,
  NOW,
  NOW_SECONDS,
  SERVICE,
  seededRandom,
} from './support/realm-kit.ts';

const TEXT = new TextEncoder();

/** Runs one exchange up to the acceptor's answer. */
async function attempt(options: ExchangeOptions) {
  const parties = await makeParties(options);
  const result = await parties.begin().accept(parties.initiator.begin());
  return { ...parties, result };
}

function failureOf(result: AcceptResult): GssError {
  if (result.status !== 'failed') throw new Error(`expected a failure, got ${result.status}`);
  return result.error;
}

describe('an exchange', () => {
  for (const enctype of [17, 18, 19, 20]) {
    for (const sessionEnctype of [17, 18, 19, 20]) {
      it(`goes through with a ticket key of enctype ${enctype}, session key ${sessionEnctype}`, async () => {
        const { client, server } = await establish({
          keytab: makeKeytab({ enctype }),
          ticket: { sessionEnctype },
        });
        expect(server.initiator.toString()).toBe(CLIENT);
        expect(server.acceptor.toString()).toBe(SERVICE);
        expect(server.mechanism).toBe(Mechanism.krb5);
        expect(server.ticket).toMatchObject({ enctype, sessionEnctype, kvno: 1, server: SERVICE });
        for (const confidential of [true, false]) {
          for (const size of [0, 1, 15, 16, 17, 1000]) {
            const message = new Uint8Array(size).fill(size);
            const there = server.unwrap(client.wrap(message, { confidential }));
            expect(there).toEqual({ message, confidential, qop: 0, sequence: 'ok' });
            const back = client.unwrap(server.wrap(message, { confidential }));
            expect(back).toEqual({ message, confidential, qop: 0, sequence: 'ok' });
          }
        }
        const message = TEXT.encode('signed');
        expect(client.verifyMic(message, server.getMic(message)).sequence).toBe('ok');
        expect(server.verifyMic(message, client.getMic(message)).sequence).toBe('ok');
      });
    }
  }

  it('asserts an acceptor subkey and a number of its own with mutual authentication', async () => {
    const { server, client } = await establish();
    const mic = server.getMic(new Uint8Array());
    // RFC 4121 §4.2.2: SentByAcceptor and AcceptorSubkey.
    expect(mic[2]).toBe(0x05);
    expect(client.getMic(new Uint8Array())[2]).toBe(0x04);
    expect(server.sessionKey.equals(client.sessionKey)).toBe(true);
  });

  it('answers nothing without mutual authentication, and counts from the initiator’s number', async () => {
    const { result, initiator } = await attempt({
      initiator: { flags: ContextFlag.integrity, sequenceNumber: 77 },
    });
    if (result.status !== 'complete') throw new Error('not complete');
    expect(result.outputToken).toBeUndefined();
    const mic = result.context.getMic(new Uint8Array());
    expect(mic[2]).toBe(0x01);
    expect(mic[15]).toBe(77);
    expect(initiator.finish().verifyMic(new Uint8Array(), mic).sequence).toBe('ok');
  });

  it('uses the session key where the initiator sends no subkey', async () => {
    for (const flags of [ContextFlag.mutual, 0]) {
      const { client, server } = await establish({ initiator: { flags, subkeyEnctype: null } });
      const message = TEXT.encode('no subkey');
      expect(server.unwrap(client.wrap(message)).message).toEqual(message);
      expect(client.unwrap(server.wrap(message)).message).toEqual(message);
    }
  });

  it('grants what was asked for, and transferable', async () => {
    const asked = ContextFlag.mutual | ContextFlag.sequence | ContextFlag.identify;
    const { server } = await establish({ initiator: { flags: asked | 0x40_0000 } });
    expect(server.flags).toBe(asked | ContextFlag.transferable | ContextFlag.protectionReady);
  });

  it('reports disorder as the flags ask', async () => {
    const orders: readonly [number, string[]][] = [
      [ContextFlag.replay | ContextFlag.sequence, ['ok', 'gap', 'unsequenced', 'duplicate']],
      [ContextFlag.replay, ['ok', 'ok', 'ok', 'duplicate']],
      [ContextFlag.sequence, ['ok', 'gap', 'unsequenced', 'unsequenced']],
      [0, ['ok', 'ok', 'ok', 'ok']],
    ];
    for (const [flags, expected] of orders) {
      const { client, server } = await establish({ initiator: { flags } });
      const [a, b, c] = [1, 2, 3].map((n) => client.wrap(Uint8Array.of(n)));
      expect([a, c, b, b].map((token) => server.unwrap(token!).sequence)).toEqual(expected);
    }
  });

  it('takes the old and the Microsoft number of the mechanism, and answers with the same', async () => {
    for (const mechanism of [Mechanism.msKrb5, Mechanism.oldKrb5]) {
      const { server } = await establish({ initiator: { mechanism } });
      expect(server.mechanism).toBe(mechanism);
    }
  });

  it('has its own replay cache, shared by all exchanges of the acceptor', async () => {
    const { initiator, begin } = await makeParties();
    const token = initiator.begin();
    expect((await begin().accept(token)).status).toBe('complete');
    const error = failureOf(await begin().accept(token));
    expect(error.minor?.code).toBe('KRB_AP_ERR_REPEAT');
  });

  it('takes one token at a time, and none after the end', async () => {
    const { initiator, begin } = await makeParties();
    const handshake = begin();
    const first = handshake.accept(initiator.begin());
    await expect(handshake.accept(initiator.begin())).rejects.toThrow(TypeError);
    expect((await first).status).toBe('complete');
    await expect(handshake.accept(initiator.begin())).rejects.toThrow(/no further token/);
    await expect(begin().accept('text' as never)).rejects.toThrow(/Uint8Array/);
  });
});

interface Refusal {
  readonly name: string;
  readonly options: ExchangeOptions;
  readonly code: string;
  readonly number: number;
  readonly text?: string;
  readonly hint?: RegExp;
}

const OTHER = 'HTTP/server.example.test@EXAMPLE.TEST';
const at = (offset: number) => ({ clock: () => NOW + offset * 1000 });
const keytabOf = makeKeytab;

// What `await` takes for a promise, and is none.
const REFUSING = Object.fromEntries([
  ['then', (_: unknown, refuse: (cause: unknown) => void) => refuse(new Error('late'))],
]);

const REFUSALS: readonly Refusal[] = [
  {
    name: 'a key that is not the keytab’s',
    options: { keytab: keytabOf({ seed: 8 }), ticket: { keytab: keytabOf({ seed: 9 }) } },
    code: 'KRB_AP_ERR_BAD_INTEGRITY',
    number: 31,
    text: `Request ticket server ${SERVICE} kvno 1 enctype aes256-cts found in keytab but cannot decrypt ticket`,
    hint: /password|duplicate/i,
  },
  {
    name: 'an older kvno',
    options: { keytab: keytabOf({ kvno: 5 }), ticket: { keytab: keytabOf({ kvno: 4, seed: 9 }) } },
    code: 'KRB_AP_ERR_BADKEYVER',
    number: 44,
    text: `Request ticket server ${SERVICE} kvno 4 not found in keytab; ticket is likely out of date`,
  },
  {
    name: 'a newer kvno',
    options: { keytab: keytabOf({ kvno: 4 }), ticket: { keytab: keytabOf({ kvno: 5, seed: 9 }) } },
    code: 'KRB_AP_ERR_BADKEYVER',
    number: 44,
    text: `Request ticket server ${SERVICE} kvno 5 not found in keytab; keytab is likely out of date`,
  },
  {
    name: 'an enctype that the keytab lacks',
    options: { keytab: keytabOf({}), ticket: { keytab: keytabOf({ enctype: 20 }) } },
    code: 'KRB_AP_ERR_BADKEYVER',
    number: 44,
    text: `Request ticket server ${SERVICE} kvno 1 found in keytab but not with enctype aes256-sha2`,
  },
  {
    name: 'another service of the keytab',
    options: {
      keytab: keytabOf({}, { principal: OTHER, seed: 9 }),
      service: 'host@',
      ticket: { service: OTHER },
    },
    code: 'KRB_AP_ERR_NOT_US',
    number: 35,
    text: `Request ticket server ${OTHER} found in keytab but does not match server principal host/@`,
  },
  {
    name: 'a service that the keytab has never heard of',
    options: {
      keytab: keytabOf({}),
      service: SERVICE,
      ticket: { keytab: keytabOf({ principal: OTHER, seed: 9 }) },
    },
    code: 'KRB_AP_ERR_NOT_US',
    number: 35,
  },
  {
    name: 'an expired ticket',
    options: { ticket: { authTime: NOW_SECONDS - 7200, endTime: NOW_SECONDS - 301 } },
    code: 'KRB_AP_ERR_TKT_EXPIRED',
    number: 32,
    hint: /301 s ago/,
  },
  {
    name: 'a ticket of tomorrow',
    options: { ticket: { startTime: NOW_SECONDS + 301 } },
    code: 'KRB_AP_ERR_TKT_NYV',
    number: 33,
    hint: /starts in 301 s/,
  },
  {
    name: 'a ticket that was over before it starts, which is near enough',
    options: {
      ticket: {
        authTime: NOW_SECONDS - 7200,
        startTime: NOW_SECONDS + 300,
        endTime: NOW_SECONDS - 301,
      },
    },
    code: 'KRB_AP_ERR_TKT_EXPIRED',
    number: 32,
    hint: /ended 301 s ago/,
  },
  {
    name: 'a client whose clock is ahead',
    options: { initiator: at(301) },
    code: 'KRB_AP_ERR_SKEW',
    number: 37,
    hint: /301 s ahead of this machine's; 300 s are allowed/,
  },
  {
    name: 'a client whose clock is behind',
    options: { initiator: at(-301) },
    code: 'KRB_AP_ERR_SKEW',
    number: 37,
    hint: /301 s behind/,
  },
  {
    name: 'an authenticator of another client',
    options: {
      initiator: {
        authenticator: { clientName: { nameType: NameType.principal, components: ['mallory'] } },
      },
    },
    code: 'KRB_AP_ERR_BADMATCH',
    number: 36,
  },
  {
    name: 'an authenticator of the same name in another realm',
    options: { initiator: { authenticator: { clientRealm: 'OTHER.TEST' } } },
    code: 'KRB_AP_ERR_BADMATCH',
    number: 36,
  },
  {
    name: 'an address that the ticket does not name',
    options: {
      ticket: { addresses: [{ type: 2, address: Uint8Array.of(10, 0, 0, 1) }] },
      acceptor: { checkAddresses: true },
      handshake: { peerAddress: { type: 2, address: Uint8Array.of(10, 0, 0, 2) } },
    },
    code: 'KRB_AP_ERR_BADADDR',
    number: 38,
  },
  {
    name: 'realms that do not lie on the way',
    options: {
      ticket: { client: 'a@B.TEST', transited: { type: 1, contents: TEXT.encode('EVIL.TEST') } },
    },
    code: 'KRB_AP_ERR_ILL_CR_TKT',
    number: 43,
  },
  {
    name: 'a ticket that is not valid yet by its flag',
    options: { ticket: { flags: TicketFlag.invalid } },
    code: 'KRB5KRB_AP_ERR_TKT_INVALID',
    number: 60,
  },
  {
    name: 'critical authorization data that nobody understands, in the ticket',
    options: { ticket: { authorizationData: [{ type: 9999, data: new Uint8Array(4) }] } },
    code: 'KRB5_CRITICAL_AUTHDATA',
    number: 60,
    text: 'ticket holds critical authorization data of type 9999, which is not understood',
  },
  {
    name: 'critical authorization data that nobody understands, in the authenticator',
    options: {
      initiator: {
        authenticator: { authorizationData: [{ type: -17, data: new Uint8Array(4) }] },
      },
    },
    code: 'KRB5_CRITICAL_AUTHDATA',
    number: 60,
  },
  {
    name: 'a ticket of an enctype that is not permitted',
    options: {
      ticket: { sessionEnctype: 20 },
      acceptor: { permittedEnctypes: [Enctype.aes256CtsHmacSha384] },
    },
    code: 'KRB5_NOPERM_ETYPE',
    number: 60,
    text: 'Encryption type aes256-cts-hmac-sha1-96 not permitted',
    hint: /^the ticket uses .* not permitted here; permitted: aes256-cts-hmac-sha384-192/,
  },
  {
    name: 'a session key of an enctype that is not permitted',
    options: { ticket: { sessionEnctype: 17 }, acceptor: { permittedEnctypes: [18] } },
    code: 'KRB5_NOPERM_ETYPE',
    number: 60,
    text: 'Encryption type aes128-cts-hmac-sha1-96 not permitted',
    hint: /^the session key uses /,
  },
  {
    // RFC 4121 §2 has the subkey protect all messages; the AP-REP still has the session key only.
    name: 'a session key of an enctype that is not permitted, with a subkey of one that is',
    options: {
      ticket: { sessionEnctype: 17 },
      initiator: { subkeyEnctype: 20 },
      acceptor: { permittedEnctypes: [18, 20] },
    },
    code: 'KRB5_NOPERM_ETYPE',
    number: 60,
    text: 'Encryption type aes128-cts-hmac-sha1-96 not permitted',
    hint: /^the session key uses /,
  },
  {
    name: 'a session key of an enctype that is not permitted, without a subkey',
    options: {
      ticket: { sessionEnctype: 17 },
      initiator: { subkeyEnctype: null },
      acceptor: { permittedEnctypes: [18] },
    },
    code: 'KRB5_NOPERM_ETYPE',
    number: 60,
    hint: /^the session key uses /,
  },
  {
    name: 'a subkey of an enctype that is not permitted, with a session key of one that is',
    options: {
      ticket: { sessionEnctype: 20 },
      initiator: { subkeyEnctype: 17 },
      acceptor: { permittedEnctypes: [18, 20] },
    },
    code: 'KRB5_NOPERM_ETYPE',
    number: 60,
    text: 'Encryption type aes128-cts-hmac-sha1-96 not permitted',
    hint: /^the subkey uses /,
  },
  {
    name: 'a replay cache that fails',
    options: {
      acceptor: { replayCache: { checkAndStore: () => Promise.reject(new Error('disk full')) } },
    },
    code: 'KRB5_RC_IO',
    number: 60,
  },
  ...Object.entries({
    'with no error': () => Promise.reject('no error at all'),
    'late, as what is no promise': () => Object.assign({}, REFUSING),
    'late, as a function': () => Object.assign(() => {}, REFUSING),
    'at once': () => {
      throw new TypeError('broken');
    },
  }).map(
    ([how, checkAndStore]): Refusal => ({
      name: `a replay cache that fails ${how}`,
      options: { acceptor: { replayCache: { checkAndStore: checkAndStore as never } } },
      code: 'KRB5_RC_IO',
      number: 60,
    }),
  ),
  ...['yes', 1, null, undefined, {}, Promise.resolve('yes')].map(
    (answer): Refusal => ({
      name: `a replay cache that answers nonsense: ${answer}`,
      options: { acceptor: { replayCache: { checkAndStore: () => answer as never } } },
      code: 'KRB5_RC_IO',
      number: 60,
    }),
  ),
];

describe('a refusal', () => {
  for (const { name, options, code, number, text, hint } of REFUSALS) {
    it(`of ${name} is ${code}, and the peer is told ${number}`, async () => {
      const { result, initiator } = await attempt(options);
      const error = failureOf(result);
      expect(error).toBeInstanceOf(GssError);
      expect(error.code).toBe('GSS_S_FAILURE');
      expect(error.minor?.code).toBe(code);
      expect(error.minor?.errorCode).toBe(number);
      if (text !== undefined) expect(error.minor?.message).toBe(text);
      if (hint !== undefined) expect(error.hint).toMatch(hint);
      if (result.status !== 'failed' || result.outputToken === undefined) {
        throw new Error('the peer waits for a KRB-ERROR');
      }
      const told = result.outputToken;
      let seen: unknown;
      try {
        initiator.finish(told);
      } catch (thrown) {
        seen = thrown;
      }
      expect(seen).toBeInstanceOf(GssError);
      expect((seen as GssError).minor?.errorCode).toBe(number);
    });

    it(`of ${name} says nothing where the peer does not wait`, async () => {
      const { result } = await attempt({
        ...options,
        initiator: { ...options.initiator, flags: 0 },
      });
      expect(result.status).toBe('failed');
      expect(failureOf(result).minor?.code).toBe(code);
      expect(result.outputToken).toBeUndefined();
    });
  }

  it('lets the very edge of the clock skew in', async () => {
    for (const offset of [300, -300]) {
      expect((await attempt({ initiator: at(offset) })).result.status).toBe('complete');
    }
    const edge = { authTime: NOW_SECONDS - 7200, endTime: NOW_SECONDS - 300 };
    expect((await attempt({ ticket: edge })).result.status).toBe('complete');
    const early = { startTime: NOW_SECONDS + 300 };
    expect((await attempt({ ticket: early })).result.status).toBe('complete');
  });

  it('does not mind the renew-till time, nor an address that fits or is not asked about', async () => {
    const ours = { type: 2, address: Uint8Array.of(10, 0, 0, 1) };
    const cases: ExchangeOptions[] = [
      { ticket: { renewTill: NOW_SECONDS - 5000 } },
      { ticket: { addresses: [ours] }, handshake: { peerAddress: { ...ours, type: 24 } } },
      {
        ticket: { addresses: [{ type: 24, address: new Uint8Array(16) }, ours] },
        acceptor: { checkAddresses: true },
        handshake: { peerAddress: ours },
      },
      {
        ticket: {
          flags: TicketFlag.transitedPolicyChecked,
          transited: { type: 1, contents: TEXT.encode('B.TEST') },
        },
      },
      {
        ticket: { transited: { type: 1, contents: TEXT.encode('B.TEST') } },
        acceptor: { checkTransited: () => true },
      },
      {
        ticket: {
          client: 'a@SUB.B.EXAMPLE.TEST',
          transited: { type: 1, contents: TEXT.encode('B.EXAMPLE.TEST') },
        },
      },
    ];
    for (const options of cases) expect((await attempt(options)).result.status).toBe('complete');
  });

  it('of a replay is for the ticket if that has expired meanwhile', async () => {
    let now = NOW;
    const { initiator, acceptor } = await makeParties({
      acceptor: { clock: () => now },
      ticket: { authTime: NOW_SECONDS - 7200, endTime: NOW_SECONDS - 299 },
    });
    const token = initiator.begin();
    expect((await acceptor.begin().accept(token)).status).toBe('complete');
    now += 5000;
    // MIT krb5 says 34, because it stores what it then refuses with 32: a ticket that ended years
    // ago would fill the cache.
    const error = failureOf(await acceptor.begin().accept(token));
    expect(error.minor?.code).toBe('KRB_AP_ERR_TKT_EXPIRED');
  });

  it.each([0, 1, 300])(
    'of a replay needs the cache for as long as a skew of %i s lets it in, and no longer',
    async (maxSkew) => {
      let now = NOW;
      const records: ReplayRecord[] = [];
      const { initiator, acceptor } = await makeParties({
        // One that forgets at once.
        acceptor: {
          clock: () => now,
          maxSkew,
          replayCache: { checkAndStore: (record) => records.push(record) > 0 },
        },
      });
      const token = initiator.begin();
      expect((await acceptor.begin().accept(token)).status).toBe('complete');
      const { ctime, expiresAt } = records[0]!;
      expect(ctime).toBe(NOW_SECONDS);
      // To the last millisecond before it: whoever forgot by then would let the replay in.
      now = expiresAt * 1000 - 1;
      expect((await acceptor.begin().accept(token)).status).toBe('complete');
      expect(records).toHaveLength(2);
      now = expiresAt * 1000;
      const error = failureOf(await acceptor.begin().accept(token));
      expect(error.minor?.code).toBe('KRB_AP_ERR_SKEW');
      // The same record each time: when the request comes makes no difference.
      expect(records).toHaveLength(2);
      expect(records[1]).toMatchObject({ ctime, expiresAt });
    },
  );

  it('of an address that nobody knows stands where addresses are to be checked', async () => {
    const addresses = [{ type: 2, address: Uint8Array.of(10, 0, 0, 1) }];
    const acceptor = { checkAddresses: true };
    const { result } = await attempt({ acceptor, ticket: { addresses } });
    expect(failureOf(result).minor?.code).toBe('KRB_AP_ERR_BADADDR');
    expect((await attempt({ acceptor })).result.status).toBe('complete');
  });

  it('for the clock alone tells Windows to try again with our time (MS-KILE §2.2.2)', async () => {
    const toldOf = async (options: ExchangeOptions) => {
      const { result } = await attempt(options);
      if (result.status !== 'failed') throw new Error('not refused');
      const { inner } = unframeToken(result.outputToken!);
      return decodeKrbError(inner.subarray(2));
    };
    const skew = await toldOf({ initiator: at(9999) });
    expect(skew.errorCode).toBe(37);
    // KERB-ERROR-DATA { data-type[1] 2 (KERB_AP_ERR_TYPE_SKEW_RECOVERY) }.
    expect(toHex(skew.eData!)).toBe('3005a103020102');
    const expired = { authTime: NOW_SECONDS - 7200, endTime: NOW_SECONDS - 301 };
    const other = await toldOf({ ticket: expired });
    expect(other.errorCode).toBe(32);
    expect(other.eData).toBeUndefined();
    expect(other.stime).toBe(NOW_SECONDS);
    expect(other.susec).toBe(250_000);
  });

  it('of user-to-user authentication comes before any key is tried', async () => {
    const { initiator, begin } = await makeParties();
    const apReq = decodeApReq(unframeToken(initiator.begin()).inner.subarray(2));
    const asked = encodeApReq({ ...apReq, apOptions: apReq.apOptions | ApOption.useSessionKey });
    const result = await begin().accept(frameToken(Mechanism.krb5, TokenId.apReq, asked));
    const error = failureOf(result);
    expect(error.minor?.code).toBe('KRB_AP_ERR_NOKEY');
    expect(error.hint).toMatch(/ENC-TKT-IN-SKEY/);
  });

  it('by the replay cache is passed on as it is', async () => {
    const refusal = new KerberosError('KRB5_RC_IO', {
      reason: 'fault.program',
      message: 'Replay cache is full',
      hint: 'wait',
    });
    const checkAndStore = () => {
      throw refusal;
    };
    const { result } = await attempt({ acceptor: { replayCache: { checkAndStore } } });
    expect(failureOf(result).minor).toBe(refusal);
  });

  it('for the realms on the way is asked about where there are any, and the KDC did not check', async () => {
    for (const [contents, flags, expected] of [
      ['', 0, 0],
      ['B', 0, 1],
      ['B', TicketFlag.transitedPolicyChecked, 0],
    ] as const) {
      let asked = 0;
      const { result } = await attempt({
        ticket: { flags, transited: { type: 1, contents: TEXT.encode(contents) } },
        acceptor: { checkTransited: () => ++asked > 0 },
      });
      expect(result.status).toBe('complete');
      expect(asked).toBe(expected);
    }
  });

  it('stores nothing that lies outside of the window', async () => {
    let stored = 0;
    const replayCache = { checkAndStore: () => ++stored > 0 };
    await attempt({ acceptor: { replayCache }, initiator: at(9999) });
    expect(stored).toBe(0);
  });
});

describe('a token that is no AP-REQ of Kerberos', () => {
  it('is defective, or of a mechanism that is not served', async () => {
    const { begin, initiator } = await makeParties();
    const good = initiator.begin();
    const cases: readonly [string, Uint8Array, string][] = [
      ['text', TEXT.encode('GET / HTTP/1.1\r\n\r\n'), 'GSS_S_DEFECTIVE_TOKEN'],
      ['an extended token', Uint8Array.of(...good, 0), 'GSS_S_DEFECTIVE_TOKEN'],
      ['an AP-REP', frameToken(Mechanism.krb5, TokenId.apRep, good), 'GSS_S_DEFECTIVE_TOKEN'],
      [
        'no TOK_ID',
        frameToken(Mechanism.krb5, 0, new Uint8Array()).slice(0, -1),
        'GSS_S_DEFECTIVE_TOKEN',
      ],
      ['IAKERB', frameToken(Mechanism.iakerb, TokenId.apReq, good), 'GSS_S_NO_CRED'],
      ['an unknown OID', frameToken('1.2.3.4', TokenId.apReq, good), 'GSS_S_BAD_MECH'],
    ];
    for (const [name, token, code] of cases) {
      const result = await begin().accept(token);
      expect(`${name}: ${failureOf(result).code}`).toBe(`${name}: ${code}`);
      expect(result.outputToken).toBeUndefined();
    }
  });

  it('is refused at every truncation', async () => {
    const { begin, initiator } = await makeParties();
    const good = initiator.begin();
    // An empty token is a question, see SPNEGO.
    for (let length = 1; length < good.length; length++) {
      const error = failureOf(await begin().accept(good.subarray(0, length)));
      expect(error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
    }
  });
});

describe('channel bindings', () => {
  const ours = { applicationData: TEXT.encode('tls-exporter:ours') };
  const theirs = { applicationData: TEXT.encode('tls-exporter:theirs') };
  // MS-KILE §2.2.6: AD-AUTH-DATA-AP-OPTIONS with KERB_AP_OPTIONS_CBT.
  const supports = {
    authenticator: {
      authorizationData: [{ type: 143, data: Uint8Array.of(0x00, 0x40, 0x00, 0x00) }],
    },
  };
  const expectations: readonly [string, ExchangeOptions, 'bound' | 'open' | 'refused'][] = [
    [
      'both the same',
      { initiator: { channelBindings: ours }, handshake: { channelBindings: ours } },
      'bound',
    ],
    [
      'another channel',
      { initiator: { channelBindings: theirs }, handshake: { channelBindings: ours } },
      'refused',
    ],
    ['none from the client', { handshake: { channelBindings: ours } }, 'open'],
    [
      'none from a client that supports them',
      { initiator: supports, handshake: { channelBindings: ours } },
      'refused',
    ],
    ['none of our own', { initiator: { channelBindings: theirs } }, 'open'],
    [
      'off',
      {
        acceptor: { channelBindingPolicy: 'off' },
        initiator: { channelBindings: theirs },
        handshake: { channelBindings: ours },
      },
      'open',
    ],
    [
      'required and the same',
      {
        acceptor: { channelBindingPolicy: 'required' },
        initiator: { channelBindings: ours },
        handshake: { channelBindings: ours },
      },
      'bound',
    ],
    [
      'required and none from the client',
      { acceptor: { channelBindingPolicy: 'required' }, handshake: { channelBindings: ours } },
      'refused',
    ],
    [
      'required and none of our own',
      { acceptor: { channelBindingPolicy: 'required' }, initiator: { channelBindings: ours } },
      'refused',
    ],
  ];
  for (const [name, options, expected] of expectations) {
    it(`${name}: ${expected}`, async () => {
      const { result } = await attempt(options);
      if (expected === 'refused') {
        expect(failureOf(result).code).toBe('GSS_S_BAD_BINDINGS');
        expect(failureOf(result).hint).toMatch(/channel/);
        return;
      }
      if (result.status !== 'complete') throw new Error('not complete');
      const bound = (result.context.flags & ContextFlag.channelBound) !== 0;
      expect(bound).toBe(expected === 'bound');
    });
  }
});

describe('authenticator checksums other than 0x8003', () => {
  it('may be missing: no flags, as MS-KILE has it', async () => {
    const { result } = await attempt({
      initiator: { authenticator: { checksum: undefined } as never },
    });
    if (result.status !== 'complete') throw new Error('not complete');
    expect(result.context.flags).toBe(ContextFlag.transferable | ContextFlag.protectionReady);
    expect(result.outputToken).toBeUndefined();
  });

  it('must be over nothing, as Samba sends it', async () => {
    const { ticket, acceptor } = await makeParties();
    for (const [data, good] of [
      [new Uint8Array(), true],
      [TEXT.encode('request of another protocol'), false],
    ] as const) {
      const checksum = { type: 16, checksum: ticket.sessionKey.checksum(10, data) };
      const initiator = createInitiator({
        ticket,
        clock: () => NOW,
        subkeyEnctype: null,
        authenticator: { checksum },
        random: seededRandom(good ? 5 : 6),
      });
      const result = await acceptor.begin().accept(initiator.begin());
      expect(result.status).toBe(good ? 'complete' : 'failed');
      if (!good) expect(failureOf(result).code).toBe('GSS_S_BAD_MIC');
    }
  });

  // MIT krb5 and Heimdal, krb5_mk_req_extended; RFC 4120 §7.5.1.
  it.each([17, 18, 19, 20])(
    'over nothing are of the session key, not of a subkey (enctype %i)',
    async (sessionEnctype) => {
      for (const subkeyEnctype of [sessionEnctype, 18, null]) {
        const parties = await makeParties({ ticket: { sessionEnctype } });
        const { ticket, credential } = parties;
        const subkey = EncryptionKey.generate(subkeyEnctype ?? sessionEnctype, seededRandom(8));
        for (const [key, expected] of [
          [ticket.sessionKey, 'complete'],
          [subkey, 'failed'],
        ] as const) {
          const acceptor = createAcceptor({ credential, clock: () => NOW });
          const checksum = { type: key.checksumType, checksum: key.checksum(10, new Uint8Array()) };
          const withSubkey = { enctype: subkey.enctype, value: subkey.bytes() };
          const initiator = createInitiator({
            ticket,
            clock: () => NOW,
            subkeyEnctype: null,
            authenticator: { checksum, ...(subkeyEnctype !== null && { subkey: withSubkey }) },
          });
          expect((await acceptor.begin().accept(initiator.begin())).status).toBe(expected);
        }
      }
    },
  );

  it('over nothing may be without a key, as Heimdal makes them for RC4', async () => {
    for (const [data, sessionEnctype, expected] of [
      ['', 23, 'complete'],
      ['other data', 23, 'failed'],
      ['', 18, 'failed'],
    ] as const) {
      const checksum = { type: 7, checksum: createHash('md5').update(data).digest() };
      const { begin, initiator } = await makeParties({
        keytab: makeKeytab({ crypto: withLegacyEnctypes() }),
        ticket: { sessionEnctype },
        initiator: { authenticator: { checksum } },
      });
      expect((await begin().accept(initiator.begin())).status).toBe(expected);
    }
  });

  it('over nothing ask for mutual authentication by the AP-REQ’s own option', async () => {
    const always = ContextFlag.transferable | ContextFlag.protectionReady;
    const tokens = ContextFlag.replay | ContextFlag.sequence;
    for (const mutual of [true, false]) {
      const { ticket, acceptor } = await makeParties();
      const checksum = { type: 16, checksum: ticket.sessionKey.checksum(10, new Uint8Array()) };
      const initiator = createInitiator({
        ticket,
        clock: () => NOW,
        subkeyEnctype: null,
        flags: mutual ? ContextFlag.mutual : 0,
        authenticator: { checksum },
        random: seededRandom(5),
      });
      const result = await acceptor.begin().accept(initiator.begin());
      if (result.status !== 'complete') throw new Error('not complete');
      expect(result.context.flags).toBe(always | tokens | (mutual ? ContextFlag.mutual : 0));
      expect(result.outputToken !== undefined).toBe(mutual);
    }
  });

  it('are refused when malformed', async () => {
    const head = [16, 0, 0, 0, ...new Array(16).fill(0)];
    for (const checksum of [
      [],
      [15, 0, 0, 0, ...new Array(20).fill(0)],
      head,
      [...head, 1, 0, 0, 0, 2, 0, 0, 0],
      [...head, 1, 0, 0, 0, 1, 0, 9, 0, 1],
      [...head, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff],
    ]) {
      const { result } = await attempt({
        initiator: {
          authenticator: { checksum: { type: 0x8003, checksum: Uint8Array.from(checksum) } },
        },
      });
      const error = failureOf(result);
      expect(error.code).toBe('GSS_S_FAILURE');
      expect(error.minor).toBeInstanceOf(KerberosError);
    }
  });
});

describe('DCE style', () => {
  const flags = ContextFlag.dceStyle | ContextFlag.sequence | ContextFlag.replay;

  it('takes three legs, unframed', async () => {
    const { initiator, begin } = await makeParties({ initiator: { flags } });
    const handshake = begin();
    const first = initiator.begin();
    expect(first[0]).toBe(0x6e);
    const second = await handshake.accept(first);
    if (second.status !== 'continue') throw new Error(`not continued: ${second.status}`);
    expect(second.outputToken[0]).toBe(0x6f);
    const last = await handshake.accept(initiator.confirm(second.outputToken));
    if (last.status !== 'complete') throw new Error('not complete');
    expect(last.outputToken).toBeUndefined();
    expect(last.context.flags & (flags | ContextFlag.mutual)).toBe(flags | ContextFlag.mutual);
    const client = initiator.finish(second.outputToken);
    const message = TEXT.encode('three legs');
    expect(last.context.unwrap(client.wrap(message))).toMatchObject({ message, sequence: 'ok' });
    expect(client.unwrap(last.context.wrap(message))).toMatchObject({ message, sequence: 'ok' });
  });

  it('refuses a third leg that is altered, another’s, or none', async () => {
    for (const spoil of [
      (third: Uint8Array) => third.with(third.length - 1, third.at(-1)! ^ 1),
      (third: Uint8Array) => third.subarray(0, -1),
      () => new Uint8Array(),
    ]) {
      const { initiator, begin } = await makeParties({ initiator: { flags } });
      const handshake = begin();
      const second = await handshake.accept(initiator.begin());
      const third = initiator.confirm(second.outputToken!);
      expect((await handshake.accept(spoil(third))).status).toBe('failed');
    }
    const one = await makeParties({ initiator: { flags } });
    const handshake = one.begin();
    const second = await handshake.accept(one.initiator.begin());
    // Our own answer sent back has the right number; it is ours all the same, in any encoding.
    const reflected = await handshake.accept(second.outputToken!);
    expect(failureOf(reflected).minor?.code).toBe('KRB_AP_ERR_MUT_FAIL');
    const two = await makeParties({ initiator: { flags } });
    const other = two.begin();
    const reply = await other.accept(two.initiator.begin());
    const { encPart } = decodeApRep(reply.outputToken!);
    const disguised = encodeApRep({ encPart: { ...encPart, kvno: 0 } });
    const moved = two.acceptor.resume(other.export());
    expect(failureOf(await moved.accept(disguised)).minor?.code).toBe('KRB_AP_ERR_MUT_FAIL');
  });

  it('is not for framed tokens, nor unframed tokens for anything else', async () => {
    const { unframeToken } = await import('../src/gss/framing.ts');
    const framed = await makeParties();
    const raw = unframeToken(framed.initiator.begin()).inner.subarray(2);
    expect(failureOf(await framed.begin().accept(raw)).code).toBe('GSS_S_DEFECTIVE_TOKEN');
    const dce = await makeParties({ initiator: { flags } });
    const wrapped = frameToken(Mechanism.krb5, TokenId.apReq, dce.initiator.begin());
    expect(failureOf(await dce.begin().accept(wrapped)).code).toBe('GSS_S_DEFECTIVE_TOKEN');
  });
});

describe('a clock or randomness that fails', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no clock');
      },
    ],
    ...[Number.NaN, Number.POSITIVE_INFINITY, 1e18, '1780315200000', 1780315200000n, undefined].map(
      (time): [string, () => unknown] => [`gives ${String(time)}`, () => time],
    ),
    ['gives a promise', () => Promise.resolve(NOW)],
  ])('refuses, typed, and the client is answered: a clock that %s', async (_, clock) => {
    const { result } = await attempt({ acceptor: { clock: clock as () => number } });
    expect(result).toMatchObject({
      status: 'failed',
      error: {
        code: 'GSS_S_FAILURE',
        minor: { code: 'KRB_ERR_GENERIC', hint: expect.stringContaining('the option clock') },
      },
    });
    const { outputToken } = result;
    const { inner } = unframeToken(outputToken!);
    expect(decodeKrbError(inner.subarray(2))).toMatchObject({ errorCode: 60, stime: 0 });
  });

  it.each<[string, () => void]>([
    ['writes nothing', () => {}],
    [
      'throws',
      () => {
        throw new Error('no entropy');
      },
    ],
  ])('refuses, typed: randomness that %s', async (_, random) => {
    const { result } = await attempt({
      acceptor: { random, replayCache: { checkAndStore: () => true } },
    });
    expect(result).toMatchObject({
      status: 'failed',
      error: { minor: { code: 'KRB_ERR_GENERIC', hint: expect.stringContaining('option random') } },
    });
  });
});

describe('a path that is judged by the application', () => {
  const STRAY: ExchangeOptions['ticket'] = {
    client: 'eve@EVIL.TEST',
    transited: { type: 1, contents: TEXT.encode('B.TEST') },
  };

  it.each<[string, () => unknown, string]>([
    ['false', () => false, 'returned false'],
    ['nothing', () => undefined, 'returned undefined'],
    ['what is true in an if', () => 'yes', 'returned text'],
    ['a promise', () => Promise.resolve(true), 'returned a promise'],
    ['a promise that rejects', () => Promise.reject(new Error('no')), 'returned a promise'],
    [
      'an error',
      () => {
        throw new Error('no');
      },
      'checkTransited threw',
    ],
  ])('is refused by %s', async (_, checkTransited, hint) => {
    const { result } = await attempt({
      ticket: STRAY,
      acceptor: { checkTransited: checkTransited as () => boolean },
    });
    expect(failureOf(result).minor).toMatchObject({
      code: 'KRB_AP_ERR_ILL_CR_TKT',
      hint: expect.stringContaining(hint),
    });
    // A rejection that nobody handles would fail the run.
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('options that make no sense', () => {
  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '300' as unknown as number])(
    'are refused: maxSkew %s',
    async (maxSkew) => {
      await expect(makeParties({ acceptor: { maxSkew } })).rejects.toThrow(
        new RangeError(`maxSkew: expected whole seconds, got ${maxSkew}`),
      );
    },
  );

  it.each([
    [{ channelBindingPolicy: 'Required' }, 'channelBindingPolicy: expected off, when-supported'],
    [{ pacPolicy: 'on' }, 'pacPolicy: expected off, when-valid, required, got on'],
  ])('are refused: %j', async (acceptor, message) => {
    const options = acceptor as Partial<AcceptorOptions>;
    await expect(makeParties({ acceptor: options })).rejects.toThrow(RangeError);
    await expect(makeParties({ acceptor: options })).rejects.toThrow(message);
  });

  it.each([
    ['text', 'channelBindings: expected objects'],
    [Uint8Array.of(1), 'channelBindings: expected objects'],
    [null, 'channelBindings: expected objects'],
    [[[{}]], 'channelBindings: expected objects'],
    [Promise.resolve(), 'channelBindings: expected objects with addresses or applicationData'],
    // Every client is bound to a channel that nothing is known of.
    [{}, 'channelBindings: expected addresses or applicationData, got bindings without any'],
    [[{ applicationData: new Uint8Array() }], 'expected addresses or applicationData'],
    [{ initiatorAddress: { type: 255, address: new Uint8Array() } }, 'expected addresses or'],
    [[{ applicationData: 'text' }], 'applicationData: expected a Uint8Array'],
    [{ initiatorAddress: { type: 2, address: [1] } }, 'initiatorAddress: expected a Uint8Array'],
    [{ acceptorAddress: { type: 2, address: '1' } }, 'acceptorAddress: expected a Uint8Array'],
  ])('are refused: channel bindings %j', async (channelBindings, message) => {
    const { acceptor } = await makeParties();
    const begin = () => acceptor.begin({ channelBindings: channelBindings as never });
    expect(begin).toThrow(TypeError);
    expect(begin).toThrow(message);
  });

  it('say whose cryptography is in use', async () => {
    expect((await makeParties()).acceptor.crypto.backend.name).toBe('node');
    const { keytab } = await makeParties();
    const credential = await acquireCredential({ keytab, crypto: nobleCrypto });
    expect(createAcceptor({ credential }).crypto).toBe(nobleCrypto);
  });

  it('are refused: a credential that is still to come, a name that is misspelt', async () => {
    const { credential } = await makeParties();
    const coming = { credential: Promise.resolve(credential) } as never;
    expect(() => createAcceptor(coming)).toThrow(
      'credential: expected the result of `await acquireCredential(...)`, got a promise',
    );
    const misspelt = { credential, channelBindingsPolicy: 'required' };
    expect(() => createAcceptor(misspelt)).toThrow(
      'createAcceptor: expected no option "channelBindingsPolicy"; is channelBindingPolicy meant?',
    );
  });

  it('are copied: a mechanism that is added to the list later has no effect', async () => {
    const mechanisms: Oid[] = [Mechanism.spnego];
    const { begin, initiator } = await makeParties({ acceptor: { mechanisms } });
    mechanisms.push(Mechanism.krb5);
    const result = await begin().accept(initiator.begin());
    expect(result).toMatchObject({ status: 'failed', error: { code: 'GSS_S_NO_CRED' } });
  });

  it('are refused: mechanisms that are none of Kerberos, SPNEGO and IAKERB', async () => {
    for (const other of [Mechanism.ntlmssp, Mechanism.negoex]) {
      await expect(
        makeParties({ acceptor: { mechanisms: [Mechanism.krb5, other] } }),
      ).rejects.toThrow(
        new RangeError(`mechanisms: expected Kerberos, SPNEGO or IAKERB, got ${other}`),
      );
    }
  });
});
