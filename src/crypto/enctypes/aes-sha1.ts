/** aes128-cts-hmac-sha1-96 and aes256-cts-hmac-sha1-96 (RFC 3962, RFC 3961 §5). */
import { encodeUtf8 } from '../../bytes.ts';
import { CTS } from '../aes-cts.ts';
import { iterationCount } from '../derivation.ts';
import { ChecksumType, Enctype } from '../numbers.ts';
import type { EncryptionProfile } from '../profile.ts';
import type { SimplifiedParameters } from './simplified-profile.ts';
import { deriveKey, SimplifiedKeys } from './simplified-profile.ts';

export const aes128Sha1: EncryptionProfile = aesSha1Profile(
  Enctype.aes128CtsHmacSha1,
  ChecksumType.hmacSha1Aes128,
  16,
);
export const aes256Sha1: EncryptionProfile = aesSha1Profile(
  Enctype.aes256CtsHmacSha1,
  ChecksumType.hmacSha1Aes256,
  32,
);

function aesSha1Profile(
  enctype: number,
  checksumType: number,
  keyLength: number,
): EncryptionProfile {
  const parameters: SimplifiedParameters = {
    cipher: (backend, key) => backend.aes(key),
    mode: CTS,
    seedLength: keyLength,
    // RFC 3962 §6: random-to-key is the identity.
    randomToKey: (seed) => seed,
    macLength: 12,
  };
  return {
    enctype,
    weak: false,
    keyLength,
    seedLength: keyLength,
    confounderLength: 16,
    trailerLength: 12,
    paddedTo: 1,
    checksumType,
    checksumLength: 12,
    randomToKey: (seed) => new Uint8Array(seed),
    stringToKey(backend, password, salt, iterations) {
      // RFC 3962 §4: tkey = random2key(PBKDF2(passphrase, salt, iter_count, keylength)).
      const passphrase = encodeUtf8(password);
      const count = iterationCount(iterations, 4096);
      const tkey = backend.pbkdf2('sha1', passphrase, salt, count, keyLength);
      const cipher = backend.aes(tkey);
      const key = deriveKey(cipher, encodeUtf8('kerberos'), parameters);
      cipher.wipe();
      tkey.fill(0);
      passphrase.fill(0);
      return key;
    },
    keyed: (backend, key) => new SimplifiedKeys(parameters, backend, key),
  };
}
