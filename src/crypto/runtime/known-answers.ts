/**
 * Known-answer tests of a runtime's primitives. Some runtimes have stubs that throw, FIPS builds that
 * refuse, or wrong imitations: a primitive that does not give the published answer is not used.
 */
import { encodeUtf8, fromHex, toHex } from '../../bytes.ts';
import type { HashName } from '../backend.ts';
import type { RuntimeCrypto } from './module.ts';

/** The primitives, each of which is tested by itself. */
export type Primitive = 'aes-128-cbc' | 'aes-256-cbc' | `${'hash' | 'hmac' | 'pbkdf2'} ${HashName}`;

/** Whether the runtime has the primitive and it gives the published answer; an exception means no. */
export function givesKnownAnswer(primitive: Primitive, crypto: Partial<RuntimeCrypto>): boolean {
  try {
    return TESTS[primitive](crypto as RuntimeCrypto);
  } catch {
    return false;
  }
}

type Test = (crypto: RuntimeCrypto) => boolean;

/** NIST SP 800-38A F.2: both directions of two blocks that are not at the start of their buffer. */
function cbcTest(algorithm: string, key: string, ciphertext: string): Test {
  return (crypto) => {
    const room = new Uint8Array(64);
    const text = room.subarray(8, 40);
    const [keyBytes, iv] = [fromHex(key), fromHex(CBC_IV)];
    text.set(fromHex(CBC_PLAINTEXT));
    const sealed = crypto
      .createCipheriv(algorithm, keyBytes, iv)
      .setAutoPadding(false)
      .update(text);
    if (toHex(sealed) !== ciphertext) return false;
    text.set(sealed);
    const opened = crypto
      .createDecipheriv(algorithm, keyBytes, iv)
      .setAutoPadding(false)
      .update(text);
    return toHex(opened) === CBC_PLAINTEXT;
  };
}

/** FIPS 180-4, examples of NIST: one block. */
function hashTest(hash: HashName, answer: string): Test {
  return (crypto) => toHex(crypto.createHash(hash).update(encodeUtf8('abc')).digest()) === answer;
}

/** RFC 2202 §3 and RFC 4231 §4.2, test case 1; in two parts. */
function hmacTest(hash: HashName, answer: string): Test {
  return (crypto) => {
    const hmac = crypto.createHmac(hash, new Uint8Array(20).fill(0x0b));
    hmac.update(encodeUtf8('Hi '));
    hmac.update(encodeUtf8('There'));
    return toHex(hmac.digest()) === answer;
  };
}

/** RFC 6070 §2, the second one. The other hashes have no published answer: noble and OpenSSL agree. */
function pbkdf2Test(hash: HashName, answer: string): Test {
  return ({ pbkdf2Sync }) =>
    toHex(pbkdf2Sync(encodeUtf8('password'), encodeUtf8('salt'), 2, 20, hash)) === answer;
}

const CBC_IV = '000102030405060708090a0b0c0d0e0f';
const CBC_PLAINTEXT = '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51';

const TESTS: Readonly<Record<Primitive, Test>> = {
  'aes-128-cbc': cbcTest(
    'aes-128-cbc',
    '2b7e151628aed2a6abf7158809cf4f3c',
    '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2',
  ),
  'aes-256-cbc': cbcTest(
    'aes-256-cbc',
    '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
    'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d',
  ),
  'hash sha1': hashTest('sha1', 'a9993e364706816aba3e25717850c26c9cd0d89d'),
  'hash sha256': hashTest(
    'sha256',
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  ),
  'hash sha384': hashTest(
    'sha384',
    'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  ),
  'hmac sha1': hmacTest('sha1', 'b617318655057264e28bc0b6fb378c8ef146be00'),
  'hmac sha256': hmacTest(
    'sha256',
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  ),
  'hmac sha384': hmacTest(
    'sha384',
    'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6',
  ),
  'pbkdf2 sha1': pbkdf2Test('sha1', 'ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957'),
  'pbkdf2 sha256': pbkdf2Test('sha256', 'ae4d0c95af6b46d32d0adff928f06dd02a303f8e'),
  'pbkdf2 sha384': pbkdf2Test('sha384', '54f775c6d790f21930459162fc535dbf04a93918'),
};

/** All primitives. */
export const PRIMITIVES: readonly Primitive[] = Object.keys(TESTS) as Primitive[];
