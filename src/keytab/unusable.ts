/** Finds services whose keys are all of encryption types that the provider lacks. */
import { enctypeName } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import { KEYTAB } from '../explain/entries/keytab.ts';
import { printablePrincipal } from '../messages/principal.ts';
import type { Keytab } from './keytab.ts';
import { acceptedKeys } from './keytab-index.ts';
import type { ServiceMatcher } from './service-name.ts';

/**
 * The error for principals of the service that have keys, none of which can be used: single DES, or RC4
 * and DES3 where they are off. Every client of theirs would be refused.
 */
export function explainUnusable(
  keytab: Keytab,
  matcher: ServiceMatcher,
): KerberosError | undefined {
  const { principals } = acceptedKeys(keytab, matcher);
  const useless = [...principals].filter(({ usable }) => usable.size === 0);
  if (useless.length === 0) return undefined;
  const enctypes = new Set<string>();
  const names: string[] = [];
  for (const { principal, entries } of useless) {
    if (names.length === MAX_LISTED) break;
    names.push(printablePrincipal(principal));
    for (const { key } of entries) enctypes.add(enctypeName(key.enctype));
  }
  const more = useless.length - names.length;
  const detail = {
    principals: more > 0 ? [...names, `${more} more`] : names,
    enctypes: [...enctypes].slice(0, MAX_LISTED),
  };
  const explanation = KEYTAB['keytab.unusable'];
  return new KerberosError('KDC_ERR_ETYPE_NOSUPP', {
    reason: 'keytab.unusable',
    detail,
    message: explanation.text(detail),
    hint: explanation.remedies(detail).join('; '),
  });
}

const MAX_LISTED = 8;
