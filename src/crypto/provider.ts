/** What keys work with: primitives, and the encryption types that are allowed. */
import { KerberosError } from '../errors.ts';
import type { OptionRule } from '../options.ts';
import { isPlainObject, kind } from '../options.ts';
import type { CryptoBackend } from './backend.ts';
import { enctypeName } from './numbers.ts';
import type { EncryptionProfile } from './profile.ts';

export interface CryptoProvider {
  readonly backend: CryptoBackend;
  /** By enctype. */
  readonly profiles: ReadonlyMap<number, EncryptionProfile>;
  /** By checksum type: those that a key of any enctype can make. */
  readonly checksums?: ReadonlyMap<number, KeyedChecksum>;
}

/** A checksum of the parts, one after the other, under the bytes of a protocol key. */
export type KeyedChecksum = (
  key: Uint8Array,
  usage: number,
  parts: readonly Uint8Array[],
) => Uint8Array;

/** Sets the provider of keys that name none: default-crypto.ts does, when it is loaded. */
export function registerDefault(provider: CryptoProvider): CryptoProvider {
  registered = provider;
  return provider;
}

/**
 * The provider of keys that name none. To look it up instead of importing it keeps all ciphers out
 * of a bundle that only reads keytabs.
 *
 * @throws TypeError in a bundle without it.
 */
export function registeredDefault(): CryptoProvider {
  if (registered !== undefined) return registered;
  throw new TypeError(
    'crypto: expected a provider, got none in this bundle; import defaultCrypto and name it',
  );
}

/** @throws {@link KerberosError} `KDC_ERR_ETYPE_NOSUPP` if the provider lacks the enctype. */
export function profileOf(enctype: number, crypto: CryptoProvider): EncryptionProfile {
  const profile = crypto.profiles.get(enctype);
  if (profile !== undefined) return profile;
  throw new KerberosError('KDC_ERR_ETYPE_NOSUPP', {
    message: `Encryption type ${enctypeName(enctype)} is not supported`,
    detail: { enctype: enctypeName(enctype) },
  });
}

/** For options that take a {@link CryptoProvider}. */
export const cryptoProvider: OptionRule = kind(
  'a CryptoProvider',
  (value) =>
    isPlainObject(value) &&
    isPlainObject(Reflect.get(value, 'backend')) &&
    Reflect.get(value, 'profiles') instanceof Map,
);

let registered: CryptoProvider | undefined;
