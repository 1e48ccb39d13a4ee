/** Users of an Active Directory that exists in a test only. */
import type { Principal } from '../messages/principal.ts';
import type { OptionRule, OptionRules } from '../options.ts';
import { listOf, range, required, text, wholeNumber } from '../options.ts';
import { GroupAttribute } from '../pac/groups.ts';
import type { PacContents } from './pac.ts';
import { defaultLogonInfo } from './pac.ts';

/** A user as a domain controller describes one, for `mintTicket`. */
export interface TestUser {
  /** `alice@EXAMPLE.COM`; without a realm, the service's realm. */
  readonly name: string;
  /**
   * Beside the primary group, Domain Users (513): relative IDs of groups of the user's domain (512 is Domain
   * Admins), and whole SIDs as text. None if absent.
   */
  readonly groups?: readonly (number | string)[];
  /** The last part of the user's SID; 1103 if absent. */
  readonly id?: number;
  /** The SID of the user's domain; that of {@link defaultLogonInfo} if absent. */
  readonly domainSid?: string;
  /** The NetBIOS name of the domain; the first label of the realm if absent. */
  readonly domain?: string;
  /** For display; the name without its realm if absent. */
  readonly fullName?: string;
  /** The user principal name; the principal with its realm in lower case if absent. */
  readonly userPrincipalName?: string;
}

/** The contents of the PAC that a domain controller writes for a user. */
export function pacOfUser(user: TestUser, principal: Principal): PacContents {
  const { realm } = principal;
  const account = principal.components.join('/');
  const { id = defaultLogonInfo.userId, domainSid = defaultLogonInfo.logonDomainId } = user;
  const { groups = [], userPrincipalName } = user;
  const sid = `${domainSid}-${id}`;
  return {
    logonInfo: {
      effectiveName: account,
      fullName: user.fullName ?? account,
      userId: id,
      logonDomainName: user.domain ?? realm.split('.')[0]!.toUpperCase(),
      logonDomainId: domainSid,
      groupIds: groups
        .filter((group) => typeof group === 'number')
        .map((relativeId) => ({ relativeId, attributes: IN_FORCE })),
      extraSids: groups
        .filter((group) => typeof group === 'string')
        .map((group) => ({ sid: group, attributes: IN_FORCE })),
    },
    upnDnsInfo: {
      upn: userPrincipalName ?? `${account}@${realm.toLowerCase()}`,
      dnsDomainName: realm,
      constructed: userPrincipalName === undefined,
      samName: account,
      sid,
    },
    requestorSid: sid,
  };
}

// The attributes that a domain controller sets on a group membership.
const IN_FORCE =
  GroupAttribute.mandatory | GroupAttribute.enabledByDefault | GroupAttribute.enabled;

const UINT32_MAX = 0xffffffff;
const group: OptionRule = range(
  'a relative ID or a SID',
  (value) =>
    isSid(value) ||
    (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= UINT32_MAX),
);

function isSid(value: unknown): boolean {
  return typeof value === 'string' && /^S-1(?:-\d+){1,16}$/.test(value);
}

/** The rules of {@link TestUser}. */
export const USER_OPTIONS: OptionRules<TestUser> = {
  name: required(text),
  groups: listOf(group),
  id: wholeNumber(1, UINT32_MAX),
  domainSid: range('a SID', isSid),
  domain: text,
  fullName: text,
  userPrincipalName: text,
};
