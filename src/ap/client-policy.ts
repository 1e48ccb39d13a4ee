/** Which clients an acceptor lets in: what it demands beyond RFC 4120's checks of the ticket. */
import { KerberosError } from '../errors.ts';
import { dropPromise } from '../hooks.ts';
import { ANONYMOUS_REALM, isAnonymousName } from '../messages/principal.ts';
import type { EncTicketPart } from '../messages/ticket.ts';
import { TicketFlag } from '../messages/ticket.ts';
import { isThenable } from '../options.ts';
import { printableName } from '../text.ts';

export interface ClientPolicy {
  /** Whether anonymous clients (RFC 8062) may come. */
  readonly allowAnonymous: boolean;
  /** Absent: any realm but those that have keys of their own. */
  readonly clientRealms: ClientRealms | undefined;
}

/**
 * From which realms clients may come: a list, or a function that must return exactly `true` for
 * each realm that may. The function is asked about every ticket, those of the service's own realm
 * too; whatever else it returns or throws refuses.
 */
export type ClientRealms =
  | readonly string[]
  | ((clientRealm: string, serviceRealm: string) => boolean);

/** Which realms' KDCs the acceptor shares keys with. */
export interface OwnRealms {
  /** Whether a service that is accepted has a key of this realm. */
  hasKeysOf(realm: string): boolean;
}

/**
 * @param serviceRealm - Of the key that opened the ticket: the realm whose KDC made it.
 * @throws {@link KerberosError} KDC_ERR_POLICY, KRB_AP_ERR_BADMATCH, KRB_AP_ERR_ILL_CR_TKT.
 */
export function checkClient(
  ticket: EncTicketPart,
  serviceRealm: string,
  realms: OwnRealms,
  policy: ClientPolicy,
): void {
  checkAnonymous(ticket, policy);
  const { clientRealm } = ticket;
  const { clientRealms } = policy;
  if (typeof clientRealms === 'function') {
    askClientRealms(clientRealms, clientRealm, serviceRealm);
    return;
  }
  if (clientRealms !== undefined && !clientRealms.includes(clientRealm)) {
    throw refuseRealm(clientRealm, 'clientRealms does not name it');
  }
  if (clientRealm === serviceRealm || !realms.hasKeysOf(clientRealm)) return;
  const [theirs, ours] = [clientRealm, serviceRealm].map(printableName) as [string, string];
  throw new KerberosError('KRB_AP_ERR_ILL_CR_TKT', undefined, {
    hint:
      `the client is of ${theirs}, where the service has a key of its own, and the ticket is for ` +
      `its key of ${ours}; if ${ours} may vouch for clients of ${theirs}, say so with a function ` +
      'as clientRealms',
    detail: { clientRealm: theirs, serviceRealm: ours },
  });
}

/**
 * RFC 8062 §3: an anonymous ticket has the anonymous name and the flag, and the client's realm or
 * the anonymous one. The flag says of any other name that it is not the client's; and the anonymous
 * realm has no other clients.
 */
function checkAnonymous(ticket: EncTicketPart, policy: ClientPolicy): void {
  const { flags, clientName, clientRealm } = ticket;
  const isAnonymous = isAnonymousName(clientName);
  if (!isAnonymous && (flags & TicketFlag.anonymous) === 0 && clientRealm !== ANONYMOUS_REALM) {
    return;
  }
  if (!isAnonymous) {
    throw new KerberosError('KRB_AP_ERR_BADMATCH', 'An anonymous ticket names a client', {
      hint: "it has the flag ANONYMOUS or that realm, and a name other than RFC 8062's",
    });
  }
  if (policy.allowAnonymous) return;
  throw new KerberosError('KDC_ERR_POLICY', 'Anonymous clients are not accepted', {
    hint: 'allowAnonymous lets clients in that nobody has authenticated (RFC 8062)',
  });
}

function askClientRealms(
  isAccepted: (clientRealm: string, serviceRealm: string) => boolean,
  clientRealm: string,
  serviceRealm: string,
): void {
  let answer: unknown;
  try {
    answer = isAccepted(clientRealm, serviceRealm);
  } catch (cause) {
    if (cause instanceof KerberosError) throw cause;
    throw refuseRealm(clientRealm, 'clientRealms threw', cause);
  }
  if (answer === true) return;
  if (!isThenable(answer)) throw refuseRealm(clientRealm, 'clientRealms did not return true');
  dropPromise(answer);
  throw refuseRealm(clientRealm, 'clientRealms returned a promise, where it must answer at once');
}

function refuseRealm(clientRealm: string, reason: string, cause?: unknown): KerberosError {
  const realm = printableName(clientRealm);
  return new KerberosError('KDC_ERR_POLICY', `Clients of realm ${realm} are not accepted`, {
    hint: reason,
    detail: { clientRealm: realm },
    ...(cause !== undefined && { cause }),
  });
}
