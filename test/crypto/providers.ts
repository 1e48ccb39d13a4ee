/** The providers that must give identical results. */
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { nodeCrypto } from '../../src/node/crypto.ts';

export const providers: readonly { readonly name: string; readonly crypto: CryptoProvider }[] = [
  { name: 'noble', crypto: withLegacyEnctypes() },
  { name: 'node:crypto', crypto: withLegacyEnctypes(nodeCrypto) },
];
