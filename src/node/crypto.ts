/** The default provider with an imported `node:crypto`, for a Node.js without `getBuiltinModule`. */
import * as crypto from 'node:crypto';
import type { KerberosConfig } from '../config/settings.ts';
import type { CryptoBackend } from '../crypto/backend.ts';
import { defaultCrypto } from '../crypto/default-crypto.ts';
import { Enctype } from '../crypto/numbers.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { runtimeBackend } from '../crypto/runtime/backend.ts';

/** AES-CBC, HMAC, hashes and PBKDF2: OpenSSL for long data, noble for short data. */
export const nodeBackend: CryptoBackend = runtimeBackend(crypto);

/**
 * The encryption types of the default provider with the primitives of `node:crypto`. The default provider
 * does the same in a runtime that has these primitives; this one makes the choice explicit.
 */
export const nodeCrypto: CryptoProvider = { ...defaultCrypto, backend: nodeBackend };

/**
 * {@link nodeCrypto}, with the weak enctypes that krb5.conf allows; their code is loaded only if it allows
 * some.
 */
export async function cryptoFor(
  config: Pick<KerberosConfig, 'permittedEnctypes'>,
): Promise<CryptoProvider> {
  const { rc4Hmac, des3CbcSha1 } = Enctype;
  const allowed = ([rc4Hmac, des3CbcSha1] as const).filter((enctype) =>
    config.permittedEnctypes.includes(enctype),
  );
  if (allowed.length === 0) return nodeCrypto;
  const { withLegacyEnctypes } = await import('../crypto/legacy/index.ts');
  return withLegacyEnctypes(nodeCrypto, allowed);
}
