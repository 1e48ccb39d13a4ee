/** PAC_DEVICE_INFO (MS-PAC §2.12): the groups of the machine that the user works on. */
import { DecodeError } from '../errors.ts';
import type { GroupMembership, SidAndAttributes } from './groups.ts';
import { readGroups, readSids } from './groups.ts';
import type { NdrReader } from './ndr.ts';
import { readNdr } from './ndr.ts';

/** Groups of the machine that the user works at (MS-PAC §2.12). */
export interface DeviceInfo {
  /** The SID of the machine's account; absent if the KDC did not send it. */
  readonly sid?: string;
  /** SID of the primary group of the machine. */
  readonly primaryGroupSid: string;
  /** Groups of the machine's domain, extra SIDs and groups of other domains, without duplicates. */
  readonly groups: readonly SidAndAttributes[];
}

/**
 * Reads a PAC_DEVICE_INFO buffer.
 *
 * @throws {@link DecodeError}
 */
export function parseDeviceInfo(bytes: Uint8Array): DeviceInfo {
  return readNdr(bytes, 'PAC device info', readDeviceInfo);
}

function readDeviceInfo(ndr: NdrReader): DeviceInfo {
  const userId = ndr.u32();
  const primaryGroupId = ndr.u32();
  const hasDomain = ndr.pointer();
  const groupCount = ndr.u32();
  const hasGroups = ndr.pointer();
  const sidCount = ndr.u32();
  const hasSids = ndr.pointer();
  const domainCount = ndr.u32();
  const hasDomains = ndr.pointer();
  if (!hasDomain) throw new DecodeError('PAC device info names no domain');

  const domain = ndr.domainSid();
  const own = readGroups(ndr, hasGroups, groupCount);
  const extra = readSids(ndr, hasSids, sidCount);
  if (!hasDomains && domainCount !== 0) throw new DecodeError('PAC device info lacks its domains');
  const others = hasDomains ? readDomainGroups(ndr, domainCount) : [];
  // MS-PAC §2.12, UserId: 0 means that the first extra SID is that of the account.
  const sid = userId === 0 ? extra.shift()?.sid : `${domain}-${userId}`;
  const groups = new Map<string, SidAndAttributes>();
  for (const group of [...inDomain(domain, own), ...extra, ...others]) {
    if (!groups.has(group.sid)) groups.set(group.sid, group);
  }
  return {
    ...(sid !== undefined && { sid }),
    primaryGroupSid: `${domain}-${primaryGroupId}`,
    groups: [...groups.values()],
  };
}

// MS-PAC §2.2.3: an array of DOMAIN_GROUP_MEMBERSHIP.
function readDomainGroups(ndr: NdrReader, announced: number): SidAndAttributes[] {
  const count = ndr.countOf(announced, 12);
  const headers = Array.from({ length: count }, () => ({
    hasDomain: ndr.pointer(),
    groupCount: ndr.u32(),
    hasGroups: ndr.pointer(),
  }));
  const groups: SidAndAttributes[] = [];
  for (const { hasDomain, groupCount, hasGroups } of headers) {
    if (!hasDomain) throw new DecodeError('PAC device info has groups without a domain');
    const domain = ndr.domainSid();
    for (const group of inDomain(domain, readGroups(ndr, hasGroups, groupCount))) {
      groups.push(group);
    }
  }
  return groups;
}

function inDomain(domain: string, groups: readonly GroupMembership[]): SidAndAttributes[] {
  return groups.map(({ relativeId, attributes }) => ({
    sid: `${domain}-${relativeId}`,
    attributes,
  }));
}
