/** The providers that must give identical results. */
import { defaultCrypto, nobleCrypto } from '../../src/crypto/default-crypto.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { nodeCrypto } from '../../src/node/crypto.ts';

export const providers: readonly { readonly name: string; readonly crypto: CryptoProvider }[] = [
  { name: 'the default', crypto: withLegacyEnctypes(defaultCrypto) },
  { name: 'noble', crypto: withLegacyEnctypes(nobleCrypto) },
  { name: 'node:crypto', crypto: withLegacyEnctypes(nodeCrypto) },
];
