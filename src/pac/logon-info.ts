/** KERB_VALIDATION_INFO (MS-PAC §2.5): the user's account as the domain controller knows it. */
import { DecodeError } from '../errors.ts';
import { readFileTimeDate } from './data-types.ts';
import type { GroupMembership, SidAndAttributes } from './groups.ts';
import { GroupAttribute, readGroups, readSids } from './groups.ts';
import type { NdrReader } from './ndr.ts';
import { readNdr } from './ndr.ts';

/**
 * The fields in the order of MS-PAC §2.5. A time that is not set or means "never" is absent. The
 * structure's session key is omitted.
 */
export interface LogonInfo {
  /** When the user logged on. */
  readonly logonTime?: Date;
  /** When the logon hours of the user end; absent for never. */
  readonly logoffTime?: Date;
  /** When the session must end; absent for never. */
  readonly kickOffTime?: Date;
  /** When the password was set. */
  readonly passwordLastSet?: Date;
  /** From when on the password may be changed. */
  readonly passwordCanChange?: Date;
  /** When the password expires; absent for never. */
  readonly passwordMustChange?: Date;
  /** The sAMAccountName. */
  readonly effectiveName: string;
  /** The full name of the user, for display. */
  readonly fullName: string;
  /** Path of the logon script. */
  readonly logonScript: string;
  /** Path of the profile of the user. */
  readonly profilePath: string;
  /** Path of the home directory. */
  readonly homeDirectory: string;
  /** Drive letter of the home directory. */
  readonly homeDirectoryDrive: string;
  /** Logons so far. */
  readonly logonCount: number;
  /** Wrong passwords since the last logon. */
  readonly badPasswordCount: number;
  /** The last sub-authority of the user's SID. */
  readonly userId: number;
  /** Relative ID of the primary group. */
  readonly primaryGroupId: number;
  /** Groups of the domain `logonDomainId`. */
  readonly groupIds: readonly GroupMembership[];
  /** {@link UserFlag} bits. */
  readonly userFlags: number;
  /** NetBIOS name of the domain controller. */
  readonly logonServer: string;
  /** NetBIOS name of the domain. */
  readonly logonDomainName: string;
  /** SID of the domain. */
  readonly logonDomainId: string;
  /** USER_ACCOUNT_CONTROL codes (MS-SAMR §2.2.1.12). */
  readonly userAccountControl: number;
  /** The status of the sub-authentication package. */
  readonly subAuthStatus: number;
  /** When a logon succeeded last. */
  readonly lastSuccessfulLogon?: Date;
  /** When a logon failed last. */
  readonly lastFailedLogon?: Date;
  /** Failed logons since the last success. */
  readonly failedLogonCount: number;
  /** SIDs beyond those of the domain, such as groups of other domains. */
  readonly extraSids: readonly SidAndAttributes[];
  /** The SID of the service's domain, to which the groups `resourceGroupIds` belong. */
  readonly resourceGroupDomainSid?: string;
  /** Groups of the domain of the service. */
  readonly resourceGroupIds: readonly GroupMembership[];
}

/** Bits of UserFlags (MS-PAC §2.5): those about groups, and that of guests. */
export const UserFlag = {
  guest: 0x00000001,
  extraSids: 0x00000020,
  resourceGroups: 0x00000200,
} as const;

/** The SIDs of a user's groups, without duplicates. */
export interface GroupSids {
  /** Primary group, groups of the domain, extra SIDs, resource groups, in this order. */
  readonly granted: readonly string[];
  /** Groups marked as use-for-deny-only, which may deny rights but never grant any. */
  readonly denyOnly: readonly string[];
}

/**
 * Reads a PAC_LOGON_INFO buffer.
 *
 * @throws {@link DecodeError}
 */
export function parseLogonInfo(bytes: Uint8Array): LogonInfo {
  return readNdr(bytes, 'PAC logon info', readLogonInfo);
}

/** MS-PAC §2.5, UserId: 0 means that the first extra SID is that of the user. */
export function userSidOf(info: LogonInfo): string | undefined {
  return info.userId === 0 ? info.extraSids[0]?.sid : `${info.logonDomainId}-${info.userId}`;
}

export function primaryGroupSidOf(info: LogonInfo): string | undefined {
  return info.primaryGroupId === 0 ? undefined : `${info.logonDomainId}-${info.primaryGroupId}`;
}

/**
 * All groups as SIDs. As in Samba, extra SIDs count whatever UserFlags says; resource groups count
 * only if UserFlags says so (MS-PAC §2.5).
 */
export function collectGroupSids(info: LogonInfo): GroupSids {
  const primary = primaryGroupSidOf(info);
  const all: SidAndAttributes[] = [
    ...(primary === undefined ? [] : [{ sid: primary, attributes: 0 }]),
    ...sidsOf(info.logonDomainId, info.groupIds),
    ...(info.userId === 0 ? info.extraSids.slice(1) : info.extraSids),
    ...(hasResourceGroups(info) ? sidsOf(info.resourceGroupDomainSid!, info.resourceGroupIds) : []),
  ];
  const denyOnly = new Set<string>();
  for (const { sid, attributes } of all) {
    if ((attributes & GroupAttribute.useForDenyOnly) !== 0) denyOnly.add(sid);
  }
  const granted = new Set<string>();
  for (const { sid } of all) {
    if (!denyOnly.has(sid)) granted.add(sid);
  }
  return { granted: [...granted], denyOnly: [...denyOnly] };
}

function hasResourceGroups(info: LogonInfo): boolean {
  return (info.userFlags & UserFlag.resourceGroups) !== 0 && info.resourceGroupIds.length > 0;
}

function sidsOf(domain: string, groups: readonly GroupMembership[]): SidAndAttributes[] {
  return groups.map(({ relativeId, attributes }) => ({
    sid: `${domain}-${relativeId}`,
    attributes,
  }));
}

// C706 §14.3.12.3: first all fixed parts, then the referents of the pointers, in the same order.
function readLogonInfo(ndr: NdrReader): LogonInfo {
  const times = TIMES.map((name) => [name, ndr.plain(readFileTimeDate)] as const);
  const strings = NAMES.map(() => ndr.unicodeString());
  const logonCount = ndr.u16();
  const badPasswordCount = ndr.u16();
  const userId = ndr.u32();
  const primaryGroupId = ndr.u32();
  const groupCount = ndr.u32();
  const hasGroups = ndr.pointer();
  const userFlags = ndr.u32();
  ndr.skip(USER_SESSION_KEY_LENGTH);
  const server = ndr.unicodeString();
  const domain = ndr.unicodeString();
  const hasDomainId = ndr.pointer();
  ndr.skip(RESERVED1_LENGTH);
  const userAccountControl = ndr.u32();
  const subAuthStatus = ndr.u32();
  const lastSuccessfulLogon = ndr.plain(readFileTimeDate);
  const lastFailedLogon = ndr.plain(readFileTimeDate);
  const failedLogonCount = ndr.u32();
  ndr.u32();
  const sidCount = ndr.u32();
  const hasSids = ndr.pointer();
  const hasResourceDomain = ndr.pointer();
  const resourceGroupCount = ndr.u32();
  const hasResourceIds = ndr.pointer();
  // Without the domain, neither its groups nor the user have SIDs.
  if (!hasDomainId) throw new DecodeError('PAC logon info names no domain');

  const names = Object.fromEntries(
    NAMES.map((name, i) => [name, ndr.unicodeText(strings[i]!)]),
  ) as Record<(typeof NAMES)[number], string>;
  const groupIds = readGroups(ndr, hasGroups, groupCount);
  const logonServer = ndr.unicodeText(server);
  const logonDomainName = ndr.unicodeText(domain);
  const logonDomainId = ndr.domainSid();
  const extraSids = readSids(ndr, hasSids, sidCount);
  const resourceGroupDomainSid = hasResourceDomain ? ndr.domainSid() : undefined;
  const resourceGroupIds = readGroups(ndr, hasResourceIds, resourceGroupCount);
  if (resourceGroupIds.length > 0 && resourceGroupDomainSid === undefined) {
    throw new DecodeError('PAC logon info has resource groups without a domain');
  }
  return {
    ...Object.fromEntries(times.filter(([, time]) => time !== undefined)),
    ...names,
    logonCount,
    badPasswordCount,
    userId,
    primaryGroupId,
    groupIds,
    userFlags,
    logonServer,
    logonDomainName,
    logonDomainId,
    userAccountControl,
    subAuthStatus,
    ...(lastSuccessfulLogon && { lastSuccessfulLogon }),
    ...(lastFailedLogon && { lastFailedLogon }),
    failedLogonCount,
    extraSids,
    ...(resourceGroupDomainSid !== undefined && { resourceGroupDomainSid }),
    resourceGroupIds,
  };
}

// MS-PAC §2.5: a session key, which is empty with Kerberos. It is skipped.
const USER_SESSION_KEY_LENGTH = 16;
const RESERVED1_LENGTH = 8;

const TIMES = [
  'logonTime',
  'logoffTime',
  'kickOffTime',
  'passwordLastSet',
  'passwordCanChange',
  'passwordMustChange',
] as const;

const NAMES = [
  'effectiveName',
  'fullName',
  'logonScript',
  'profilePath',
  'homeDirectory',
  'homeDirectoryDrive',
] as const;
