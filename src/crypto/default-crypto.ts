/** The default provider, and {@link EncryptionKey} in a module that loads it. */
import type { CryptoBackend } from './backend.ts';
import { aes128Sha1, aes256Sha1 } from './enctypes/aes-sha1.ts';
import { aes128Sha2, aes256Sha2 } from './enctypes/aes-sha2.ts';
import { camellia128Cmac, camellia256Cmac } from './enctypes/camellia-cmac.ts';
import { EncryptionKey as Key } from './key.ts';
import { nobleBackend } from './noble/backend.ts';
import type { CryptoProvider } from './provider.ts';
import { registerDefault } from './provider.ts';
import { runtimeBackend } from './runtime/backend.ts';
import { builtinCrypto } from './runtime/module.ts';

/**
 * The primitives of noble-ciphers and noble-hashes alone, pure JavaScript, and the encryption types that
 * are not deprecated.
 */
export const nobleCrypto: CryptoProvider = {
  backend: nobleBackend,
  profiles: new Map(
    [aes128Sha1, aes256Sha1, aes128Sha2, aes256Sha2, camellia128Cmac, camellia256Cmac].map(
      (profile) => [profile.enctype, profile],
    ),
  ),
};

/**
 * The encryption types that are not deprecated, with the primitives that are fastest in this runtime:
 * those of `node:crypto` for long data where the runtime has it built in (Node, Deno, Bun, workerd with
 * `nodejs_compat`), otherwise those of noble. Each primitive of the runtime is used only after it has
 * given a published answer. `defaultCrypto.backend.name` says what is in use.
 */
export const defaultCrypto: CryptoProvider = registerDefault({
  ...nobleCrypto,
  backend: fastestBackend(),
});

/** The class of key.ts. A bundle that imports it from here has the default provider as well. */
export const EncryptionKey: typeof Key = Key;
/**
 * A Kerberos key and the operations of its encryption type.
 *
 * @interface
 */
export type EncryptionKey = Key;

/** Looks for the runtime's crypto when it is first needed: a program that only reads keytabs need not load it. */
function fastestBackend(): CryptoBackend {
  let chosen: CryptoBackend | undefined;
  const choose = (): CryptoBackend => {
    const builtin = builtinCrypto();
    return builtin === undefined ? nobleBackend : runtimeBackend(builtin);
  };
  const backend = (): CryptoBackend => (chosen ??= choose());
  return {
    get name() {
      return backend().name;
    },
    aes: (key) => backend().aes(key),
    hash: (hash, data) => backend().hash(hash, data),
    hmac: (hash, key) => backend().hmac(hash, key),
    pbkdf2: (...inputs) => backend().pbkdf2(...inputs),
  };
}
