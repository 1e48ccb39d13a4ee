/** The default provider, and {@link EncryptionKey} together with it. */
import { aes128Sha1, aes256Sha1 } from './enctypes/aes-sha1.ts';
import { aes128Sha2, aes256Sha2 } from './enctypes/aes-sha2.ts';
import { camellia128Cmac, camellia256Cmac } from './enctypes/camellia-cmac.ts';
import { EncryptionKey as Key } from './key.ts';
import { nobleBackend } from './noble/backend.ts';
import type { CryptoProvider } from './provider.ts';
import { registerDefault } from './provider.ts';

/** noble's primitives, and the encryption types that are safe to use. */
export const defaultCrypto: CryptoProvider = registerDefault({
  backend: nobleBackend,
  profiles: new Map(
    [aes128Sha1, aes256Sha1, aes128Sha2, aes256Sha2, camellia128Cmac, camellia256Cmac].map(
      (profile) => [profile.enctype, profile],
    ),
  ),
});

/** As key.ts has it; a bundle that has the class from here has the default provider, too. */
export const EncryptionKey: typeof Key = Key;
/**
 * A key of Kerberos with what its encryption type computes.
 *
 * @interface
 */
export type EncryptionKey = Key;
