/** What stands in for `src/node/crypto.ts` where the server is to do without Node's primitives. */
import { nobleCrypto } from '../../src/crypto/default-crypto.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';

export { nobleCrypto as nodeCrypto } from '../../src/crypto/default-crypto.ts';
export { nobleBackend as nodeBackend } from '../../src/crypto/noble/backend.ts';

/** The realm of the soak test has no weak enctypes. */
export async function cryptoFor(): Promise<CryptoProvider> {
  return nobleCrypto;
}
