/** Crypto providers: primitives, and the encryption types that keys may have. */
import { KerberosError } from '../errors.ts';
import type { OptionRule } from '../options.ts';
import { isPlainObject, kind } from '../options.ts';
import type { CryptoBackend } from './backend.ts';
import { enctypeName } from './numbers.ts';
import type { EncryptionProfile } from './profile.ts';

/** Primitives and encryption types, for {@link EncryptionKey}. */
export interface CryptoProvider {
  /** The primitives that the encryption types use. */
  readonly backend: CryptoBackend;
  /** Encryption types by number. */
  readonly profiles: ReadonlyMap<number, EncryptionProfile>;
  /** By checksum type: the checksums that a key of any enctype can compute. */
  readonly checksums?: ReadonlyMap<number, KeyedChecksum>;
}

/** Computes a checksum of the concatenated parts with the bytes of a protocol key. */
export type KeyedChecksum = (
  key: Uint8Array,
  usage: number,
  parts: readonly Uint8Array[],
) => Uint8Array;

/** Sets the default provider of keys; default-crypto.ts calls it when it is loaded. */
export function registerDefault(provider: CryptoProvider): CryptoProvider {
  registered = provider;
  return provider;
}

/**
 * The default provider of keys. Looking it up, instead of importing it, keeps all ciphers out of a
 * bundle that only reads keytabs.
 *
 * @throws TypeError if the bundle does not contain default-crypto.ts.
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

/** The rule for options that take a {@link CryptoProvider}. */
export const cryptoProvider: OptionRule = kind(
  'a CryptoProvider',
  (value) =>
    isPlainObject(value) &&
    isPlainObject(Reflect.get(value, 'backend')) &&
    Reflect.get(value, 'profiles') instanceof Map,
);

let registered: CryptoProvider | undefined;
