/** Which clients an acceptor admits: checks of the client beyond those of RFC 4120 §3.2.3. */
import { KerberosError } from '../errors.ts';
import { dropPromise } from '../hooks.ts';
import { ANONYMOUS_REALM, isAnonymousName } from '../messages/principal.ts';
import type { EncTicketPart } from '../messages/ticket.ts';
import { TicketFlag } from '../messages/ticket.ts';
import { describe } from '../options.ts';
import { describeThrown, printableName } from '../text.ts';

/** The part of an acceptor's policy that admits clients. */
export interface ClientPolicy {
  /** Whether anonymous clients (RFC 8062) are admitted. */
  readonly allowAnonymous: boolean;
  /** If undefined: every realm, except that a key of one own realm admits no clients of another. */
  readonly clientRealms: ClientRealms | undefined;
  /**
   * Judges the realms that a ticket crossed (RFC 4120 §2.7). If undefined, they must lie on the path
   * of the hierarchy of realm names: see {@link loadHierarchy}.
   */
  readonly checkTransited: TransitedCheck | undefined;
}

/**
 * The realms whose clients are admitted: a list, or a function that returns exactly `true` for each
 * such realm. The function is called for every ticket, those of the service's own realm included; any
 * other result, or an exception, refuses the client.
 */
export type ClientRealms =
  | readonly string[]
  | ((clientRealm: string, serviceRealm: string) => boolean);

/**
 * Called for each ticket whose client is of another realm, and for each that crossed other realms,
 * unless the KDC has checked the path itself (flag TRANSITED-POLICY-CHECKED).
 *
 * @param contents - The `transited` field, DOMAIN-X500-COMPRESS (RFC 4120 §3.3.3.1); a view, valid
 *   during the call. Empty if the two realms trust each other directly.
 * @returns Exactly `true` if the path is trusted. Anything else (false, undefined, a promise) refuses.
 * @throws {@link KerberosError} KRB_AP_ERR_ILL_CR_TKT, to name the realm that is not trusted. Any
 *   exception refuses.
 */
export type TransitedCheck = (
  contents: Uint8Array,
  clientRealm: string,
  serverRealm: string,
) => boolean;

/** The realms whose KDCs the acceptor shares keys with. */
export interface OwnRealms {
  /** Whether the acceptor has a key of this realm for a service that it accepts. */
  hasKeysOf(realm: string): boolean;
}

/**
 * Checks that the policy admits the client of a ticket.
 *
 * @param serviceRealm - The realm of the key that opened the ticket, whose KDC issued it.
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
  if (isPathChecked(ticket, serviceRealm)) return;
  checkTransited(ticket, serviceRealm, policy.checkTransited ?? checkByHierarchy);
}

/**
 * Loads the check of {@link ClientPolicy.checkTransited} that is used in its absence: few services have
 * clients of other realms, whose KDC did not check the path itself.
 *
 * @returns Undefined if the check of this ticket needs nothing that is not loaded yet.
 */
export function loadHierarchy(
  ticket: EncTicketPart,
  serviceRealm: string,
  policy: ClientPolicy,
): Promise<void> | undefined {
  if (hierarchy !== undefined || isPathChecked(ticket, serviceRealm)) return undefined;
  if (policy.checkTransited !== undefined) return undefined;
  return import('../config/transited.ts').then((loaded) => {
    hierarchy = loaded;
  });
}

/**
 * RFC 8062 §3: an anonymous ticket has the anonymous name, the flag ANONYMOUS, and either the client's
 * realm or the anonymous realm. With any other name, the flag or that realm is a contradiction.
 */
function checkAnonymous(ticket: EncTicketPart, policy: ClientPolicy): void {
  const { flags, clientName, clientRealm } = ticket;
  const isAnonymous = isAnonymousName(clientName);
  if (!isAnonymous && (flags & TicketFlag.anonymous) === 0 && clientRealm !== ANONYMOUS_REALM) {
    return;
  }
  if (!isAnonymous) {
    throw new KerberosError('KRB_AP_ERR_BADMATCH', {
      reason: 'ticket.anonymous-name',
      message: 'An anonymous ticket names a client',
      hint: 'it has the flag ANONYMOUS or the anonymous realm, but not the anonymous name (RFC 8062)',
    });
  }
  if (policy.allowAnonymous) return;
  throw new KerberosError('KDC_ERR_POLICY', {
    reason: 'ticket.anonymous',
    message: 'Anonymous clients are not accepted',
    hint: 'set allowAnonymous to admit clients that no KDC has authenticated (RFC 8062)',
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
    reason: 'realm.vouched-by-another',
    hint:
      `the client is of ${theirs}, where the service has a key of its own, but the ticket is for ` +
      `its key of ${ours}; if the KDC of ${ours} may authenticate clients of ${theirs}, pass a function that ` +
      'allows it as clientRealms',
    detail: { clientRealm: theirs, serviceRealm: ours },
  });
}

/** Whether there is no path to check, or the KDC has checked it. */
function isPathChecked(ticket: EncTicketPart, serviceRealm: string): boolean {
  // RFC 4120 §2.7: the KDC sets this flag after it has checked the path.
  if ((ticket.flags & TicketFlag.transitedPolicyChecked) !== 0) return true;
  const { clientRealm, transited } = ticket;
  const { type, contents } = transited;
  const isKnown = type === DOMAIN_X500_COMPRESS || type === 0;
  return isKnown && contents.length === 0 && clientRealm === serviceRealm;
}

function checkTransited(
  { clientRealm, transited }: EncTicketPart,
  serviceRealm: string,
  check: TransitedCheck,
): void {
  const { type, contents } = transited;
  // Active Directory writes type 0 if the field is empty.
  if (type !== DOMAIN_X500_COMPRESS && !(type === 0 && contents.length === 0)) {
    throw new KerberosError('KRB_AP_ERR_ILL_CR_TKT', {
      reason: 'realm.transited-field',
      message: `The ticket's transited field is of type ${type}, which is not understood`,
    });
  }
  demandTrue(
    () => check(contents, clientRealm, serviceRealm),
    (problem, cause) =>
      new KerberosError('KRB_AP_ERR_ILL_CR_TKT', {
        reason: 'fault.callback',
        detail: {
          callback: 'checkTransited',
          problem: `it ${problem}${cause === undefined ? '' : ` ${describeThrown(cause)}`}`,
        },
        hint: `the option checkTransited ${problem}`,
        ...(cause !== undefined && { cause }),
      }),
  );
}

function checkByHierarchy(contents: Uint8Array, clientRealm: string, serverRealm: string): boolean {
  if (hierarchy === undefined)
    throw new TypeError('loadHierarchy: expected a call before this one');
  hierarchy.checkTransited(contents, clientRealm, serverRealm, { capaths: new Map() });
  return true;
}

/** Calls a policy callback; anything but exactly `true`, returned synchronously, refuses. */
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
  throw refuse(`must return true to admit a client, and returned ${describe(answer)}`);
}

function refuseRealm(clientRealm: string, hint: string, cause?: unknown): KerberosError {
  const realm = printableName(clientRealm);
  return new KerberosError('KDC_ERR_POLICY', {
    reason: 'realm.not-allowed',
    message: `Clients of realm ${realm} are not accepted`,
    hint,
    detail: { clientRealm: realm },
    ...(cause !== undefined && { cause }),
  });
}

// RFC 4120 §3.3.3.2: the only defined type.
const DOMAIN_X500_COMPRESS = 1;
let hierarchy: typeof import('../config/transited.ts') | undefined;
