import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import type { LogonInfo } from '../../src/pac/logon-info.ts';
import {
  collectGroupSids,
  parseLogonInfo,
  primaryGroupSidOf,
  userSidOf,
} from '../../src/pac/logon-info.ts';
import { defaultLogonInfo } from '../../src/testing/pac.ts';
import { encodeLogonInfo } from '../../src/testing/pac-buffers.ts';
import { loadPacFixture, thrownBy } from '../support/pac.ts';

const fixture = loadPacFixture<{
  readonly logonInfo: readonly { readonly name: string; readonly data: string }[];
}>('gokrb5.json');
const [microsoft, small, trust] = fixture.logonInfo.map(({ data }) => fromHex(data)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

describe('recorded by gokrb5', () => {
  test('a user of Microsoft, 2006', () => {
    const info = parseLogonInfo(microsoft);
    expect(info).toMatchObject({
      logonTime: new Date('2006-04-28T01:42:50.925Z'),
      passwordLastSet: new Date('2006-03-18T10:44:54.837Z'),
      passwordCanChange: new Date('2006-03-19T10:44:54.837Z'),
      effectiveName: 'lzhu',
      fullName: 'Liqiang(Larry) Zhu',
      logonScript: 'ntds2.bat',
      profilePath: '',
      homeDirectory: '',
      homeDirectoryDrive: '',
      logonCount: 4180,
      badPasswordCount: 0,
      userId: 2914711,
      primaryGroupId: 513,
      userFlags: 32,
      logonServer: 'NTDEV-DC-05',
      logonDomainName: 'NTDEV',
      logonDomainId: 'S-1-5-21-397955417-626881126-188441444',
      userAccountControl: 16,
      subAuthStatus: 0,
      failedLogonCount: 0,
      resourceGroupIds: [],
    });
    // Never: neither logs off nor is kicked off.
    expect(info).not.toHaveProperty('logoffTime');
    expect(info).not.toHaveProperty('kickOffTime');
    expect(info).not.toHaveProperty('lastSuccessfulLogon');
    expect(info).not.toHaveProperty('resourceGroupDomainSid');
    expect(info.groupIds).toHaveLength(26);
    expect(info.groupIds[0]).toEqual({ relativeId: 3392609, attributes: 7 });
    expect(info.groupIds[25]).toEqual({ relativeId: 3018354, attributes: 7 });
    expect(info.extraSids).toHaveLength(13);
    expect(info.extraSids[0]).toEqual({
      sid: 'S-1-5-21-773533881-1816936887-355810188-513',
      attributes: 7,
    });
    expect(info.extraSids[11]).toEqual({
      sid: 'S-1-5-21-397955417-626881126-188441444-3248111',
      attributes: 0x20000007,
    });
    // 513 stands among the groups: once.
    expect(collectGroupSids(info).granted).toHaveLength(26 + 13);
  });

  test('a user of a test domain', () => {
    const info = parseLogonInfo(small);
    expect(info.effectiveName).toBe('testuser1');
    expect(userSidOf(info)).toBe('S-1-5-21-3167651404-3865080224-2280184895-1105');
    expect(collectGroupSids(info)).toEqual({
      granted: [513, 1108, 1109, 1115, 1116, 1114, 1111].map(
        (id) => `S-1-5-21-3167651404-3865080224-2280184895-${id}`,
      ),
      denyOnly: [],
    });
  });

  test('a user of another domain: groups of the domain of the service', () => {
    const info = parseLogonInfo(trust);
    expect(info.userFlags).toBe(0x220);
    expect(info.resourceGroupDomainSid).toBe('S-1-5-21-3062750306-1230139592-1973306805');
    // What gokrb5 gives, but for the primary group first.
    expect(collectGroupSids(info).granted).toEqual([
      'S-1-5-21-2284869408-3503417140-1141177250-513',
      'S-1-5-21-2284869408-3503417140-1141177250-1110',
      'S-1-5-21-2284869408-3503417140-1141177250-1109',
      'S-1-18-1',
      'S-1-5-21-3062750306-1230139592-1973306805-1107',
      'S-1-5-21-3062750306-1230139592-1973306805-1108',
    ]);
  });

  test('the session key is nowhere in it', () => {
    const keyed = small.slice();
    // MS-PAC §2.5: 16 bytes behind UserFlags, here at 16 + 4 + 48 + 48 + 4 + 16 + 4.
    keyed.fill(0x5a, 140, 156);
    expect(parseLogonInfo(keyed)).toEqual(parseLogonInfo(small));
  });
});

describe('groups', () => {
  const domain = defaultLogonInfo.logonDomainId;

  test('those that only deny are apart, wherever else they stand', () => {
    const info: LogonInfo = {
      ...defaultLogonInfo,
      groupIds: [
        { relativeId: 1, attributes: 7 },
        { relativeId: 2, attributes: 0x17 },
      ],
      extraSids: [
        { sid: 'S-1-5-32-544', attributes: 0x10 },
        { sid: `${domain}-1`, attributes: 0x10 },
        { sid: 'S-1-5-32-545', attributes: 0 },
      ],
    };
    expect(collectGroupSids(info)).toEqual({
      granted: [`${domain}-513`, 'S-1-5-32-545'],
      denyOnly: [`${domain}-2`, 'S-1-5-32-544', `${domain}-1`],
    });
  });

  test('resource groups count where UserFlags says so', () => {
    const info: LogonInfo = {
      ...defaultLogonInfo,
      resourceGroupDomainSid: 'S-1-5-21-1-2-3',
      resourceGroupIds: [{ relativeId: 9, attributes: 0x20000007 }],
    };
    expect(collectGroupSids({ ...info, userFlags: 0x20 }).granted).toEqual([`${domain}-513`]);
    expect(collectGroupSids({ ...info, userFlags: 0x200 }).granted).toEqual([
      `${domain}-513`,
      'S-1-5-21-1-2-3-9',
    ]);
  });

  test('UserId 0: the first of the extra SIDs is the user, and no group', () => {
    const info: LogonInfo = {
      ...defaultLogonInfo,
      userId: 0,
      primaryGroupId: 0,
      extraSids: [
        { sid: 'S-1-5-21-9-9-9-1', attributes: 7 },
        { sid: 'S-1-5-21-9-9-9-2', attributes: 7 },
      ],
    };
    expect(userSidOf(info)).toBe('S-1-5-21-9-9-9-1');
    expect(primaryGroupSidOf(info)).toBeUndefined();
    expect(collectGroupSids(info).granted).toEqual(['S-1-5-21-9-9-9-2']);
    expect(userSidOf({ ...info, extraSids: [] })).toBeUndefined();
  });
});

describe('damaged', () => {
  test('truncated anywhere it is refused', () => {
    for (let end = 0; end < trust.length; end++) {
      expect(thrownBy(() => parseLogonInfo(trust.subarray(0, end)))).toBeInstanceOf(DecodeError);
    }
  });

  test('every bit flipped gives a value or a DecodeError', () => {
    let refused = 0;
    for (let bit = 0; bit < trust.length * 8; bit++) {
      const flipped = trust.slice();
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      try {
        expect(parseLogonInfo(flipped).groupIds.length).toBeLessThanOrEqual(trust.length / 8);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(0);
  });

  test('every number replaced by a huge one gives a value or a DecodeError', () => {
    for (const huge of ['ffffffff', 'ffffff7f', '00000080', '00000010', '00000020']) {
      for (let at = 0; at + 4 <= microsoft.length; at += 4) {
        const altered = microsoft.slice();
        altered.set(fromHex(huge), at);
        try {
          const info = parseLogonInfo(altered);
          const made = info.groupIds.length + info.extraSids.length + info.resourceGroupIds.length;
          expect(made).toBeLessThanOrEqual(microsoft.length / 8);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }
    }
  });

  test.each([
    ['other version', 0, '02', /^PAC logon info has no type serialization header$/],
    ['big-endian', 1, '00', /^PAC logon info has no type serialization header$/],
    ['other header length', 2, '0900', /^PAC logon info has no type serialization header$/],
    ['object longer than the buffer', 8, 'ffffff7f', /^PAC logon info is truncated/],
    ['null', 16, '00000000', /^PAC logon info is a null pointer$/],
    ['more groups than are there', 128, '06000000', /announces 6 elements and holds 5$/],
    ['groups without an array', 132, '00000000', /lacks the 5 groups that it announces$/],
    ['no domain', 172, '00000000', /^PAC logon info names no domain$/],
    ['name longer than its text', 68, '1400', /holds a string shorter than announced$/],
    ['name of half a character', 68, '1100', /holds a string shorter than announced$/],
    ['name without text', 72, '00000000', /lacks a string's text$/],
  ])('%s is refused', (_, at, hex, message) => {
    const altered = small.slice();
    altered.set(fromHex(hex), at);
    const error = thrownBy(() => parseLogonInfo(altered));
    expect(error).toBeInstanceOf(DecodeError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
  });

  test('resource groups without their domain are refused', () => {
    const bytes = encodeLogonInfo({
      ...defaultLogonInfo,
      resourceGroupIds: [{ relativeId: 1, attributes: 7 }],
    });
    expect(thrownBy(() => parseLogonInfo(bytes))).toMatchObject({
      message: 'PAC logon info has resource groups without a domain',
    });
  });
});

test('what is written comes back', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'Z', '$', 'é', '😀'), maxLength: 9 });
  const number = fc.integer({ min: 0, max: 0xffffffff });
  const short = fc.integer({ min: 0, max: 0xffff });
  const time = fc.date({
    min: new Date('1700-01-01'),
    max: new Date('9999-01-01'),
    noInvalidDate: true,
  });
  const sid = fc.array(number, { maxLength: 5 }).map((parts) => ['S-1-5-21', ...parts].join('-'));
  const groups = fc.array(fc.record({ relativeId: number, attributes: number }), { maxLength: 9 });
  const info = fc
    .record(
      {
        logonTime: time,
        logoffTime: time,
        kickOffTime: time,
        passwordLastSet: time,
        passwordCanChange: time,
        passwordMustChange: time,
        effectiveName: text,
        fullName: text,
        logonScript: text,
        profilePath: text,
        homeDirectory: text,
        homeDirectoryDrive: text,
        logonCount: short,
        badPasswordCount: short,
        userId: number,
        primaryGroupId: number,
        groupIds: groups,
        userFlags: number,
        logonServer: text,
        logonDomainName: text,
        logonDomainId: sid,
        userAccountControl: number,
        subAuthStatus: number,
        lastSuccessfulLogon: time,
        lastFailedLogon: time,
        failedLogonCount: number,
        extraSids: fc.array(fc.record({ sid, attributes: number }), { maxLength: 9 }),
        resourceGroupDomainSid: sid,
        resourceGroupIds: groups,
      },
      { requiredKeys: Object.keys(defaultLogonInfo) as [] },
    )
    .map((all) => all as unknown as LogonInfo)
    .filter((all) => all.resourceGroupDomainSid !== undefined || all.resourceGroupIds.length === 0);
  fc.assert(
    fc.property(info, (original) => {
      expect(parseLogonInfo(encodeLogonInfo(original))).toEqual(original);
    }),
  );
});
