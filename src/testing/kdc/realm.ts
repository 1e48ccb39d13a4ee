/** A Kerberos realm that exists in a test only: a KDC as a function, with its users and services. */
import type { StopSignal } from '../../ap/patience.ts';
import { defaultCrypto } from '../../crypto/default-crypto.ts';
import type { EncryptionKey } from '../../crypto/key.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { cryptoProvider } from '../../crypto/provider.ts';
import type { Keytab } from '../../keytab/keytab.ts';
import type { OptionRules } from '../../options.ts';
import {
  checkOptions,
  isPlainObject,
  kind,
  listOf,
  nonEmpty,
  optionsOf,
  promptCallback,
  range,
  text,
  wholeNumber,
} from '../../options.ts';
import type { RandomSource } from '../../random.ts';
import { checkedRandom, systemRandom } from '../../random.ts';
import type { Clock } from '../../time.ts';
import { checkedClock, systemClock } from '../../time.ts';
import { testKeytab } from '../keytab.ts';
import { USER_OPTIONS } from '../user.ts';
import { answerMessage } from './answer.ts';
import type { KeyMaker, RealmUser, Service, User } from './principals.ts';
import { DEFAULT_ENCTYPES, defaultSalt, makeKeys, makeUser, servicesOf } from './principals.ts';
import type { KdcState } from './state.ts';
import { ticketGranting, ticketKey } from './state.ts';

/** Options of {@link createRealm}. */
export interface RealmOptions {
  /** `EXAMPLE.TEST` if absent. */
  readonly realm?: string;
  /** If absent `alice`, with the password `alice-password`. */
  readonly users?: readonly RealmUser[];
  /**
   * Principals with or without the realm, which get random keys; `host/localhost` and `HTTP/localhost`
   * if both this and `keytab` are absent.
   */
  readonly services?: readonly string[];
  /** Further services, with keys that exist already. */
  readonly keytab?: Keytab;
  /**
   * The enctypes of all keys that the realm makes, the KDC's most preferred first; 18, 17, 20 and 19 if
   * absent.
   */
  readonly enctypes?: readonly number[];
  /** Other realms by name, each with the password that both KDCs share: clients of each may use the other. */
  readonly trusts?: Readonly<Record<string, string>>;
  /** The longest lifetime of a ticket, in seconds; ten hours if absent. */
  readonly ticketLifetime?: number;
  /** How long a ticket can be renewed, in seconds; seven days if absent. */
  readonly renewableLifetime?: number;
  /** The default provider if absent; weak enctypes need that of `krb5-acceptor/legacy`. */
  readonly crypto?: CryptoProvider;
  /** The machine's clock if absent. */
  readonly clock?: Clock;
  /** The runtime's secure source if absent. */
  readonly random?: RandomSource;
}

/**
 * Sends a message to a KDC of a realm, and returns its answer.
 *
 * @param message - An AS-REQ or TGS-REQ.
 * @param signal - Aborts the exchange.
 */
export type Kdc = (realm: string, message: Uint8Array, signal?: StopSignal) => Promise<Uint8Array>;

/** A realm for tests. Created by {@link createRealm}. */
export interface TestRealm {
  /** The name of the realm. */
  readonly realm: string;
  /** The keys of the services. */
  readonly keytab: Keytab;
  /** The KDC's own key (krbtgt), which signs each PAC: for the option `kdcKey` of an acceptor. */
  readonly kdcKey: EncryptionKey;
  /**
   * Makes the keytab of a user, with the keys of the password if there is one.
   *
   * @param name - As in the options: `alice`.
   * @throws RangeError if the realm has no such user.
   */
  readonly userKeytab: (name: string) => Keytab;
  /**
   * The KDC: answers an AS-REQ or TGS-REQ by an AS-REP, TGS-REP or KRB-ERROR. It keeps nothing about a
   * request, not even to detect replays.
   *
   * @param message - Not trusted.
   */
  readonly answer: (message: Uint8Array) => Uint8Array;
  /** {@link answer} in the form of a way to KDCs. It rejects with a RangeError for any other realm. */
  readonly kdc: Kdc;
}

/**
 * Creates a realm for tests, without network and files: `startRealm` of `krb5-acceptor/testing/node` adds
 * those. The KDC requires pre-authentication by an encrypted timestamp, and issues tickets with a PAC. It
 * is for tests only: it protects neither its keys nor itself, and has no limit to the attempts to guess a
 * password.
 *
 * @throws {@link KerberosError} KRB5_PARSE_MALFORMED for a malformed name; KDC_ERR_ETYPE_NOSUPP for an
 *   enctype that the provider lacks.
 * @throws TypeError, RangeError for invalid options.
 *
 * @example
 * ```ts
 * import { createRealm, requestTicket } from 'krb5-acceptor/testing';
 *
 * const realm = createRealm({
 *   users: [{ name: 'alice', password: 'wonderland', groups: [512] }],
 *   services: ['HTTP/www.example.com'],
 * });
 * const ticket = await requestTicket({
 *   kdc: realm.kdc,
 *   client: 'alice@EXAMPLE.TEST',
 *   password: 'wonderland',
 *   service: 'HTTP/www.example.com',
 * });
 * ```
 */
export function createRealm(options: RealmOptions = {}): TestRealm {
  checkOptions('createRealm', options, REALM_OPTIONS);
  const { realm = 'EXAMPLE.TEST', enctypes = DEFAULT_ENCTYPES, trusts = {} } = options;
  const clock = checkedClock(options.clock ?? systemClock);
  const random = checkedRandom(options.random ?? systemRandom);
  const crypto = options.crypto ?? defaultCrypto;
  const maker = { enctypes, random, crypto };
  const keytab = serviceKeytab(options, realm, maker);
  const others = Object.entries(trusts);
  const state: KdcState = {
    realm,
    users: (options.users ?? DEFAULT_USERS).map((user) => makeUser(user, realm, maker)),
    services: [
      ...servicesOf(keytab),
      ...others.map(([other, password]) => trust(other, realm, password, maker)),
    ],
    ticketGranting: { principal: ticketGranting(realm, realm), keys: makeKeys(maker) },
    trusted: others.map(([other, password]) => trust(realm, other, password, maker)),
    ticketLifetime: options.ticketLifetime ?? TEN_HOURS,
    renewableLifetime: options.renewableLifetime ?? SEVEN_DAYS,
    clock,
    random,
    crypto,
  };
  const answer = (message: Uint8Array): Uint8Array => answerMessage(state, message);
  return {
    realm,
    keytab,
    kdcKey: ticketKey(state.ticketGranting),
    userKeytab: (name) => keytabOf(findByName(state, name), clock),
    answer,
    kdc: async (name, message, signal) => {
      if (signal?.aborted) throw signal.reason;
      if (name !== realm) throw new RangeError(`realm: expected ${realm}, got ${name}`);
      return answer(message);
    },
  };
}

function serviceKeytab(options: RealmOptions, realm: string, maker: KeyMaker): Keytab {
  const given = options.keytab?.entries ?? [];
  const services = options.services ?? (options.keytab === undefined ? DEFAULT_SERVICES : []);
  if (services.length === 0) return { version: 2, entries: given };
  const { enctypes, random, crypto } = maker;
  const names = services.map((name) => (name.includes('@') ? name : `${name}@${realm}`));
  const clock = options.clock ?? systemClock;
  const made = testKeytab(names, { enctypes, random, crypto, clock });
  return { version: 2, entries: [...made.entries, ...given] };
}

/** The krbtgt principal of `realm` in `issuer`, with the keys that both derive from a password. */
function trust(realm: string, issuer: string, password: string, maker: KeyMaker): Service {
  const principal = ticketGranting(realm, issuer);
  return { principal, keys: makeKeys(maker, password, defaultSalt(principal)) };
}

function findByName(state: KdcState, name: string): User {
  const user = state.users.find(({ description }) => description.name === name);
  if (user !== undefined) return user;
  const names = state.users.map(({ description }) => description.name).join(', ');
  throw new RangeError(`name: expected a user of the realm (${names}), got ${name}`);
}

function keytabOf({ principal, keys }: User, clock: Clock): Keytab {
  const timestamp = Math.floor(clock() / 1000);
  const { kvno, enctypes } = keys;
  const entries = enctypes.map((enctype) => {
    return { principal, kvno, timestamp, key: keys.find(enctype)! };
  });
  return { version: 2, entries };
}

const DEFAULT_USERS: readonly RealmUser[] = [{ name: 'alice', password: 'alice-password' }];
const DEFAULT_SERVICES: readonly string[] = ['host/localhost', 'HTTP/localhost'];
const TEN_HOURS = 36_000;
const SEVEN_DAYS = 604_800;

// Goes into krb5.conf as it is.
const realmName = range(
  'letters, digits, dots and hyphens',
  (value) => typeof value === 'string' && /^[A-Za-z0-9.-]+$/.test(value),
);

/** The rules of {@link RealmUser}. */
export const REALM_USER_OPTIONS: OptionRules<RealmUser> = { ...USER_OPTIONS, password: text };

/** The rules of {@link RealmOptions}. */
export const REALM_OPTIONS: OptionRules<RealmOptions> = {
  realm: realmName,
  users: listOf(optionsOf(REALM_USER_OPTIONS)),
  services: listOf(text),
  keytab: kind(
    'a keytab',
    (value) => isPlainObject(value) && Array.isArray(Reflect.get(value, 'entries')),
  ),
  enctypes: nonEmpty(listOf(range('an enctype', Number.isSafeInteger))),
  trusts: {
    presence: 'optional',
    check: (value, name) => {
      kind('an object of realms and passwords', isPlainObject).check(value, name);
      for (const [realm, password] of Object.entries(value as object)) {
        realmName.check(realm, name);
        text.check(password, `${name}.${realm}`);
      }
    },
  },
  ticketLifetime: wholeNumber(1, 0x7fffffff),
  renewableLifetime: wholeNumber(1, 0x7fffffff),
  crypto: cryptoProvider,
  clock: promptCallback,
  random: promptCallback,
};
