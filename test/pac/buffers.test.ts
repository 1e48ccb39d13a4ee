import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import {
  parseClientInfo,
  parseDelegationInfo,
  parsePacAttributes,
  parsePacSignature,
  parseRequestorSid,
  parseUpnDnsInfo,
} from '../../src/pac/buffers.ts';
import { parseDeviceInfo } from '../../src/pac/device-info.ts';
import { parsePacType } from '../../src/pac/pac-type.ts';
import { encodeSid, NdrWriter } from '../../src/testing/ndr-writer.ts';
import {
  encodeClientInfo,
  encodeDelegationInfo,
  encodePacAttributes,
  encodeUpnDnsInfo,
} from '../../src/testing/pac-buffers.ts';
import { loadPacFixture, thrownBy } from '../support/pac.ts';

const gokrb5 = loadPacFixture<{
  readonly clientInfo: string;
  readonly upnDnsInfo: string;
  readonly signatures: { readonly server: string; readonly kdc: string };
}>('gokrb5.json');
const samba = loadPacFixture<{ readonly pacs: Readonly<Record<string, string>> }>('samba.json');
const text = fc.string({ unit: fc.constantFrom('a', 'Z', '.', '@', 'é', '😀'), maxLength: 20 });

function bufferOf(pac: string, type: number): Uint8Array {
  return parsePacType(fromHex(samba.pacs[pac]!)).buffers.find((buffer) => buffer.type === type)!
    .data;
}

function refusesTruncated(bytes: Uint8Array, parse: (bytes: Uint8Array) => unknown): void {
  for (let end = 0; end < bytes.length; end++) {
    expect(thrownBy(() => parse(bytes.subarray(0, end)))).toBeInstanceOf(DecodeError);
  }
}

describe('client info', () => {
  test('recorded by gokrb5', () => {
    expect(parseClientInfo(fromHex(gokrb5.clientInfo))).toEqual({
      name: 'testuser1',
      authTime: Date.UTC(2017, 4, 6, 15, 53, 11) / 1000,
    });
  });

  test('what is written comes back; padding may follow', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: -9e9, max: 9e10 }), (name, authTime) => {
        const bytes = encodeClientInfo({ name, authTime });
        expect(parseClientInfo(bytes)).toEqual({ name, authTime });
        expect(parseClientInfo(Uint8Array.of(...bytes, 0, 0))).toEqual({ name, authTime });
      }),
    );
  });
});

describe('signature', () => {
  test('recorded by gokrb5', () => {
    expect(parsePacSignature(fromHex(gokrb5.signatures.server))).toEqual({
      type: 16,
      data: fromHex('1e251d98d552be7df384f550'),
    });
    expect(parsePacSignature(fromHex(gokrb5.signatures.kdc))).toEqual({
      type: -138,
      data: fromHex('340be28b48765d0519ee9346cf53d822'),
    });
  });
});

describe('UPN and DNS info', () => {
  test('recorded by gokrb5', () => {
    expect(parseUpnDnsInfo(fromHex(gokrb5.upnDnsInfo))).toEqual({
      upn: 'testuser1@test.gokrb5',
      dnsDomainName: 'TEST.GOKRB5',
      constructed: false,
    });
  });

  test('the extended form, by Samba', () => {
    const info = parseUpnDnsInfo(bufferOf('upnDnsInfoEx', 12));
    expect(info).toMatchObject({ samName: 'tsttktusr' });
    expect(info.sid).toBe('S-1-5-21-4109729462-983708096-1421331175-1166');
    expect(info.upn).toMatch(/^tsttktusr@/);
  });

  test('the form before, by Samba', () => {
    const info = parseUpnDnsInfo(bufferOf('upnDnsInfoExNotSupported', 12));
    expect(info).not.toHaveProperty('samName');
    expect(info).not.toHaveProperty('sid');
    expect(info.upn).toMatch(/^tsttktusr@/);
  });

  test('what is written comes back', () => {
    const base = { upn: text, dnsDomainName: text, constructed: fc.boolean() };
    const info = fc.oneof(
      fc.record(base),
      fc.record({ ...base, samName: text, sid: fc.constantFrom('S-1-5-18', 'S-1-5-21-1-2-3-4') }),
    );
    fc.assert(
      fc.property(info, (original) => {
        expect(parseUpnDnsInfo(encodeUpnDnsInfo(original))).toEqual(original);
      }),
    );
  });

  const extended = encodeUpnDnsInfo({
    upn: 'u@d',
    dnsDomainName: 'D',
    constructed: true,
    samName: 's',
    sid: 'S-1-5-18',
  });

  test.each([
    ['a length that passes the end', 0, 'ffff', /points outside of itself$/],
    ['an offset that passes the end', 2, 'ffff', /points outside of itself$/],
    ['half a character', 0, '0500', /holds half a character$/],
    ['a SID with more behind it', 16, '1000', /followed by 4 unexpected bytes$/],
    ['a SID without an end', 16, '0800', /is truncated/],
  ])('%s is refused', (_, at, hex, message) => {
    const altered = Uint8Array.of(...extended, 0, 0, 0, 0);
    altered.set(fromHex(hex), at);
    const error = thrownBy(() => parseUpnDnsInfo(altered));
    expect(error).toBeInstanceOf(DecodeError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
  });

  test('an empty field may point anywhere', () => {
    const altered = fromHex('0000ffff0000ffff00000000');
    expect(parseUpnDnsInfo(altered)).toEqual({ upn: '', dnsDomainName: '', constructed: false });
  });
});

describe('attributes and requestor', () => {
  test('flags of MS-PAC §2.14', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), (requested, givenImplicitly) => {
        const attributes = { requested, givenImplicitly };
        expect(parsePacAttributes(encodePacAttributes(attributes))).toEqual(attributes);
      }),
    );
    expect(parsePacAttributes(fromHex('40000000fdffffff00000000'))).toEqual({
      requested: true,
      givenImplicitly: false,
    });
  });

  test('flags that are not there are refused', () => {
    refusesTruncated(
      encodePacAttributes({ requested: true, givenImplicitly: false }),
      parsePacAttributes,
    );
    expect(thrownBy(() => parsePacAttributes(fromHex('0100000001000000')))).toMatchObject({
      message: 'PAC attributes are shorter than two bits',
    });
  });

  test('SID of the requestor', () => {
    const bytes = encodeSid('S-1-5-21-1-2-3-500');
    expect(parseRequestorSid(bytes)).toBe('S-1-5-21-1-2-3-500');
    refusesTruncated(bytes, parseRequestorSid);
  });
});

describe('delegation info', () => {
  test('what is written comes back', () => {
    const info = fc.record({
      proxyTarget: text,
      transitedServices: fc.array(text, { maxLength: 5 }),
    });
    fc.assert(
      fc.property(info, (original) => {
        expect(parseDelegationInfo(encodeDelegationInfo(original))).toEqual(original);
      }),
    );
  });

  test('a terminator that is counted is dropped, as Windows needs it', () => {
    const bytes = encodeDelegationInfo({ proxyTarget: 'host/a\0', transitedServices: ['b\0'] });
    expect(parseDelegationInfo(bytes)).toEqual({ proxyTarget: 'host/a', transitedServices: ['b'] });
  });

  test('truncated anywhere it is refused', () => {
    const whole = encodeDelegationInfo({
      proxyTarget: 'host/abcd',
      transitedServices: ['b', 'cd'],
    });
    refusesTruncated(whole, parseDelegationInfo);
  });

  test.each([
    ['a list that is not there', 1, false, 'PAC delegation info lacks its services'],
    ['a list too long', 0x20000000, true, 'announces 536870912 elements, more than it can hold'],
  ])('%s is refused', (_, size, present, message) => {
    const bytes = NdrWriter.object((ndr) => {
      ndr.unicodeString('').u32(size).pointer(present).unicodeText('').u32(size);
    });
    expect(thrownBy(() => parseDelegationInfo(bytes))).toMatchObject({
      name: 'DecodeError',
      message: expect.stringContaining(message),
    });
  });
});

describe('device info', () => {
  function device(
    options: {
      domains?: number;
      withDomain?: boolean;
      withOther?: boolean;
      withExtra?: boolean;
      listed?: boolean;
      userId?: number;
    } = {},
  ) {
    const { domains = 1, withDomain = true, listed = true, userId = 1001 } = options;
    const { withOther = true, withExtra = true } = options;
    return NdrWriter.object((ndr) => {
      ndr.u32(userId).u32(515).pointer(withDomain);
      ndr.u32(2).pointer(true).u32(1).pointer(true).u32(domains).pointer(listed);
      if (withDomain) ndr.sid('S-1-5-21-1-2-3');
      ndr.u32(2).u32(515).u32(7).u32(1104).u32(7);
      ndr.u32(1).pointer(withExtra).u32(7);
      if (withExtra) ndr.sid('S-1-5-21-1-2-3-515');
      if (!listed) return;
      ndr.u32(domains).pointer(withOther).u32(1).pointer(true);
      ndr.sid('S-1-5-21-7-8-9').u32(1).u32(2000).u32(0x20000007);
    });
  }

  test('machine and groups, each once', () => {
    expect(parseDeviceInfo(device())).toEqual({
      sid: 'S-1-5-21-1-2-3-1001',
      primaryGroupSid: 'S-1-5-21-1-2-3-515',
      groups: [
        { sid: 'S-1-5-21-1-2-3-515', attributes: 7 },
        { sid: 'S-1-5-21-1-2-3-1104', attributes: 7 },
        { sid: 'S-1-5-21-7-8-9-2000', attributes: 0x20000007 },
      ],
    });
  });

  test('UserId 0: the first of the extra SIDs is the machine, and no group', () => {
    const info = parseDeviceInfo(device({ userId: 0 }));
    expect(info.sid).toBe('S-1-5-21-1-2-3-515');
    expect(info.groups).toHaveLength(3);
  });

  test('a machine without groups of other domains', () => {
    const info = parseDeviceInfo(device({ domains: 0, listed: false }));
    expect(info.groups.map(({ sid }) => sid)).toEqual([
      'S-1-5-21-1-2-3-515',
      'S-1-5-21-1-2-3-1104',
    ]);
  });

  test('truncated anywhere it is refused', () => {
    refusesTruncated(device(), parseDeviceInfo);
  });

  test.each([
    [{ withDomain: false }, 'PAC device info names no domain'],
    [{ withExtra: false }, 'PAC device info has a group without a SID'],
    [{ withOther: false }, 'PAC device info has groups without a domain'],
    [{ domains: 3, listed: false }, 'PAC device info lacks its domains'],
    [
      { domains: 0x15555556 },
      'PAC device info announces 357913942 elements, more than it can hold',
    ],
  ])('%j is refused', (options, message) => {
    expect(thrownBy(() => parseDeviceInfo(device(options)))).toMatchObject({
      name: 'DecodeError',
      message,
    });
  });
});
