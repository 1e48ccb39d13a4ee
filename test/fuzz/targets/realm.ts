/** The realm of the fuzzer: keys, clock and randomness that are the same in every run. */
import type { Keytab } from '../../../src/keytab/keytab.ts';
import type { MintedTicket, MintTicketOptions } from '../../../src/testing/index.ts';
import { mintTicket } from '../../../src/testing/index.ts';
import { CLIENT, makeKeytab, NOW, SERVICE, seededRandom } from '../../support/realm-kit.ts';

export { CLIENT, NOW, NOW_SECONDS, SERVICE, seededRandom } from '../../support/realm-kit.ts';

/** The enctypes of RFC 4121's time. */
export const ENCTYPES: readonly number[] = [17, 18, 19, 20];

/** One service, a key of each enctype. */
export const keytab: Keytab = makeKeytab(
  ...ENCTYPES.map((enctype) => ({ enctype, seed: 100 + enctype })),
  { principal: 'HTTP/www.example.test@EXAMPLE.TEST', kvno: 3, enctype: 18, seed: 99 },
);

export const clock = (): number => NOW;

export function mint(options: Partial<MintTicketOptions> = {}): MintedTicket {
  return mintTicket({
    keytab,
    service: SERVICE,
    client: CLIENT,
    clock,
    random: seededRandom(options.enctype ?? 18),
    ...options,
  });
}
