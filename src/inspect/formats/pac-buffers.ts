/** What the buffers of a PAC say, as the library's own readers understand them. */
import { KerberosError } from '../../errors.ts';
import {
  parseClientInfo,
  parseDelegationInfo,
  parsePacAttributes,
  parseRequestorSid,
  parseUpnDnsInfo,
} from '../../pac/buffers.ts';
import { parseClaims } from '../../pac/claims.ts';
import { parseDeviceInfo } from '../../pac/device-info.ts';
import type { GroupMembership, SidAndAttributes } from '../../pac/groups.ts';
import type { LogonInfo } from '../../pac/logon-info.ts';
import { parseLogonInfo, userSidOf } from '../../pac/logon-info.ts';
import { PacBufferType } from '../../pac/pac-type.ts';
import { printable } from '../../text.ts';
import { formatTime } from '../../time.ts';
import type { Draft, Item } from '../item.ts';
import { ACCOUNT_CONTROL, GROUP_ATTRIBUTES, namedFlags, USER_FLAGS } from '../names/flags.ts';
import { groupName } from '../names/group-names.ts';
import type { Scope } from '../scope.ts';
import { addPart, blame, endIfFull } from '../scope.ts';

/** Adds what a buffer says to its item: its fields have no places, since NDR moves them about. */
export function layOutBuffer(
  scope: Scope,
  item: Draft,
  type: number,
  start: number,
  end: number,
): void {
  const bytes = scope.bytes.subarray(start, end);
  try {
    const read = READERS.get(type);
    if (read === undefined) Object.assign(item, scope.hex(start, end));
    else for (const part of read(bytes)) add(scope, item, part);
  } catch (error) {
    if (!(error instanceof KerberosError)) throw error;
    blame(item, `the acceptor cannot read it: ${error.message}`);
    addPart(item, scope.data('contents', start, end));
  }
}

function add(scope: Scope, item: Draft, part: Item): void {
  item.parts ??= [];
  if (endIfFull(scope, item.parts)) return;
  scope.report.count();
  item.parts.push(part);
}

function say(label: string, value: string | number | boolean | undefined): Item {
  const text = value === undefined ? 'not set' : `${value}`;
  return { label, value: printable(text === '' ? 'empty' : text.slice(0, MAX_TEXT)) };
}

function sid(label: string, text: string | undefined, attributes?: number): Item {
  if (text === undefined) return say(label, undefined);
  const name = groupName(text);
  const flags = attributes === undefined ? '' : `, ${namedFlags(GROUP_ATTRIBUTES, attributes)}`;
  return say(label, `${text}${name === undefined ? '' : ` ${name}`}${flags}`);
}

function date(label: string, value: Date | undefined): Item {
  return say(label, value === undefined ? 'never, or not set' : value.toISOString());
}

function readLogonInfo(bytes: Uint8Array): Item[] {
  const info = parseLogonInfo(bytes);
  const { logonDomainId } = info;
  return [
    date('LogonTime', info.logonTime),
    date('LogoffTime', info.logoffTime),
    date('KickOffTime', info.kickOffTime),
    date('PasswordLastSet', info.passwordLastSet),
    date('PasswordCanChange', info.passwordCanChange),
    date('PasswordMustChange', info.passwordMustChange),
    say('EffectiveName', info.effectiveName),
    say('FullName', info.fullName),
    say('LogonScript', info.logonScript),
    say('ProfilePath', info.profilePath),
    say('HomeDirectory', info.homeDirectory),
    say('HomeDirectoryDrive', info.homeDirectoryDrive),
    say('LogonCount', info.logonCount),
    say('BadPasswordCount', info.badPasswordCount),
    sid('user', userSidOf(info)),
    sid('PrimaryGroupId', `${logonDomainId}-${info.primaryGroupId}`),
    groups('GroupIds', logonDomainId, info.groupIds),
    say('UserFlags', namedFlags(USER_FLAGS, info.userFlags)),
    say('LogonServer', info.logonServer),
    say('LogonDomainName', info.logonDomainName),
    sid('LogonDomainId', logonDomainId),
    say('UserAccountControl', namedFlags(ACCOUNT_CONTROL, info.userAccountControl)),
    ...lastLogons(info),
    sids('ExtraSids', info.extraSids),
    sid('ResourceGroupDomainSid', info.resourceGroupDomainSid),
    groups('ResourceGroupIds', info.resourceGroupDomainSid ?? '', info.resourceGroupIds),
  ];
}

function lastLogons(info: LogonInfo): Item[] {
  return [
    say('SubAuthStatus', info.subAuthStatus),
    date('LastSuccessfulILogon', info.lastSuccessfulLogon),
    date('LastFailedILogon', info.lastFailedLogon),
    say('FailedILogonCount', info.failedLogonCount),
  ];
}

function groups(label: string, domain: string, list: readonly GroupMembership[]): Item {
  return sids(
    label,
    list.map(({ relativeId, attributes }) => ({ sid: `${domain}-${relativeId}`, attributes })),
  );
}

function sids(label: string, list: readonly SidAndAttributes[]): Item {
  const parts = list.slice(0, MAX_LIST).map((group) => sid('group', group.sid, group.attributes));
  const cut = list.length > MAX_LIST ? `, the first ${MAX_LIST} are shown` : '';
  return { label, value: `${list.length}${cut}`, ...(parts.length > 0 && { parts }) };
}

function readClientInfo(bytes: Uint8Array): Item[] {
  const { name, authTime } = parseClientInfo(bytes);
  return [
    say('ClientId', authTime === undefined ? undefined : formatTime(authTime)),
    say('Name', name),
  ];
}

function readUpn(bytes: Uint8Array): Item[] {
  const info = parseUpnDnsInfo(bytes);
  return [
    say('Upn', info.upn),
    say('DnsDomainName', info.dnsDomainName),
    say('constructed by the KDC', info.constructed),
    say('SamName', info.samName),
    sid('Sid', info.sid),
  ];
}

function readDelegation(bytes: Uint8Array): Item[] {
  const { proxyTarget, transitedServices } = parseDelegationInfo(bytes);
  const services = transitedServices.map((service) => say('S4UTransitedServices', service));
  return [say('S4U2proxyTarget', proxyTarget), ...services];
}

function readClaims(bytes: Uint8Array): Item[] {
  return parseClaims(bytes).map(({ id, type, values }) =>
    say(printable(id.slice(0, MAX_TEXT)), `${type}: ${values.slice(0, MAX_LIST).join(', ')}`),
  );
}

function readDevice(bytes: Uint8Array): Item[] {
  const info = parseDeviceInfo(bytes);
  return [
    sid('device', info.sid),
    sid('PrimaryGroup', info.primaryGroupSid),
    sids('groups', info.groups),
  ];
}

function readAttributes(bytes: Uint8Array): Item[] {
  const { requested, givenImplicitly } = parsePacAttributes(bytes);
  return [say('PAC_WAS_REQUESTED', requested), say('PAC_WAS_GIVEN_IMPLICITLY', givenImplicitly)];
}

const READERS: ReadonlyMap<number, (bytes: Uint8Array) => Item[]> = new Map<
  number,
  (bytes: Uint8Array) => Item[]
>([
  [PacBufferType.logonInfo, readLogonInfo],
  [PacBufferType.clientInfo, readClientInfo],
  [PacBufferType.delegationInfo, readDelegation],
  [PacBufferType.upnDnsInfo, readUpn],
  [PacBufferType.clientClaims, readClaims],
  [PacBufferType.deviceInfo, readDevice],
  [PacBufferType.deviceClaims, readClaims],
  [PacBufferType.attributes, readAttributes],
  [PacBufferType.requestorSid, (bytes) => [sid('UserSid', parseRequestorSid(bytes))]],
]);
const MAX_TEXT = 1024;
const MAX_LIST = 1024;
