import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { frameMechanismToken, unframeToken } from '../../src/gss/framing.ts';
import type { IovBuffer, SecurityContext, WeakEnctypeReport } from '../../src/index.ts';
import {
  acquireCredential,
  ContextFlag,
  createAcceptor,
  formatKeytab,
  importSecurityContext,
  Mechanism,
  parseKeytab,
} from '../../src/index.ts';
import { gssErrorOf } from '../support/library-errors.ts';
import { runs } from '../support/properties.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import {
  CLIENT,
  establish,
  makeKeytab,
  makeParties,
  NOW,
  SERVICE,
  seededRandom,
} from '../support/realm-kit.ts';

const crypto = withLegacyEnctypes();
const MESSAGE = new TextEncoder().encode('thirty-two bytes of plain text..');
const NO_FLAGS = { initiator: { flags: ContextFlag.mutual } } as const;

describe.each([
  [16, 20, 0x04, 0x02, 8],
  [23, 8, 0x11, 0x10, 1],
] as const)('per-message tokens of enctype %i', (enctype, checksum, sign, seal, block) => {
  const both = (options: ExchangeOptions = {}) =>
    establish({ ...options, keytab: makeKeytab({ enctype, crypto }) });

  // RFC 4757 §7.2: RC4 encrypts the number of a signed token, but does not authenticate it.
  const isLooseNumber = (token: Uint8Array, at: number): boolean => {
    const start = token.length - unframeToken(token).inner.length + 8;
    return enctype === 23 && at >= start && at < start + 4;
  };

  // Errors before SND_SEQ are found without the checksum, all others with it.
  const refusalAt = (token: Uint8Array, at: number): string => {
    const start = token.length - unframeToken(token).inner.length + 8;
    return at < start ? 'GSS_S_DEFECTIVE_TOKEN' : 'GSS_S_BAD_MIC';
  };

  it('have the layout of RFC 1964 §1.2', async () => {
    const { client, server } = await both();
    const mic = unframeToken(server.getMic(MESSAGE));
    expect(mic.mechanism).toBe(Mechanism.krb5);
    expect([...mic.inner.subarray(0, 8)]).toEqual([1, 1, sign, 0, 0xff, 0xff, 0xff, 0xff]);
    expect(mic.inner.length).toBe(16 + checksum);
    for (const [confidential, algorithm] of [
      [true, [seal, 0]],
      [false, [0xff, 0xff]],
    ] as const) {
      const wrap = unframeToken(client.wrap(MESSAGE, { confidential })).inner;
      expect([...wrap.subarray(0, 8)]).toEqual([2, 1, sign, 0, ...algorithm, 0xff, 0xff]);
      expect(wrap.length).toBe(16 + checksum + 8 + MESSAGE.length + block);
      const text = wrap.subarray(16 + checksum + 8, wrap.length - block);
      if (!confidential) expect(text).toEqual(MESSAGE);
      if (!confidential) expect(wrap.at(-1)).toBe(block);
    }
  });

  it('carry any message both ways', async () => {
    const { client, server } = await both();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (message, confidential) => {
        for (const [from, to] of [
          [client, server],
          [server, client],
        ] as [SecurityContext, SecurityContext][]) {
          const token = from.wrap(message, { confidential });
          expect(to.unwrap(token)).toEqual({ message, confidential, qop: 0, sequence: 'ok' });
          expect(to.verifyMic(message, from.getMic(message))).toEqual({ qop: 0, sequence: 'ok' });
        }
      }),
      { numRuns: runs(60) },
    );
  });

  it('have a limit that no message passes and the longest one meets', async () => {
    const { client } = await both();
    for (let size = 0; size < 400; size++) {
      const limit = client.wrapSizeLimit(size);
      if (limit > 0) expect(client.wrap(new Uint8Array(limit)).length).toBeLessThanOrEqual(size);
      const next = client.wrap(new Uint8Array(limit + 1));
      expect(next.length, `size ${size}`).toBeGreaterThan(size);
    }
    for (const size of [65_535, 65_536, 65_540, 65_560, 1_000_000]) {
      const limit = client.wrapSizeLimit(size, { confidential: false });
      expect(client.wrap(new Uint8Array(limit)).length).toBeLessThanOrEqual(size);
      expect(client.wrap(new Uint8Array(limit + 1)).length).toBeGreaterThan(size);
    }
  });

  for (const confidential of [true, false]) {
    it(`are refused at every single-bit flip, ${confidential ? 'sealed' : 'signed'}`, async () => {
      const { client, server } = await both();
      const token = client.wrap(MESSAGE, { confidential });
      for (let bit = 0; bit < token.length * 8; bit++) {
        if (!confidential && isLooseNumber(token, bit >> 3)) continue;
        const flipped = token.with(bit >> 3, token[bit >> 3]! ^ (1 << (bit & 7)));
        const { code } = gssErrorOf(() => server.unwrap(flipped));
        expect(code, `bit ${bit}`).toBe(refusalAt(token, bit >> 3));
      }
      // The window has not moved: the token itself is still valid.
      expect(server.unwrap(token)).toMatchObject({ message: MESSAGE, sequence: 'ok' });
    });

    it(`are refused when cut or extended, ${confidential ? 'sealed' : 'signed'}`, async () => {
      const { client, server } = await both();
      const { inner } = unframeToken(client.wrap(MESSAGE, { confidential }));
      for (let length = 0; length < inner.length; length++) {
        const cut = inner.subarray(0, length);
        gssErrorOf(() => server.unwrap(frameMechanismToken(Mechanism.krb5, cut)));
      }
      const longer = frameMechanismToken(Mechanism.krb5, Uint8Array.of(...inner, 1));
      gssErrorOf(() => server.unwrap(longer));
    });
  }

  it('are refused at every single-bit flip of a MIC and of its message', async () => {
    const { client, server } = await both();
    const mic = client.getMic(MESSAGE);
    for (let bit = 0; bit < mic.length * 8; bit++) {
      if (isLooseNumber(mic, bit >> 3)) continue;
      const flipped = mic.with(bit >> 3, mic[bit >> 3]! ^ (1 << (bit & 7)));
      const { code } = gssErrorOf(() => server.verifyMic(MESSAGE, flipped));
      expect(code, `bit ${bit}`).toBe(refusalAt(mic, bit >> 3));
    }
    for (let bit = 0; bit < MESSAGE.length * 8; bit++) {
      const flipped = MESSAGE.with(bit >> 3, MESSAGE[bit >> 3]! ^ (1 << (bit & 7)));
      expect(gssErrorOf(() => server.verifyMic(flipped, mic)).code).toBe('GSS_S_BAD_MIC');
    }
    expect(server.verifyMic(MESSAGE, mic).sequence).toBe('ok');
  });

  it('may have two bytes after a MIC of DES3, as in Heimdal', async () => {
    const { client, server } = await both();
    const { inner } = unframeToken(client.getMic(MESSAGE));
    const longer = frameMechanismToken(Mechanism.krb5, concatBytes(inner, Uint8Array.of(1, 2)));
    const longest = frameMechanismToken(Mechanism.krb5, concatBytes(inner, new Uint8Array(3)));
    expect(gssErrorOf(() => server.verifyMic(MESSAGE, longest)).code).toBe('GSS_S_DEFECTIVE_TOKEN');
    const verify = () => server.verifyMic(MESSAGE, longer);
    if (inner.length === 36) expect(verify().sequence).toBe('ok');
    else expect(gssErrorOf(verify).code).toBe('GSS_S_DEFECTIVE_TOKEN');
  });

  it('are refused when reflected, as another kind of token, and by another context', async () => {
    const { client, server } = await both();
    const other = await both({ initiator: { random: seededRandom(99) } });
    for (const context of [client, server]) {
      expect(gssErrorOf(() => context.unwrap(context.wrap(MESSAGE))).code).toBe('GSS_S_BAD_MIC');
      expect(gssErrorOf(() => context.verifyMic(MESSAGE, context.getMic(MESSAGE))).code).toBe(
        'GSS_S_BAD_MIC',
      );
    }
    const mic = client.getMic(new Uint8Array());
    expect(gssErrorOf(() => server.unwrap(mic)).code).toBe('GSS_S_DEFECTIVE_TOKEN');
    expect(gssErrorOf(() => server.processToken(mic)).code).toBe('GSS_S_DEFECTIVE_TOKEN');
    expect(gssErrorOf(() => server.verifyMic(MESSAGE, client.wrap(MESSAGE))).code).toBe(
      'GSS_S_DEFECTIVE_TOKEN',
    );
    expect(gssErrorOf(() => server.unwrap(other.client.wrap(MESSAGE))).code).toBe('GSS_S_BAD_MIC');
    const modern = await establish();
    expect(gssErrorOf(() => server.unwrap(modern.client.wrap(MESSAGE))).code).toBe(
      'GSS_S_DEFECTIVE_TOKEN',
    );
    expect(gssErrorOf(() => modern.server.unwrap(client.wrap(MESSAGE))).code).toBe(
      'GSS_S_DEFECTIVE_TOKEN',
    );
  });

  it('may come without their header, or under the right number of Kerberos', async () => {
    const { client, server } = await both({ initiator: { mechanism: Mechanism.oldKrb5 } });
    const { inner } = unframeToken(client.wrap(MESSAGE));
    expect(server.unwrap(inner).message).toEqual(MESSAGE);
    const mic = unframeToken(client.getMic(MESSAGE)).inner;
    expect(server.verifyMic(MESSAGE, frameMechanismToken(Mechanism.krb5, mic)).sequence).toBe('ok');
    for (const mechanism of [Mechanism.spnego, Mechanism.msKrb5]) {
      const foreign = frameMechanismToken(mechanism, mic);
      const error = gssErrorOf(() => server.verifyMic(MESSAGE, foreign));
      expect(error.code).toBe('GSS_S_DEFECTIVE_TOKEN');
    }
  });

  it('are framed with the number that the initiator used', async () => {
    const { server } = await both({ initiator: { mechanism: Mechanism.msKrb5 } });
    expect(unframeToken(server.getMic(MESSAGE)).mechanism).toBe(Mechanism.msKrb5);
  });

  it('say no more of a padding that cannot be than of a checksum that is wrong', async () => {
    const { client, server } = await both(NO_FLAGS);
    const keys = client.sessionKey.rfc1964!;
    for (const padding of [41, 255]) {
      const header = Uint8Array.of(2, 1, sign, 0, 0xff, 0xff, 0xff, 0xff);
      const body = new Uint8Array(8 + 32);
      body[body.length - 1] = padding;
      const sum = keys.checksum('wrap', header, body);
      const sequence = keys.sealSequence({ number: 1, sender: 'initiator' }, sum);
      const inner = concatBytes(header, sequence, sum, body);
      const error = gssErrorOf(() => server.unwrap(frameMechanismToken(Mechanism.krb5, inner)));
      expect(error.code).toBe('GSS_S_BAD_MIC');
    }
  });

  it('have no algorithm, filler or length but their own, whatever the peer has signed', async () => {
    const { client, server } = await both(NO_FLAGS);
    const keys = client.sessionKey.rfc1964!;
    const forge = (head: readonly number[], body: Uint8Array, kind: 'mic' | 'wrap') => {
      const header = Uint8Array.from(head);
      const sum = keys.checksum(kind, header, body);
      const sequence = keys.sealSequence({ number: 1, sender: 'initiator' }, sum);
      return concatBytes(header, sequence, sum);
    };
    const padded = concatBytes(new Uint8Array(8), MESSAGE, new Uint8Array(block).fill(block));
    const wrap = (...head: number[]) =>
      server.unwrap(concatBytes(forge(head, padded, 'wrap'), padded)).message;
    const mic = (...head: number[]) => server.verifyMic(MESSAGE, forge(head, MESSAGE, 'mic'));
    expect(wrap(2, 1, sign, 0, 0xff, 0xff, 0xff, 0xff)).toEqual(MESSAGE);
    expect(mic(1, 1, sign, 0, 0xff, 0xff, 0xff, 0xff).sequence).toBe('ok');
    for (const head of [
      // RFC 1964 §1.2.1.1: DES MAC MD5, MD2.5, DES MAC.
      [0x00, 0, 0xff, 0xff, 0xff, 0xff],
      [0x01, 0, 0xff, 0xff, 0xff, 0xff],
      [sign, 1, 0xff, 0xff, 0xff, 0xff],
      // The filler.
      [sign, 0, 0xff, 0xff, 0x00, 0xff],
      [sign, 0, 0xff, 0xff, 0xff, 0x00],
      [sign, 0, 0xff, 0xff, 0x00, 0x00],
      // RFC 1964 §1.2.2.2: SEAL_ALG DES, and half of "none".
      [sign, 0, 0x00, 0x00, 0xff, 0xff],
      [sign, 0, 0xff, 0x00, 0xff, 0xff],
      [sign, 0, 0x00, 0xff, 0xff, 0xff],
      [sign, 0, seal, 0x01, 0xff, 0xff],
    ]) {
      expect(gssErrorOf(() => wrap(2, 1, ...head)).code).toBe('GSS_S_DEFECTIVE_TOKEN');
      expect(gssErrorOf(() => mic(1, 1, ...head)).code).toBe('GSS_S_DEFECTIVE_TOKEN');
    }
    // A MIC is not sealed.
    expect(gssErrorOf(() => mic(1, 1, sign, 0, seal, 0, 0xff, 0xff)).code).toBe(
      'GSS_S_DEFECTIVE_TOKEN',
    );
    const head = forge([1, 1, sign, 0, 0xff, 0xff, 0xff, 0xff], MESSAGE, 'mic');
    for (const changed of [head.subarray(0, -1), concatBytes(head, Uint8Array.of(0))]) {
      expect(gssErrorOf(() => server.verifyMic(MESSAGE, changed)).code).toBe(
        'GSS_S_DEFECTIVE_TOKEN',
      );
    }
  });

  it('have one byte of padding at least, and no more than there is of them', async () => {
    const { client, server } = await both(NO_FLAGS);
    const keys = client.sessionKey.rfc1964!;
    for (const [body, message] of [
      [[], 'GSS_S_DEFECTIVE_TOKEN'],
      [new Array(7).fill(1), 'GSS_S_DEFECTIVE_TOKEN'],
      [new Array(8).fill(1), 'GSS_S_DEFECTIVE_TOKEN'],
      [new Array(9).fill(1), []],
      [[...new Array(8).fill(9), 5, 2, 2], [5]],
      [[...new Array(8).fill(9), 3, 3, 3], []],
      [[...new Array(8).fill(9), 4, 4, 4], 'GSS_S_BAD_MIC'],
      [[...new Array(8).fill(9), 9, 9, 11], 'GSS_S_BAD_MIC'],
      // MIT krb5 accepts a message without padding.
      [
        [...new Array(8).fill(9), 5, 0],
        [5, 0],
      ],
    ] as [number[], number[] | string][]) {
      const bytes = Uint8Array.from(body);
      const header = Uint8Array.of(2, 1, sign, 0, 0xff, 0xff, 0xff, 0xff);
      const sum = keys.checksum('wrap', header, bytes);
      const sequence = keys.sealSequence({ number: 1, sender: 'initiator' }, sum);
      const open = () => server.unwrap(concatBytes(header, sequence, sum, bytes)).message;
      if (typeof message === 'string') expect(gssErrorOf(open).code, `${body}`).toBe(message);
      else expect(open(), `${body}`).toEqual(Uint8Array.from(message));
    }
  });

  it('are told apart by their numbers, of 32 bits', async () => {
    const flags = ContextFlag.mutual | ContextFlag.replay | ContextFlag.sequence;
    const { client, server } = await both({ initiator: { flags, sequenceNumber: 0xffff_fffe } });
    const tokens = Array.from({ length: 6 }, (_, n) => client.wrap(Uint8Array.of(n)));
    expect([0, 1, 2, 5, 3, 3].map((n) => server.unwrap(tokens[n]!).sequence)).toEqual([
      'ok',
      'ok',
      'ok',
      'gap',
      'unsequenced',
      'duplicate',
    ]);
  });

  it('go on in an imported context, which has to be told of the enctype', async () => {
    const { client, server } = await both();
    server.unwrap(client.wrap(MESSAGE));
    const bytes = server.export();
    expect(gssErrorOf(() => importSecurityContext(bytes)).minor?.code).toBe('KDC_ERR_ETYPE_NOSUPP');
    const moved = importSecurityContext(bytes, { crypto });
    expect(moved.unwrap(client.wrap(MESSAGE)).sequence).toBe('ok');
    expect(client.unwrap(moved.wrap(MESSAGE)).sequence).toBe('ok');
    expect(client.verifyMic(MESSAGE, moved.getMic(MESSAGE)).sequence).toBe('ok');
  });

  it('end with a delete token, the MIC of nothing', async () => {
    const { client, server } = await both();
    const keys = client.sessionKey.rfc1964!;
    const make = (sender: 'initiator' | 'acceptor', number: number): Uint8Array => {
      const header = Uint8Array.of(1, 2, sign, 0, 0xff, 0xff, 0xff, 0xff);
      const sum = keys.checksum('mic', header);
      const sequence = keys.sealSequence({ number, sender }, sum);
      return frameMechanismToken(Mechanism.krb5, concatBytes(header, sequence, sum));
    };
    const good = make('initiator', 5);
    expect(gssErrorOf(() => server.processToken(make('acceptor', 5))).code).toBe('GSS_S_BAD_MIC');
    const altered = good.with(good.length - 1, good.at(-1)! ^ 1);
    expect(gssErrorOf(() => server.processToken(altered)).code).toBe('GSS_S_BAD_MIC');
    expect(server.getMic(MESSAGE)).toBeDefined();
    server.processToken(good);
    expect(gssErrorOf(() => server.getMic(MESSAGE)).code).toBe('GSS_S_NO_CONTEXT');
    expect(gssErrorOf(() => server.processToken(good)).code).toBe('GSS_S_NO_CONTEXT');
  });

  it('have a pseudo-random function beside them', async () => {
    const { client, server } = await both();
    for (const key of ['full', 'partial'] as const) {
      expect(server.pseudoRandom(key, MESSAGE, 100)).toEqual(
        client.pseudoRandom(key, MESSAGE, 100),
      );
    }
  });
});

describe('a context without mutual authentication', () => {
  // Replay, sequence, confidentiality and integrity.
  const ONE_WAY = 0x3c;
  const unavailable = expect.objectContaining({
    code: 'GSS_S_UNAVAILABLE',
    hint: expect.stringContaining('mutual authentication'),
  });

  it('seals nothing with RC4, whose keystream both directions would share; it signs', async () => {
    const keytab = makeKeytab({ enctype: 23, crypto });
    const { client, server } = await establish({ keytab, initiator: { flags: ONE_WAY } });
    expect(() => server.wrap(MESSAGE)).toThrow(unavailable);
    const buffers: IovBuffer[] = [
      { type: 'header', bytes: new Uint8Array(100) },
      { type: 'data', bytes: MESSAGE.slice() },
      { type: 'padding', bytes: new Uint8Array(1) },
    ];
    expect(() => server.wrapIov(buffers)).toThrow(unavailable);
    // No sequence number was consumed, and an export does not change that.
    const moved = importSecurityContext(server.export(), { crypto });
    expect(() => moved.wrap(MESSAGE)).toThrow(unavailable);
    const signed = moved.wrap(MESSAGE, { confidential: false });
    expect(client.unwrap(signed)).toMatchObject({ message: MESSAGE, sequence: 'ok' });
    expect(client.verifyMic(MESSAGE, moved.getMic(MESSAGE)).sequence).toBe('ok');
    expect(moved.unwrap(client.wrap(MESSAGE)).message).toEqual(MESSAGE);
  });

  it.each([16, 18])('seals with enctype %i', async (enctype) => {
    const keytab = makeKeytab({ enctype, crypto });
    const { client, server } = await establish({ keytab, initiator: { flags: ONE_WAY } });
    expect(client.unwrap(server.wrap(MESSAGE)).message).toEqual(MESSAGE);
  });

  it('is the only one where both directions would have one keystream', async () => {
    const keytab = makeKeytab({ enctype: 23, crypto });
    const { client, server } = await establish({ keytab });
    const [a, b] = [client.wrap(MESSAGE), server.wrap(MESSAGE)];
    expect(toHex(a.subarray(-MESSAGE.length))).not.toBe(toHex(b.subarray(-MESSAGE.length)));
  });
});

describe('a context of an old enctype', () => {
  it('has no acceptor subkey: the AP-REP repeats the initiator’s', async () => {
    const { initiator, begin } = await makeParties({ keytab: makeKeytab({ enctype: 23, crypto }) });
    const result = await begin().accept(initiator.begin());
    if (result.status !== 'complete') throw new Error('not complete');
    const client = initiator.finish(result.outputToken);
    expect(result.context.sessionKey.equals(client.sessionKey)).toBe(true);
    expect(result.context.sessionKey.enctype).toBe(23);
    expect(client.unwrap(result.context.wrap(MESSAGE)).message).toEqual(MESSAGE);
  });

  it('needs neither a subkey nor mutual authentication', async () => {
    for (const enctype of [16, 23]) {
      const keytab = makeKeytab({ enctype, crypto });
      for (const flags of [ContextFlag.mutual, 0]) {
        const { client, server } = await establish({
          keytab,
          initiator: { flags, subkeyEnctype: null },
        });
        expect(server.unwrap(client.wrap(MESSAGE)).message).toEqual(MESSAGE);
        // Without mutual authentication RC4 only signs.
        const confidential = enctype !== 23 || flags !== 0;
        const answer = client.unwrap(server.wrap(MESSAGE, { confidential }));
        expect(answer).toMatchObject({ message: MESSAGE, confidential });
      }
    }
  });

  // RFC 4537: EtypeList { 18 }, in AD-IF-RELEVANT.
  const offersAes = {
    authorizationData: [{ type: 1, data: etypeNegotiation(18) }],
  };

  it('becomes one of RFC 4121 where the initiator offers a newer enctype', async () => {
    for (const enctype of [16, 23]) {
      const { client, server } = await establish({
        keytab: makeKeytab({ enctype, crypto }),
        initiator: { authenticator: offersAes },
      });
      expect(server.sessionKey.enctype).toBe(18);
      const token = server.wrap(MESSAGE);
      // RFC 4121 §4.2.2: sealed, by the acceptor, with its subkey.
      expect([...token.subarray(0, 4)]).toEqual([5, 4, 7, 0xff]);
      expect(client.unwrap(token).message).toEqual(MESSAGE);
      expect(server.unwrap(client.wrap(MESSAGE)).message).toEqual(MESSAGE);
    }
  });

  it('keeps its tokens where it may not answer, or the newer enctype is not permitted', async () => {
    const keytab = makeKeytab({ enctype: 23, crypto });
    for (const options of [
      { initiator: { authenticator: offersAes, flags: 0 } },
      { initiator: { authenticator: offersAes }, acceptor: { permittedEnctypes: [23] } },
    ] as ExchangeOptions[]) {
      const { client, server } = await establish({ ...options, keytab });
      expect(server.wrap(MESSAGE, { confidential: false })[0]).toBe(0x60);
      expect(server.unwrap(client.wrap(MESSAGE)).message).toEqual(MESSAGE);
    }
  });

  it('has a subkey of the acceptor in DCE style', async () => {
    for (const enctype of [16, 23]) {
      const { initiator, begin } = await makeParties({
        keytab: makeKeytab({ enctype, crypto }),
        initiator: { flags: ContextFlag.dceStyle },
      });
      const handshake = begin();
      const second = await handshake.accept(initiator.begin());
      const last = await handshake.accept(initiator.confirm(second.outputToken!));
      if (last.status !== 'complete') throw new Error('not complete');
      const client = initiator.finish(second.outputToken);
      expect(client.sessionKey.equals(last.context.sessionKey)).toBe(true);
      expect(client.sessionKey.bytes()).not.toEqual(client.pseudoRandom('partial', MESSAGE, 16));
      expect(client.wrap(MESSAGE)[0]).toBe(0x60);
      expect(last.context.unwrap(client.wrap(MESSAGE)).message).toEqual(MESSAGE);
      expect(client.unwrap(last.context.wrap(MESSAGE)).message).toEqual(MESSAGE);
    }
  });
});

describe('weak enctypes', () => {
  async function reportsOf(options: ExchangeOptions): Promise<WeakEnctypeReport[]> {
    const reports: WeakEnctypeReport[] = [];
    await establish({
      ...options,
      acceptor: { ...options.acceptor, onWeakEnctype: (report) => reports.push(report) },
    });
    return reports;
  }

  it('are reported, wherever they are', async () => {
    const rc4 = makeKeytab({ enctype: 23, crypto });
    const aes = makeKeytab({ enctype: 18, crypto });
    const who = { client: CLIENT, server: SERVICE };
    expect(await reportsOf({ keytab: rc4 })).toEqual([
      { ...who, ticketEnctype: 23, sessionEnctype: 23, contextEnctype: 23 },
    ]);
    expect(await reportsOf({ keytab: rc4, ticket: { sessionEnctype: 18 } })).toEqual([
      { ...who, ticketEnctype: 23, sessionEnctype: 18, contextEnctype: 18 },
    ]);
    expect(await reportsOf({ keytab: aes, ticket: { sessionEnctype: 16 } })).toEqual([
      { ...who, ticketEnctype: 18, sessionEnctype: 16, contextEnctype: 16 },
    ]);
    expect(await reportsOf({ keytab: aes })).toEqual([]);
  });

  it('are refused where permittedEnctypes lacks them', async () => {
    const keytab = makeKeytab({ enctype: 18, crypto });
    const acceptor = { permittedEnctypes: [18] };
    for (const options of [
      { keytab, acceptor, ticket: { sessionEnctype: 23 } },
      { keytab, acceptor, initiator: { subkeyEnctype: 16 } },
    ]) {
      const { begin, initiator } = await makeParties(options);
      const result = await begin().accept(initiator.begin());
      if (result.status !== 'failed') throw new Error('accepted');
      expect(result.error.minor?.code).toBe('KRB5_NOPERM_ETYPE');
    }
  });

  it('are refused, tickets and session keys, by a provider that lacks them', async () => {
    for (const [enctype, sessionEnctype] of [
      [23, 18],
      [18, 23],
    ] as const) {
      const keytab = makeKeytab({ enctype, crypto });
      const { initiator } = await makeParties({ keytab, ticket: { sessionEnctype } });
      const strict = createAcceptor({
        credential: await acquireCredential({ keytab: parseKeytab(formatKeytab(keytab)) }),
        clock: () => NOW,
      });
      const result = await strict.begin().accept(initiator.begin());
      if (result.status !== 'failed') throw new Error('accepted');
      expect(result.error.minor?.code).toBe('KDC_ERR_ETYPE_NOSUPP');
      expect(result.error.hint).toMatch(
        /is weak and therefore off|among the enctypes of this acceptor/,
      );
    }
  });
});

function etypeNegotiation(enctype: number): Uint8Array {
  // AuthorizationData { { 129, EtypeList { enctype } } } (RFC 4537 §3).
  const list = [0x30, 3, 0x02, 1, enctype];
  const element = [0xa0, 4, 0x02, 2, 0, 129, 0xa1, 2 + list.length, 0x04, list.length, ...list];
  const inner = [0x30, element.length, ...element];
  return Uint8Array.of(0x30, inner.length, ...inner);
}
