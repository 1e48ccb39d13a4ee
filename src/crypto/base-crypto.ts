/**
 * The default provider as an acceptor needs it at first: it has AES with SHA-1 (RFC 3962), the enctype
 * of nearly every ticket, and loads the others when it meets them.
 */
import type { CryptoBackend } from './backend.ts';
import { aes128Sha1, aes256Sha1 } from './enctypes/aes-sha1.ts';
import { nobleBackend } from './noble/backend.ts';
import { standardKeyLength } from './numbers.ts';
import type { EncryptionProfile } from './profile.ts';
import type { CryptoProvider } from './provider.ts';
import { registerDefault } from './provider.ts';
import { runtimeBackend } from './runtime/backend.ts';
import { builtinCrypto } from './runtime/module.ts';

/** The encryption types of {@link baseCrypto}, to which the others are added. */
export const loadedProfiles: Map<number, EncryptionProfile> = new Map([
  [aes128Sha1.enctype, aes128Sha1],
  [aes256Sha1.enctype, aes256Sha1],
]);

/** The same object as `defaultCrypto`, without the code of all its encryption types. */
export const baseCrypto: CryptoProvider = registerDefault(
  { backend: fastestBackend(), profiles: loadedProfiles },
  loadMore,
);

function loadMore(enctype: number): Promise<void> | undefined {
  if (loadedProfiles.has(enctype) || standardKeyLength(enctype) === undefined) return undefined;
  return import('./more-enctypes.ts').then((more) => more.addMoreEnctypes(loadedProfiles));
}

/**
 * Loads SHA-256 where the runtime has none. Exports of contexts are synchronous and need it, so that it
 * is loaded before there is a context.
 *
 * @returns Undefined if there is nothing to load, as in runtimes with `node:crypto`.
 */
export function loadSha256(): Promise<void> | undefined {
  try {
    baseCrypto.backend.hash('sha256', new Uint8Array());
    return undefined;
  } catch {
    return import('./noble/sha2.ts').then((sha2) => sha2.addSha2());
  }
}

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
