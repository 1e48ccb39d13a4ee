/** The weak enctypes, for the programs. */
import type { KerberosConfig } from '../config/settings.ts';
import { Enctype } from '../crypto/numbers.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { nodeCrypto } from '../node/crypto.ts';

/**
 * Node's provider, with the weak enctypes that krb5.conf allows; their code is loaded only if it allows
 * some.
 */
export async function cryptoFor(config: KerberosConfig): Promise<CryptoProvider> {
  const { rc4Hmac, des3CbcSha1 } = Enctype;
  const allowed = ([rc4Hmac, des3CbcSha1] as const).filter((enctype) =>
    config.permittedEnctypes.includes(enctype),
  );
  if (allowed.length === 0) return nodeCrypto;
  const { withLegacyEnctypes } = await import('../crypto/legacy/index.ts');
  return withLegacyEnctypes(nodeCrypto, allowed);
}
