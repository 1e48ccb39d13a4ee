/** Which clients an acceptor lets in: what it demands beyond RFC 4120's checks of the ticket. */
import { KerberosError } from '../errors.ts';
import { dropPromise } from '../hooks.ts';
import { ANONYMOUS_REALM, isAnonymousName } from '../messages/principal.ts';
import type { EncTicketPart } from '../messages/ticket.ts';
import { TicketFlag } from '../messages/ticket.ts';
import { describe } from '../options.ts';
import { printableName } from '../text.ts';

export interface ClientPolicy {
  /** Whether anonymous clients (RFC 8062) may come. */
  readonly allowAnonymous: boolean;
  /** Absent: any realm but those that have keys of their own. */
  readonly clientRealms: ClientRealms | undefined;
  /** Whether the realms between client and server may vouch for the client (RFC 4120 §2.7). */
  readonly checkTransited: TransitedCheck;
}

/**
 * From which realms clients may come: a list, or a function that must return exactly `true` for
 * each realm that may. The function is asked about every ticket, those of the service's own realm
 * too; whatever else it returns or throws refuses.
 */
export type ClientRealms =
  | readonly string[]
  | ((clientRealm: string, serviceRealm: string) => boolean);

/**
 * Asked about each ticket of a client of another realm, and about each that came through realms.
 *
 * @param contents - The `transited` field, DOMAIN-X500-COMPRESS (RFC 4120 §3.3.3.1). Empty: the two
 *   realms trust each other directly.
 * @returns True if the path is trusted. Whatever else it returns refuses: false, nothing, a promise.
 * @throws {@link KerberosError} KRB_AP_ERR_ILL_CR_TKT, where it can say which realm is not.
 */
export type TransitedCheck = (
  contents: Uint8Array,
  clientRealm: string,
  serverRealm: string,
) => boolean;

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
  checkRealm(ticket.clientRealm, serviceRealm, realms, policy);
  checkTransited(ticket, serviceRealm, policy);
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
    throw new KerberosError('KRB_AP_ERR_BADMATCH', {
      message: 'An anonymous ticket names a client',
      hint: "it has the flag ANONYMOUS or that realm, and a name other than RFC 8062's",
    });
  }
  if (policy.allowAnonymous) return;
  throw new KerberosError('KDC_ERR_POLICY', {
    message: 'Anonymous clients are not accepted',
    hint: 'allowAnonymous lets clients in that nobody has authenticated (RFC 8062)',
  });
}

function checkRealm(
  clientRealm: string,
  serviceRealm: string,
  realms: OwnRealms,
  { clientRealms }: ClientPolicy,
): void {
  if (typeof clientRealms === 'function') {
    demandTrue(
      () => clientRealms(clientRealm, serviceRealm),
      (problem, cause) => refuseRealm(clientRealm, `the option clientRealms ${problem}`, cause),
    );
    return;
  }
  if (clientRealms !== undefined && !clientRealms.includes(clientRealm)) {
    throw refuseRealm(clientRealm, 'the option clientRealms does not name it');
  }
  if (clientRealm === serviceRealm || !realms.hasKeysOf(clientRealm)) return;
  const [theirs, ours] = [clientRealm, serviceRealm].map(printableName) as [string, string];
  throw new KerberosError('KRB_AP_ERR_ILL_CR_TKT', {
    hint:
      `the client is of ${theirs}, where the service has a key of its own, and the ticket is for ` +
      `its key of ${ours}; if ${ours} may vouch for clients of ${theirs}, say so with a function ` +
      'as clientRealms',
    detail: { clientRealm: theirs, serviceRealm: ours },
  });
}

function checkTransited(ticket: EncTicketPart, serviceRealm: string, policy: ClientPolicy): void {
  // RFC 4120 §2.7: the flag says that the KDC has checked.
  if ((ticket.flags & TicketFlag.transitedPolicyChecked) !== 0) return;
  const { clientRealm, transited } = ticket;
  const { type, contents } = transited;
  // Active Directory's type is 0 where the field is empty.
  if (type !== DOMAIN_X500_COMPRESS && !(type === 0 && contents.length === 0)) {
    throw new KerberosError(
      'KRB_AP_ERR_ILL_CR_TKT',
      `The ticket's transited field is of type ${type}, which is not understood`,
    );
  }
  if (contents.length === 0 && clientRealm === serviceRealm) return;
  demandTrue(
    () => policy.checkTransited(contents, clientRealm, serviceRealm),
    (problem, cause) =>
      new KerberosError('KRB_AP_ERR_ILL_CR_TKT', {
        hint: `the option checkTransited ${problem}`,
        ...(cause !== undefined && { cause }),
      }),
  );
}

/** Asks a callback that lets nobody in unless it returns exactly true, and at once. */
function demandTrue(
  ask: () => unknown,
  refuse: (problem: string, cause?: unknown) => KerberosError,
): void {
  let answer: unknown;
  try {
    answer = ask();
  } catch (cause) {
    if (cause instanceof KerberosError) throw cause;
    throw refuse('threw', cause);
  }
  if (answer === true) return;
  dropPromise(answer);
  throw refuse(`must return true to let a client in, and returned ${describe(answer)}`);
}

function refuseRealm(clientRealm: string, hint: string, cause?: unknown): KerberosError {
  const realm = printableName(clientRealm);
  return new KerberosError('KDC_ERR_POLICY', {
    message: `Clients of realm ${realm} are not accepted`,
    hint,
    detail: { clientRealm: realm },
    ...(cause !== undefined && { cause }),
  });
}

// RFC 4120 §3.3.3.2: the only type that there is.
const DOMAIN_X500_COMPRESS = 1;
