import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../../src/bytes.ts';
import { defaultCrypto } from '../../../src/crypto/default-crypto.ts';
import { EncryptionKey } from '../../../src/crypto/key.ts';
import { withLegacyEnctypes } from '../../../src/crypto/legacy/index.ts';
import { seededRandom, utf8 } from '../../support/vectors.ts';

const random = seededRandom(1);
const legacy = withLegacyEnctypes();

describe('weak encryption types', () => {
  it('are not there unless asked for', () => {
    expect([...defaultCrypto.profiles.keys()].sort()).toEqual([17, 18, 19, 20, 25, 26]);
    expect(defaultCrypto.checksums).toBeUndefined();
    expect(new EncryptionKey(23, new Uint8Array(16)).supported).toBe(false);
  });

  it('come one by one or all together, and leave the provider as it was', () => {
    expect([...legacy.profiles.keys()].sort()).toEqual([16, 17, 18, 19, 20, 23, 25, 26]);
    expect([...withLegacyEnctypes(defaultCrypto, [16]).profiles.keys()]).not.toContain(23);
    expect([...withLegacyEnctypes(defaultCrypto, [23]).profiles.keys()]).not.toContain(16);
    // HMAC-MD5 comes with RC4 alone.
    expect([...withLegacyEnctypes(defaultCrypto, [16]).checksums!.keys()]).toEqual([]);
    expect([...withLegacyEnctypes(defaultCrypto, [23]).checksums!.keys()]).toEqual([-138]);
    expect(defaultCrypto.profiles.has(23)).toBe(false);
    expect(() => withLegacyEnctypes(defaultCrypto, [18 as 16])).toThrow(
      new RangeError('enctypes: expected 16 or 23, got 18'),
    );
  });

  it('say that they are weak', () => {
    for (const enctype of legacy.profiles.keys()) {
      const key = EncryptionKey.generate(enctype, random, legacy);
      expect(key.weak).toBe(enctype === 16 || enctype === 23);
    }
  });

  it('generate DES keys with odd parity', () => {
    for (const byte of EncryptionKey.generate(16, random, legacy).bytes()) {
      expect([...byte.toString(2)].filter((bit) => bit === '1').length % 2).toBe(1);
    }
  });

  it('refuse to seal in place what lacks its padding (DES)', () => {
    const key = EncryptionKey.generate(16, random, legacy);
    expect(() => key.seal(1, new Uint8Array(8 + 7 + 20), random)).toThrow(
      new RangeError('message: expected a multiple of 8 bytes and 28 more, got 35'),
    );
    const segments = [{ bytes: new Uint8Array(7), encrypted: true }];
    const pieces = { confounder: new Uint8Array(8), segments, trailer: new Uint8Array(20) };
    expect(() => key.sealSegments(1, pieces, random)).toThrow(
      new RangeError('segments: expected a multiple of 8 bytes, got 7'),
    );
  });

  it('pad with zeros, which stay (DES)', () => {
    const key = EncryptionKey.generate(16, random, legacy);
    expect(key.paddedTo).toBe(8);
    expect(toHex(key.decrypt(1, key.encrypt(1, Uint8Array.of(1, 2, 3), random)))).toBe(
      '0102030000000000',
    );
    expect(EncryptionKey.generate(23, random, legacy).paddedTo).toBe(1);
  });

  it('map key usages as RFC 4757 §3 does, but for 9, which MIT krb5 and Heimdal leave', () => {
    const key = EncryptionKey.generate(23, random, legacy);
    const text = utf8('text');
    expect(toHex(key.checksum(3, text))).toBe(toHex(key.checksum(8, text)));
    expect(toHex(key.checksum(9, text))).not.toBe(toHex(key.checksum(8, text)));
    expect(toHex(key.checksum(23, text))).toBe(toHex(key.checksum(13, text)));
    expect(toHex(key.checksum(2, text))).not.toBe(toHex(key.checksum(8, text)));
    // Any other is itself, in four bytes, the lowest first.
    const digest = createHash('md5')
      .update(Uint8Array.of(0x03, 0x02, 0x01, 0xff))
      .update(text);
    const ksign = hmacMd5(key.bytes(), utf8('signaturekey\0'));
    expect(toHex(key.checksum(0xff010203, text))).toBe(toHex(hmacMd5(ksign, digest.digest())));
  });

  it('take a password in UTF-16, low byte first (RC4)', () => {
    // `iconv -t UTF-16LE | openssl dgst -md4`
    const key = EncryptionKey.fromPassword(23, 'pässwörd €𝄞', '', { crypto: legacy });
    expect(toHex(key.bytes())).toBe('ae36ef918c2da5252d7307d3d949b072');
  });

  it('refuse what has no whole confounder, though its code is right (RC4)', () => {
    const key = EncryptionKey.generate(23, random, legacy);
    const k1 = hmacMd5(key.bytes(), Uint8Array.of(2, 0, 0, 0));
    for (let length = 0; length <= 9; length++) {
      const body = new Uint8Array(length).fill(7);
      const checksum = hmacMd5(k1, body);
      const sealed = concatBytes(checksum, slowRc4(hmacMd5(k1, checksum), body));
      if (length >= 8) {
        expect(toHex(key.decrypt(2, sealed))).toBe(toHex(body.subarray(8)));
      } else {
        expect(() => key.decrypt(2, sealed)).toThrow(
          expect.objectContaining({ code: 'KRB_AP_ERR_BAD_INTEGRITY' }),
        );
      }
    }
  });
});

describe('a checksum of another type than the key’s', () => {
  const text = utf8('signed');

  it('is verified if it is HMAC-MD5, and RC4 was asked for', () => {
    for (const enctype of legacy.profiles.keys()) {
      const key = EncryptionKey.generate(enctype, random, legacy);
      const ksign = hmacMd5(key.bytes(), utf8('signaturekey\0'));
      const digest = createHash('md5')
        .update(Uint8Array.of(17, 0, 0, 0))
        .update(text)
        .digest();
      const checksum = hmacMd5(ksign, digest);
      expect(key.verifyChecksumOfType(-138, 17, checksum, text)).toBe(true);
      expect(key.verifyChecksumOfType(-138, 18, checksum, text)).toBe(false);
      checksum[3]! ^= 1;
      expect(key.verifyChecksumOfType(-138, 17, checksum, text)).toBe(false);
    }
  });

  it('is verified if it is the key’s own', () => {
    for (const enctype of legacy.profiles.keys()) {
      const key = EncryptionKey.generate(enctype, random, legacy);
      const checksum = key.checksum(17, text);
      expect(key.verifyChecksumOfType(key.checksumType, 17, checksum, text)).toBe(true);
      expect(key.verifyChecksumOfType(key.checksumType, 17, checksum, text, text)).toBe(false);
    }
  });

  it('is refused otherwise', () => {
    const expected = expect.objectContaining({
      code: 'KRB_AP_ERR_INAPP_CKSUM',
      message: 'Inappropriate type of checksum in message',
    });
    const key = EncryptionKey.generate(18, random);
    for (const type of [-138, 7, 12, 15, 19, 20, 0]) {
      expect(() => key.verifyChecksumOfType(type, 17, text, text)).toThrow(expected);
    }
    const rc4 = EncryptionKey.generate(23, random, legacy);
    expect(() => rc4.verifyChecksumOfType(16, 17, text, text)).toThrow(expected);
  });

  it('is not verified with a key that was disposed of, which is all zeros', () => {
    for (const enctype of legacy.profiles.keys()) {
      const key = EncryptionKey.generate(enctype, random, legacy);
      const own = key.checksumType;
      const zeros = new Uint8Array(key.bytes().length);
      key.dispose();
      const digest = createHash('md5')
        .update(Uint8Array.of(17, 0, 0, 0))
        .update(text)
        .digest();
      const forged = hmacMd5(hmacMd5(zeros, utf8('signaturekey\0')), digest);
      for (const type of [own, -138]) {
        expect(() => key.verifyChecksumOfType(type, 17, forged, text)).toThrow(TypeError);
      }
    }
  });
});

describe('old per-message tokens', () => {
  const header = Uint8Array.of(2, 1, 0x11, 0, 0x10, 0, 0xff, 0xff);
  const text = utf8('a message and its padding: eight');

  it('are what RC4 and DES have, and no other', () => {
    for (const enctype of legacy.profiles.keys()) {
      const { rfc1964 } = EncryptionKey.generate(enctype, random, legacy);
      expect(rfc1964 !== undefined).toBe(enctype === 16 || enctype === 23);
    }
  });

  it.each([16, 23])('are made once, so that all is wiped with the key (enctype %i)', (enctype) => {
    const key = EncryptionKey.generate(enctype, random, legacy);
    expect(key.rfc1964).toBe(key.rfc1964);
    const { rfc1964 } = key;
    const checksum = toHex(rfc1964!.checksum('mic', header, text));
    key.dispose();
    expect(toHex(rfc1964!.checksum('mic', header, text))).not.toBe(checksum);
  });

  it.each([16, 23])('open what they sealed (enctype %i)', (enctype) => {
    const tokens = EncryptionKey.generate(enctype, random, legacy).rfc1964!;
    const checksum = tokens.checksum('wrap', header, text);
    expect(checksum.length).toBe(tokens.checksumLength);
    for (const sender of ['initiator', 'acceptor'] as const) {
      for (const number of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
        const sealed = tokens.sealSequence({ number, sender }, checksum);
        expect(sealed.length).toBe(8);
        expect(tokens.openSequence(sealed, checksum)).toEqual({ number, sender });
        const bytes = text.slice();
        tokens.encrypt(bytes, number);
        expect(toHex(bytes)).not.toBe(toHex(text));
        tokens.decrypt(bytes, number);
        expect(toHex(bytes)).toBe(toHex(text));
      }
    }
  });

  it.each([16, 23])('refuse a sequence number without a direction (enctype %i)', (enctype) => {
    const tokens = EncryptionKey.generate(enctype, random, legacy).rfc1964!;
    const checksum = tokens.checksum('mic', header, text);
    const sealed = tokens.sealSequence({ number: 7, sender: 'acceptor' }, checksum);
    // RC4 is a stream, so a changed bit shows in its own byte; in DES it changes them all.
    for (let bit = 32; bit < 64; bit++) {
      const changed = sealed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(tokens.openSequence(changed, checksum)).toBeUndefined();
    }
  });

  it('are those of RFC 4757 §7 for RC4', () => {
    const key = EncryptionKey.generate(23, random, legacy);
    const tokens = key.rfc1964!;
    expect([tokens.signAlgorithm, tokens.sealAlgorithm, tokens.paddedTo]).toEqual([0x11, 0x10, 1]);
    const ksign = hmacMd5(key.bytes(), utf8('signaturekey\0'));
    for (const [token, type] of [
      ['mic', 15],
      ['wrap', 13],
    ] as const) {
      const digest = createHash('md5').update(Uint8Array.of(type, 0, 0, 0));
      const expected = hmacMd5(ksign, digest.update(header).update(text).digest()).slice(0, 8);
      expect(toHex(tokens.checksum(token, header, text))).toBe(toHex(expected));
    }
    const checksum = tokens.checksum('wrap', header, text);
    const kseq = hmacMd5(hmacMd5(key.bytes(), new Uint8Array(4)), checksum);
    const clear = Uint8Array.of(0x01, 0x02, 0x03, 0x04, 0xff, 0xff, 0xff, 0xff);
    const sequence = { number: 0x01020304, sender: 'acceptor' } as const;
    expect(toHex(tokens.sealSequence(sequence, checksum))).toBe(toHex(slowRc4(kseq, clear)));
    const klocal = key.bytes().map((byte) => byte ^ 0xf0);
    const kcrypt = hmacMd5(hmacMd5(klocal, new Uint8Array(4)), Uint8Array.of(1, 2, 3, 4));
    const sealed = text.slice();
    tokens.encrypt(sealed, 0x01020304);
    expect(toHex(sealed)).toBe(toHex(slowRc4(kcrypt, text)));
  });

  it('are those of RFC 1964 §1.2 for DES, with the key itself', () => {
    const key = EncryptionKey.generate(16, random, legacy);
    const tokens = key.rfc1964!;
    expect([tokens.signAlgorithm, tokens.sealAlgorithm, tokens.paddedTo]).toEqual([4, 2, 8]);
    const checksum = tokens.checksum('wrap', header, text);
    expect(toHex(checksum)).toBe(toHex(key.checksum(23, header, text)));
    expect(toHex(tokens.checksum('mic', header, text))).toBe(toHex(checksum));
    const clear = Uint8Array.of(0x04, 0x03, 0x02, 0x01, 0, 0, 0, 0);
    const sequence = { number: 0x01020304, sender: 'initiator' } as const;
    expect(toHex(tokens.sealSequence(sequence, checksum))).toBe(
      desCbc(key.bytes(), checksum.subarray(0, 8), clear),
    );
    const sealed = text.slice();
    tokens.encrypt(sealed, 1);
    expect(toHex(sealed)).toBe(desCbc(key.bytes(), new Uint8Array(8), text));
  });
});

function hmacMd5(key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('md5', key).update(data).digest());
}

function desCbc(key: Uint8Array, iv: Uint8Array, data: Uint8Array): string {
  const cipher = createCipheriv('des-ede3-cbc', key, iv).setAutoPadding(false);
  return Buffer.concat([cipher.update(data), cipher.final()]).toString('hex');
}

function slowRc4(key: Uint8Array, data: Uint8Array): Uint8Array {
  const s = Array.from({ length: 256 }, (_, i) => i);
  let j = 0;
  for (let i = 0; i < 256; i++) {
    j = (j + s[i]! + key[i % key.length]!) % 256;
    [s[i], s[j]] = [s[j]!, s[i]!];
  }
  j = 0;
  return data.map((byte, at) => {
    const i = (at + 1) % 256;
    j = (j + s[i]!) % 256;
    [s[i], s[j]] = [s[j]!, s[i]!];
    return byte ^ s[(s[i]! + s[j]!) % 256]!;
  });
}
