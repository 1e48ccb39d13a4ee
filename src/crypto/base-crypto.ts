/**
 * The default provider as an acceptor needs it at first: it has AES with SHA-1 (RFC 3962), the enctype
 * of nearly every ticket, and loads the others when it meets them.
 */
import { aes128Sha1, aes256Sha1 } from './enctypes/aes-sha1.ts';
import { loadedNoble } from './noble/loaded.ts';
import { standardKeyLength } from './numbers.ts';
import type { EncryptionProfile } from './profile.ts';
import type { CryptoProvider } from './provider.ts';
import { registerDefault } from './provider.ts';
import type { RuntimeBackend } from './runtime/backend.ts';
import { runtimeBackend } from './runtime/backend.ts';
import { builtinCrypto } from './runtime/module.ts';

/** The encryption types of {@link baseCrypto}, to which the others are added. */
export const loadedProfiles: Map<number, EncryptionProfile> = new Map([
  [aes128Sha1.enctype, aes128Sha1],
  [aes256Sha1.enctype, aes256Sha1],
]);

/** The same object as `defaultCrypto`, without the code of all its encryption types. */
export const baseCrypto: CryptoProvider = registerDefault(
  {
    backend: {
      get name() {
        return runtime().name;
      },
      aes: (key) => runtime().aes(key),
      hash: (hash, data) => runtime().hash(hash, data),
      hmac: (hash, key) => runtime().hmac(hash, key),
      pbkdf2: (...inputs) => runtime().pbkdf2(...inputs),
    },
    profiles: loadedProfiles,
  },
  loadMore,
);

/** Encryption types at the first ticket that needs them; noble when it would be faster. */
function loadMore(enctype: number): Promise<void> | undefined {
  if (!loadedProfiles.has(enctype) && standardKeyLength(enctype) !== undefined) {
    return import('./more-enctypes.ts').then((more) => more.addMoreEnctypes(loadedProfiles));
  }
  // Without the file the runtime's own primitives go on.
  return runtime().asksForNoble() ? loadNoble().catch(() => {}) : undefined;
}

/**
 * Loads the primitives that the runtime lacks. Keys and exports of contexts are synchronous and need them,
 * so that they are loaded before there is a context.
 *
 * @returns Undefined if there is nothing to load, as in runtimes with `node:crypto`.
 */
export function loadPrimitives(): Promise<unknown> | undefined {
  const missing: Promise<void>[] = [];
  if (loadedNoble() === undefined && !runtime().isComplete) missing.push(loadNoble());
  try {
    runtime().hash('sha256', new Uint8Array());
  } catch {
    missing.push(import('./noble/sha2.ts').then((sha2) => sha2.addSha2()));
  }
  return missing.length === 0 ? undefined : Promise.all(missing);
}

function loadNoble(): Promise<void> {
  return import('./noble/backend.ts').then((loaded) => loaded.addNoble());
}

/** Looks for the runtime's crypto when it is first needed: a program that only reads keytabs need not load it. */
function runtime(): RuntimeBackend {
  found ??= runtimeBackend(builtinCrypto() ?? {});
  return found;
}

let found: RuntimeBackend | undefined;
