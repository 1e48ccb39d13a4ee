/** The default provider with Node's `node:crypto` by import: for a Node without `getBuiltinModule`. */
import * as crypto from 'node:crypto';
import type { CryptoBackend } from '../crypto/backend.ts';
import { defaultCrypto } from '../crypto/default-crypto.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { runtimeBackend } from '../crypto/runtime/backend.ts';

/** AES-CBC, HMAC, hashes and PBKDF2: OpenSSL for long data, noble for short data. */
export const nodeBackend: CryptoBackend = runtimeBackend(crypto);

/**
 * The encryption types of the default provider with the primitives of `node:crypto`. The default is the
 * same in a runtime that has these; this one says so.
 */
export const nodeCrypto: CryptoProvider = { ...defaultCrypto, backend: nodeBackend };
