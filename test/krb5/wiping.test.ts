/** What an exchange, an export and a delegation leave in memory: no key, once all is disposed of. */

import { describe, expect, it } from 'vitest';
import { concatBytes, encodeUtf8, toHex } from '../../src/bytes.ts';
import type { SecurityContext } from '../../src/context/context.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { KeyUsage } from '../../src/crypto/numbers.ts';
import { unframeToken } from '../../src/gss/framing.ts';
import type { IovBuffer } from '../../src/index.ts';
import {
  ContextFlag,
  EncryptionKey,
  formatCredentialCache,
  importSecurityContext,
  Mechanism,
} from '../../src/index.ts';
import { decodeApReq, decodeAuthenticator } from '../../src/messages/ap-req.ts';
import { AuthorizationDataType } from '../../src/messages/authorization-data.ts';
import { encodeNegTokenInit, encodeNegTokenResp } from '../../src/spnego/neg-token.ts';
import { Census } from '../support/census.ts';
import { encodeEncKrbCredPart, encodeKrbCred } from '../support/encoders.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import {
  establish,
  makeKeytab,
  makeParties,
  NOW_SECONDS,
  seededRandom,
} from '../support/realm-kit.ts';

const DCE = ContextFlag.dceStyle | ContextFlag.mutual | ContextFlag.integrity;
const DELEGATED = EncryptionKey.generate(18, seededRandom(9));
const ADDRESS = { type: 2, address: Uint8Array.of(10, 0, 0, 1) };

/** A ticket-granting ticket that is handed on; in the clear, as old initiators send it. */
const DELEGATION = encodeKrbCred({
  tickets: [
    {
      realm: 'EXAMPLE.TEST',
      serverName: { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] },
      encPart: { enctype: 18, cipher: Uint8Array.of(1, 2, 3) },
    },
  ],
  encPart: {
    enctype: 0,
    cipher: encodeEncKrbCredPart({
      ticketInfo: [
        {
          key: { enctype: 18, value: DELEGATED.bytes() },
          flags: 0x40e1_0000,
          authTime: NOW_SECONDS - 10,
          endTime: NOW_SECONDS + 10,
          addresses: [ADDRESS],
        },
      ],
    }),
  },
});

/** The server's side of an exchange under a census, and the keys that nobody may find. */
async function serve(options: ExchangeOptions, census: Census) {
  const { initiator, begin, ticket } = await makeParties(options);
  const token = initiator.begin();
  const dce = token[0] === 0x6e;
  const apReq = decodeApReq(dce ? token : unframeToken(token).inner.subarray(2));
  const { sessionKey } = ticket;
  const { subkey } = decodeAuthenticator(
    sessionKey.decrypt(KeyUsage.apReqAuthenticator, apReq.authenticator.cipher),
  );
  const handshake = begin();
  let result = await census.watch(() => handshake.accept(token));
  if (dce) {
    const third = initiator.confirm(result.outputToken!);
    result = await census.watch(() => handshake.accept(third));
  }
  if (result.status !== 'complete') throw new Error(`not established: ${result.status}`);
  const { context } = result;
  const secrets = {
    session: sessionKey.bytes(),
    subkey: subkey!.value,
    acceptor: context.sessionKey.bytes(),
  };
  return { context, secrets };
}

const FLOWS: readonly (readonly [string, ExchangeOptions])[] = [
  ...[17, 18, 19, 20, 25, 26].map(
    (enctype) => [`enctype ${enctype}`, { keytab: makeKeytab({ enctype }) }] as const,
  ),
  ['DCE style', { initiator: { flags: DCE } }],
  ['no answer', { initiator: { flags: ContextFlag.integrity } }],
];

describe('a context that was disposed of', () => {
  it.each(FLOWS)('leaves no key (%s)', async (_, options) => {
    const census = new Census();
    const { context, secrets } = await serve(options, census);
    await census.watch(() => {
      context.wrap(encodeUtf8('a message'));
      context.getMic(encodeUtf8('a message'));
    });
    expect(census.left(secrets)).toContain('acceptor');
    context.dispose();
    expect(census.left(secrets)).toEqual([]);
  });

  it('leaves no key where it was exported, nor where it was imported', async () => {
    const census = new Census();
    const { context, secrets } = await serve({}, census);
    const bytes = await census.watch(() => context.export());
    const copy = bytes.slice();
    bytes.fill(0);
    expect(census.left(secrets)).toEqual([]);
    const there = new Census();
    const imported: SecurityContext = await there.watch(() => importSecurityContext(copy));
    expect(imported.sessionKey.bytes()).toEqual(secrets.acceptor);
    imported.dispose();
    // The caller's to wipe.
    copy.fill(0);
    expect(there.left(secrets)).toEqual([]);
  });
});

describe('an exchange that was exported half-way', () => {
  it.each([
    ['with a subkey of the initiator', 18],
    ['without', null],
  ])('leaves no key where it was, %s', async (_, subkeyEnctype) => {
    const census = new Census();
    const { initiator, begin, ticket } = await makeParties({
      initiator: { flags: DCE, subkeyEnctype },
    });
    const token = initiator.begin();
    const { subkey } = decodeAuthenticator(
      ticket.sessionKey.decrypt(
        KeyUsage.apReqAuthenticator,
        decodeApReq(token).authenticator.cipher,
      ),
    );
    const handshake = begin();
    const second = await census.watch(() => handshake.accept(token));
    const secrets = {
      session: ticket.sessionKey.bytes(),
      acceptor: initiator.finish(second.outputToken).sessionKey.bytes(),
      ...(subkey && { subkey: subkey.value }),
    };
    expect(census.left(secrets).sort()).toEqual(Object.keys(secrets).sort());
    const bytes = await census.watch(() => handshake.export());
    bytes.fill(0);
    expect(census.left(secrets)).toEqual([]);
  });
});

describe('an exchange that is refused when all but one check is done', () => {
  const delegation = { flags: DCE | ContextFlag.delegation, delegation: DELEGATION };

  async function secretsOf({ initiator, ticket }: Awaited<ReturnType<typeof makeParties>>) {
    const token = initiator.begin();
    const apReq = decodeApReq(token[0] === 0x6e ? token : unframeToken(token).inner.subarray(2));
    const { subkey } = decodeAuthenticator(
      ticket.sessionKey.decrypt(KeyUsage.apReqAuthenticator, apReq.authenticator.cipher),
    );
    const session = ticket.sessionKey.bytes();
    return { token, secrets: { session, subkey: subkey!.value, delegated: DELEGATED.bytes() } };
  }

  it('leaves no key: by its list of enctypes', async () => {
    const malformed = { type: AuthorizationDataType.etypeNegotiation, data: Uint8Array.of(1, 2) };
    const parties = await makeParties({
      initiator: {
        flags: ContextFlag.mutual | ContextFlag.delegation,
        delegation: DELEGATION,
        authenticator: { authorizationData: [malformed] },
      },
    });
    const { token, secrets } = await secretsOf(parties);
    const census = new Census();
    const { status } = await census.watch(() => parties.begin().accept(token));
    expect(status).toBe('failed');
    expect(census.left(secrets)).toEqual([]);
  });

  it('leaves no key: by its third leg', async () => {
    const parties = await makeParties({ initiator: delegation });
    const { token, secrets } = await secretsOf(parties);
    const census = new Census();
    const handshake = parties.begin();
    const second = await census.watch(() => handshake.accept(token));
    expect(second.status).toBe('continue');
    expect(census.left(secrets).sort()).toEqual(['delegated', 'session', 'subkey']);
    const third = parties.initiator.confirm(second.outputToken!);
    third[third.length - 1]! ^= 1;
    const { status } = await census.watch(() => handshake.accept(third));
    expect(status).toBe('failed');
    expect(census.left(secrets)).toEqual([]);
  });

  // The subkey, the sequence number, the confounder of the AP-REP.
  it.each([1, 2, 3])(
    'leaves no key: by random bytes that are not there, the %i. time',
    async (nth) => {
      const draw = seededRandom(5);
      let draws = Number.NEGATIVE_INFINITY;
      const random = (target: Uint8Array): void => {
        if (++draws === nth) throw new Error('no entropy');
        draw(target);
      };
      const flags = ContextFlag.mutual | ContextFlag.integrity | ContextFlag.delegation;
      const parties = await makeParties({
        initiator: { flags, delegation: DELEGATION },
        acceptor: { random },
      });
      const { token, secrets } = await secretsOf(parties);
      const census = new Census();
      draws = 0;
      const result = await census.watch(() => parties.begin().accept(token));
      expect(result).toMatchObject({
        status: 'failed',
        error: { minor: { reason: 'fault.random' } },
      });
      expect(draws).toBe(nth);
      expect(census.left(secrets)).toEqual([]);
    },
  );

  it('leaves no key: by the MIC of its list of mechanisms', async () => {
    const flags = ContextFlag.mutual | ContextFlag.integrity | ContextFlag.delegation;
    const parties = await makeParties({ initiator: { flags, delegation: DELEGATION } });
    const { token, secrets } = await secretsOf(parties);
    const mechTypes = [Mechanism.ntlmssp, Mechanism.krb5];
    const census = new Census();
    const handshake = parties.begin();
    await census.watch(() => handshake.accept(encodeNegTokenInit({ mechTypes })));
    const answer = encodeNegTokenResp({ responseToken: token });
    expect((await census.watch(() => handshake.accept(answer))).status).toBe('continue');
    expect(census.left(secrets)).toContain('delegated');
    const wrong = encodeNegTokenResp({ mechListMic: new Uint8Array(28) });
    expect((await census.watch(() => handshake.accept(wrong))).status).toBe('failed');
    expect(census.left(secrets)).toEqual([]);
  });

  it('leaves no key: by the second of two delegated tickets', async () => {
    const ticket = {
      realm: 'EXAMPLE.TEST',
      serverName: { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] },
      encPart: { enctype: 18, cipher: Uint8Array.of(1, 2, 3) },
    };
    const ticketInfo = [DELEGATED.bytes(), new Uint8Array(5)].map((value) => ({
      key: { enctype: 18, value },
    }));
    const parties = await makeParties({
      initiator: {
        flags: ContextFlag.mutual | ContextFlag.delegation,
        delegation: encodeKrbCred({
          tickets: [ticket, ticket],
          encPart: { enctype: 0, cipher: encodeEncKrbCredPart({ ticketInfo }) },
        }),
      },
    });
    const { token, secrets } = await secretsOf(parties);
    const census = new Census();
    const result = await census.watch(() => parties.begin().accept(token));
    expect(result).toMatchObject({ error: { minor: { code: 'KRB5_BAD_KEYSIZE' } } });
    expect(census.left(secrets)).toEqual([]);
  });
});

describe('the key of the KDC', () => {
  it('leaves no session key behind when it has verified a PAC', async () => {
    const kdcKey = EncryptionKey.generate(18, seededRandom(21));
    const parties = await makeParties({
      ticket: { pac: { logonInfo: { effectiveName: 'alice' } }, kdcKey },
      acceptor: { kdcKey },
    });
    const census = new Census();
    const token = parties.initiator.begin();
    const result = await census.watch(() => parties.begin().accept(token));
    if (result.status !== 'complete') throw new Error('not complete');
    expect(result.context.pac?.signatures.ticket).toBe('verified');
    result.context.dispose();
    expect(census.left({ session: parties.ticket.sessionKey.bytes() })).toEqual([]);
  });
});

describe('a message that decrypts and is none', () => {
  const MESSAGE = encodeUtf8('what nobody is to see, for it is not what was sent');

  it.each([17, 18, 19, 20, 25, 26])('is wiped (enctype %i)', async (enctype) => {
    const census = new Census();
    const { context } = await serve({ keytab: makeKeytab({ enctype }) }, census);
    const key = context.sessionKey;
    // RFC 4121 §4.2.4: sealed, with the acceptor's subkey, number 1; EC 0 outside, more inside.
    const header = Uint8Array.of(5, 4, 6, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    const tokenOf = (outer: Uint8Array, copy: Uint8Array): Uint8Array => {
      const plain = concatBytes(MESSAGE, copy);
      return concatBytes(outer, key.encrypt(KeyUsage.gssInitiatorSeal, plain, seededRandom(4)));
    };
    const good = tokenOf(header, header);
    expect(context.unwrap(good).message).toEqual(MESSAGE);
    for (const token of [
      tokenOf(header, header.with(5, 1)),
      tokenOf(header, header.with(15, 2)),
      // EC of more than there is.
      tokenOf(header.with(4, 0xff), header.with(4, 0xff)),
    ]) {
      const there = new Census();
      await there.watch(() => {
        expect(() => context.unwrap(token)).toThrowError(
          expect.objectContaining({ code: 'GSS_S_BAD_MIC' }),
        );
      });
      expect(there.left({ message: MESSAGE })).toEqual([]);
    }
    // It would have been found.
    const there = new Census();
    await there.watch(() => context.unwrap(good));
    expect(there.left({ message: MESSAGE })).toEqual(['message']);
  });
});

describe('a message that was altered', () => {
  const MESSAGE = encodeUtf8('a message of whose first half an old cipher would tell all');

  it.each([16, 17, 18, 19, 20, 23, 25, 26])('is wiped (enctype %i)', async (enctype) => {
    const keytab = makeKeytab({ enctype, crypto: withLegacyEnctypes() });
    const { client, server } = await establish({ keytab });
    const secrets = { begin: MESSAGE.slice(0, 24) };
    const token = client.wrap(MESSAGE);
    const altered = token.with(token.length - 1, token.at(-1)! ^ 1);
    const census = new Census();
    await census.watch(() => {
      expect(() => server.unwrap(altered)).toThrowError(
        expect.objectContaining({ code: 'GSS_S_BAD_MIC' }),
      );
    });
    expect(census.left(secrets)).toEqual([]);
    await census.watch(() => server.unwrap(token));
    expect(census.left(secrets)).toEqual(['begin']);
  });
});

describe('a message in buffers', () => {
  const MESSAGE = encodeUtf8('a message of which nobody needs a second copy...');

  it.each([16, 17, 18, 19, 20, 23, 25, 26])(
    'has no copy elsewhere (enctype %i)',
    async (enctype) => {
      const keytab = makeKeytab({ enctype, crypto: withLegacyEnctypes() });
      const { client, server } = await establish({ keytab });
      const buffers: IovBuffer[] = [
        { type: 'header' },
        { type: 'data', bytes: MESSAGE.slice(0, 24) },
        { type: 'data', bytes: MESSAGE.slice(24) },
        { type: 'padding' },
        { type: 'trailer' },
      ];
      const secrets = { begin: MESSAGE.slice(0, 24), end: MESSAGE.slice(24) };
      const census = new Census();
      await census.watch(() => client.wrapIov(buffers));
      expect(census.left(secrets)).toEqual([]);
      await census.watch(() => server.unwrapIov(buffers));
      expect(concatBytes(buffers[1]!.bytes!, buffers[2]!.bytes!)).toEqual(MESSAGE);
      // The caller's, of which there are views.
      for (const { bytes } of buffers) bytes!.fill(0);
      expect(census.left(secrets)).toEqual([]);
    },
  );
});

describe('a credential that was delegated', () => {
  const options: ExchangeOptions = {
    initiator: {
      flags: ContextFlag.mutual | ContextFlag.delegation,
      delegation: DELEGATION,
    },
  };

  it('leaves no key once it was disposed of', async () => {
    const census = new Census();
    const { context, secrets } = await serve(options, census);
    const credential = context.delegatedCredential!;
    expect(credential.tickets[0]!.sessionKey.equals(DELEGATED)).toBe(true);
    const file = await census.watch(() => formatCredentialCache(credential));
    file.fill(0);
    context.dispose();
    credential.dispose();
    expect(() => credential.tickets[0]!.sessionKey.bytes()).toThrow(TypeError);
    expect(census.left({ ...secrets, delegated: DELEGATED.bytes() })).toEqual([]);
  });

  it('moves with what it came in, and leaves nothing behind', async () => {
    for (const flags of [DCE, ContextFlag.mutual | ContextFlag.integrity].map(
      (each) => each | ContextFlag.delegation,
    )) {
      const census = new Census();
      const keep = { initiator: { ...options.initiator, flags } };
      const { initiator, begin } = await makeParties(keep);
      const handshake = begin();
      let token = initiator.begin();
      if ((flags & ContextFlag.dceStyle) === 0) {
        await handshake.accept(
          encodeNegTokenInit({ mechTypes: [Mechanism.ntlmssp, Mechanism.krb5] }),
        );
        token = encodeNegTokenResp({ responseToken: token });
      }
      const result = await census.watch(() => handshake.accept(token));
      expect(result.status).toBe('continue');
      const written = await census.watch(() => handshake.export());
      written.fill(0);
      expect(census.left({ delegated: DELEGATED.bytes() })).toEqual([]);
    }
  });

  it('is wiped where the next token comes in pieces that make no token', async () => {
    const flags = DCE | ContextFlag.delegation;
    const census = new Census();
    const keep = { initiator: { ...options.initiator, flags } };
    const { initiator, acceptor } = await makeParties(keep);
    const handshake = acceptor.begin({ reassemble: true });
    const token = initiator.begin();
    await census.watch(() => handshake.accept(token));
    const result = await census.watch(() => handshake.accept(Uint8Array.of(0x60)));
    expect(result).toMatchObject({ status: 'failed', error: { code: 'GSS_S_DEFECTIVE_TOKEN' } });
    expect(census.left({ delegated: DELEGATED.bytes() })).toEqual([]);
  });

  it('is wiped where `using` ends', async () => {
    const { context } = await serve(options, new Census());
    const credential = context.delegatedCredential!;
    credential[Symbol.dispose]();
    expect(() => credential.tickets[0]!.sessionKey.bytes()).toThrow(TypeError);
    expect(() => context.wrap(Uint8Array.of(1))).not.toThrow();
    context[Symbol.dispose]();
    expect(() => context.wrap(Uint8Array.of(1))).toThrowError(
      expect.objectContaining({ code: 'GSS_S_NO_CONTEXT' }),
    );
  });

  it('is a file as MIT krb5 describes it (ccache_file_format.rst)', async () => {
    const { context } = await serve(options, new Census());
    const credential = context.delegatedCredential!;
    const u16 = (value: number) => Uint8Array.of(value >> 8, value);
    const u32 = (value: number) => concatBytes(u16(value >>> 16), u16(value & 0xffff));
    const data = (bytes: Uint8Array) => concatBytes(u32(bytes.length), bytes);
    const principal = (type: number, ...names: string[]) =>
      concatBytes(
        u32(type),
        u32(names.length),
        ...['EXAMPLE.TEST', ...names].map((name) => data(encodeUtf8(name))),
      );
    const expected = concatBytes(
      Uint8Array.of(5, 4, 0, 0),
      principal(1, 'alice'),
      principal(1, 'alice'),
      principal(2, 'krbtgt', 'EXAMPLE.TEST'),
      u16(18),
      data(DELEGATED.bytes()),
      u32(NOW_SECONDS - 10),
      u32(NOW_SECONDS - 10),
      u32(NOW_SECONDS + 10),
      u32(0),
      Uint8Array.of(0),
      u32(0x40e1_0000),
      u32(1),
      u16(2),
      data(ADDRESS.address),
      u32(0),
      data(credential.tickets[0]!.ticket),
      u32(0),
    );
    expect(toHex(formatCredentialCache(credential))).toBe(toHex(expected));
  });
});
