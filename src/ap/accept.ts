/**
 * The server's side of the AP exchange (RFC 4120 §3.2.3): from a decoded AP-REQ to a client that is
 * who it says, or the reason why not.
 */
import { constantTimeEqual } from '../bytes.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { enctypeName, isWeakEnctype, KeyUsage } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import type { ServiceKeys } from '../keytab/key-source.ts';
import type { ApReq, Authenticator } from '../messages/ap-req.ts';
import { ApOption, decodeAuthenticator } from '../messages/ap-req.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { Principal, PrincipalName } from '../messages/principal.ts';
import { principalEqual, printablePrincipal } from '../messages/principal.ts';
import type { EncTicketPart, Ticket } from '../messages/ticket.ts';
import { decodeEncTicketPart, TicketFlag } from '../messages/ticket.ts';
import type { Clock, KerberosTime } from '../time.ts';
import { formatTime } from '../time.ts';
import { checkCriticalElements } from './authorization-data.ts';
import type { ClientPolicy } from './client-policy.ts';
import { checkClient } from './client-policy.ts';
import { canHaveMade, decryptPartOrNothing } from './encrypted-part.ts';
import type { OpenedTicket, OpenedTickets } from './opened-tickets.ts';
import { markOf } from './opened-tickets.ts';
import type { Patience } from './patience.ts';
import type { ReplayCache } from './replay-cache.ts';
import { checkReplay } from './replay-check.ts';

/** Enctypes that keys may have, the most preferred first. */
export interface PermittedEnctypes {
  readonly ticket: readonly number[];
  readonly session: readonly number[];
  readonly subkey: readonly number[];
}

/** What an acceptor demands, beyond what RFC 4120 does. */
export interface ApPolicy extends ClientPolicy {
  readonly clock: Clock;
  /** Seconds. */
  readonly maxSkew: number;
  readonly replayCache: ReplayCache;
  /** Those that come again. */
  readonly openedTickets: OpenedTickets;
  readonly permittedEnctypes: PermittedEnctypes;
}

/** An AP-REQ that passed every check. */
export interface VerifiedApReq {
  readonly apReq: ApReq;
  /** Lent: another request may use it, or it is wiped, once this one has been used. */
  readonly opened: OpenedTicket;
  readonly client: Principal;
  readonly authenticator: Authenticator;
  readonly subkey?: EncryptionKey;
}

/**
 * Verifies an AP-REQ. The checks and their order are MIT krb5's, but for the replay cache, which
 * is asked last: a request that is refused for another reason is not stored.
 *
 * @param patience - How it waits for replay cache and keytab. When it is over, all keys are wiped.
 * @param peerAddress - Given when the ticket's addresses are to be checked (RFC 4120 §3.2.3); null if
 *   they are and the peer's is not known: then a ticket that names addresses is refused.
 * @param use - Takes over the subkey of a request that passed; the opened ticket is lent to it. If it
 *   throws, the subkey is wiped.
 * @returns What `use` returns.
 * @throws {@link KerberosError} with the code of the check that failed; whatever `use` throws.
 */
export async function acceptApReq<T>(
  apReq: ApReq,
  keys: ServiceKeys,
  policy: ApPolicy,
  patience: Patience,
  peerAddress: HostAddress | null | undefined,
  use: (verified: VerifiedApReq) => T,
): Promise<T> {
  if ((apReq.apOptions & ApOption.useSessionKey) !== 0) {
    throw new KerberosError('KRB_AP_ERR_NOKEY', {
      message: 'User-to-user authentication is not offered',
      hint: 'the client asked for ENC-TKT-IN-SKEY; the service has a keytab, not a ticket',
    });
  }
  const looking = keys.current();
  if (looking !== undefined) await patience.wait(looking, patience.settings.keytab);
  const opened =
    openTicket(apReq.ticket, keys, policy) ??
    ((await newerKeys(keys, patience)) ? openTicket(apReq.ticket, keys, policy) : undefined);
  if (opened === undefined) throw keys.explain(apReq.ticket);
  const { service, ticket, sessionKey } = opened;

  let authenticator: Authenticator | undefined;
  let subkey: EncryptionKey | undefined;
  try {
    authenticator = openAuthenticator(apReq, sessionKey);
    const client = clientOf(ticket, authenticator);
    if (peerAddress !== undefined) checkAddress(ticket, peerAddress);
    checkClient(ticket, service.principal.realm, keys, policy);

    const now = Math.floor(policy.clock() / 1000);
    checkTimes(ticket, now, policy.maxSkew);
    checkSkew(authenticator.ctime, now, policy.maxSkew);
    checkValid(ticket);
    checkCriticalElements(ticket.authorizationData, 'ticket');
    checkCriticalElements(authenticator.authorizationData, 'authenticator');

    // MIT krb5, decrypt_tk.c and rd_req_dec.c: all three.
    const { permittedEnctypes } = policy;
    checkPermitted(service.key.enctype, permittedEnctypes.ticket, 'ticket');
    checkPermitted(sessionKey.enctype, permittedEnctypes.session, 'session key');
    if (authenticator.subkey !== undefined) {
      checkPermitted(authenticator.subkey.enctype, permittedEnctypes.subkey, 'subkey');
      subkey = importKey(authenticator.subkey, service.key, 'subkey');
    }

    // MIT krb5 asks before it looks at the times. A request that is refused in any case must not
    // fill the cache: a ticket that has ended would be good enough for that.
    const { cipher } = apReq.authenticator;
    const asked = checkReplay(opened, client, authenticator, cipher, policy, patience);
    if (asked !== undefined) await asked;
    return use(
      subkey === undefined
        ? { apReq, opened, client, authenticator }
        : { apReq, opened, client, authenticator, subkey },
    );
  } catch (error) {
    subkey?.dispose();
    authenticator?.subkey?.value.fill(0);
    // Old initiators delegate in the clear there (RFC 4121 §4.1.1).
    authenticator?.checksum?.checksum.fill(0);
    throw error;
  } finally {
    policy.openedTickets.keep(apReq.ticket, opened);
  }
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
  // The first key is nearly always the right one, and then a look ahead is in vain.
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
    const sessionKey = importKey(part.key, service.key, 'session key');
    return { mark: markOf(cipher), service, ticket: part, sessionKey };
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
      hint: 'the ticket opened, its authenticator did not: the request was altered on its way',
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
    // The key object has its own copy; what was decrypted lives on with the authorization data.
    value.value.fill(0);
  }
  const name = enctypeName(enctype);
  const remedy = isWeakEnctype(enctype)
    ? 'it is not safe any more: let client and KDC use a newer one, or allow it here'
    : 'let client and KDC use another';
  throw new KerberosError('KDC_ERR_ETYPE_NOSUPP', {
    message: `Encryption type ${name} is not supported`,
    hint: `the ${what} has it; ${remedy}`,
    detail: { enctype: name },
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
      hint: `the ticket is of ${detail.ticketClient}, the authenticator of ${detail.authenticator}`,
      detail,
    });
  }
  return client;
}

// A name of its own: the ticket may come again.
function toPrincipal({ nameType, components }: PrincipalName, realm: string): Principal {
  return { nameType, components: components.slice(), realm };
}

function checkAddress(ticket: EncTicketPart, peer: HostAddress | null): void {
  const addresses = ticket.addresses ?? [];
  if (addresses.length === 0) return;
  for (const { type, address } of addresses) {
    if (peer !== null && type === peer.type && constantTimeEqual(address, peer.address)) return;
  }
  throw new KerberosError('KRB_AP_ERR_BADADDR', {
    hint: 'the ticket is bound to addresses, and the client comes from another (NAT, proxy, roaming)',
  });
}

function checkTimes(ticket: EncTicketPart, now: KerberosTime, maxSkew: number): void {
  const start = ticket.startTime ?? ticket.authTime;
  if (start - now <= maxSkew && now - ticket.endTime <= maxSkew) return;
  const detail = {
    now: formatTime(now),
    startTime: formatTime(start),
    endTime: formatTime(ticket.endTime),
  };
  if (start - now > maxSkew) {
    throw new KerberosError('KRB_AP_ERR_TKT_NYV', {
      hint: `the ticket starts in ${start - now} s: is this machine's clock behind the KDC's?`,
      detail,
    });
  }
  throw new KerberosError('KRB_AP_ERR_TKT_EXPIRED', {
    hint: `the ticket ended ${now - ticket.endTime} s ago: the client needs a new one`,
    detail,
  });
}

function checkValid(ticket: EncTicketPart): void {
  if ((ticket.flags & TicketFlag.invalid) === 0) return;
  throw new KerberosError('KRB5KRB_AP_ERR_TKT_INVALID', {
    hint: 'the client must have its postdated ticket validated by the KDC first',
  });
}

function checkSkew(ctime: KerberosTime, now: KerberosTime, maxSkew: number): void {
  const offset = ctime - now;
  if (Math.abs(offset) <= maxSkew) return;
  throw new KerberosError('KRB_AP_ERR_SKEW', {
    hint: `the client's clock is ${Math.abs(offset)} s ${offset > 0 ? 'ahead of' : 'behind'} this machine's; ${maxSkew} s are allowed`,
    detail: { clientTime: formatTime(ctime), now: formatTime(now), offset, maxSkew },
  });
}

function checkPermitted(enctype: number, permitted: readonly number[], what: string): void {
  if (permitted.includes(enctype)) return;
  throw new KerberosError('KRB5_NOPERM_ETYPE', {
    message: `Encryption type ${enctypeName(enctype)} not permitted`,
    hint: `the ${what} has it; permitted: ${permitted.map(enctypeName).join(' ')}`,
  });
}

// RFC 4120 §5.3: [APPLICATION 3].
const ENC_TICKET_PART_TAG = 0x63;
// Bytes. Here the look ahead begins to cost less than a hundredth of the decryption.
const SHORT_TICKET = 4096;
