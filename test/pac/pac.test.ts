import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.ts';
import { DecodeError, KerberosError } from '../../src/errors.ts';
import { addRareReaders } from '../../src/pac/buffer-readers.ts';
import { findPac } from '../../src/pac/locate.ts';
import type { Pac } from '../../src/pac/pac.ts';
import { importPac, verifyPac } from '../../src/pac/pac.ts';
import { PacBufferType, parsePacType } from '../../src/pac/pac-type.ts';
import { rareReaders } from '../../src/pac/rare-buffers.ts';
import type { PacContents } from '../../src/testing/pac.ts';
import { attachPac, defaultLogonInfo, mintPac } from '../../src/testing/pac.ts';
import { encodeLogonInfo } from '../../src/testing/pac-buffers.ts';
import { aesKey, loadPacFixture, thrownBy, ticketFor } from '../support/pac.ts';
import { runs } from '../support/properties.ts';

addRareReaders(rareReaders);

const serverKey = aesKey(1);
const ticket = ticketFor('alice', 1_700_000_000);
const domain = defaultLogonInfo.logonDomainId;

function pacOf(contents: PacContents): Pac {
  return verifyPac(mintPac(ticket, contents, { serverKey }), ticket, serverKey);
}

const everything: PacContents = {
  logonInfo: { groupIds: [{ relativeId: 1200, attributes: 7 }] },
  upnDnsInfo: {
    upn: 'alice@example.com',
    dnsDomainName: 'EXAMPLE.COM',
    constructed: false,
    samName: 'alice',
    sid: `${domain}-1103`,
  },
  claims: [{ id: 'ad://ext/city', type: 'string', source: 1, values: ['Oslo'] }],
  deviceClaims: [{ id: 'ad://ext/disk', type: 'boolean', source: 1, values: [true] }],
  delegation: { proxyTarget: 'cifs/fs', transitedServices: ['http/www'] },
  attributes: { requested: true, givenImplicitly: false },
  requestorSid: `${domain}-1103`,
  buffers: [{ type: 4711, data: Uint8Array.of(1, 2) }],
};

test('everything that a PAC can say', () => {
  const pac = pacOf(everything);
  expect(pac.verified).toBe(true);
  expect(pac.client).toEqual({ name: 'alice', authTime: 1_700_000_000 });
  expect(pac.samAccountName).toBe('alice');
  expect(pac.fullName).toBe('Alice Example');
  expect(pac.domainName).toBe('EXAMPLE');
  expect(pac.upn).toBe('alice@example.com');
  expect(pac.dnsDomain).toBe('EXAMPLE.COM');
  expect(pac.userSid).toBe(`${domain}-1103`);
  expect(pac.primaryGroupSid).toBe(`${domain}-513`);
  expect(pac.groupSids).toEqual([`${domain}-513`, `${domain}-1200`]);
  expect(pac.denyOnlyGroupSids).toEqual([]);
  expect(pac.claims).toEqual(everything.claims);
  expect(pac.deviceClaims).toEqual(everything.deviceClaims);
  expect(pac.deviceInfo).toBeUndefined();
  expect(pac.delegation).toEqual(everything.delegation);
  expect(pac.attributes).toEqual(everything.attributes);
  expect(pac.requestorSid).toBe(`${domain}-1103`);
  expect(pac.bufferTypes).toEqual([10, 1, 12, 13, 15, 11, 17, 18, 4711, 6, 7]);
  expect(pac.buffer(4711)).toEqual(Uint8Array.of(1, 2));
  expect(pac.buffer(4712)).toBeUndefined();
  expect(pac.malformed).toEqual([]);
});

test('what was read once is read no more', () => {
  const pac = pacOf(everything);
  expect(pac.logonInfo).toBe(pac.logonInfo);
  expect(pac.groupSids).toBe(pac.groupSids);
  expect(pac.claims).toBe(pac.claims);
});

test("a PAC as MIT's KDC makes it: a client and signatures, and that is well", () => {
  const pac = pacOf({});
  expect(pac.bufferTypes).toEqual([10, 6, 7]);
  expect(pac.client.name).toBe('alice');
  const { samAccountName, userSid, groupSids, upn, claims, malformed } = pac;
  expect({ samAccountName, userSid, groupSids, upn, claims }).toEqual({
    samAccountName: undefined,
    userSid: undefined,
    groupSids: undefined,
    upn: undefined,
    claims: undefined,
  });
  expect(malformed).toEqual([]);
});

test('names and SID come from UPN and DNS info where there is no logon info', () => {
  const { upnDnsInfo } = everything;
  const pac = pacOf({ upnDnsInfo: upnDnsInfo! });
  expect(pac.samAccountName).toBe('alice');
  expect(pac.userSid).toBe(`${domain}-1103`);
  expect(pac.groupSids).toBeUndefined();
});

test('only types of Pac leave the module: nothing but verification makes one', () => {
  // @ts-expect-error an object of the same shape is no Pac
  const forged: Pac = { ...pacOf({}), groupSids: ['S-1-5-32-544'] };
  expect(forged).not.toBeInstanceOf(pacOf({}).constructor);
});

test('what it gives away is a copy: who alters that alters nothing', () => {
  const bytes = mintPac(ticket, everything, { serverKey });
  const pac = verifyPac(bytes, ticket, serverKey);
  pac.bytes().fill(0xff);
  pac.buffer(PacBufferType.logonInfo)!.fill(0xff);
  expect(pac.groupSids).toHaveLength(2);
  expect(pac.malformed).toEqual([]);
});

test('JSON shows names and SIDs', () => {
  expect(JSON.parse(JSON.stringify(pacOf(everything)))).toEqual({
    client: { name: 'alice', authTime: 1_700_000_000 },
    signatures: { server: 'verified', kdc: 'unverified', ticket: 'absent', full: 'absent' },
    samAccountName: 'alice',
    fullName: 'Alice Example',
    domainName: 'EXAMPLE',
    upn: 'alice@example.com',
    dnsDomain: 'EXAMPLE.COM',
    userSid: `${domain}-1103`,
    primaryGroupSid: `${domain}-513`,
    groupSids: [`${domain}-513`, `${domain}-1200`],
    denyOnlyGroupSids: [],
    bufferTypes: [10, 1, 12, 13, 15, 11, 17, 18, 4711, 6, 7],
  });
});

describe('a signed buffer that is malformed', () => {
  const readable = [1, 11, 12, 13, 14, 15, 17];

  test.each(readable)('type %i: its fields are absent, it is listed, the others stay', (type) => {
    const others = { ...everything };
    if (type === 1) delete others.logonInfo;
    if (type === 11) delete others.delegation;
    if (type === 12) delete others.upnDnsInfo;
    if (type === 13) delete others.claims;
    if (type === 15) delete others.deviceClaims;
    if (type === 17) delete others.attributes;
    const pac = pacOf({ ...others, buffers: [{ type, data: fromHex('0110') }] });
    expect(pac.malformed).toEqual([{ type, error: expect.any(DecodeError) }]);
    expect(
      [
        pac.logonInfo,
        pac.delegation,
        pac.upnDnsInfo,
        pac.claims,
        pac.deviceInfo,
        pac.deviceClaims,
        pac.attributes,
      ][readable.indexOf(type)],
    ).toBeUndefined();
    if (type !== 1) expect(pac.groupSids).toHaveLength(2);
    if (type !== 12) expect(pac.upn).toBe('alice@example.com');
  });

  test('requestor: the PAC is refused, for nobody knows who asked', () => {
    const { requestorSid, ...others } = everything;
    const malformed = { ...others, buffers: [{ type: 18, data: fromHex('0110') }] };
    expect(thrownBy(() => pacOf(malformed))).toBeInstanceOf(DecodeError);
    expect(pacOf({ ...others, ...(requestorSid && { requestorSid }) }).malformed).toEqual([]);
  });

  test('logon info: groups are unknown, which is not "none"', () => {
    const data = encodeLogonInfo(defaultLogonInfo).slice(0, -4);
    const pac = pacOf({ buffers: [{ type: 1, data }] });
    expect(pac.groupSids).toBeUndefined();
    expect(pac.denyOnlyGroupSids).toBeUndefined();
    expect(pac.userSid).toBeUndefined();
    expect(pac.malformed[0]?.error.message).toMatch(/^PAC logon info is truncated/);
  });

  test('credentials stay closed: nobody reads what is in them', () => {
    const pac = pacOf({ buffers: [{ type: PacBufferType.credentials, data: Uint8Array.of(1) }] });
    expect(pac.malformed).toEqual([]);
    expect(pac.bufferTypes).toContain(2);
  });
});

describe('2000 groups', () => {
  const groupIds = Array.from({ length: 1500 }, (_, i) => ({
    relativeId: 2000 + i,
    attributes: 7,
  }));
  const extraSids = Array.from({ length: 500 }, (_, i) => ({
    sid: `S-1-5-21-4-5-6-${i}`,
    attributes: 7,
  }));

  test('all of them, in order', () => {
    const pac = pacOf({ logonInfo: { groupIds, extraSids } });
    expect(pac.groupSids).toEqual([
      `${domain}-513`,
      ...groupIds.map(({ relativeId }) => `${domain}-${relativeId}`),
      ...extraSids.map(({ sid }) => sid),
    ]);
  });

  test('as one and the same group two thousand times: it is one', () => {
    const same = Array.from({ length: 2000 }, () => ({ relativeId: 513, attributes: 7 }));
    expect(pacOf({ logonInfo: { groupIds: same } }).groupSids).toEqual([`${domain}-513`]);
  });
});

describe('import', () => {
  const bytes = mintPac(ticket, everything, { serverKey });

  test('brings back all that it says', () => {
    const pac = verifyPac(bytes, ticket, serverKey);
    const back = importPac(pac.bytes(), false);
    expect(back.toJSON()).toEqual(pac.toJSON());
    expect(back.claims).toEqual(pac.claims);
    expect(back.bytes()).toEqual(bytes);
  });

  test('keeps which signatures were verified', () => {
    const signed = attachPac(ticket, {}, { serverKey, kdcKey: aesKey(2) });
    const pac = findPac(signed.authorizationData)!;
    for (const key of [undefined, aesKey(2)]) {
      const verified = verifyPac(pac, signed, serverKey, key);
      const back = importPac(verified.bytes(), key !== undefined);
      expect(back.signatures).toEqual(verified.signatures);
    }
  });

  test.each([
    ['nothing', ''],
    ['half a header', '00000000'],
    ['a PAC without a client', '0000000000000000'],
  ])('%s is no PAC of a context', (_, hex) => {
    expect(thrownBy(() => importPac(fromHex(hex), false))).toBeInstanceOf(DecodeError);
  });
});

describe('hostile', () => {
  const { pacs } = loadPacFixture<{ readonly pacs: Readonly<Record<string, string>> }>(
    'samba.json',
  );
  const seeds = [
    ...Object.values(pacs).map(fromHex),
    mintPac(ticket, everything, { serverKey }),
    mintPac(ticket, everything, { serverKey, kdcKey: aesKey(2) }),
  ];

  function readAll(bytes: Uint8Array): void {
    // As if it were signed: what a verified PAC would do with these buffers.
    const pac = importPac(bytes, false);
    for (const { error } of pac.malformed) expect(error).toBeInstanceOf(KerberosError);
    expect(pac.groupSids?.length ?? 0).toBeLessThanOrEqual(bytes.length / 8 + 1);
    JSON.stringify(pac);
  }

  test.each(seeds.map((seed, i) => [i, seed] as const))('seed %i is read', (_, seed) => {
    expect(() => readAll(seed)).not.toThrow();
  });

  test('any change of any PAC gives a PAC, or a DecodeError', () => {
    const change = fc.record({
      at: fc.nat({ max: 2000 }),
      bytes: fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 8 }),
        fc.constantFrom('ffffffff', 'ffffff7f', '00000080', '00000000', '01000000').map(fromHex),
      ),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 2000 }),
        (seed, changes, end) => {
          const bytes = end < 1000 ? seed.slice() : seed.slice(0, (end - 1000) % seed.length);
          for (const { at, bytes: put } of changes) {
            if (bytes.length > put.length) bytes.set(put, at % (bytes.length - put.length));
          }
          try {
            readAll(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        },
      ),
      { numRuns: runs(1000) },
    );
  });

  test('verified with the key of its ticket, any change is refused', () => {
    const bytes = seeds.at(-1)!;
    const kdc = parsePacType(bytes).buffers.find(({ type }) => type === 7)!;
    const uncovered = (at: number) => at >= kdc.offset + 4 && at < kdc.offset + kdc.data.length;
    fc.assert(
      fc.property(
        fc.nat({ max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, mask) => {
          fc.pre(!uncovered(at));
          const altered = bytes.slice();
          altered[at]! ^= mask;
          const error = thrownBy(() => verifyPac(altered, ticket, serverKey));
          expect(error).toBeInstanceOf(KerberosError);
          expect((error as Error).message).not.toContain(toHex(serverKey.bytes()).slice(0, 8));
        },
      ),
      { numRuns: runs(500) },
    );
  });
});

// MS-PAC §2.15, CVE-2021-42287.
describe('PAC_REQUESTOR', () => {
  const user = `${domain}-1103`;
  const upn = { upn: 'a@b', dnsDomainName: 'B', constructed: false, samName: 'a' };

  test.each<[string, PacContents]>([
    ["is the user's SID of the logon info", { logonInfo: {}, requestorSid: user }],
    [
      'is the first extra SID, where the user has no relative ID',
      {
        logonInfo: { userId: 0, extraSids: [{ sid: 'S-1-5-21-9-9-9-5', attributes: 7 }] },
        requestorSid: 'S-1-5-21-9-9-9-5',
      },
    ],
    ['is that of the UPN info', { upnDnsInfo: { ...upn, sid: user }, requestorSid: user }],
    ['is alone: nobody is named whom it could contradict', { requestorSid: user }],
    ['is not there', { logonInfo: {} }],
  ])('%s', (_, contents) => {
    expect(pacOf(contents).requestorSid).toBe(contents.requestorSid);
  });

  test.each<[string, PacContents]>([
    ['of another user', { logonInfo: {}, requestorSid: `${domain}-500` }],
    ['of another domain', { logonInfo: {}, requestorSid: 'S-1-5-21-1-1-1-1103' }],
    ['of the domain', { logonInfo: {}, requestorSid: domain }],
    [
      'of another user than the UPN info names',
      { upnDnsInfo: { ...upn, sid: user }, requestorSid: `${domain}-500` },
    ],
  ])('%s refuses the PAC', (_, contents) => {
    expect(thrownBy(() => pacOf(contents))).toMatchObject({
      code: 'KRB_AP_ERR_BADMATCH',
      message: 'PAC describes another account than the one that requested the ticket',
    });
  });
});

// CVE-2022-37967: without the full signature, who can break the service key's checksum (RC4) can
// alter a PAC that the KDC has signed.
describe('ticket and full signatures', () => {
  const kdcKey = aesKey(2);
  const without = (...types: number[]) => {
    const bytes = mintPac(ticket, everything, { serverKey, kdcKey });
    return resign(bytes, types);
  };

  /** The PAC without some buffers, whose type is now unknown, signed again. */
  function resign(bytes: Uint8Array, types: readonly number[]): Uint8Array {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const at = new Map<number, number>();
    for (let i = 0; i < view.getUint32(0, true); i++) {
      const type = view.getUint32(8 + 16 * i, true);
      if (types.includes(type)) view.setUint32(8 + 16 * i, 9000 + type, true);
      else at.set(type, Number(view.getBigUint64(8 + 16 * i + 8, true)) + 4);
    }
    const fill = (type: number, data: Uint8Array) => bytes.set(data, at.get(type)!);
    for (const type of [6, 7, 19]) if (at.has(type)) fill(type, new Uint8Array(12));
    if (at.has(19)) fill(19, kdcKey.checksum(17, bytes));
    const server = serverKey.checksum(17, bytes);
    fill(6, server);
    fill(7, kdcKey.checksum(17, server));
    return bytes;
  }

  test.each([
    [[], 'none', 'none'],
    [[16], 'none', 'PAC has no ticket signature'],
    [[19], 'none', 'PAC has no full signature'],
    [[16, 19], 'none', 'PAC has no ticket signature'],
  ] as const)('without %j: %s, and where both must be there %s', (types, lax, strict) => {
    for (const [all, expected] of [
      [false, lax],
      [true, strict],
    ] as const) {
      const bytes = without(...types);
      const signedTicket = attachPac(ticket, everything, { serverKey, kdcKey });
      const outcome = (): string => {
        try {
          verifyPac(bytes, signedTicket, serverKey, kdcKey, all);
          return 'none';
        } catch (error) {
          if (!(error instanceof KerberosError)) throw error;
          expect(error.code).toBe('KRB_AP_ERR_INAPP_CKSUM');
          return error.message;
        }
      };
      expect(outcome()).toBe(expected);
    }
  });
});
