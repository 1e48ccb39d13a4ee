/**
 * Deprecated encryption types (RFC 8429), for peers that have no better ones. Only programs that
 * import this module have them, and every key of such a type is marked as weak.
 */

import { registerRfc1964 } from '../../tokens/formats.ts';
import { Rfc1964Protection } from '../../tokens/rfc1964.ts';
import { Rfc1964Iov } from '../../tokens/rfc1964-iov.ts';
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
 * Makes a provider that also has weak encryption types.
 *
 * @param provider - The provider to extend; not changed.
 * @param enctypes - The types to add; by default all. RC4 brings with it the HMAC-MD5 checksums
 *   that RC4 clients and KDCs compute with keys of other types.
 *
 * @example
 * ```ts
 * import { Enctype, parseKeytab } from 'krb5-acceptor';
 * import { withLegacyEnctypes } from 'krb5-acceptor/legacy';
 *
 * export function readOldKeytab(bytes: Uint8Array) {
 *   return parseKeytab(bytes, { crypto: withLegacyEnctypes(undefined, [Enctype.rc4Hmac]) });
 * }
 * ```
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

// Contexts with keys of these enctypes protect messages in tokens of their own.
registerRfc1964({
  protection: (state, keys) => new Rfc1964Protection(state, keys),
  iovProtection: (state, keys) => new Rfc1964Iov(state, keys),
});
