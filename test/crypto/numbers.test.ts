import { describe, expect, it } from 'vitest';
import {
  ChecksumType,
  Enctype,
  enctypeName,
  enctypeShortName,
  isWeakEnctype,
  KeyUsage,
  parseEnctype,
} from '../../src/crypto/numbers.ts';

describe('names of encryption types', () => {
  it.each([
    [16, 'des3-cbc-sha1', 'des3-cbc-sha1'],
    [17, 'aes128-cts-hmac-sha1-96', 'aes128-cts'],
    [18, 'aes256-cts-hmac-sha1-96', 'aes256-cts'],
    [19, 'aes128-cts-hmac-sha256-128', 'aes128-sha2'],
    [20, 'aes256-cts-hmac-sha384-192', 'aes256-sha2'],
    [23, 'arcfour-hmac', 'rc4-hmac'],
    [25, 'camellia128-cts-cmac', 'camellia128-cts'],
    [26, 'camellia256-cts-cmac', 'camellia256-cts'],
    [99, 'etype 99', 'etype 99'],
    [-1, 'etype -1', 'etype -1'],
  ])('%i is %s, in short %s', (enctype, name, short) => {
    expect(enctypeName(enctype)).toBe(name);
    expect(enctypeShortName(enctype)).toBe(short);
  });

  it.each([
    ['aes256-cts-hmac-sha1-96', 18],
    ['AES256-CTS', 18],
    ['aes256-sha1', 18],
    ['aes128-sha2', 19],
    ['rc4-hmac', 23],
    ['arcfour-hmac-md5', 23],
    ['des3-hmac-sha1', 16],
    ['18', 18],
    ['99', 99],
  ])('reads %s as %i', (text, enctype) => {
    expect(parseEnctype(text)).toBe(enctype);
  });

  it.each(['', 'aes', 'aes256', ' aes256-cts', '-18', '1e3', '0x12', 'etype 99', '123456'])(
    'does not read %j',
    (text) => {
      expect(parseEnctype(text)).toBeUndefined();
    },
  );

  it('reads back every name that it writes', () => {
    for (const enctype of Object.values(Enctype)) {
      expect(parseEnctype(enctypeName(enctype))).toBe(enctype);
      expect(parseEnctype(enctypeShortName(enctype))).toBe(enctype);
    }
  });
});

describe('assigned numbers', () => {
  it('are those of RFC 4121 §2 for GSS-API messages', () => {
    expect([
      KeyUsage.gssAcceptorSeal,
      KeyUsage.gssAcceptorSign,
      KeyUsage.gssInitiatorSeal,
      KeyUsage.gssInitiatorSign,
    ]).toEqual([22, 23, 24, 25]);
  });

  it('are those of RFC 4120 §7.5.1 for an AP exchange', () => {
    expect([
      KeyUsage.ticket,
      KeyUsage.apReqAuthenticatorChecksum,
      KeyUsage.apReqAuthenticator,
      KeyUsage.apRepEncPart,
      KeyUsage.krbCredEncPart,
    ]).toEqual([2, 10, 11, 12, 14]);
  });

  it('are told apart from those that are not safe any more', () => {
    const weak = Array.from({ length: 30 }, (_, enctype) => enctype).filter(isWeakEnctype);
    // RFC 6649 and RFC 8429.
    expect(weak).toEqual([1, 2, 3, 16, 23, 24]);
  });

  it('has no checksum type twice', () => {
    const numbers = Object.values(ChecksumType);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
