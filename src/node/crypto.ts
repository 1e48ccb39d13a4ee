/** The default provider with an imported `node:crypto`, for a Node.js without `getBuiltinModule`. */
import * as crypto from 'node:crypto';
import type { CryptoBackend } from '../crypto/backend.ts';
import { defaultCrypto } from '../crypto/default-crypto.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { runtimeBackend } from '../crypto/runtime/backend.ts';

/** AES-CBC, HMAC, hashes and PBKDF2: OpenSSL for long data, noble for short data. */
export const nodeBackend: CryptoBackend = runtimeBackend(crypto);

/**
 * The encryption types of the default provider with the primitives of `node:crypto`. The default provider
 * does the same in a runtime that has these primitives; this one makes the choice explicit.
 */
export const nodeCrypto: CryptoProvider = { ...defaultCrypto, backend: nodeBackend };
