import { describe, expect, it } from 'vitest';
import { decryptPart, decryptPartOrNothing } from '../../src/ap/encrypted-part.ts';
import { concatBytes } from '../../src/bytes.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { seededRandom } from '../support/realm-kit.ts';

const random = seededRandom(5);
const USAGE = 2;
/** Triple DES: plaintexts are padded to 8 bytes, and come out of decryption with the padding. */
const des = EncryptionKey.generate(16, random, withLegacyEnctypes());
const aes = EncryptionKey.generate(18, random);

/** Encrypts a plaintext and decrypts it as a part. */
function through(key: EncryptionKey, plain: Uint8Array): Uint8Array {
  return decryptPart(key, USAGE, key.encrypt(USAGE, plain, random));
}

/** An OCTET STRING with `length` bytes of contents, the last `zeros` of them zero. */
function element(length: number, zeros: number): Uint8Array {
  const header =
    length < 0x80
      ? [0x04, length]
      : length < 0x100
        ? [0x04, 0x81, length]
        : [0x04, 0x82, length >> 8, length & 0xff];
  return concatBytes(
    Uint8Array.from(header),
    new Uint8Array(length - zeros).fill(0x5a),
    new Uint8Array(zeros),
  );
}

describe('a decrypted part', () => {
  const lengths = [8, 9, 13, 14, 126, 127, 128, 129, 130, 131, 254, 255, 256, 257, 258, 700];

  it.each(lengths)('of %i bytes loses exactly its padding', (length) => {
    for (const zeros of [0, 1, 3, 8]) {
      const plain = element(length, zeros);
      expect(through(des, plain)).toEqual(plain);
      expect(through(aes, plain)).toEqual(plain);
    }
  });

  it('keeps bytes that are not padding', () => {
    // One byte after the element, which its reader will refuse; the zeros after that are padding.
    expect(through(des, Uint8Array.of(0x04, 1, 9, 7))).toEqual(Uint8Array.of(0x04, 1, 9, 7));
    // More zeros than the padding of a block has.
    const long = concatBytes(Uint8Array.of(0x04, 1, 9), new Uint8Array(13));
    expect(through(des, long)).toEqual(long.subarray(0, 9));
    // AES has no padding: the zeros after the element are part of the message.
    const zeros = Uint8Array.of(0x04, 1, 9, 0, 0, 0, 0, 0);
    expect(through(aes, zeros)).toEqual(zeros);
  });

  it('keeps its bytes if its length is too large or malformed', () => {
    const claims = Uint8Array.of(0x04, 100, 1, 2, 0, 0, 0, 0);
    expect(through(des, claims)).toEqual(claims);
    const indefinite = Uint8Array.of(0x24, 0x80, 0, 0, 0, 0, 0, 0);
    expect(through(des, indefinite)).toEqual(indefinite.subarray(0, 2));
    const cut = Uint8Array.of(0x04, 0x84, 0, 0, 0, 1, 7, 0);
    expect(through(des, cut)).toEqual(cut.subarray(0, 7));
    expect(through(des, new Uint8Array())).toEqual(new Uint8Array());
  });

  it('is undefined with a wrong key, and an error with an unusable one', () => {
    const cipher = aes.encrypt(USAGE, Uint8Array.of(0x04, 1, 9), random);
    expect(decryptPartOrNothing(aes, USAGE, cipher)).toEqual(Uint8Array.of(0x04, 1, 9));
    expect(decryptPartOrNothing(aes, USAGE + 1, cipher)).toBeUndefined();
    expect(() => decryptPart(aes, USAGE + 1, cipher)).toThrowError(
      expect.objectContaining({ code: 'KRB_AP_ERR_BAD_INTEGRITY' }),
    );
    const unsupported = new EncryptionKey(23, new Uint8Array(16));
    expect(() => decryptPartOrNothing(unsupported, USAGE, cipher)).toThrowError(
      expect.objectContaining({ code: 'KDC_ERR_ETYPE_NOSUPP' }),
    );
    const disposed = EncryptionKey.generate(18, random);
    disposed.dispose();
    expect(() => decryptPartOrNothing(disposed, USAGE, cipher)).toThrow(TypeError);
  });
});
