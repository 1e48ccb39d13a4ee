/** Service tickets without a KDC. */
import { EncryptionKey } from '../crypto/default-crypto.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import type { Keytab, KeytabEntry } from '../keytab/keytab.ts';
import { matchService, parseServiceName } from '../keytab/service-name.ts';
import type { AuthorizationData } from '../messages/authorization-data.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { Principal } from '../messages/principal.ts';
import { parsePrincipal } from '../messages/principal.ts';
import type { EncTicketPart, Ticket } from '../messages/ticket.ts';
import { encodeEncTicketPart, TicketFlag } from '../messages/ticket.ts';
import type { OptionRules } from '../options.ts';
import {
  checkOptions,
  isPlainObject,
  kind,
  listOf,
  objectWith,
  promptCallback,
  range,
  required,
  text,
} from '../options.ts';
import type { RandomSource } from '../random.ts';
import { systemRandom } from '../random.ts';
import type { Clock, KerberosTime } from '../time.ts';
import { systemClock } from '../time.ts';
import type { PacContents } from './pac.ts';
import { attachPac } from './pac.ts';

export interface MintTicketOptions {
  /** Where the service's key is. */
  readonly keytab: Keytab;
  /** Which service, as for `acquireCredential`; the keytab's first key if absent. */
  readonly service?: string;
  /** Which of the service's keys; the one with the highest kvno that comes first if absent. */
  readonly enctype?: number;
  /** `alice@EXAMPLE.ORG`; the realm is the service's if absent. */
  readonly client: string;
  /** Enctype of the session key; that of the service's key if absent. */
  readonly sessionEnctype?: number;
  /** `TicketFlag` bits; INITIAL and PRE-AUTHENT if absent. */
  readonly flags?: number;
  /** Now, if absent. */
  readonly authTime?: KerberosTime;
  readonly startTime?: KerberosTime;
  /** Ten hours after `authTime` if absent. */
  readonly endTime?: KerberosTime;
  readonly renewTill?: KerberosTime;
  readonly transited?: { readonly type: number; readonly contents: Uint8Array };
  readonly addresses?: readonly HostAddress[];
  readonly authorizationData?: AuthorizationData;
  /** The kvno that the ticket claims; the key's own if absent, none if null. */
  readonly kvno?: number | null;
  /** A PAC to put into the ticket, signed with the service's key. */
  readonly pac?: PacContents;
  /** The KDC's own key, for the signatures of the PAC that are the KDC's. */
  readonly kdcKey?: EncryptionKey;
  readonly clock?: Clock;
  readonly random?: RandomSource;
}

/** A ticket with what its client knows about it. */
export interface MintedTicket {
  readonly ticket: Ticket;
  readonly client: Principal;
  readonly sessionKey: EncryptionKey;
}

/**
 * Makes a ticket as a KDC would.
 *
 * @throws RangeError if the keytab has no such key.
 * @throws TypeError, RangeError for options that make no sense.
 */
export function mintTicket(options: MintTicketOptions): MintedTicket {
  checkOptions('mintTicket', options, MINT_OPTIONS);
  const random = options.random ?? systemRandom;
  const service = findKey(options);
  const { realm } = service.principal;
  const client = parsePrincipal(options.client, realm);
  const sessionEnctype = options.sessionEnctype ?? service.key.enctype;
  const sessionKey = EncryptionKey.generate(sessionEnctype, random, service.key.crypto);
  const { startTime, renewTill, addresses, authorizationData } = options;
  const now = Math.floor((options.clock ?? systemClock)() / 1000);
  const authTime = options.authTime ?? now;
  const unsigned: EncTicketPart = {
    flags: options.flags ?? (TicketFlag.initial | TicketFlag.preAuthent) >>> 0,
    key: { enctype: sessionKey.enctype, value: sessionKey.bytes() },
    clientRealm: client.realm,
    clientName: client,
    transited: options.transited ?? { type: DOMAIN_X500_COMPRESS, contents: new Uint8Array() },
    authTime,
    ...(startTime !== undefined && { startTime }),
    endTime: options.endTime ?? authTime + TEN_HOURS,
    ...(renewTill !== undefined && { renewTill }),
    ...(addresses !== undefined && { addresses }),
    ...(authorizationData !== undefined && { authorizationData }),
  };
  const { pac, kdcKey } = options;
  const keys = { serverKey: service.key, ...(kdcKey && { kdcKey }) };
  const part = encodeEncTicketPart(pac === undefined ? unsigned : attachPac(unsigned, pac, keys));
  const kvno = options.kvno === undefined ? service.kvno : options.kvno;
  const ticket: Ticket = {
    realm,
    serverName: service.principal,
    encPart: {
      enctype: service.key.enctype,
      ...(kvno !== null && { kvno }),
      cipher: service.key.encrypt(KeyUsage.ticket, part, random),
    },
  };
  return { ticket, client, sessionKey };
}

function findKey({ keytab, service, enctype }: MintTicketOptions): KeytabEntry {
  const matcher = parseServiceName(service);
  let best: KeytabEntry | undefined;
  for (const entry of keytab.entries) {
    if (!entry.key.supported || matchService(matcher, entry.principal) === undefined) continue;
    if (enctype !== undefined && entry.key.enctype !== enctype) continue;
    if (best === undefined || entry.kvno > best.kvno) best = entry;
  }
  if (best === undefined) {
    throw new RangeError(`keytab: expected a key of ${service ?? 'any service'}, got none`);
  }
  return best;
}

// RFC 4120 §3.3.3.1.
const DOMAIN_X500_COMPRESS = 1;
const TEN_HOURS = 36_000;

const number = range('a whole number', Number.isSafeInteger);
const object = objectWith('an object');

export const MINT_OPTIONS: OptionRules<MintTicketOptions> = {
  keytab: required(
    kind(
      'a keytab',
      (value) => isPlainObject(value) && Array.isArray(Reflect.get(value, 'entries')),
    ),
  ),
  service: text,
  enctype: number,
  client: required(text),
  sessionEnctype: number,
  flags: number,
  authTime: number,
  startTime: number,
  endTime: number,
  renewTill: number,
  transited: object,
  addresses: listOf(object),
  authorizationData: listOf(object),
  kvno: range('a whole number or null', (value) => value === null || Number.isSafeInteger(value)),
  pac: object,
  kdcKey: kind('an EncryptionKey', (value) => value instanceof EncryptionKey),
  clock: promptCallback,
  random: promptCallback,
};
