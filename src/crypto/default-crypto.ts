/** The default provider, and {@link EncryptionKey} in a module that loads it. */
import { baseCrypto, loadedProfiles } from './base-crypto.ts';
import { EncryptionKey as Key } from './key.ts';
import { addMoreEnctypes } from './more-enctypes.ts';
import { nobleBackend } from './noble/backend.ts';
import type { CryptoProvider } from './provider.ts';

/**
 * The primitives of noble-ciphers and noble-hashes alone, pure JavaScript, and the encryption types that
 * are not deprecated.
 */
export const nobleCrypto: CryptoProvider = { backend: nobleBackend, profiles: loadedProfiles };

/**
 * The encryption types that are not deprecated, with the primitives that are fastest in this runtime:
 * those of `node:crypto` for long data where the runtime has it built in (Node, Deno, Bun, workerd with
 * `nodejs_compat`), otherwise those of noble. Each primitive of the runtime is used only after it has
 * given a published answer. `defaultCrypto.backend.name` says what is in use.
 */
export const defaultCrypto: CryptoProvider = baseCrypto;

/** The class of key.ts. A bundle that imports it from here has the default provider as well. */
export const EncryptionKey: typeof Key = Key;
/**
 * A Kerberos key and the operations of its encryption type.
 *
 * @interface
 */
export type EncryptionKey = Key;

// A program that names this provider may use any enctype at once, so none is left to be loaded.
addMoreEnctypes(loadedProfiles);
