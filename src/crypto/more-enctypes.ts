/**
 * The encryption types that few tickets have: AES with SHA-2 (RFC 8009) and Camellia (RFC 6803). An
 * acceptor loads this module when it meets one of them; `default-crypto.ts` has it from the start.
 */
import { aes128Sha2, aes256Sha2 } from './enctypes/aes-sha2.ts';
import { camellia128Cmac, camellia256Cmac } from './enctypes/camellia-cmac.ts';
import { addNoble } from './noble/backend.ts';
import { addSha2 } from './noble/sha2.ts';
import type { EncryptionProfile } from './profile.ts';
import { endLoading } from './provider.ts';

/**
 * Adds these encryption types, and the primitives that they need. May be called again.
 *
 * @param profiles - Those of the default provider, which has all of them then.
 */
export function addMoreEnctypes(profiles: Map<number, EncryptionProfile>): void {
  addNoble();
  addSha2();
  for (const profile of [aes128Sha2, aes256Sha2, camellia128Cmac, camellia256Cmac]) {
    profiles.set(profile.enctype, profile);
  }
  endLoading();
}
