/**
 * The server's side of the AP exchange (RFC 4120 §3.2.3): authenticates the client of a decoded AP-REQ,
 * or throws the reason of its refusal.
 */
import { constantTimeEqual } from '../bytes.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { enctypeName, isWeakEnctype, KeyUsage } from '../crypto/numbers.ts';
import { loadEnctype } from '../crypto/provider.ts';
import { KerberosError } from '../errors.ts';
import type { ServiceKeys } from '../keytab/key-source.ts';
import type { ApReq, Authenticator } from '../messages/ap-req.ts';
import { ApOption, decodeAuthenticator } from '../messages/ap-req.ts';
import type { AuthorizationData } from '../messages/authorization-data.ts';
import { relevantElements } from '../messages/authorization-data.ts';
import { formatHostAddress } from '../messages/host-address.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { Principal, PrincipalName } from '../messages/principal.ts';
import { principalEqual, printablePrincipal } from '../messages/principal.ts';
import type { EncTicketPart, Ticket } from '../messages/ticket.ts';
import { decodeEncTicketPart, TicketFlag } from '../messages/ticket.ts';
import type { Clock } from '../time.ts';
import { formatTime } from '../time.ts';
import type { Trace } from '../trace.ts';
import { checkCriticalElements } from './authorization-data.ts';
import { checkTimes } from './check-times.ts';
import type { ClientPolicy } from './client-policy.ts';
import { checkClient, loadHierarchy } from './client-policy.ts';
import { canHaveMade, decryptPartOrNothing } from './encrypted-part.ts';
import type { OpenedTicket, OpenedTickets } from './opened-tickets.ts';
import { tailOf } from './opened-tickets.ts';
import type { Patience } from './patience.ts';
import type { RecentPeers } from './recent-peers.ts';
import type { ReplayCache } from './replay-cache.ts';
import { checkReplay } from './replay-check.ts';

/** Enctype numbers that keys may have, most preferred first. */
export interface PermittedEnctypes {
  /** Of the service's key, in which the ticket is encrypted. */
  readonly ticket: readonly number[];
  /** Of session keys. */
  readonly session: readonly number[];
  /** Of the initiator's and the acceptor's subkeys. */
  readonly subkey: readonly number[];
}

/** The policy of an acceptor, and the services that its checks use. */
export interface ApPolicy extends ClientPolicy {
  /** The time for all checks. */
  readonly clock: Clock;
  /** Allowed difference of clocks, in seconds. */
  readonly maxSkew: number;
  /** Receives each request that passed the other checks. */
  readonly replayCache: ReplayCache;
  /** Tickets that are presented repeatedly. */
  readonly openedTickets: OpenedTickets;
  /** Tells whether a repeated request came from the address of the first one. */
  readonly recentPeers?: RecentPeers;
  /** A key of another enctype is refused. */
  readonly permittedEnctypes: PermittedEnctypes;
}

/** What the acceptance of one AP-REQ needs, and what it leaves for the log. */
export interface ApAttempt {
  /** Bounds the waiting for replay cache and keytab. After a time-out all keys are wiped. */
  readonly patience: Patience;
  /** Takes the steps, if anyone reads them. */
  readonly trace: Trace | undefined;
  readonly options?: {
    /** Where the request comes from, if the caller knows. */
    readonly peerAddress?: HostAddress;
  };
  /** The ticket, once it is opened: of its contents only names, times and enctypes may be used. */
  opened: OpenedTicket | undefined;
}

/** An AP-REQ that passed every check. */
export interface VerifiedApReq {
  /** The request as it was decoded. */
  readonly apReq: ApReq;
  /** Lent for this request: afterwards another request may use it, or it is wiped. */
  readonly opened: OpenedTicket;
  /** The client's principal; its own object. */
  readonly client: Principal;
  /** The decrypted authenticator. The key value of its subkey is wiped: use {@link subkey}. */
  readonly authenticator: Authenticator;
  /** The authenticator's authorization data: {@link relevantElements}. */
  readonly relevant: AuthorizationData;
  /** The initiator's subkey, if it sent one. The receiver must dispose of it. */
  readonly subkey?: EncryptionKey;
}

/**
 * Verifies an AP-REQ. The checks and their order are those of MIT krb5, except that the replay cache is
 * asked last: a request that is refused for another reason is not stored.
 *
 * @param peerAddress - The address to compare with the ticket's (RFC 4120 §3.2.3); undefined to skip
 *   that check; null if the address is unknown: then a ticket that names addresses is refused.
 * @param use - Takes over the subkey of a request that passed; the opened ticket is lent to it. If it
 *   throws or rejects, the subkey is wiped.
 * @returns What `use` returns or resolves to.
 * @throws {@link KerberosError} with the code of the check that failed; whatever `use` throws.
 */
export async function acceptApReq<T>(
  apReq: ApReq,
  keys: ServiceKeys,
  policy: ApPolicy,
  attempt: ApAttempt,
  peerAddress: HostAddress | null | undefined,
  use: (verified: VerifiedApReq) => T | Promise<T>,
): Promise<T> {
  const { patience, trace } = attempt;
  refuseUserToUser(apReq);
  const looking = keys.current();
  if (looking !== undefined) await patience.wait(looking, patience.settings.keytab);
  const { crypto } = keys;
  const { modules } = patience.settings;
  const loading =
    loadEnctype(apReq.ticket.encPart.enctype, crypto) ??
    loadEnctype(apReq.authenticator.enctype, crypto);
  if (loading !== undefined) await patience.wait(loading, modules);
  const opened =
    openTicket(apReq.ticket, keys, policy) ??
    ((await newerKeys(keys, patience)) ? openTicket(apReq.ticket, keys, policy) : undefined);
  if (opened === undefined) throw await explainUnopened(apReq.ticket, keys, policy, patience);
  attempt.opened = opened;
  if (trace !== undefined) traceTicket(trace, opened);
  let authenticator: Authenticator | undefined;
  let subkey: EncryptionKey | undefined;
  try {
    authenticator = openAuthenticator(apReq, opened.sessionKey);
    if (trace !== undefined) traceAuthenticator(trace, authenticator, policy.clock);
    const judging = loadHierarchy(opened.ticket, opened.service.principal.realm, policy);
    if (judging !== undefined) await patience.wait(judging, modules);
    const client = checkRequest(opened, authenticator, keys, policy, peerAddress);
    if (authenticator.subkey !== undefined) {
      const needed = loadEnctype(authenticator.subkey.enctype, crypto);
      if (needed !== undefined) await patience.wait(needed, modules);
      subkey = importKey(authenticator.subkey, opened.service.key, 'subkey');
    }
    // MIT krb5 asks the cache before it checks the times. Here a request that would be refused anyway,
    // with an expired ticket for example, cannot fill the cache.
    const { cipher } = apReq.authenticator;
    const from = attempt.options?.peerAddress;
    const asked = checkReplay(opened, client, authenticator, cipher, policy, patience, from);
    if (asked !== undefined) await asked;
    policy.recentPeers?.note(cipher, from);
    trace?.('AP-REQ passed all checks, and is no replay');
    const relevant = relevantElements(authenticator.authorizationData);
    const used = use(
      subkey === undefined
        ? { apReq, opened, client, authenticator, relevant }
        : { apReq, opened, client, authenticator, relevant, subkey },
    );
    return used instanceof Promise ? await used : used;
  } catch (error) {
    subkey?.dispose();
    authenticator?.subkey?.value.fill(0);
    // It may hold a delegated credential that is not encrypted (RFC 4121 §4.1.1).
    authenticator?.checksum?.checksum.fill(0);
    throw error;
  } finally {
    policy.openedTickets.keep(apReq.ticket, opened);
  }
}

/** In the words of MIT krb5 (k5-trace.h), but without the hashes of keys. */
function traceTicket(trace: Trace, { service, ticket, sessionKey }: OpenedTicket): void {
  const server = printablePrincipal(service.principal);
  const client = printablePrincipal(toPrincipal(ticket.clientName, ticket.clientRealm));
  const start = formatTime(ticket.startTime ?? ticket.authTime);
  trace(
    `Decrypted AP-REQ with server principal ${server}: ${enctypeName(service.key.enctype)}, kvno ${service.kvno}`,
  );
  trace(
    `AP-REQ ticket: ${client} -> ${server}, session key ${enctypeName(sessionKey.enctype)}, ` +
      `valid from ${start} to ${formatTime(ticket.endTime)}`,
  );
}

function traceAuthenticator(trace: Trace, authenticator: Authenticator, clock: Clock): void {
  const { ctime, subkey } = authenticator;
  const now = Math.floor(clock() / 1000);
  trace(`Authenticator of ${formatTime(ctime)}; the time here is ${formatTime(now)}`);
  if (subkey !== undefined) {
    trace(`Authenticator contains subkey: ${enctypeName(subkey.enctype)}`);
  }
}

async function explainUnopened(
  ticket: Ticket,
  keys: ServiceKeys,
  { openedTickets }: ApPolicy,
  patience: Patience,
): Promise<KerberosError> {
  const why = keys.explain(ticket, (entry) => openedTickets.hasOpened(entry));
  if (!(why instanceof Promise)) return why;
  return (await patience.wait(why, patience.settings.modules)) as KerberosError;
}

function refuseUserToUser(apReq: ApReq): void {
  if ((apReq.apOptions & ApOption.useSessionKey) === 0) return;
  throw new KerberosError('KRB_AP_ERR_NOKEY', {
    reason: 'ticket.user-to-user',
    message: 'User-to-user authentication is not offered',
  });
}

/** All checks but that of the replay cache. @returns The client. */
function checkRequest(
  { service, ticket, sessionKey }: OpenedTicket,
  authenticator: Authenticator,
  keys: ServiceKeys,
  policy: ApPolicy,
  peerAddress: HostAddress | null | undefined,
): Principal {
  const client = clientOf(ticket, authenticator);
  if (peerAddress !== undefined) checkAddress(ticket, peerAddress);
  checkClient(ticket, service.principal.realm, keys, policy);

  const now = Math.floor(policy.clock() / 1000);
  checkTimes(ticket, authenticator.ctime, now, policy.maxSkew);
  checkValid(ticket);
  checkCriticalElements(ticket.authorizationData, 'ticket');
  checkCriticalElements(authenticator.authorizationData, 'authenticator');

  // MIT krb5 checks all three enctypes (decrypt_tk.c, rd_req_dec.c).
  const { permittedEnctypes } = policy;
  const { subkey } = authenticator;
  checkPermitted(service.key.enctype, permittedEnctypes.ticket, 'ticket');
  checkPermitted(sessionKey.enctype, permittedEnctypes.session, 'session key');
  if (subkey !== undefined) checkPermitted(subkey.enctype, permittedEnctypes.subkey, 'subkey');
  return client;
}

async function newerKeys(keys: ServiceKeys, patience: Patience): Promise<boolean> {
  const { keytab } = patience.settings;
  keytab.checkRoom();
  return (await patience.wait(keys.refresh(), keytab)) === true;
}

function openTicket(
  ticket: Ticket,
  keys: ServiceKeys,
  { openedTickets, clock, maxSkew }: ApPolicy,
): OpenedTicket | undefined {
  const { cipher } = ticket.encPart;
  openedTickets.retain(keys.keytab);
  openedTickets.forgetEnded(clock() / 1000 - maxSkew);
  // The first key is nearly always the right one, for which the look ahead would be wasted.
  let looksAhead = cipher.length > SHORT_TICKET;
  for (const service of keys.candidates(ticket)) {
    const known = service.key.disposed ? undefined : openedTickets.take(ticket, service);
    if (known !== undefined) return known;
    const isWrong =
      looksAhead && !canHaveMade(service.key, KeyUsage.ticket, cipher, ENC_TICKET_PART_TAG);
    looksAhead = true;
    if (isWrong) continue;
    const plain = decryptPartOrNothing(service.key, KeyUsage.ticket, cipher);
    if (plain === undefined) continue;
    const part = decodeEncTicketPart(plain);
    openedTickets.noteOpener(service);
    const sessionKey = importKey(part.key, service.key, 'session key');
    return { tail: tailOf(cipher), service, ticket: part, sessionKey };
  }
  return undefined;
}

function openAuthenticator(apReq: ApReq, sessionKey: EncryptionKey): Authenticator {
  const { enctype, cipher } = apReq.authenticator;
  const plain =
    enctype === sessionKey.enctype
      ? decryptPartOrNothing(sessionKey, KeyUsage.apReqAuthenticator, cipher)
      : undefined;
  if (plain === undefined) {
    throw new KerberosError('KRB_AP_ERR_BAD_INTEGRITY', {
      reason: 'authenticator.altered',
    });
  }
  return decodeAuthenticator(plain);
}

function importKey(
  value: { readonly enctype: number; readonly value: Uint8Array },
  parent: EncryptionKey,
  what: string,
): EncryptionKey {
  const { enctype } = value;
  try {
    const key = new EncryptionKey(enctype, value.value, parent.crypto);
    if (key.supported) return key;
  } finally {
    // The key object has its own copy, and the decrypted bytes live as long as the authorization data.
    value.value.fill(0);
  }
  const name = enctypeName(enctype);
  throw new KerberosError('KDC_ERR_ETYPE_NOSUPP', {
    reason: isWeakEnctype(enctype) ? 'enctype.weak-off' : 'enctype.unsupported',
    message: `Encryption type ${name} is not supported`,
    detail: { enctype: name, of: what },
  });
}

// RFC 4120 §3.2.3: realm and name of authenticator and ticket must be the same.
function clientOf(ticket: EncTicketPart, authenticator: Authenticator): Principal {
  const client = toPrincipal(ticket.clientName, ticket.clientRealm);
  const claimed = toPrincipal(authenticator.clientName, authenticator.clientRealm);
  if (!principalEqual(client, claimed)) {
    const detail = {
      ticketClient: printablePrincipal(client),
      authenticator: printablePrincipal(claimed),
    };
    throw new KerberosError('KRB_AP_ERR_BADMATCH', {
      reason: 'authenticator.other-client',
      detail,
    });
  }
  return client;
}

// A copy, since the ticket may be kept for later requests.
function toPrincipal({ nameType, components }: PrincipalName, realm: string): Principal {
  return { nameType, components: components.slice(), realm };
}

function checkAddress(ticket: EncTicketPart, peer: HostAddress | null): void {
  const addresses = ticket.addresses ?? [];
  if (addresses.length === 0) return;
  for (const { type, address } of addresses) {
    if (peer !== null && type === peer.type && constantTimeEqual(address, peer.address)) return;
  }
  const ticketAddresses = addresses.slice(0, MAX_SHOWN).map(formatHostAddress);
  throw new KerberosError('KRB_AP_ERR_BADADDR', {
    ...(peer === null
      ? { reason: 'ticket.no-peer-address', detail: { ticketAddresses } }
      : {
          reason: 'ticket.addresses',
          detail: { peerAddress: formatHostAddress(peer), ticketAddresses },
        }),
  });
}

function checkValid(ticket: EncTicketPart): void {
  if ((ticket.flags & TicketFlag.invalid) === 0) return;
  throw new KerberosError('KRB5KRB_AP_ERR_TKT_INVALID', {
    reason: 'ticket.invalid-flag',
  });
}

function checkPermitted(enctype: number, permitted: readonly number[], what: string): void {
  if (permitted.includes(enctype)) return;
  throw new KerberosError('KRB5_NOPERM_ETYPE', {
    reason: 'enctype.not-permitted',
    detail: { enctype: enctypeName(enctype), of: what, permitted: permitted.map(enctypeName) },
    message: `Encryption type ${enctypeName(enctype)} not permitted`,
  });
}

const MAX_SHOWN = 8;
// RFC 4120 §5.3: [APPLICATION 3].
const ENC_TICKET_PART_TAG = 0x63;
// Bytes. From this length on the look ahead costs less than a hundredth of the decryption.
const SHORT_TICKET = 4096;
