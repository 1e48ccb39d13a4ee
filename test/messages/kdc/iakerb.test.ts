import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../src/bytes.ts';
import { DecodeError } from '../../../src/errors.ts';
import { Tag } from '../../../src/messages/der/reader.ts';
import {
  decodeFinished,
  decodeProxiedMessage,
  encodeFinished,
  encodeProxiedMessage,
} from '../../../src/messages/kdc/iakerb.ts';

// MIT krb5, src/tests/asn.1/reference_encode.out.
const HEADER = '3018a10a0c086b72623564617461a20a04086b72623564617461';
const OLD_HEADER = '3018a10a04086b72623564617461a20a04086b72623564617461';
const FINISHED = '3011a10f300da003020101a106040431323334';

describe('IAKERB-HEADER', () => {
  it.each([
    ['the draft', HEADER, Tag.utf8String],
    ['MIT krb5 before 1.22', OLD_HEADER, Tag.octetString],
  ])('is read and written as in %s', (_, hex, realmTag) => {
    const message = Uint8Array.of(0x6a, 0x00);
    const bytes = Uint8Array.from([...fromHex(hex), ...message]);
    const proxied = decodeProxiedMessage(bytes);
    expect(proxied).toEqual({
      targetRealm: 'krb5data',
      realmTag,
      cookie: Uint8Array.from('krb5data', (char) => char.charCodeAt(0)),
      message,
    });
    expect(toHex(encodeProxiedMessage(proxied))).toBe(toHex(bytes));
  });

  it('may have further fields, which are skipped', () => {
    const bytes = fromHex('300fa1070c054558414d50a3040402abcd');
    expect(decodeProxiedMessage(bytes)).toMatchObject({ targetRealm: 'EXAMP' });
  });

  it.each([
    ['', 'nothing'],
    ['3000', 'no realm'],
    ['3005a1030c0561', 'a truncated realm'],
    ['3006a1041b024558', 'a realm of another type'],
    ['3080a1040c0245580000', 'an indefinite length'],
    ['308106a1040c024558', 'a length that is not the shortest'],
  ])('is not %s: %s', (hex) => {
    expect(() => decodeProxiedMessage(fromHex(hex))).toThrow(DecodeError);
  });
});

describe('IAKERB-FINISHED', () => {
  it('is read and written as MIT krb5 does', () => {
    const checksum = decodeFinished(fromHex(FINISHED));
    expect(checksum).toEqual({ type: 1, checksum: fromHex('31323334') });
    expect(toHex(encodeFinished(checksum))).toBe(FINISHED);
  });

  it.each(['', '3000', `${FINISHED}00`])('is not %s', (hex) => {
    expect(() => decodeFinished(fromHex(hex))).toThrow(DecodeError);
  });
});
