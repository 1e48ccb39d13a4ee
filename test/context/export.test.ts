import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { concatBytes, encodeUtf8, fromHex, toHex } from '../../src/bytes.ts';
import { defaultCrypto } from '../../src/crypto/default-crypto.ts';
import { explain } from '../../src/errors.ts';
import {
  ContextFlag,
  EncryptionKey,
  GssError,
  importSecurityContext,
  KerberosError,
} from '../../src/index.ts';
import {
  AuthorizationDataType,
  encodeAuthorizationData,
} from '../../src/messages/authorization-data.ts';
import type { Principal } from '../../src/messages/principal.ts';
import { parsePrincipal } from '../../src/messages/principal.ts';
import { encodeAuthenticationIndicator, encodeCammac } from '../support/encoders.ts';
import {
  CLIENT,
  makeKeytab,
  makeParties,
  NOW_SECONDS,
  SERVICE,
  seededRandom,
} from '../support/realm-kit.ts';

const MESSAGE = encodeUtf8('a message');
const KEY = EncryptionKey.generate(18, seededRandom(1));
const SUBKEY = EncryptionKey.generate(17, seededRandom(2));
const ABSENT = 0xffff_ffff_ffff_ffffn;

/** The exported form of a context, written after the table at the head of src/context/export.ts. */
interface Fields {
  readonly role: number;
  readonly flags: number;
  readonly initiator: Principal;
  readonly acceptor: Principal;
  readonly server: string;
  readonly kvno: number;
  readonly enctype: number;
  readonly sessionEnctype: number;
  readonly ticketFlags: number;
  readonly times: readonly [bigint, bigint, bigint, bigint];
  readonly authorizationData: readonly { readonly type: number; readonly data: Uint8Array }[];
  readonly pac: readonly number[];
  readonly pacError: readonly Uint8Array[];
  readonly indicators: readonly string[];
  readonly initiatorKey: EncryptionKey;
  readonly acceptorSubkey: readonly EncryptionKey[];
  readonly next: bigint;
  readonly window: readonly [flags: number, base: bigint, next: bigint, seen: bigint];
}

const FIELDS: Fields = {
  role: 1,
  flags: ContextFlag.mutual | ContextFlag.replay | ContextFlag.sequence,
  initiator: parsePrincipal(CLIENT),
  acceptor: parsePrincipal(SERVICE),
  server: SERVICE,
  kvno: 1,
  enctype: 18,
  sessionEnctype: 18,
  ticketFlags: 0x4000_0000,
  times: [1_000_000_000n, ABSENT, 2_000_000_000n, ABSENT],
  authorizationData: [],
  pac: [0],
  pacError: [],
  indicators: [],
  initiatorKey: KEY,
  acceptorSubkey: [SUBKEY],
  next: 7n,
  window: [7, 100n, 0n, 0n],
};

const u8 = (value: number) => Uint8Array.of(value);
const u16 = (value: number) => numberOf(2, BigInt(value));
const u32 = (value: number) => numberOf(4, BigInt(value));
const u64 = (value: bigint) => numberOf(8, value);
const bytes = (value: Uint8Array) => concatBytes(u32(value.length), value);
const text = (value: string) => bytes(encodeUtf8(value));
const list = (values: readonly Uint8Array[]) => concatBytes(u16(values.length), ...values);
const principal = ({ nameType, realm, components }: Principal) =>
  concatBytes(u32(nameType), text(realm), list(components.map(text)));
const key = (value: EncryptionKey) => concatBytes(u32(value.enctype), bytes(value.bytes()));

/** Big-endian; a negative number in two's complement. */
function numberOf(length: number, value: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, BigInt.asIntN(64, value));
  return new Uint8Array(view.buffer).subarray(8 - length);
}

function exportOf(changes: Partial<Fields> = {}): Uint8Array {
  const fields: Fields = { ...FIELDS, ...changes };
  const [windowFlags, ...window] = fields.window;
  const body = concatBytes(
    encodeUtf8('K5SC'),
    u8(1),
    u8(fields.role),
    bytes(fromHex('2a864886f712010202')),
    u32(fields.flags),
    principal(fields.initiator),
    principal(fields.acceptor),
    text(fields.server),
    ...[fields.kvno, fields.enctype, fields.sessionEnctype, fields.ticketFlags].map(u32),
    ...fields.times.map(u64),
    list(fields.authorizationData.map(({ type, data }) => concatBytes(u32(type), bytes(data)))),
    ...fields.pac.map(u8),
    ...fields.pacError,
    list(fields.indicators.map(text)),
    key(fields.initiatorKey),
    u8(fields.acceptorSubkey.length),
    ...fields.acceptorSubkey.map(key),
    u64(fields.next),
    u8(windowFlags),
    ...window.map(u64),
  );
  return concatBytes(body, createHash('sha256').update(body).digest());
}

function refusalOf(changes: Partial<Fields>): GssError {
  try {
    importSecurityContext(exportOf(changes));
  } catch (error) {
    if (error instanceof GssError) return error;
    throw error;
  }
  throw new Error('expected a GssError');
}

describe('an export', () => {
  const secondsOf = (date: Date | undefined) => BigInt(date!.getTime() / 1000);

  it('has the layout of its version', async () => {
    const random = seededRandom(3);
    const { ticket, begin, initiator } = await makeParties({
      keytab: makeKeytab({ kvno: 3, enctype: 20 }),
      ticket: {
        sessionEnctype: 17,
        flags: 0xc0a1_0000,
        authTime: -5,
        startTime: NOW_SECONDS - 4,
        endTime: NOW_SECONDS + 9,
        renewTill: NOW_SECONDS + 90_000,
        authorizationData: [{ type: 1, data: Uint8Array.of(0x30, 0) }],
      },
      initiator: { subkeyEnctype: null, sequenceNumber: 0x89ab_cdef, flags: 0x3e },
      acceptor: { random },
    });
    const result = await begin().accept(initiator.begin());
    if (result.status !== 'complete') throw new Error('not complete');
    const { context } = result;
    const client = initiator.finish(result.outputToken);
    client.getMic(MESSAGE);
    client.getMic(MESSAGE);
    expect(context.verifyMic(MESSAGE, client.getMic(MESSAGE)).sequence).toBe('gap');
    const number = new DataView(context.getMic(MESSAGE).buffer).getBigUint64(8);
    const { sessionKey } = context;
    const expected = exportOf({
      flags: 0x3e | 0x80 | 0x100,
      initiator: ticket.client,
      kvno: 3,
      enctype: 20,
      sessionEnctype: 17,
      ticketFlags: 0xc0a1_0000,
      times: [
        -5n,
        secondsOf(context.ticket.startTime),
        secondsOf(context.ticket.endTime),
        secondsOf(context.ticket.renewTill),
      ],
      authorizationData: [{ type: 1, data: Uint8Array.of(0x30, 0) }],
      initiatorKey: ticket.sessionKey,
      acceptorSubkey: [sessionKey],
      next: number + 1n,
      window: [7, 0x89ab_cdefn, 3n, 1n],
    });
    expect(secondsOf(context.ticket.startTime)).toBe(BigInt(NOW_SECONDS - 4));
    expect(secondsOf(context.ticket.endTime)).toBe(BigInt(NOW_SECONDS + 9));
    expect(secondsOf(context.ticket.renewTill)).toBe(BigInt(NOW_SECONDS + 90_000));
    expect(toHex(context.export())).toBe(toHex(expected));
  });

  it.each([
    ['of an acceptor', {}],
    ['of an initiator', { role: 0 }],
    ['without a subkey', { acceptorSubkey: [] }],
    ['with all times', { times: [1n, 2n, 3n, 4n] }],
    ['with times before 1970', { times: [-4n, -3n, -2n, -1n] }],
    ['with numbers of 64 bits', { next: ABSENT, window: [3, ABSENT, ABSENT - 1n, ABSENT] }],
    ['with indicators', { indicators: ['otp', 'pkinit'] }],
    [
      'with a PAC that was refused',
      { pac: [2], pacError: [text('KRB_AP_ERR_MODIFIED'), text('why'), u8(1), text('a hint')] },
    ],
    ['with an element', { authorizationData: [{ type: -1, data: Uint8Array.of(1) }] }],
  ] as [string, Partial<Fields>][])('%s is imported, and is the same again', (_, changes) => {
    const bytes = exportOf(changes);
    const context = importSecurityContext(bytes);
    expect(toHex(context.export())).toBe(toHex(bytes));
  });

  it('does not say more of a PAC that did not verify than it holds', async () => {
    const read = (code: string) =>
      importSecurityContext(exportOf({ pac: [2], pacError: [text(code), text('why'), u8(0)] }))
        .pacError;
    const other = await explain(read('KRB_AP_ERR_BADMATCH'));
    expect(other).toMatchObject({
      reason: 'pac.other-client',
      message: 'why',
      text: 'the PAC is not that of the client: it is of another one, or of none',
    });
    const altered = await explain(read('KRB_AP_ERR_MODIFIED'));
    expect(altered?.text).toMatch(/^the signature of the PAC does not verify/);
  });

  it('with a PAC that was refused, and no hint, may gain the one of the catalogue', async () => {
    const pacError = [text('KRB_AP_ERR_MODIFIED'), text('why'), u8(0)];
    const context = importSecurityContext(exportOf({ pac: [2], pacError }));
    await explain(context.pacError!);
    const { code, message, hint } = importSecurityContext(context.export()).pacError!;
    expect({ code, message }).toEqual({ code: 'KRB_AP_ERR_MODIFIED', message: 'why' });
    expect(hint).toBe(context.pacError!.hint);
    expect(hint).toBeDefined();
  });

  it('says what it holds', () => {
    const context = importSecurityContext(
      exportOf({
        times: [1n, 2n, 3n, 4n],
        indicators: ['otp'],
        pac: [2],
        pacError: [text('KRB_AP_ERR_MODIFIED'), text('why'), u8(1), text('a hint')],
      }),
    );
    expect(context.ticket).toEqual({
      server: SERVICE,
      kvno: 1,
      enctype: 18,
      sessionEnctype: 18,
      flags: 0x4000_0000,
      authTime: new Date(1000),
      startTime: new Date(2000),
      endTime: new Date(3000),
      renewTill: new Date(4000),
    });
    expect(context.authenticationIndicators).toEqual(['otp']);
    expect(context.pacError).toBeInstanceOf(KerberosError);
    expect(context.pacError).toMatchObject({
      code: 'KRB_AP_ERR_MODIFIED',
      message: 'why',
      hint: 'a hint',
    });
    expect(context.sessionKey.equals(SUBKEY)).toBe(true);
    const without = importSecurityContext(exportOf());
    expect(without.ticket).not.toHaveProperty('startTime');
    expect(without.ticket).not.toHaveProperty('renewTill');
  });

  it.each([
    ['a flag that is neither 0 nor 1', { role: 2 }],
    ['a PAC of no kind', { pac: [3] }],
    ['a PAC that it does not have', { pac: [1] }],
    ['an error of no name', { pac: [2], pacError: [text('KRB_AP_ERR'), text(''), u8(0)] }],
    ['a window of unknown flags', { window: [8, 0n, 0n, 0n] }],
    ['no authtime', { times: [ABSENT, 2n, 3n, 4n] }],
    ['no endtime', { times: [1n, 2n, ABSENT, 4n] }],
    ['a time out of range', { times: [1n << 60n, 2n, 3n, 4n] }],
  ] as [string, Partial<Fields>][])('with %s is refused', (_, changes) => {
    expect(refusalOf(changes)).toMatchObject({
      code: 'GSS_S_DEFECTIVE_TOKEN',
      minor: { code: 'KRB5_PARSE_MALFORMED' },
    });
  });

  // An attacker who can write exports can write the digest, too.
  it('has no more in its lists than a ticket can have', () => {
    const repeat = (count: number, one: string) => new Array<string>(count).fill(one);
    const element = { type: 1, data: new Uint8Array() };
    const most = {
      authorizationData: new Array<typeof element>(1024).fill(element),
      indicators: repeat(256, 'x'),
      initiator: { ...FIELDS.initiator, components: repeat(64, 'x') },
      acceptor: { ...FIELDS.acceptor, components: repeat(64, 'x') },
    };
    const bytes = exportOf(most);
    expect(toHex(importSecurityContext(bytes).export())).toBe(toHex(bytes));
    for (const more of [
      { authorizationData: [...most.authorizationData, element] },
      { indicators: repeat(257, 'x') },
      { initiator: { ...most.initiator, components: repeat(65, 'x') } },
      { acceptor: { ...most.acceptor, components: repeat(65, 'x') } },
    ]) {
      expect(refusalOf(more)).toMatchObject({
        code: 'GSS_S_DEFECTIVE_TOKEN',
        message: expect.stringMatching(/has a list of (1025|257|65) elements/),
      });
    }
  });

  // Each AD-AUTHENTICATION-INDICATOR is bounded, and so are all of them together.
  it('has room for as many indicators as a ticket may have', async () => {
    const keytab = makeKeytab();
    const serviceKey = keytab.entries[0]!.key;
    const attempt = async (...counts: readonly number[]) => {
      const elements = counts.map((length) => ({
        type: AuthorizationDataType.authenticationIndicator,
        data: encodeAuthenticationIndicator(Array.from({ length }, (_, i) => `word ${i}`)),
      }));
      const mac = {
        type: serviceKey.checksumType,
        checksum: serviceKey.checksum(64, encodeAuthorizationData(elements)),
      };
      const data = encodeCammac({ elements, serviceVerifier: { mac } });
      const authorizationData = [{ type: AuthorizationDataType.cammac, data }];
      const { initiator, begin } = await makeParties({ keytab, ticket: { authorizationData } });
      return begin().accept(initiator.begin());
    };
    const most = await attempt(200, 56);
    if (most.status !== 'complete') throw new Error('not complete');
    const { authenticationIndicators } = most.context;
    expect(authenticationIndicators.length).toBe(256);
    const moved = importSecurityContext(most.context.export());
    expect(moved.authenticationIndicators).toEqual(authenticationIndicators);
    expect(await attempt(200, 57)).toMatchObject({
      status: 'failed',
      error: { minor: { message: expect.stringContaining('257 authentication indicators') } },
    });
  });

  it('keeps the width of its numbers', () => {
    const peer = importSecurityContext(
      exportOf({ role: 0, next: 0x1_0000_0064n, acceptorSubkey: [] }),
    );
    const token = peer.getMic(MESSAGE);
    const after = peer.getMic(MESSAGE);
    const changes: Partial<Fields> = { acceptorSubkey: [] };
    // After 2^32 numbers: the next one with 64 bits, the first again with 32 bits (RFC 1964).
    const wide = importSecurityContext(
      exportOf({ ...changes, window: [7, 100n, 0x1_0000_0000n, 1n] }),
    );
    expect(wide.verifyMic(MESSAGE, token).sequence).toBe('ok');
    expect(importSecurityContext(wide.export()).verifyMic(MESSAGE, after).sequence).toBe('ok');
    const narrow = importSecurityContext(exportOf({ ...changes, window: [3, 100n, 1n, 1n] }));
    expect(narrow.verifyMic(MESSAGE, token).sequence).toBe('duplicate');
    expect(importSecurityContext(narrow.export()).verifyMic(MESSAGE, after).sequence).toBe('ok');
  });

  it('is not called defective where it is the provider that fails', () => {
    const backend = {
      ...defaultCrypto.backend,
      hash: () => {
        throw new Error('the device is gone');
      },
    };
    const crypto = { ...defaultCrypto, backend };
    expect(() => importSecurityContext(exportOf(), { crypto })).toThrow(
      new Error('the device is gone'),
    );
  });
});
