/** What keys work with: primitives, and the encryption types that are allowed. */
import type { OptionRule } from '../options.ts';
import { isPlainObject, kind } from '../options.ts';
import { aes128Sha1, aes256Sha1 } from './aes-sha1.ts';
import { aes128Sha2, aes256Sha2 } from './aes-sha2.ts';
import type { CryptoBackend } from './backend.ts';
import { camellia128Cmac, camellia256Cmac } from './camellia-cmac.ts';
import { nobleBackend } from './noble-backend.ts';
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

/** noble's primitives, and the encryption types that are safe to use. */
export const defaultCrypto: CryptoProvider = {
  backend: nobleBackend,
  profiles: new Map(
    [aes128Sha1, aes256Sha1, aes128Sha2, aes256Sha2, camellia128Cmac, camellia256Cmac].map(
      (profile) => [profile.enctype, profile],
    ),
  ),
};

/** For options that take a {@link CryptoProvider}. */
export const cryptoProvider: OptionRule = kind(
  'a CryptoProvider',
  (value) =>
    isPlainObject(value) &&
    isPlainObject(Reflect.get(value, 'backend')) &&
    Reflect.get(value, 'profiles') instanceof Map,
);
