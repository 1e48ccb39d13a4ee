import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/bytes.ts';
import type { BlockCipher, HashName, Mac } from '../../src/crypto/backend.ts';
import { Camellia } from '../../src/crypto/camellia.ts';
import { Cmac } from '../../src/crypto/cmac.ts';
import { deriveRandom } from '../../src/crypto/derivation.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import { TripleDes } from '../../src/crypto/legacy/des.ts';
import { nfold } from '../../src/crypto/nfold.ts';
import { loadVectors, scriptedRandom, utf8 } from '../support/vectors.ts';
import { providers } from './providers.ts';

interface CipherVector {
  enctype: number;
  usage: number;
  key: string;
  plaintext: string;
  ciphertext: string;
}
interface ChecksumVector {
  checksumType: number;
  enctype: number;
  usage: number;
  key: string;
  plaintext: string;
  checksum: string;
}
interface PrfVector {
  enctype: number;
  key: string;
  input: string;
  output: string;
}
interface DeriveVector {
  enctype: number;
  key: string;
  constant: string;
  derived: string;
}
interface StringToKeyVector {
  enctype: number;
  password: string;
  salt: string;
  iterations?: number;
  key: string;
}

describe('n-fold', () => {
  const { source, vectors } = loadVectors<{ input: string; bits: number; output: string }>(
    'rfc3961/n-fold.json',
  );
  it.each(vectors)(`${source}: $bits bits of $input`, ({ input, bits, output }) => {
    expect(toHex(nfold(fromHex(input), bits / 8))).toBe(output);
  });
});

describe.each(providers)('with $name', ({ crypto }) => {
  describe.each(['rfc2202/hmac.json', 'rfc4231/hmac.json'])('HMAC of %s', (path) => {
    const { vectors } = loadVectors<{
      hash: HashName | 'md5';
      key: string;
      data: string;
      digest: string;
    }>(path);
    const known = vectors.filter((vector) => vector.hash !== 'md5');
    it.each(known)('$hash of $data', ({ hash, key, data, digest }) => {
      const mac = crypto.backend.hmac(hash as HashName, fromHex(key));
      expect(toHex(mac.digest([fromHex(data)]))).toBe(digest);
      // A second time, and in pieces: no state is left over from the first.
      const pieces = [fromHex(data).subarray(0, 3), new Uint8Array(0), fromHex(data).subarray(3)];
      expect(toHex(mac.digest(pieces))).toBe(digest);
    });
  });

  describe.each(['rfc3962', 'rfc8009', 'rfc6803', 'rfc3961', 'rfc4757'])('keys of %s', (folder) => {
    const ciphers = loadVectors<CipherVector>(`${folder}/decrypt.json`);
    it.each(ciphers.vectors)('opens $ciphertext (enctype $enctype)', (vector) => {
      const key = new EncryptionKey(vector.enctype, fromHex(vector.key), crypto);
      const opened = toHex(key.decrypt(vector.usage, fromHex(vector.ciphertext)));
      expect(opened.slice(0, vector.plaintext.length)).toBe(vector.plaintext);
      // Only DES pads, with less than a block of zeros.
      expect(opened.slice(vector.plaintext.length)).toMatch(
        vector.enctype === 16 ? /^(00){0,7}$/ : /^$/,
      );
    });

    it.each(ciphers.vectors)('makes $ciphertext again (enctype $enctype)', (vector) => {
      const key = new EncryptionKey(vector.enctype, fromHex(vector.key), crypto);
      const ciphertext = fromHex(vector.ciphertext);
      // The confounder is not in the vector: it is what opening in pieces leaves in its place.
      const confounder = ciphertext.slice(0, key.confounderLength);
      const end = ciphertext.length - key.trailerLength;
      key.openSegments(vector.usage, {
        confounder,
        segments: [{ bytes: ciphertext.slice(key.confounderLength, end), encrypted: true }],
        trailer: ciphertext.slice(end),
      });
      // RC4 has its checksum before the confounder.
      const drawn = vector.enctype === 23 ? confounder.subarray(16) : confounder;
      const random = scriptedRandom(toHex(drawn));
      const sealed = key.encrypt(vector.usage, fromHex(vector.plaintext), random);
      expect(toHex(sealed)).toBe(vector.ciphertext);
    });

    const checksums = loadVectors<ChecksumVector>(`${folder}/checksum.json`);
    // MD5-HMAC (-137), which no RFC has, is not made here.
    const known = checksums.vectors.filter((vector) => vector.checksumType !== -137);
    it.each(known)('checksum $checksum (enctype $enctype)', (vector) => {
      const key = new EncryptionKey(vector.enctype, fromHex(vector.key), crypto);
      expect(key.checksumType).toBe(vector.checksumType);
      const checksum = key.checksum(vector.usage, fromHex(vector.plaintext));
      expect(toHex(checksum)).toBe(vector.checksum);
      expect(key.checksumLength).toBe(checksum.length);
      expect(key.verifyChecksum(vector.usage, checksum, fromHex(vector.plaintext))).toBe(true);
    });

    // RFC 6803 and RFC 4757 have no vectors for this one.
    const prfs = ['rfc3962', 'rfc8009'].includes(folder)
      ? loadVectors<PrfVector>(`${folder}/prf.json`)
      : { vectors: [] };
    it.each(prfs.vectors)('pseudo-random $output (enctype $enctype)', (vector) => {
      const key = new EncryptionKey(vector.enctype, fromHex(vector.key), crypto);
      expect(toHex(key.prf(fromHex(vector.input)))).toBe(vector.output);
    });

    const strings = loadVectors<StringToKeyVector>(`${folder}/string-to-key.json`);
    it.each(strings.vectors)('key $key of a password (enctype $enctype)', (vector) => {
      const key = EncryptionKey.fromPassword(
        vector.enctype,
        vector.password,
        fromHex(vector.salt),
        vector.iterations === undefined ? { crypto } : { crypto, iterations: vector.iterations },
      );
      expect(toHex(key.bytes())).toBe(vector.key);
    });
  });

  const derived = loadVectors<DeriveVector>('rfc3962/derive.json');
  it.each(derived.vectors)('DK $derived (enctype $enctype)', (vector) => {
    const cipher = crypto.backend.aes(fromHex(vector.key));
    const length = vector.derived.length / 2;
    expect(toHex(deriveRandom(cipher, fromHex(vector.constant), length))).toBe(vector.derived);
  });

  const desDerived = loadVectors<{ key: string; usage: string; dr: string; dk: string }>(
    'rfc3961/dr-dk.json',
  );
  it.each(desDerived.vectors)('DR $dr and DK $dk', (vector) => {
    const profile = crypto.profiles.get(16)!;
    const cipher = new TripleDes(fromHex(vector.key));
    const dr = deriveRandom(cipher, fromHex(vector.usage), 21);
    expect(toHex(dr)).toBe(vector.dr);
    expect(toHex(profile.randomToKey(dr))).toBe(vector.dk);
  });

  // The constant's last byte says which of Kc, Ki and Ke a vector has.
  describe.each(['rfc8009', 'rfc6803', 'rfc3961'])('keys derived in %s', (folder) => {
    const { vectors } = loadVectors<DeriveVector>(`${folder}/derive.json`);
    const usage = 2;
    const plaintext = utf8('what the derived key is used on:');

    it.each(vectors)('$derived (enctype $enctype)', (vector) => {
      const key = new EncryptionKey(vector.enctype, fromHex(vector.key), crypto);
      const derived = fromHex(vector.derived);
      const length = key.checksumLength;
      const sealed = key.encrypt(usage, plaintext, scriptedRandom('00'));
      const end = sealed.length - length;
      if (vector.constant.endsWith('99')) {
        const expected = macUnder(vector.enctype, derived).digest([plaintext]);
        expect(toHex(key.checksum(usage, plaintext))).toBe(toHex(expected.slice(0, length)));
      } else if (vector.constant.endsWith('55')) {
        const confounder = new Uint8Array(key.confounderLength);
        const zeros = new Uint8Array(16);
        const parts =
          folder === 'rfc8009' ? [zeros, sealed.slice(0, end)] : [confounder, plaintext];
        const expected = macUnder(vector.enctype, derived).digest(parts);
        expect(toHex(sealed.subarray(end))).toBe(toHex(expected.slice(0, length)));
      } else {
        const cipher = cipherUnder(vector.enctype, derived);
        const first = new Uint8Array(cipher.blockSize);
        cipher.cbcEncrypt(first, 0, first.length, new Uint8Array(16));
        expect(toHex(sealed.subarray(0, first.length))).toBe(toHex(first));
      }
    });

    function macUnder(enctype: number, key: Uint8Array): Mac {
      if (enctype === 25 || enctype === 26) return new Cmac(new Camellia(key));
      const hash = enctype === 19 ? 'sha256' : enctype === 20 ? 'sha384' : 'sha1';
      return crypto.backend.hmac(hash, key);
    }

    function cipherUnder(enctype: number, key: Uint8Array): BlockCipher {
      if (enctype === 16) return new TripleDes(key);
      return enctype === 19 || enctype === 20 ? crypto.backend.aes(key) : new Camellia(key);
    }
  });

  const combined = loadVectors<{
    enctype: number;
    password1: string;
    password2: string;
    pepper1: string;
    pepper2: string;
    key: string;
  }>('rfc6113/cf2.json');
  it.each(combined.vectors.filter((vector) => crypto.profiles.has(vector.enctype)))(
    'KRB-FX-CF2 $key (enctype $enctype)',
    (vector) => {
      const { enctype, password1, password2, pepper1, pepper2 } = vector;
      const profile = crypto.profiles.get(enctype)!;
      const one = EncryptionKey.fromPassword(enctype, password1, password1, { crypto });
      const two = EncryptionKey.fromPassword(enctype, password2, password2, { crypto });
      const first = prfPlus(one, pepper1, profile.seedLength);
      const second = prfPlus(two, pepper2, profile.seedLength);
      const key = profile.randomToKey(first.map((byte, i) => byte ^ second[i]!));
      expect(toHex(key)).toBe(vector.key);
    },
  );
});

/** RFC 6113 §5.1: PRF+. */
function prfPlus(key: EncryptionKey, pepper: string, length: number): Uint8Array {
  let bytes = new Uint8Array(0);
  for (let i = 1; bytes.length < length; i++) {
    const more = key.prf(concatBytes(Uint8Array.of(i), utf8(pepper)));
    bytes = new Uint8Array(concatBytes(bytes, more));
  }
  return bytes.slice(0, length);
}
