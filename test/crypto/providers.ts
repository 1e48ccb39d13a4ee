/** The providers that must give identical results. */
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { defaultCrypto } from '../../src/crypto/provider.ts';

export const providers: readonly { readonly name: string; readonly crypto: CryptoProvider }[] = [
  { name: 'noble', crypto: defaultCrypto },
];
