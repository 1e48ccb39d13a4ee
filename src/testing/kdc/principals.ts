/** The users and services of a test realm, with their keys. */
import { EncryptionKey } from '../../crypto/default-crypto.ts';
import { Enctype } from '../../crypto/numbers.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { newestOf } from '../../keytab/age.ts';
import type { Keytab, KeytabEntry } from '../../keytab/keytab.ts';
import type { Principal, PrincipalName } from '../../messages/principal.ts';
import { NameType, parsePrincipal, principalEqual } from '../../messages/principal.ts';
import type { RandomSource } from '../../random.ts';
import type { TestUser } from '../user.ts';

/** A user of a test realm. */
export interface RealmUser extends TestUser {
  /** Random keys if absent, for logins by keytab alone. */
  readonly password?: string;
}

/** What a realm's keys are made with. */
export interface KeyMaker {
  /** In the order of preference. */
  readonly enctypes: readonly number[];
  readonly random: RandomSource;
  readonly crypto: CryptoProvider;
}

/** The keys of one principal, one for each enctype. */
export interface Keys {
  readonly kvno: number;
  /** In the KDC's order of preference. */
  readonly enctypes: readonly number[];
  /** The key of an enctype; undefined if the principal has none. */
  readonly find: (enctype: number) => EncryptionKey | undefined;
}

/** A user with keys. */
export interface User {
  readonly principal: Principal;
  readonly description: RealmUser;
  readonly salt: string;
  readonly keys: Keys;
}

/** A service, ticket granting included. */
export interface Service {
  readonly principal: Principal;
  readonly keys: Keys;
}

/** The enctypes of a realm and of its clients if the options name none, best first. */
export const DEFAULT_ENCTYPES: readonly number[] = [
  Enctype.aes256CtsHmacSha1,
  Enctype.aes128CtsHmacSha1,
  Enctype.aes256CtsHmacSha384,
  Enctype.aes128CtsHmacSha256,
];

/** The default salt of a KDC (RFC 4120 §4): the realm and the components, without separators. */
export function defaultSalt(principal: Principal): string {
  return principal.realm + principal.components.join('');
}

/** @throws {@link KerberosError} KRB5_PARSE_MALFORMED. RangeError for a user of another realm. */
export function makeUser(description: RealmUser, realm: string, maker: KeyMaker): User {
  const principal = parsePrincipal(description.name, realm);
  if (principal.realm !== realm) {
    throw new RangeError(`users: expected users of ${realm}, got ${description.name}`);
  }
  const salt = defaultSalt(principal);
  return { principal, description, salt, keys: makeKeys(maker, description.password, salt) };
}

/**
 * Keys of a password, or random ones. Each is derived when it is first used: those of RFC 8009 take
 * 32768 iterations.
 */
export function makeKeys(maker: KeyMaker, password?: string, salt = ''): Keys {
  const { enctypes, random, crypto } = maker;
  const made = new Map<number, EncryptionKey>();
  const find = (enctype: number): EncryptionKey | undefined => {
    if (!enctypes.includes(enctype)) return undefined;
    let key = made.get(enctype);
    if (key === undefined) {
      key =
        password === undefined
          ? EncryptionKey.generate(enctype, random, crypto)
          : EncryptionKey.fromPassword(enctype, password, salt, { crypto });
      made.set(enctype, key);
    }
    return key;
  };
  return { kvno: 1, enctypes, find };
}

/** The services of a keytab: for each principal the keys of its newest kvno. */
export function servicesOf(keytab: Keytab): Service[] {
  const groups: KeytabEntry[][] = [];
  for (const entry of keytab.entries) {
    const group = groups.find(([first]) => principalEqual(first!.principal, entry.principal));
    if (group === undefined) groups.push([entry]);
    else group.push(entry);
  }
  return groups.map((entries) => {
    const kvno = newestOf(entries).kvno;
    const usable = entries.filter(({ key, kvno: own }) => own === kvno && key.supported);
    return {
      principal: entries[0]!.principal,
      keys: {
        kvno,
        enctypes: usable.map(({ key }) => key.enctype),
        find: (enctype) => usable.find(({ key }) => key.enctype === enctype)?.key,
      },
    };
  });
}

/** The user of a name in a request: a principal name, or an enterprise name (RFC 6806 §5). */
export function findUser(
  users: readonly User[],
  realm: string,
  name: PrincipalName,
): User | undefined {
  const wanted = name.nameType === NameType.enterprise ? fromEnterprise(users, realm, name) : name;
  return users.find(({ principal }) => principalEqual(principal, { ...wanted, realm }));
}

/** The name that an enterprise name stands for: the user principal name, or `alice@EXAMPLE.TEST`. */
function fromEnterprise(users: readonly User[], realm: string, name: PrincipalName): PrincipalName {
  const text = name.components.join('/').toLowerCase();
  const named = users.find(
    ({ description }) => description.userPrincipalName?.toLowerCase() === text,
  );
  if (named !== undefined) return named.principal;
  const suffix = `@${realm.toLowerCase()}`;
  const local = text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
  const user = users.find(
    ({ principal }) => principal.components.join('/').toLowerCase() === local,
  );
  return user?.principal ?? name;
}
