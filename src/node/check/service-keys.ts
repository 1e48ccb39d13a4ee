/** Compares the keytab's keys of a service with what the KDC has. */
import { decryptPartOrNothing } from '../../ap/encrypted-part.ts';
import { Enctype, enctypeName, KeyUsage } from '../../crypto/numbers.ts';
import type { KeytabEntry } from '../../keytab/keytab.ts';
import type { PrincipalKeys } from '../../keytab/keytab-index.ts';
import type { KrbError } from '../../messages/krb-error.ts';
import type { Principal } from '../../messages/principal.ts';
import { printablePrincipal } from '../../messages/principal.ts';
import type { Ticket } from '../../messages/ticket.ts';
import type { KdcAsker } from '../kdc/ask-kdc.ts';
import { requestOwnTicket } from '../kdc/kdc-facts.ts';
import type { Finding } from './finding.ts';
import { failure, ok, warning } from './finding.ts';

/** What {@link judgeServiceKeys} works with. */
export interface ServiceQuestions {
  readonly ask: KdcAsker;
  readonly signal: AbortSignal;
  /** Whether the keytab is that of a member of an Active Directory domain. */
  readonly ofDomainMember?: boolean;
}

/**
 * Whether the KDC knows the service, and seals its tickets with a key of the keytab. No attempt to log in
 * is made, which might count as a failed one: a KDC that asks the service for pre-authentication, as
 * Active Directory does, tells no more than that it knows the account.
 *
 * @returns Undefined if nothing can be told.
 * @throws {@link KerberosError} if the KDC does not answer, or with something that cannot be read.
 */
export async function judgeServiceKeys(
  { principal, entries }: PrincipalKeys,
  { ask, signal, ofDomainMember = false }: ServiceQuestions,
): Promise<Finding | undefined> {
  const enctypes = [...new Set([...entries.map(({ key }) => key.enctype), ...KNOWN_ENCTYPES])];
  const answer = await requestOwnTicket(ask, principal, enctypes, signal);
  return 'errorCode' in answer
    ? judgeError(answer, principal, ofDomainMember)
    : judgeTicket(answer, principal, entries);
}

/**
 * A KDC of Active Directory finds an SPN only as the server of a ticket, which it issues to nobody who has
 * not logged in. Those of MIT and Heimdal say in e-text what they did not find; Windows sends none.
 */
function judgeError(
  { errorCode, eText }: KrbError,
  principal: Principal,
  ofDomainMember: boolean,
): Finding | undefined {
  if (errorCode !== CLIENT_UNKNOWN || eText === undefined || ofDomainMember) return undefined;
  const name = printablePrincipal(principal);
  return warning(
    'service',
    'kdc.no-service',
    `the KDC does not know ${name}: clients get no ticket for it`,
    `make the principal, and export its key again: kadmin addprinc -randkey ${name}, then ktadd`,
    `in Active Directory, which knows SPNs only as those of an account, see whose it is: setspn -Q ${principal.components.join('/')}`,
  );
}

function judgeTicket(
  { encPart: { enctype, kvno = 0, cipher } }: Ticket,
  principal: Principal,
  entries: readonly KeytabEntry[],
): Finding {
  const name = printablePrincipal(principal);
  if (kvno !== 0 && !entries.some((entry) => fits(entry.kvno, kvno))) {
    return failure(
      'kvno',
      'key.stale-keytab',
      `the KDC uses kvno ${kvno} for ${name}, the keytab has ${kvnosOf(entries)}: new tickets are refused`,
      'export the keytab again (kadmin ktadd changes the key; -norandkey on the KDC does not)',
    );
  }
  const held = entries.filter(({ key }) => key.enctype === enctype);
  if (held.length === 0) {
    const names = [...new Set(entries.map(({ key }) => enctypeName(key.enctype)))].join(', ');
    return failure(
      'kvno',
      'key.enctype-missing',
      `the KDC uses ${enctypeName(enctype)} for ${name}, the keytab has ${names}: tickets are refused`,
      'export the keys of all enctypes again (kadmin ktadd without -e)',
    );
  }
  const usable = held.filter(({ key }) => key.supported);
  if (
    usable.length > 0 &&
    !usable.some(({ key }) => decryptPartOrNothing(key, KeyUsage.ticket, cipher) !== undefined)
  ) {
    return failure(
      'kvno',
      'key.wrong',
      `the keytab's key of ${name} (kvno ${kvno}, ${enctypeName(enctype)}) does not open the KDC's tickets: ` +
        'its password was changed without a new kvno, mistyped, or used with another salt',
      'export the keytab again with a tool that asks the KDC for key and salt (kadmin ktadd, ktutil addent -f)',
    );
  }
  const opened = usable.length > 0 ? ', and its key opens a ticket of the KDC' : '';
  return ok('kvno', `${name}: the KDC uses kvno ${kvno}, which the keytab has${opened}`);
}

/** MIT krb5, keytab.c: 8-bit tools write the low byte of a kvno; kvno 0 stands for any. */
function fits(own: number, kvno: number): boolean {
  return own === kvno || own === 0 || (own < 256 && own === kvno % 256);
}

function kvnosOf(entries: readonly KeytabEntry[]): string {
  return [...new Set(entries.map(({ kvno }) => kvno))].sort((a, b) => a - b).join(', ');
}

// KDC_ERR_C_PRINCIPAL_UNKNOWN (RFC 4120 §7.5.9).
const CLIENT_UNKNOWN = 6;
// So that the KDC answers with its own choice where the keytab lacks it.
const KNOWN_ENCTYPES: readonly number[] = Object.values(Enctype);
