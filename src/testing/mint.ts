/** Makes service tickets without a KDC. */
import { EncryptionKey } from '../crypto/default-crypto.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { isNewer } from '../keytab/age.ts';
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
  optionsOf,
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
import type { TestUser } from './user.ts';
import { pacOfUser, USER_OPTIONS } from './user.ts';

/** Options of {@link mintTicket}. */
export interface MintTicketOptions {
  /** Holds the service's key. */
  readonly keytab: Keytab;
  /** A service name as for `acquireCredential`; any service of the keytab if absent. */
  readonly service?: string;
  /**
   * Enctype of the service's key; any if absent. Of several keys that of the newest kvno is used, and
   * of those the first.
   */
  readonly enctype?: number;
  /**
   * `alice@EXAMPLE.ORG`; without a realm, the service's realm. A user with groups gets a PAC that names
   * them, as from Active Directory.
   */
  readonly client: string | TestUser;
  /** Enctype of the session key; that of the service's key if absent. */
  readonly sessionEnctype?: number;
  /** `TicketFlag` bits; INITIAL and PRE-AUTHENT if absent. */
  readonly flags?: number;
  /** In seconds since 1970; now if absent. */
  readonly authTime?: KerberosTime;
  /** The ticket has none if absent. */
  readonly startTime?: KerberosTime;
  /** Ten hours after `authTime` if absent. */
  readonly endTime?: KerberosTime;
  /** The ticket has none if absent. */
  readonly renewTill?: KerberosTime;
  /** The transited field; DOMAIN-X500-COMPRESS and empty if absent. */
  readonly transited?: { readonly type: number; readonly contents: Uint8Array };
  /** The addresses to which the ticket is bound; none if absent. */
  readonly addresses?: readonly HostAddress[];
  /** Authorization data of the ticket, after the PAC. */
  readonly authorizationData?: AuthorizationData;
  /** The kvno in the ticket: the key's own if absent; none if null. */
  readonly kvno?: number | null;
  /**
   * The contents of a PAC, which is signed with the service's key, in place of those of a
   * {@link TestUser}. No PAC if absent and `client` is text.
   */
  readonly pac?: PacContents;
  /** The KDC's own key (krbtgt), for the KDC's signatures of the PAC. */
  readonly kdcKey?: EncryptionKey;
  /** The machine's clock if absent. */
  readonly clock?: Clock;
  /** The runtime's secure source if absent. */
  readonly random?: RandomSource;
}

/** A ticket, with the facts that its client knows about it. */
export interface MintedTicket {
  /** The ticket as the client sends it in an AP-REQ. */
  readonly ticket: Ticket;
  /** The client's principal, as in the ticket. */
  readonly client: Principal;
  /** Shared by client and service. The caller may dispose of it after use. */
  readonly sessionKey: EncryptionKey;
}

/**
 * Makes a service ticket as a KDC would.
 *
 * @throws RangeError if the keytab has no such key.
 * @throws {@link KerberosError} KRB5_PARSE_MALFORMED for a malformed client or service name.
 * @throws TypeError, RangeError for invalid options.
 *
 * @example
 * ```ts
 * import { mintTicket, testKeytab } from 'krb5-acceptor/testing';
 *
 * const keytab = testKeytab('HTTP/www.example.com@EXAMPLE.COM');
 * const ticket = mintTicket({ keytab, client: 'alice@EXAMPLE.COM' });
 * // With a PAC: a user in Domain Admins, and in a group of another domain.
 * const groups = [512, 'S-1-5-21-3623811015-3361044348-30300820-1013'];
 * const admin = mintTicket({ keytab, client: { name: 'bob', groups } });
 * ```
 */
export function mintTicket(options: MintTicketOptions): MintedTicket {
  checkOptions('mintTicket', options, MINT_OPTIONS);
  const random = options.random ?? systemRandom;
  const service = findKey(options);
  const { realm } = service.principal;
  const user = typeof options.client === 'string' ? { name: options.client } : options.client;
  const client = parsePrincipal(user.name, realm);
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
  const { kdcKey } = options;
  const pac = options.pac ?? (user === options.client ? pacOfUser(user, client) : undefined);
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
    if (best === undefined || isNewer(entry, best)) best = entry;
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
const user = optionsOf(USER_OPTIONS);

/** The rules of {@link MintTicketOptions}. */
export const MINT_OPTIONS: OptionRules<MintTicketOptions> = {
  keytab: required(
    kind(
      'a keytab',
      (value) => isPlainObject(value) && Array.isArray(Reflect.get(value, 'entries')),
    ),
  ),
  service: text,
  enctype: number,
  client: required({
    presence: 'required',
    check: (value, name) => (isPlainObject(value) ? user : text).check(value, name),
  }),
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
