/** Message authentication codes as profiles use them. */
import type { Mac } from './backend.ts';

/** The first `length` bytes of the codes of `mac`, which it takes over. */
export function truncatedMac(mac: Mac, length: number): Mac {
  return {
    digest: (parts) => mac.digest(parts).slice(0, length),
    wipe: () => mac.wipe(),
  };
}
