/** The identity of an authenticated client, as plain data that may outlive its security context. */
import type { LocalNameConfig } from '../config/local-name.ts';
import { localName } from '../config/local-name.ts';
import type { SecurityContext } from '../context/context.ts';
import { ContextFlag } from '../gss/status.ts';
import { formatComponents } from '../messages/principal.ts';
import { PacBufferType } from '../pac/pac-type.ts';

/**
 * An authenticated client: a frozen object of strings, lists of strings and booleans, which survives
 * JSON and `structuredClone`. Every field was verified with the key of the service; nothing in it is a
 * claim of the client.
 */
export interface Identity {
  /** The Kerberos principal as `displayName` shows it: `alice@EXAMPLE.COM`. */
  readonly principal: string;
  /** The principal without its realm: `alice`. Clients of two realms may have the same name. */
  readonly name: string;
  /** `EXAMPLE.COM`. */
  readonly realm: string;
  /** The local account by `auth_to_local` of krb5.conf; absent without a configuration or an account. */
  readonly localName?: string;
  /** `alice@example.com`, from the PAC. */
  readonly userPrincipalName?: string;
  /** sAMAccountName, from the PAC. */
  readonly accountName?: string;
  /** The full name of the user, for display, from the PAC. */
  readonly displayName?: string;
  /** NetBIOS name of the user's domain, from the PAC. */
  readonly domain?: string;
  /** The SID of the user, the stable identity of an account in Active Directory; from the PAC. */
  readonly sid?: string;
  /** The SIDs of all groups that the PAC grants; empty if the ticket has no verified PAC. */
  readonly groups: readonly string[];
  /** How the client authenticated to its KDC (RFC 8129); often empty. */
  readonly indicators: readonly string[];
  /** The mechanism that the HTTP client used: Kerberos alone, or inside SPNEGO or IAKERB. */
  readonly mechanism: 'kerberos' | 'spnego' | 'iakerb';
  /** Whether the client's channel bindings were present and equal to the server's. */
  readonly channelBound: boolean;
  /** When the client authenticated to its KDC; ISO 8601, UTC. */
  readonly authenticatedAt: string;
  /** When the ticket expires; ISO 8601, UTC. */
  readonly expiresAt: string;
}

/** Options of {@link identityOf}. */
export interface IdentityOptions {
  /** A krb5.conf, whose `auth_to_local` gives the local name. */
  readonly localNames?: LocalNameConfig;
  /** The outermost mechanism of the exchange, which a context does not know; `kerberos` if absent. */
  readonly mechanism?: Identity['mechanism'];
}

/**
 * The identity of a context's initiator.
 *
 * @param context - It may already be disposed of.
 * @returns A new frozen object.
 * @throws {@link KerberosError} KRB5_PARSE_MALFORMED if the PAC is authentic but its groups cannot be
 *   read: an empty list would make a check that a user is not in a group succeed.
 *   KRB5_CONFIG_BADFORMAT if a rule for local names is malformed.
 *
 * @example
 * ```ts
 * import type { SecurityContext } from 'krb5-acceptor';
 * import { identityOf } from 'krb5-acceptor/http';
 *
 * export function isOperator(context: SecurityContext): boolean {
 *   return identityOf(context).groups.includes('S-1-5-21-1004336348-1177238915-682003330-512');
 * }
 * ```
 */
export function identityOf(context: SecurityContext, options: IdentityOptions = {}): Identity {
  const { initiator, ticket } = context;
  // A mechanism name always has a principal.
  const principal = initiator.principal!;
  const account = options.localNames && localName(principal, options.localNames);
  return Object.freeze({
    principal: initiator.text,
    // An `@` in it is escaped: `root\\@ADMIN.COM` must not look like a client of another realm.
    name: formatComponents(principal),
    realm: principal.realm,
    ...(account !== undefined && { localName: account }),
    ...directoryFacts(context),
    indicators: Object.freeze([...context.authenticationIndicators]),
    mechanism: options.mechanism ?? 'kerberos',
    channelBound: (context.flags & ContextFlag.channelBound) !== 0,
    authenticatedAt: ticket.authTime.toISOString(),
    expiresAt: context.expiresAt.toISOString(),
  });
}

type DirectoryFacts = Pick<
  Identity,
  'userPrincipalName' | 'accountName' | 'displayName' | 'domain' | 'sid' | 'groups'
>;

function directoryFacts({ pac }: SecurityContext): DirectoryFacts {
  if (pac === undefined) return { groups: Object.freeze([]) };
  const { upn, samAccountName, fullName, domainName, userSid, groupSids } = pac;
  if (groupSids === undefined) {
    const unreadable = pac.malformed.find(({ type }) => type === PacBufferType.logonInfo);
    if (unreadable !== undefined) throw unreadable.error;
  }
  return {
    ...(upn !== undefined && { userPrincipalName: upn }),
    ...(samAccountName !== undefined && { accountName: samAccountName }),
    ...(fullName !== undefined && { displayName: fullName }),
    ...(domainName !== undefined && { domain: domainName }),
    ...(userSid !== undefined && { sid: userSid }),
    groups: Object.freeze([...(groupSids ?? [])]),
  };
}
