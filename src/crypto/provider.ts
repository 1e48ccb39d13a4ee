/** Crypto providers: primitives, and the encryption types that keys may have. */
import { KerberosError } from '../errors.ts';
import type { OptionRule } from '../options.ts';
import { isPlainObject, kind } from '../options.ts';
import type { CryptoBackend } from './backend.ts';
import { enctypeName, standardKeyLength } from './numbers.ts';
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

/** Adds an encryption type to the profiles of the default provider; undefined if there is none to add. */
export type LoadEnctype = (enctype: number) => Promise<void> | undefined;

/** Sets the default provider of keys; base-crypto.ts calls it when it is loaded. */
export function registerDefault(provider: CryptoProvider, load: LoadEnctype): CryptoProvider {
  registered = provider;
  loadRegistered = load;
  return provider;
}

/**
 * Loads an encryption type of the default provider that is not loaded yet.
 *
 * @returns Undefined if there is nothing to load, as nearly always: do not await it then.
 */
export function loadEnctype(enctype: number, crypto: CryptoProvider): Promise<void> | undefined {
  return crypto.profiles === registered?.profiles ? loadRegistered?.(enctype) : undefined;
}

/** All encryption types of the default provider are loaded: from now on none is looked for. */
export function endLoading(): void {
  loadRegistered = undefined;
}

/**
 * The default provider of keys. Looking it up, instead of importing it, keeps all ciphers out of a
 * bundle that only reads keytabs.
 *
 * @throws TypeError if the bundle does not contain base-crypto.ts.
 */
export function registeredDefault(): CryptoProvider {
  if (registered !== undefined) return registered;
  throw new TypeError(
    'crypto: expected a provider, got none in this bundle; import defaultCrypto and name it',
  );
}

/**
 * @throws {@link KerberosError} `KDC_ERR_ETYPE_NOSUPP` if the provider lacks the enctype.
 * @throws TypeError if the provider has not loaded it.
 */
export function profileOf(enctype: number, crypto: CryptoProvider): EncryptionProfile {
  const profile = crypto.profiles.get(enctype);
  if (profile !== undefined) return profile;
  const name = enctypeName(enctype);
  if (loadableKeyLength(enctype, crypto) !== undefined) {
    throw new TypeError(
      `crypto: expected ${name} to be loaded; import defaultCrypto for all enctypes`,
    );
  }
  throw new KerberosError('KDC_ERR_ETYPE_NOSUPP', {
    reason: 'enctype.unsupported',
    message: `Encryption type ${enctypeName(enctype)} is not supported`,
    detail: { enctype: enctypeName(enctype) },
  });
}

/** Whether the provider has the enctype, which may have to be loaded. */
export function hasEnctype(enctype: number, crypto: CryptoProvider): boolean {
  return crypto.profiles.has(enctype) || loadableKeyLength(enctype, crypto) !== undefined;
}

/**
 * Bytes of a key whose enctype may not be loaded yet; undefined if the provider lacks the enctype.
 *
 * @param crypto - Undefined for the default provider.
 */
export function loadableKeyLength(
  enctype: number,
  crypto: CryptoProvider | undefined,
): number | undefined {
  // Another provider with the same profiles has other primitives only.
  const isDefault = crypto === undefined || crypto.profiles === registered?.profiles;
  return isDefault ? standardKeyLength(enctype) : undefined;
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
let loadRegistered: LoadEnctype | undefined;
