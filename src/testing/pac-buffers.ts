/** Encodes the buffers of a PAC: the inverse of the readers in `pac/`. */
import { concatBytes, Writer } from '../bytes.ts';
import type { ClientInfo, DelegationInfo, PacAttributes, UpnDnsInfo } from '../pac/buffers.ts';
import type { Claim } from '../pac/claims.ts';
import type { GroupMembership, SidAndAttributes } from '../pac/groups.ts';
import type { LogonInfo } from '../pac/logon-info.ts';
import { encodeSid, encodeUtf16, NdrWriter } from './ndr-writer.ts';

/** KERB_VALIDATION_INFO (MS-PAC §2.5); its session key is zeros. */
export function encodeLogonInfo(info: LogonInfo): Uint8Array {
  const names = [
    info.effectiveName,
    info.fullName,
    info.logonScript,
    info.profilePath,
    info.homeDirectory,
    info.homeDirectoryDrive,
  ];
  const resourceDomain = info.resourceGroupDomainSid;
  return NdrWriter.object((ndr) => {
    ndr.fileTime(info.logonTime).fileTime(info.logoffTime).fileTime(info.kickOffTime);
    ndr.fileTime(info.passwordLastSet).fileTime(info.passwordCanChange);
    ndr.fileTime(info.passwordMustChange);
    for (const name of names) ndr.unicodeString(name);
    ndr.u16(info.logonCount).u16(info.badPasswordCount);
    ndr.u32(info.userId).u32(info.primaryGroupId);
    ndr.u32(info.groupIds.length).pointer(info.groupIds.length > 0);
    ndr.u32(info.userFlags).raw(new Uint8Array(16));
    ndr.unicodeString(info.logonServer).unicodeString(info.logonDomainName).pointer(true);
    ndr.raw(new Uint8Array(8)).u32(info.userAccountControl).u32(info.subAuthStatus);
    ndr.fileTime(info.lastSuccessfulLogon).fileTime(info.lastFailedLogon);
    ndr.u32(info.failedLogonCount).u32(0);
    ndr.u32(info.extraSids.length).pointer(info.extraSids.length > 0);
    ndr.pointer(resourceDomain !== undefined);
    ndr.u32(info.resourceGroupIds.length).pointer(info.resourceGroupIds.length > 0);

    for (const name of names) ndr.unicodeText(name);
    writeGroups(ndr, info.groupIds);
    ndr.unicodeText(info.logonServer).unicodeText(info.logonDomainName).sid(info.logonDomainId);
    writeSids(ndr, info.extraSids);
    if (resourceDomain !== undefined) ndr.sid(resourceDomain);
    writeGroups(ndr, info.resourceGroupIds);
  });
}

/** PAC_CLIENT_INFO (MS-PAC §2.7). */
export function encodeClientInfo(info: ClientInfo): Uint8Array {
  const name = encodeUtf16(info.name);
  const seconds = info.authTime === undefined ? 0 : info.authTime + 11644473600;
  const time = BigInt(seconds) * 10000000n;
  return new Writer().u64(time, true).u16(name.length, true).raw(name).finish();
}

/** UPN_DNS_INFO (MS-PAC §2.10), extended if a name or a SID is given. */
export function encodeUpnDnsInfo(info: UpnDnsInfo): Uint8Array {
  const extended = info.samName !== undefined && info.sid !== undefined;
  const parts = [encodeUtf16(info.upn), encodeUtf16(info.dnsDomainName)];
  if (extended) parts.push(encodeUtf16(info.samName), encodeSid(info.sid));
  const header = new Writer();
  let offset = extended ? 24 : 16;
  const body = new Writer();
  for (const [i, part] of parts.entries()) {
    if (i === 2) header.u32(flagsOf(info, extended), true);
    header.u16(part.length, true).u16(offset + body.length, true);
    body.raw(part).raw(new Uint8Array(padding(body.length)));
  }
  if (!extended) header.u32(flagsOf(info, extended), true);
  offset -= header.length;
  return concatBytes(header.finish(), new Uint8Array(offset), body.finish());
}

/** PAC_ATTRIBUTES_INFO (MS-PAC §2.14). */
export function encodePacAttributes(attributes: PacAttributes): Uint8Array {
  const flags = (attributes.requested ? 1 : 0) | (attributes.givenImplicitly ? 2 : 0);
  return new Writer().u32(2, true).u32(flags, true).finish();
}

/** S4U_DELEGATION_INFO (MS-PAC §2.9). */
export function encodeDelegationInfo(info: DelegationInfo): Uint8Array {
  const services = info.transitedServices;
  return NdrWriter.object((ndr) => {
    ndr
      .unicodeString(info.proxyTarget)
      .u32(services.length)
      .pointer(services.length > 0);
    ndr.unicodeText(info.proxyTarget);
    if (services.length === 0) return;
    ndr.u32(services.length);
    for (const service of services) ndr.unicodeString(service);
    for (const service of services) ndr.unicodeText(service);
  });
}

/** A claims buffer (MS-ADTS §2.2.18.8), uncompressed; claims are grouped by their source. */
export function encodeClaims(claims: readonly Claim[]): Uint8Array {
  return encodeClaimsMetadata(encodeClaimsSet(claims), 0);
}

/** CLAIMS_SET_METADATA around a claims set. @param format - The compression; 0 means none. */
export function encodeClaimsMetadata(
  set: Uint8Array,
  format: number,
  expandedLength: number = set.length,
): Uint8Array {
  return NdrWriter.object((ndr) => {
    ndr.u32(set.length).pointer(true).u16(format).u32(expandedLength);
    ndr.u16(0).u32(0).pointer(false);
    ndr.u32(set.length).raw(set);
  });
}

/** CLAIMS_SET (MS-ADTS §2.2.18.7). */
export function encodeClaimsSet(claims: readonly Claim[]): Uint8Array {
  const sources = [...new Set(claims.map(({ source }) => source))];
  return NdrWriter.object((ndr) => {
    ndr.u32(sources.length).pointer(true).u16(0).u32(0).pointer(false).u32(sources.length);
    const arrays = sources.map((source) => claims.filter((claim) => claim.source === source));
    for (const array of arrays) ndr.u16(array[0]!.source).u32(array.length).pointer(true);
    for (const array of arrays) {
      ndr.u32(array.length);
      for (const { type, values } of array) {
        ndr.pointer(true).u16(CLAIM_TYPES[type]).u16(CLAIM_TYPES[type]);
        ndr.u32(values.length).pointer(true);
      }
      for (const claim of array) writeClaim(ndr, claim);
    }
  });
}

function writeClaim(ndr: NdrWriter, claim: Claim): void {
  ndr.unicodeText(`${claim.id}\0`).u32(claim.values.length);
  if (claim.type === 'string') for (const _ of claim.values) ndr.pointer(true);
  for (const value of claim.values) {
    if (typeof value === 'string') ndr.unicodeText(`${value}\0`);
    else ndr.u64(BigInt(value));
  }
}

function writeGroups(ndr: NdrWriter, groups: readonly GroupMembership[]): void {
  if (groups.length === 0) return;
  ndr.u32(groups.length);
  for (const { relativeId, attributes } of groups) ndr.u32(relativeId).u32(attributes);
}

function writeSids(ndr: NdrWriter, sids: readonly SidAndAttributes[]): void {
  if (sids.length === 0) return;
  ndr.u32(sids.length);
  for (const { attributes } of sids) ndr.pointer(true).u32(attributes);
  for (const { sid } of sids) ndr.sid(sid);
}

function flagsOf(info: UpnDnsInfo, extended: boolean): number {
  return (info.constructed ? 1 : 0) | (extended ? 2 : 0);
}

function padding(length: number): number {
  return (8 - (length % 8)) % 8;
}

// MS-ADTS §2.2.18.2.
const CLAIM_TYPES = { int64: 1, uint64: 2, string: 3, boolean: 6 } as const;
