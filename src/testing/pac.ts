/** Makes PACs, to test code that uses groups and claims without a domain. */
import { Writer } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { AuthorizationDataType, encodeAuthorizationData } from '../messages/authorization-data.ts';
import type { EncTicketPart } from '../messages/ticket.ts';
import { encodeEncTicketPart } from '../messages/ticket.ts';
import type { DelegationInfo, PacAttributes, UpnDnsInfo } from '../pac/buffers.ts';
import type { Claim } from '../pac/claims.ts';
import type { LogonInfo } from '../pac/logon-info.ts';
import { PacBufferType } from '../pac/pac-type.ts';
import { encodeSid } from './ndr-writer.ts';
import {
  encodeClaims,
  encodeClientInfo,
  encodeDelegationInfo,
  encodeLogonInfo,
  encodePacAttributes,
  encodeUpnDnsInfo,
} from './pac-buffers.ts';

/**
 * The contents of a PAC, beside the client's name and the signatures. A PAC may have none of them, as that
 * of MIT's KDC. An absent member is an absent buffer.
 */
export interface PacContents {
  /** KERB_VALIDATION_INFO; fields that are absent are those of {@link defaultLogonInfo}. */
  readonly logonInfo?: Partial<LogonInfo>;
  /** UPN_DNS_INFO. */
  readonly upnDnsInfo?: UpnDnsInfo;
  /** The client's claims. */
  readonly claims?: readonly Claim[];
  /** The claims of the client's device. */
  readonly deviceClaims?: readonly Claim[];
  /** S4U_DELEGATION_INFO. */
  readonly delegation?: DelegationInfo;
  /** PAC_ATTRIBUTES_INFO. */
  readonly attributes?: PacAttributes;
  /** PAC_REQUESTOR: a SID as text, `S-1-5-...`. */
  readonly requestorSid?: string;
  /** Further buffers, as they are. */
  readonly buffers?: readonly { readonly type: number; readonly data: Uint8Array }[];
}

/** The keys that sign a PAC. */
export interface PacKeys {
  /** The service's key, in which the ticket is encrypted. */
  readonly serverKey: EncryptionKey;
  /**
   * The KDC's own key (krbtgt). With it the PAC gets a ticket signature and a full signature too. If
   * absent, `serverKey` makes the KDC signature, which an acceptor without the KDC's key cannot check.
   */
  readonly kdcKey?: EncryptionKey;
}

/**
 * Puts a signed PAC before a ticket's authorization data.
 *
 * @param ticket - Not changed. The PAC gets its client name and time.
 * @returns The ticket with the PAC.
 */
export function attachPac(
  ticket: EncTicketPart,
  contents: PacContents,
  keys: PacKeys,
): EncTicketPart {
  return withPac(ticket, mintPac(ticket, contents, keys));
}

/**
 * Makes a signed PAC (MS-PAC §2.8) for {@link attachPac}.
 *
 * @param ticket - The ticket that will hold it, without a PAC.
 */
export function mintPac(ticket: EncTicketPart, contents: PacContents, keys: PacKeys): Uint8Array {
  const { serverKey, kdcKey } = keys;
  const buffers: PacPart[] = [
    {
      type: PacBufferType.clientInfo,
      data: encodeClientInfo({
        authTime: ticket.authTime,
        name: ticket.clientName.components.join('/'),
      }),
    },
    ...contentBuffers(contents),
    emptySignature(PacBufferType.serverSignature, serverKey),
    emptySignature(PacBufferType.kdcSignature, kdcKey ?? serverKey),
  ];
  if (kdcKey !== undefined) {
    // MS-PAC §2.8.3: the ticket signature covers the ticket with a PAC of one zero byte, and is made
    // before the other signatures.
    const empty = encodeEncTicketPart(withPac(ticket, Uint8Array.of(0)));
    const signature = emptySignature(PacBufferType.ticketSignature, kdcKey);
    signature.data.set(kdcKey.checksum(KeyUsage.pacChecksum, empty), 4);
    buffers.push(signature, emptySignature(PacBufferType.fullSignature, kdcKey));
  }
  return sign(buffers, serverKey, kdcKey);
}

/** A user `alice` of the domain EXAMPLE, in no group but her primary one. */
export const defaultLogonInfo: LogonInfo = {
  effectiveName: 'alice',
  fullName: 'Alice Example',
  logonScript: '',
  profilePath: '',
  homeDirectory: '',
  homeDirectoryDrive: '',
  logonCount: 0,
  badPasswordCount: 0,
  userId: 1103,
  primaryGroupId: 513,
  groupIds: [],
  userFlags: 0x20,
  logonServer: 'DC1',
  logonDomainName: 'EXAMPLE',
  logonDomainId: 'S-1-5-21-1111111111-2222222222-3333333333',
  userAccountControl: 0x10,
  subAuthStatus: 0,
  failedLogonCount: 0,
  extraSids: [],
  resourceGroupIds: [],
};

interface PacPart {
  readonly type: number;
  readonly data: Uint8Array;
}

function contentBuffers(contents: PacContents): PacPart[] {
  const { logonInfo, upnDnsInfo, claims, deviceClaims, delegation, attributes } = contents;
  const { requestorSid, buffers = [] } = contents;
  const all: [number, Uint8Array | undefined][] = [
    [
      PacBufferType.logonInfo,
      logonInfo && encodeLogonInfo({ ...defaultLogonInfo, ...logonInfo } as LogonInfo),
    ],
    [PacBufferType.upnDnsInfo, upnDnsInfo && encodeUpnDnsInfo(upnDnsInfo)],
    [PacBufferType.clientClaims, claims && encodeClaims(claims)],
    [PacBufferType.deviceClaims, deviceClaims && encodeClaims(deviceClaims)],
    [PacBufferType.delegationInfo, delegation && encodeDelegationInfo(delegation)],
    [PacBufferType.attributes, attributes && encodePacAttributes(attributes)],
    [PacBufferType.requestorSid, requestorSid === undefined ? undefined : encodeSid(requestorSid)],
  ];
  const made = all.flatMap(([type, data]) => (data === undefined ? [] : [{ type, data }]));
  return [...made, ...buffers];
}

function emptySignature(type: number, key: EncryptionKey): PacPart {
  const data = new Writer().u32(key.checksumType >>> 0, true);
  return { type, data: data.raw(new Uint8Array(key.checksumLength)).finish() };
}

// The order of MS-PAC §2.8: first the full signature, then the server signature, then the KDC signature,
// which covers the server signature.
function sign(
  buffers: readonly PacPart[],
  serverKey: EncryptionKey,
  kdcKey: EncryptionKey | undefined,
): Uint8Array {
  const { bytes, at } = layOut(buffers);
  const usage = KeyUsage.pacChecksum;
  if (kdcKey !== undefined) {
    bytes.set(kdcKey.checksum(usage, bytes), at(PacBufferType.fullSignature));
  }
  const server = serverKey.checksum(usage, bytes);
  bytes.set(server, at(PacBufferType.serverSignature));
  bytes.set((kdcKey ?? serverKey).checksum(usage, server), at(PacBufferType.kdcSignature));
  return bytes;
}

// MS-PAC §2.3: header, one entry for each buffer, then the buffers at multiples of eight.
function layOut(buffers: readonly PacPart[]): { bytes: Uint8Array; at: (type: number) => number } {
  const header = new Writer().u32(buffers.length, true).u32(0, true);
  const body = new Writer();
  const checksums = new Map<number, number>();
  for (const { type, data } of buffers) {
    const offset = 8 + 16 * buffers.length + body.length;
    header.u32(type, true).u32(data.length, true).u64(BigInt(offset), true);
    body.raw(data).raw(new Uint8Array((8 - (data.length % 8)) % 8));
    checksums.set(type, offset + 4);
  }
  const bytes = header.raw(body.finish()).finish();
  return { bytes, at: (type) => checksums.get(type)! };
}

function withPac(ticket: EncTicketPart, pac: Uint8Array): EncTicketPart {
  const container = encodeAuthorizationData([{ type: AuthorizationDataType.win2kPac, data: pac }]);
  return {
    ...ticket,
    authorizationData: [
      { type: AuthorizationDataType.ifRelevant, data: container },
      ...(ticket.authorizationData ?? []),
    ],
  };
}
