import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/bytes.ts';
import type { HashName } from '../../src/crypto/backend.ts';
import { deriveRandom } from '../../src/crypto/derivation.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
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

  describe.each(['rfc3962', 'rfc8009'])('keys of %s', (folder) => {
    const ciphers = loadVectors<CipherVector>(`${folder}/decrypt.json`);
    it.each(ciphers.vectors)('opens $ciphertext (enctype $enctype)', (vector) => {
      const key = new EncryptionKey(vector.enctype, fromHex(vector.key), crypto);
      expect(toHex(key.decrypt(vector.usage, fromHex(vector.ciphertext)))).toBe(vector.plaintext);
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
      const random = scriptedRandom(toHex(confounder));
      const sealed = key.encrypt(vector.usage, fromHex(vector.plaintext), random);
      expect(toHex(sealed)).toBe(vector.ciphertext);
    });

    const checksums = loadVectors<ChecksumVector>(`${folder}/checksum.json`);
    it.each(checksums.vectors)('checksum $checksum (enctype $enctype)', (vector) => {
      const key = new EncryptionKey(vector.enctype, fromHex(vector.key), crypto);
      expect(key.checksumType).toBe(vector.checksumType);
      const checksum = key.checksum(vector.usage, fromHex(vector.plaintext));
      expect(toHex(checksum)).toBe(vector.checksum);
      expect(key.checksumLength).toBe(checksum.length);
      expect(key.verifyChecksum(vector.usage, checksum, fromHex(vector.plaintext))).toBe(true);
    });

    const prfs = loadVectors<{ enctype: number; key: string; input: string; output: string }>(
      `${folder}/prf.json`,
    );
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

  const derived = loadVectors<{ enctype: number; key: string; constant: string; derived: string }>(
    'rfc3962/derive.json',
  );
  it.each(derived.vectors)('DK $derived (enctype $enctype)', (vector) => {
    const cipher = crypto.backend.aes(fromHex(vector.key));
    const length = vector.derived.length / 2;
    expect(toHex(deriveRandom(cipher, fromHex(vector.constant), length))).toBe(vector.derived);
  });

  const derivedSha2 = loadVectors<{
    enctype: number;
    key: string;
    constant: string;
    derived: string;
  }>('rfc8009/derive.json');
  it.each(derivedSha2.vectors)('KDF-HMAC-SHA2 $derived (enctype $enctype)', (vector) => {
    const usage = 2;
    const plaintext = utf8('what the derived key is used on');
    const key = new EncryptionKey(vector.enctype, fromHex(vector.key), crypto);
    const hash = vector.enctype === 19 ? 'sha256' : 'sha384';
    const length = key.checksumLength;
    const sealed = key.encrypt(usage, plaintext, scriptedRandom('00'));
    const end = sealed.length - length;
    const zeros = new Uint8Array(16);
    const mac = crypto.backend.hmac(hash, fromHex(vector.derived));
    // The constant's last byte says which of Kc, Ki and Ke the vector has.
    if (vector.constant.endsWith('99')) {
      const expected = mac.digest([plaintext]).slice(0, length);
      expect(toHex(key.checksum(usage, plaintext))).toBe(toHex(expected));
    } else if (vector.constant.endsWith('55')) {
      const expected = mac.digest([zeros, sealed.subarray(0, end)]).slice(0, length);
      expect(toHex(sealed.subarray(end))).toBe(toHex(expected));
    } else {
      const first = new Uint8Array(16);
      crypto.backend.aes(fromHex(vector.derived)).cbcEncrypt(first, 0, 16, zeros);
      expect(toHex(sealed.subarray(0, 16))).toBe(toHex(first));
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
