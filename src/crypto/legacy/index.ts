/**
 * Encryption types that are no longer safe (RFC 8429), for peers that have nothing better. Only
 * who imports this has them, and every key of theirs says that it is weak.
 */

import { defaultCrypto } from '../default-crypto.ts';
import { ChecksumType, Enctype } from '../numbers.ts';
import type { EncryptionProfile } from '../profile.ts';
import type { CryptoProvider } from '../provider.ts';
import { des3CbcSha1 } from './des3-sha1.ts';
import { hmacMd5Checksum } from './hmac-md5.ts';
import { rc4Hmac } from './rc4-hmac.ts';

/** The enctypes that {@link withLegacyEnctypes} can add: 16 and 23. */
export type LegacyEnctype = typeof Enctype.des3CbcSha1 | typeof Enctype.rc4Hmac;

/**
 * A provider that also has weak encryption types.
 *
 * @param provider - What it is based on; not changed.
 * @param enctypes - Which ones; absent: all. With RC4 come the checksums that RC4 clients and KDCs
 *   make with keys of other types (HMAC-MD5).
 */
export function withLegacyEnctypes(
  provider: CryptoProvider = defaultCrypto,
  enctypes: readonly LegacyEnctype[] = [Enctype.des3CbcSha1, Enctype.rc4Hmac],
): CryptoProvider {
  const profiles = new Map(provider.profiles);
  const checksums = new Map(provider.checksums);
  for (const enctype of enctypes) {
    const profile: EncryptionProfile | undefined = PROFILES[enctype];
    if (profile === undefined) {
      throw new RangeError(`enctypes: expected 16 or 23, got ${enctype as number}`);
    }
    profiles.set(enctype, profile);
    if (enctype === Enctype.rc4Hmac) checksums.set(ChecksumType.hmacMd5, hmacMd5Checksum);
  }
  return { ...provider, profiles, checksums };
}

const PROFILES: Readonly<Record<LegacyEnctype, EncryptionProfile>> = {
  [Enctype.des3CbcSha1]: des3CbcSha1,
  [Enctype.rc4Hmac]: rc4Hmac,
};
