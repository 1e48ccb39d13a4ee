/** The default provider, and {@link EncryptionKey} in a module that loads it. */
import { aes128Sha1, aes256Sha1 } from './enctypes/aes-sha1.ts';
import { aes128Sha2, aes256Sha2 } from './enctypes/aes-sha2.ts';
import { camellia128Cmac, camellia256Cmac } from './enctypes/camellia-cmac.ts';
import { EncryptionKey as Key } from './key.ts';
import { nobleBackend } from './noble/backend.ts';
import type { CryptoProvider } from './provider.ts';
import { registerDefault } from './provider.ts';

/** The primitives of noble, and the encryption types that are not deprecated. */
export const defaultCrypto: CryptoProvider = registerDefault({
  backend: nobleBackend,
  profiles: new Map(
    [aes128Sha1, aes256Sha1, aes128Sha2, aes256Sha2, camellia128Cmac, camellia256Cmac].map(
      (profile) => [profile.enctype, profile],
    ),
  ),
});

/** The class of key.ts. A bundle that imports it from here has the default provider as well. */
export const EncryptionKey: typeof Key = Key;
/**
 * A Kerberos key and the operations of its encryption type.
 *
 * @interface
 */
export type EncryptionKey = Key;
